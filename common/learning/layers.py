"""Functions shared by several papers' networks, with Keras's own layers only, so that Keras can load saved networks."""

import numpy as np
from keras import ops


def set_statistics(normalization, mean, scale):
    """Make a built `keras.layers.Normalization` compute (x - mean) / scale, with statistics of the training part.

    They are saved with the network. A scale of 0 (a constant feature) becomes 1. The layer stores the variance and
    computes its root, which in float32 is exactly the scale.

    Args:
        normalization: a layer with axis -1 for statistics per feature, or axis None for a single mean and scale.
        mean, scale: `(F,)` or scalars.
    """
    scale = np.where(np.asarray(scale) > 0, scale, 1.0).astype("float32")
    values = (np.asarray(mean, "float32"), np.square(scale), np.asarray(0, "int32"))  # the last is not used
    normalization.load_own_variables({str(n): value for n, value in enumerate(values)})


def is_real(frames, length):
    """Mask of real frames: frames `(batch_size, steps, ...)`, length `(batch_size,)` -> `(batch_size, steps)`."""
    one_value = (slice(None), slice(None), *[0] * (len(frames.shape) - 2))
    numbers = ops.cumsum(ops.ones_like(frames[one_value], dtype="int32"), axis=1)  # 1, 2, ...
    return numbers <= ops.cast(length, "int32")[:, None]


def moments(part, *, per_feature=True):
    """Mean and standard deviation over all frames of a part's features, in one pass and float64.

    Args:
        part: a Subset.
        per_feature: whether each feature (last axis) has its own statistics.

    Returns:
        Two arrays `(F,)`, or two scalars.
    """
    total, squares, count = 0.0, 0.0, 0
    for array in part.features:
        values = np.asarray(array, dtype="float64")
        values = values.reshape(-1, values.shape[-1]) if per_feature else values.reshape(-1)
        total = total + values.sum(axis=0)
        squares = squares + np.square(values).sum(axis=0)
        count += len(values)
    mean = total / count
    return mean, np.sqrt(np.maximum(squares / count - np.square(mean), 0.0))
