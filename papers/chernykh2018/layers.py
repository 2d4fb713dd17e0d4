"""What the two networks are made of besides Keras's own layers."""

import keras
from keras import layers, ops

from common.learning.layers import is_real


def fixed_steps(frames, length, steps=None):
    """Sequences of one length: zeros behind each one's end, and everything behind `steps` cut off (4.2.2).

    What stands behind an utterance's end in its batch never reaches the output, so that the other utterances of the
    batch do not matter. With `steps` None no length is fixed, and only the zeros are put.

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
    """The gates' activation in Keras 1, which the authors used: a line of slope 0.2 between 0 and 1 (D7)."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def both_directions(x, recipe, *, sequences, names):
    """One LSTM forward, one backward, outputs concatenated: `(B, T, F) -> (B, T, 2 U)` or, the last states, `(B, 2 U)`.

    The backward outputs stand in the order of time, unless the recipe leaves them reversed (D6).
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
