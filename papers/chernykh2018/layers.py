"""Building blocks of the two networks beyond Keras's own layers."""

import keras
from keras import layers, ops

from common.learning.layers import is_real


def fixed_steps(frames, length, steps=None):
    """Sequences of the same length: zeros after the end of each, truncated to `steps` (4.2.2).

    Values after an utterance's end in its batch never affect the output, which therefore does not depend on other
    utterances in the batch. If `steps` is None, only the zeros are inserted.

    Args:
        frames: `(batch_size, steps_in, features)`.
        length: `(batch_size,)`.
        steps: of every sequence.

    Returns:
        `(batch_size, steps, features)`.
    """
    frames = ops.where(is_real(frames, length)[:, :, None], frames, 0.0)
    return frames if steps is None else ops.pad(frames, [[0, 0], [0, steps], [0, 0]])[:, :steps]


@keras.saving.register_keras_serializable("ser")
def keras1_hard_sigmoid(x):
    """The gates' activation in Keras 1, which the authors used: linear with slope 0.2, clipped to [0, 1] (D7)."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def both_directions(x, recipe, *, sequences, names):
    """Concatenated outputs of a forward and a backward LSTM: `(B, T, F) -> (B, T, 2 U)`, or last states `(B, 2 U)`.

    The backward outputs are in temporal order, unless the recipe leaves them reversed (D6).
    """
    settings = {
        "units": recipe.units,
        "return_sequences": sequences,
        "recurrent_activation": keras1_hard_sigmoid if recipe.legacy_gates else "sigmoid",
    }
    forward = layers.LSTM(**settings, name=names[0])(x)
    backward = layers.LSTM(**settings, go_backwards=True, name=names[1])(x)
    if sequences and recipe.realign_backward:
        backward = ops.flip(backward, axis=1)
    return layers.Concatenate()([forward, backward])
