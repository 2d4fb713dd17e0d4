"""Waveform -> log-power spectrograms, not normalised, of parts of at most 3 s (section 3.1), or modified ones (5.2)."""

import dataclasses

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from papers.satt2017 import harmonic, noise

SILENCE_DB = 1000.0
"""How far below its utterance's noise level silence (padding, an unvoiced frame of 5.2) is coded. No floor lies so low,
so the model's clip at E_noise makes it exactly 0; and the noise level can be read back from it: `noise_level_db`."""

POWER_FLOOR = 1e-10  # -100 dB: below the rounding of 16-bit samples, so that digital silence stays finite


@dataclasses.dataclass(frozen=True)
class FrontEnd:
    """All settings of the features."""

    kind: str = "normal"  # "normal" (3.1) or "harmonic" (5.2)
    sample_rate_hz: int = 16_000  # 3.1
    part_s: float = 3.0  # 3.1: T
    window_s: float = 0.040  # table 1, note 1; Hamming, 3.1
    shift_s: float = 0.010  # 3.1
    dft_length: int = 1600  # 3.1: 10 Hz grid; 800 for 20 Hz
    max_frequency_hz: int = 4000  # 3.1
    num_frames: int = 300  # 3.1
    noise_percentile: float = 10.0  # of an utterance's dB values: its noise level; D4
    pitch_floor_hz: float = 75.0  # D13
    pitch_ceiling_hz: float = 500.0  # D13
    noise: str = "none"  # added to the recording first (5.3): "none" or a signal of noise.py
    snr_db: float = 0.0  # 5.3

    @property
    def num_bins(self) -> int:
        """400 or 200: the bins 0, 10, ... 3990 Hz or 0, 20, ... 3980 Hz, without the one at 4 kHz (D3)."""
        return self.max_frequency_hz * self.dft_length // self.sample_rate_hz


def features(waveform, sample_rate_hz, front_end):
    """Waveform `(N,)` -> dB values of its parts, `(S, 300, M)` float32, S = ceil(duration / 3 s), M = 200 or 400.

    Padding, and the unvoiced frames of a modified spectrogram, are coded as silence: `SILENCE_DB` below the noise level
    of the whole utterance. The values are not clipped or scaled: E_noise and the scale come from the training part.

    Raises:
        InputError: the background signal of `front_end.noise` is missing or silent.
    """
    if front_end.noise != "none":
        waveform = noise.mix(waveform, noise.signal(front_end.noise, sample_rate_hz), snr_db=front_end.snr_db)
    parts = split(waveform, max_samples=round(front_end.part_s * sample_rate_hz))
    spectrograms = [log_spectrogram(part, sample_rate_hz, front_end) for part in parts]  # S x (T, M)
    silence = np.percentile(np.concatenate(spectrograms), front_end.noise_percentile) - SILENCE_DB
    if front_end.kind == "harmonic":
        spectrograms = [modified_spectrogram(part, sample_rate_hz, front_end) for part in parts]
    padded = np.full((len(parts), front_end.num_frames, front_end.num_bins), silence, dtype="float32")
    for row, spectrogram in zip(padded, spectrograms, strict=True):
        row[: len(spectrogram)] = np.where(np.isnan(spectrogram), silence, spectrogram)
    return padded


def noise_level_db(array):
    """The noise level in dB of an utterance, from its features `(S, 300, M)`.

    It is read from the padding, which is always present: 3 s contain 297 windows of 40 ms or 299 of 20 ms.
    """
    return float(array.min()) + SILENCE_DB


def split(waveform, *, max_samples):
    """The fewest parts of at most `max_samples` whose lengths differ by one sample at most (3.1)."""
    return np.array_split(waveform, -(-len(waveform) // max_samples))


def frames(waveform, sample_rate_hz, front_end):
    """Hamming-weighted windows inside the waveform, `(T, W)`; a shorter waveform gives one padded window (D3)."""
    width, shift = (round(seconds * sample_rate_hz) for seconds in (front_end.window_s, front_end.shift_s))
    missing = max(0, width - len(waveform))
    windows = sliding_window_view(np.pad(waveform, (0, missing)), width)[::shift]  # (T, W)
    return windows * np.hamming(width).astype("float32")


def frame_centres_s(num_frames, front_end):
    """Time of the middle of each window, in seconds from the part's beginning."""
    return front_end.window_s / 2 + front_end.shift_s * np.arange(num_frames)


def decibels(windows, *, dft_length):
    """Log-power spectra of windows `(T, W)` from 0 Hz to half the sample rate, `(T, dft_length // 2 + 1)`, in dB."""
    import scipy.fft  # half a second of import that listing the systems does not need

    spectra = scipy.fft.rfft(windows, n=dft_length)  # (T, dft_length // 2 + 1) complex64
    return 10.0 * np.log10(spectra.real**2 + spectra.imag**2 + np.float32(POWER_FLOOR))


def log_spectrogram(waveform, sample_rate_hz, front_end):
    """Spectrogram of one part in dB, `(T, M)`."""
    windows = frames(waveform, sample_rate_hz, front_end)
    return decibels(windows, dft_length=front_end.dft_length)[:, : front_end.num_bins]


def modified_spectrogram(waveform, sample_rate_hz, front_end):
    """S(f) of equation (1) for the voiced frames of one part in dB, `(T, M)`; NaN for unvoiced frames."""
    windows = frames(waveform, sample_rate_hz, front_end)
    f0 = harmonic.fundamentals_hz(
        waveform,
        sample_rate_hz,
        frame_centres_s(len(windows), front_end),
        floor_hz=front_end.pitch_floor_hz,
        ceiling_hz=front_end.pitch_ceiling_hz,
    )  # (T,)
    voiced = np.isfinite(f0)
    modified = np.full((len(windows), front_end.num_bins), np.nan, dtype="float32")
    if voiced.any():
        spectra = decibels(windows[voiced], dft_length=harmonic.ENVELOPE_DFT)  # (V, 801)
        envelope = harmonic.true_envelope(spectra, harmonic.lifter_orders(f0[voiced], sample_rate_hz))
        step = harmonic.ENVELOPE_DFT // front_end.dft_length  # every bin of the 10 Hz grid, every second for 20 Hz
        envelope = envelope[:, ::step][:, : front_end.num_bins]
        grid_hz = np.arange(front_end.num_bins) * sample_rate_hz / front_end.dft_length
        modified[voiced] = harmonic.modified_spectra(envelope, f0[voiced], grid_hz)
    return modified
