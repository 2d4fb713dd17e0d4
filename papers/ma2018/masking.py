"""Section 4.2, the paper's contribution: the output for a sentence does not depend on its padding.

A batch contains sentences of V frames each, padded with zeros to the T frames of the longest. Padding could change the
result in three places; the remedies are:

* a convolution's bias and its kernel's width make padding nonzero -> `mask_padding`, eq. (1), after every convolution;
* a pooling window over the border mixes the last real value with a padding zero -> `border_safe_max_pool`;
* a recurrent layer also processes the padding -> a mask, and `last_valid_step` for the end of the sentence.

Masks are computed from the lengths wherever they are needed. Keras's own mask propagation is not used: it stops at the
first convolution. All functions consist of Keras operations, for arrays and for tensors of a functional model.
"""

from keras import ops

from common.learning.layers import is_real


def mask_padding(frames, length):
    """Eq. (1): S_conv = Conv(S) * Mask(S), unchanged real frames and zeros for the padding.

    Args:
        frames: `(batch_size, steps, ...)`.
        length: `(batch_size,)`, the number of real frames of each.

    Returns:
        Masked frames, same shape as `frames`.
    """
    mask = is_real(frames, length)  # (B, T)
    for _ in frames.shape[2:]:
        mask = ops.expand_dims(mask, -1)  # (B, T, 1, ...)
    return frames * ops.cast(mask, frames.dtype)


def border_safe_max_pool(images, length, pool=2):
    """Max pooling whose result for a sentence does not depend on its padding (section 4.2).

    A sentence of V frames has floor(V / pool) frames afterwards. If the last frames do not fill a window (V odd, for
    windows of 2), they would share it with padding; they are set to zero first, so that the window's output is zero,
    like padding (D13). Without padding the same frames are dropped, because they do not fill a window.

    Args:
        images: `(batch_size, steps, bins, channels)`, zeros after `length` (see `mask_padding`), as in the result.
        length: `(batch_size,)`, the number of real frames of each before pooling.
        pool: frames and frequency bins in a window, and the step between windows.

    Returns:
        `(batch_size, steps // pool, bins // pool, channels)`; the real frames are `length // pool`.
    """
    whole_windows = ops.cast(length, "int32") // pool * pool  # (B,)
    return ops.max_pool(mask_padding(images, whole_windows), pool, pool, "valid", "channels_last")


def last_valid_step(outputs, length):
    """Final outputs of a bidirectional recurrence: forwards "the output at t = V", backwards "at t = 0".

    The recurrence must be masked; otherwise its backward half has processed the padding.

    Args:
        outputs: `(batch_size, steps, 2 * units)`, forward units first.
        length: `(batch_size,)`, the number of real steps of each, at least 1.

    Returns:
        `(batch_size, 2 * units)`.
    """
    units = outputs.shape[-1] // 2
    last = ops.cast(length, "int32")[:, None, None] - 1  # (B, 1, 1)
    forward = ops.take_along_axis(outputs[:, :, :units], last, axis=1)[:, 0]  # (B, U)
    return ops.concatenate([forward, outputs[:, 0, units:]], axis=-1)  # (B, 2U)


def pad_to_length(frames, steps):
    """Padding that is not masked, for the fixed-length system (section 3.1).

    Args:
        frames: `(batch_size, at most steps, bins)`, zero after the length of each.
        steps: frames after padding.

    Returns:
        Two tensors, frames `(batch_size, steps, bins)` and their lengths `(batch_size,)`, all `steps`.
    """
    padded = ops.pad(frames, [[0, 0], [0, steps], [0, 0]])[:, :steps]
    return padded, ops.full_like(frames[:, 0, 0], steps, dtype="int32")
