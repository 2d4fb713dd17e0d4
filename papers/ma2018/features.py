"""Waveform -> log power spectrogram of the whole sentence, or of its parts of at most 3 s (sections 4.1 and 3.1)."""

import dataclasses
import math

import numpy as np


@dataclasses.dataclass(frozen=True)
class FrontEnd:
    """All settings of the features."""

    sample_rate_hz: int = 16_000  # 4.1
    window_s: float = 0.040  # 4.1: Hamming
    hop_s: float = 0.010  # 4.1
    fft_length: int = 1600  # samples; 4.1: 10 Hz grid
    max_frequency_hz: float = 4000.0  # 4.1; the bin at 4 kHz itself is the 401st and left out: D2
    floor_power: float = 1e-10  # D2: -100 dB for samples in [-1, 1]
    min_frames: int = 8  # D3: three poolings by 2 leave one step
    max_part_s: float | None = None  # 3.1: seconds; None takes the sentence whole

    @property
    def num_bins(self) -> int:
        return round(self.max_frequency_hz * self.fft_length / self.sample_rate_hz)


def features(waveform, sample_rate_hz, front_end):
    """Waveform `(N,)` -> decibels `(S, T, F)` float32, not normalised; S = 1 for whole sentences."""
    waveform = at_least(waveform, sample_rate_hz, front_end)
    return np.stack(
        [spectrogram(part, sample_rate_hz, front_end) for part in parts(waveform, sample_rate_hz, front_end)]
    )


def at_least(waveform, sample_rate_hz, front_end):
    """The waveform, padded with silence if it is too short for `min_frames` frames."""
    window, hop = (round(s * sample_rate_hz) for s in (front_end.window_s, front_end.hop_s))
    missing = window + (front_end.min_frames - 1) * hop - len(waveform)
    return np.pad(waveform, (0, max(0, missing)))


def parts(waveform, sample_rate_hz, front_end):
    """The fewest consecutive parts of equal length, none longer than `max_part_s` (3.1), without overlap.

    The remaining samples at the end, fewer than there are parts, are dropped.
    """
    if front_end.max_part_s is None:
        return [waveform]
    count = math.ceil(len(waveform) / round(front_end.max_part_s * sample_rate_hz))
    size = len(waveform) // count  # samples
    return [waveform[i * size : (i + 1) * size] for i in range(count)]


def spectrogram(waveform, sample_rate_hz, front_end):
    """Log power of the frames inside the signal: `(N,)` -> `(T, F)` float32, T = 1 + (N - window) // hop."""
    window, hop = (round(s * sample_rate_hz) for s in (front_end.window_s, front_end.hop_s))  # samples
    frames = np.lib.stride_tricks.sliding_window_view(waveform, window)[::hop]  # (T, window)
    spectrum = np.fft.rfft(frames * np.hamming(window), n=front_end.fft_length)  # (T, 1 + fft_length // 2)
    power = np.square(np.abs(spectrum[:, : front_end.num_bins]))  # (T, F): bin k is k * rate / fft_length Hz
    return (10.0 * np.log10(power + front_end.floor_power)).astype("float32")
