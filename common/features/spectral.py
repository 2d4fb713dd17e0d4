"""Levels, mel spectra and MFCC: librosa's functions, bit for bit, implemented with NumPy and SciPy's FFT.

librosa itself loads numba and scikit-learn at its first call, which takes longer than a prediction. Names, arguments
and defaults are librosa's; `tests/common/features/test_spectral.py` compares the values.
"""

import functools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

FRAMES_AT_ONCE = 256  # of a spectrogram: memory does not grow with their overlap
MEL_HZ, LOG_HZ, LOG_STEP = 200.0 / 3, 1000.0, np.log(6.4) / 27.0  # Slaney's scale: linear below 1 kHz


def hann(length) -> np.ndarray:
    """The periodic Hann window `(length,)`, as `scipy.signal.get_window("hann", length)`."""
    return (0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, length + 1)))[:-1]


def power_spectrogram(waveform, *, n_fft, hop_length, win_length=None) -> np.ndarray:
    """`(N,)` float32 -> `(1 + n_fft // 2, 1 + N // hop_length)` float32; frames are centred on multiples of the hop."""
    win_length = win_length or n_fft
    left = (n_fft - win_length) // 2
    window = np.pad(hann(win_length), (left, n_fft - win_length - left))
    frames = sliding_window_view(np.pad(waveform, n_fft // 2), n_fft)[::hop_length]  # (T, n_fft)
    spectra = np.empty((1 + n_fft // 2, len(frames)), "complex64", order="F")  # (B, T)
    for begin in range(0, len(frames), FRAMES_AT_ONCE):
        some = slice(begin, begin + FRAMES_AT_ONCE)
        spectra[:, some] = np.fft.rfft(frames[some] * window).T
    return np.abs(spectra) ** 2.0


def mel_spectrogram(waveform, sample_rate_hz, *, n_fft, hop_length, n_mels, win_length=None) -> np.ndarray:
    """`(N,)` float32 -> power in mel bands from 0 Hz to half the sample rate, `(n_mels, T)`."""
    power = power_spectrogram(waveform, n_fft=n_fft, hop_length=hop_length, win_length=win_length)
    filters = mel_filters(sample_rate_hz, n_fft=n_fft, n_mels=n_mels)
    return np.einsum("...ft,mf->...mt", power, filters, optimize=True)


def mfcc(waveform, sample_rate_hz, *, n_mfcc, **mel) -> np.ndarray:
    """`(N,)` float32 -> orthonormal DCT-II of mel bands in decibels, floored 80 dB below the maximum, `(n_mfcc, T)`."""
    import scipy.fft  # a third of a second that only some front ends need

    decibels = power_to_db(mel_spectrogram(waveform, sample_rate_hz, **mel), ref=1.0, top_db=80.0)
    return scipy.fft.dct(decibels, axis=-2, type=2, norm="ortho")[:n_mfcc]


def power_to_db(power, *, ref, top_db=None, amin=1e-10) -> np.ndarray:
    """Power in decibels relative to `ref`; power is floored at `amin`, decibels at `top_db` below their maximum."""
    decibels = 10.0 * np.log10(np.maximum(amin, power))
    decibels -= 10.0 * np.log10(np.maximum(amin, ref))
    return decibels if top_db is None else np.maximum(decibels, decibels.max() - top_db)


@functools.lru_cache(maxsize=8)
def mel_filters(sample_rate_hz, *, n_fft, n_mels) -> np.ndarray:
    """Triangular filters of unit area, evenly spaced on Slaney's mel scale: `(n_mels, 1 + n_fft // 2)` float32."""
    corners = _hz(np.linspace(0.0, _mel(sample_rate_hz / 2), n_mels + 2))  # Hz
    ramps = np.subtract.outer(corners, np.fft.rfftfreq(n_fft, 1.0 / sample_rate_hz))
    widths = np.diff(corners)[:, None]
    rising, falling = -ramps[:-2] / widths[:-1], ramps[2:] / widths[1:]
    triangles = np.maximum(0, np.minimum(rising, falling)).astype("float32")
    triangles *= (2.0 / (corners[2:] - corners[:-2]))[:, None]
    return triangles


def _mel(frequency_hz) -> float:
    """Mel of a frequency above 1 kHz."""
    return LOG_HZ / MEL_HZ + np.log(frequency_hz / LOG_HZ) / LOG_STEP


def _hz(mels):
    from_1_khz = mels >= LOG_HZ / MEL_HZ
    return np.where(from_1_khz, LOG_HZ * np.exp(LOG_STEP * (mels - LOG_HZ / MEL_HZ)), MEL_HZ * mels)


def trim(waveform, *, top_db, frame_length, hop_length) -> np.ndarray:
    """The waveform `(N,)` without leading and trailing frames that are `top_db` quieter than the loudest."""
    frames = sliding_window_view(np.pad(waveform, frame_length // 2), frame_length)[::hop_length]  # (T, L)
    level = np.sqrt(np.mean(np.square(frames.T, dtype="float32"), axis=0))  # (T,)
    loud = np.flatnonzero(power_to_db(np.square(level), ref=level.max() ** 2) > -top_db)
    return waveform[loud[0] * hop_length : (loud[-1] + 1) * hop_length] if len(loud) else waveform[:0]
