"""Waveform -> spectrogram images of 128 frames by 128 bins (III-A), or longer ones that contain four (III-C)."""

import dataclasses

import numpy as np

from common.features import spectral

SILENCE = 2.0**-16  # half a step of 16 bit: below it lies padding, and what resampling left of it
POWER_FLOOR = 1e-10  # -100 dB, the value of a frame of zeros


@dataclasses.dataclass(frozen=True)
class FrontEnd:
    """All settings of the features."""

    sample_rate_hz: int = 16_000  # IV-A
    frame_length: int = 256  # samples, 16 ms; III-A
    hop: int = 128  # samples, 8 ms; III-A: "50% overlap"
    num_bins: int = 128  # III-A: "128 x 128"; D2
    segment_frames: int = 128  # III-A: "look-ahead", 1.032 s
    num_windows: int = 1  # III-C: 4 for the time-distributed CNN; D17
    window_hop: int = 8  # frames between windows; III-C; D17
    stride: int = 64  # frames between the starts of two examples; D4

    @property
    def example_frames(self):
        """Frames of one example: those of a segment, or all that its windows cover."""
        return self.segment_frames + (self.num_windows - 1) * self.window_hop

    @property
    def example_samples(self):
        return (self.example_frames - 1) * self.hop + self.frame_length


def features(waveform, sample_rate_hz, front_end):
    """Waveform `(N,)` -> `(S, example_frames, num_bins)`, log power in dB, float32.

    Examples start every `stride` frames and lie entirely inside the speech (D4); an utterance shorter than one example
    is padded with silence. Digital silence at either end is removed first: otherwise examples could consist of padding,
    and its amount would change the decision (D5).
    """
    speech = cut_padding(waveform)  # (N,)
    missing = max(0, front_end.example_samples - len(speech))
    spectrogram = log_power(np.pad(speech, (0, missing)), front_end)  # (T, F)
    starts = example_starts(len(spectrogram), front_end)
    return np.stack([spectrogram[start : start + front_end.example_frames] for start in starts])


def cut_padding(waveform):
    """The waveform from its first to its last sample above `SILENCE`; unchanged if there is none."""
    first, stop = speech_span(waveform)
    return waveform[first:stop]


def speech_span(waveform):
    """Index of the first sample above `SILENCE` and one past the last; the whole waveform if there is none."""
    loud = np.flatnonzero(np.abs(waveform) > SILENCE)
    return (loud[0], loud[-1] + 1) if len(loud) else (0, len(waveform))


def log_power(waveform, front_end):
    """Short-time Fourier transform, Hann window (D1), frames inside the signal -> `(T, num_bins)` dB, float32."""
    frames = np.lib.stride_tricks.sliding_window_view(waveform, front_end.frame_length)[:: front_end.hop]  # (T, 256)
    window = spectral.hann(front_end.frame_length)  # (256,)
    spectrum = np.fft.rfft(frames * window, axis=1)[:, : front_end.num_bins]  # (T, F), without the Nyquist bin; D2
    return (10 * np.log10(np.maximum(np.abs(spectrum) ** 2, POWER_FLOOR))).astype("float32")


def example_starts(num_frames, front_end):
    """First frames of the examples that fit into `num_frames`."""
    return range(0, num_frames - front_end.example_frames + 1, front_end.stride)
