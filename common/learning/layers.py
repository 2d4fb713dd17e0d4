"""Layers that two papers or more share."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("ser")
class Standardise(keras.layers.Layer):
    """(x - mean) / scale with statistics of the training part, which travel inside the saved model.

    Mean 0 and scale 1 until `set_statistics` is called. Padding is not excluded here: mask or re-zero after it.

    Input and output shape: `(batch_size, ..., features)`; one mean and scale for each feature of the last axis, or
    one for all where `per_feature` is false.
    """

    def __init__(self, per_feature=True, **kwargs):
        super().__init__(**kwargs)
        self.per_feature = per_feature

    def build(self, input_shape):
        shape = (input_shape[-1],) if self.per_feature else ()
        self.mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones", trainable=False)

    def call(self, inputs):
        return (inputs - self.mean) / self.scale

    def set_statistics(self, mean, scale):
        """A scale of 0 (a feature that never varies) becomes 1."""
        self.mean.assign(mean)
        self.scale.assign(np.where(np.asarray(scale) > 0, scale, 1.0))

    def get_config(self):
        return {**super().get_config(), "per_feature": self.per_feature}


@keras.saving.register_keras_serializable("ser")
class FrameMask(keras.layers.Layer):
    """True on real frames: frames `(batch_size, steps, ...)`, length `(batch_size,)` -> `(batch_size, steps)`.

    Ignores incoming masks; the result is passed by name (`mask=`) to every layer that must see it.
    """

    def call(self, frames, length):
        return ops.arange(ops.shape(frames)[1])[None, :] < ops.cast(length, "int32")[:, None]

    def compute_output_spec(self, frames, length):
        return keras.KerasTensor(frames.shape[:2], dtype="bool")


def moments(part, *, per_feature=True):
    """Mean and standard deviation over all frames of a part's features, in one pass and float64.

    Returns two arrays `(F,)`, F being the last axis of the features, or two scalars.
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
