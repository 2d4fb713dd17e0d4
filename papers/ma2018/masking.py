"""Section 4.2, the paper's own idea: a network that gives a padded sentence what it gives the sentence without padding.

A batch holds sentences of V frames each, padded with zeros to the T frames of its longest. Three places would let the
padding through, and each has its remedy here:

* a convolution's bias and its kernel's width make padding nonzero -> `MaskPadding`, eq. (1), after every convolution;
* a pooling window over the border mixes the last real value with a padding zero -> `BorderSafeMaxPooling2D`;
* a recurrent layer runs on through the padding -> a mask, and `LastValidStep` where the sentence ends.

Lengths are carried and masks made from them where they are needed. Nothing depends on Keras's own mask propagation,
which stops at the first convolution.
"""

import keras
from keras import layers, ops


def zero_from(frames, length):
    """Frames `(batch_size, steps, ...)` times Mask: 1 before `length` `(batch_size,)`, 0 from there on."""
    steps = ops.arange(ops.shape(frames)[1])  # (T,)
    mask = steps[None, :] < ops.cast(length, "int32")[:, None]  # (B, T)
    mask = ops.expand_dims(mask, tuple(range(2, len(frames.shape))))  # (B, T, 1, ...)
    return frames * ops.cast(mask, frames.dtype)


@keras.saving.register_keras_serializable("ser")
class MaskPadding(layers.Layer):
    """Eq. (1): S_conv = Conv(S) * Mask(S), the real frames as they are and zeros for the padding.

    Ignores incoming masks and passes none on; `length` says what is real.

    Call arguments:
        frames: `(batch_size, steps, ...)`.
        length: `(batch_size,)`, the number of real frames of each.

    Output shape: that of `frames`.
    """

    def call(self, frames, length):
        return zero_from(frames, length)

    def compute_output_spec(self, frames, length):
        return keras.KerasTensor(frames.shape, dtype=frames.dtype)


@keras.saving.register_keras_serializable("ser")
class BorderSafeMaxPooling2D(layers.Layer):
    """Max pooling whose result for a sentence does not depend on the padding behind it (section 4.2).

    A sentence of V frames has floor(V / pool) frames afterwards. Where the last frames do not fill a window (V odd, for
    windows of 2) they would share one with padding; they are set to zero first, so that the window gives the zero of
    padding (D13). Without padding the same frames are dropped, for lack of a whole window.

    Ignores incoming masks and passes none on. Expects zeros behind `length` (see `MaskPadding`) and leaves zeros there.

    Args:
        pool: frames and frequency bins in a window, and the step between windows.

    Call arguments:
        images: `(batch_size, steps, bins, channels)`.
        length: `(batch_size,)`, the number of real frames of each before pooling.

    Output shape: `(batch_size, steps // pool, bins // pool, channels)`; the real frames are `length // pool`.
    """

    def __init__(self, pool=2, **kwargs):
        super().__init__(**kwargs)
        self.pool = pool

    def call(self, images, length):
        whole_windows = ops.cast(length, "int32") // self.pool * self.pool  # (B,)
        return ops.max_pool(zero_from(images, whole_windows), self.pool, self.pool, "valid", "channels_last")

    def compute_output_spec(self, images, length):
        batch_size, steps, bins, channels = images.shape
        halved = (None if n is None else n // self.pool for n in (steps, bins))
        return keras.KerasTensor((batch_size, *halved, channels), dtype=images.dtype)

    def get_config(self):
        return {**super().get_config(), "pool": self.pool}


@keras.saving.register_keras_serializable("ser")
class LastValidStep(layers.Layer):
    """What a bidirectional recurrence knows of the whole sentence: "the output at t = V", and backwards "at t = 0".

    The recurrence itself must have had the mask, or its backward half has come through the padding; it hands the mask
    on, and here that ends.

    Call arguments:
        outputs: `(batch_size, steps, 2 * units)`, forward units first.
        length: `(batch_size,)`, the number of real steps of each, at least 1.

    Output shape: `(batch_size, 2 * units)`.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True  # takes one without a warning

    def compute_mask(self, inputs, previous_mask):
        return None

    def call(self, outputs, length):
        units = outputs.shape[-1] // 2
        last = ops.cast(length, "int32")[:, None, None] - 1  # (B, 1, 1)
        forward = ops.take_along_axis(outputs[:, :, :units], last, axis=1)[:, 0]  # (B, U)
        return ops.concatenate([forward, outputs[:, 0, units:]], axis=-1)  # (B, 2U)

    def compute_output_spec(self, outputs, length):
        return keras.KerasTensor((outputs.shape[0], outputs.shape[2]), dtype=outputs.dtype)


@keras.saving.register_keras_serializable("ser")
class PadToLength(layers.Layer):
    """The opposite, for the fixed-length system (section 3.1): padding that the network takes for speech.

    Ignores incoming masks and passes none on.

    Args:
        steps: frames after padding.

    Call arguments:
        frames: `(batch_size, any number of steps up to this one, bins)`, zero behind each one's length.

    Output shape: two tensors, frames `(batch_size, steps, bins)` and their lengths `(batch_size,)`, all `steps`.
    """

    def __init__(self, steps, **kwargs):
        super().__init__(**kwargs)
        self.steps = steps

    def call(self, frames):
        batch_size, _, bins = ops.shape(frames)
        padding = ops.zeros((batch_size, self.steps, bins), dtype=frames.dtype)
        padded = ops.concatenate([frames, padding], axis=1)[:, : self.steps]
        return padded, ops.full((batch_size,), self.steps, dtype="int32")

    def compute_output_spec(self, frames):
        padded = keras.KerasTensor((frames.shape[0], self.steps, frames.shape[2]), dtype=frames.dtype)
        return padded, keras.KerasTensor((frames.shape[0],), dtype="int32")

    def get_config(self):
        return {**super().get_config(), "steps": self.steps}
