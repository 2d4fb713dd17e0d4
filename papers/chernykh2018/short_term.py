"""The 34 short-term features of section 2.2, all frames of a recording in one NumPy pass.

Equal to `pyAudioAnalysis.ShortTermFeatures.feature_extraction` 0.3.14 within 1e-9 (tested on real recordings).
Three properties make the pass cheap: features additive over samples are summed once per tenth of a frame and shared by
the frames that overlap there; features linear in the magnitude or power spectrum are a product with a table; and the
tables depend only on the sample rate and the frame.
"""

import functools
import math
import threading

import numpy as np

NAMES = (
    ("zcr", "energy", "energy_entropy")
    + ("spectral_centroid", "spectral_spread", "spectral_entropy", "spectral_flux", "spectral_rolloff")
    + tuple(f"mfcc_{i}" for i in range(1, 14))
    + tuple(f"chroma_{i}" for i in range(1, 13))
    + ("chroma_std",)
)
ENERGY = NAMES.index("energy")

QUIRKS = {
    "half_frequency_filters": "the MFCC filters are laid over the half spectrum as if it reached the sample rate, so "
    "that each works at half its nominal frequency",
    "last_bin_chroma": "of the FFT bins of a semitone only the last is kept (the library's comment: 'bug with large "
    "windows'), divided by another semitone's number of bins; bins below 27.5 Hz wrap around to a high semitone",
    "uncentred_peak": "the waveform is divided by its peak before its mean was removed, not after",
    "coarse_epsilon": "1e-8 instead of 2.2e-16 guards logarithms and divisions, and hides what is quieter",
}
LIBRARY = ("half_frequency_filters", "last_bin_chroma")  # pyAudioAnalysis 0.3.14; D1
AUTHORS_COPY = (*LIBRARY, "uncentred_peak", "coarse_epsilon")  # the copy of an older version in their repository; D1

SUB_BLOCKS = 10  # of a frame and of its spectrum, for the two entropies
ROLLOFF = 0.90
CHUNK = 48  # frames whose spectra are held at once: they stay in the processor's cache
MOST_KEPT = 1 << 22  # values of a kind that are kept between calls: a signal of four minutes, 32 MiB
NUM_FILTERS = 40
LOWEST_NOTE_HZ = 27.5  # A0


def short_term(waveform, sample_rate_hz, *, window, step, quirks=LIBRARY):
    """Waveform `(N,)` -> features `(T, 34)` in the order of `NAMES`, float64, T = 1 + (N - window) // step.

    Args:
        waveform: mono; its scale does not matter, it is normalised to its peak.
        sample_rate_hz: of the waveform.
        window, step: in samples; the window a multiple of 20 (ten equal blocks of the frame and of its spectrum), the
            step a multiple of a tenth of the window.
        quirks: names from `QUIRKS`, the faults of the library or of the authors' copy to reproduce; () corrects all.

    Raises:
        ValueError: invalid window, step or quirks, or the waveform is shorter than one window.
    """
    waveform = np.asarray(waveform)
    _check(waveform, window, step, quirks)
    epsilon = 1e-8 if "coarse_epsilon" in quirks else np.finfo(float).eps
    signal = _normalised(waveform, uncentred_peak="uncentred_peak" in quirks)  # (N,)
    num_frames = 1 + (len(signal) - window) // step
    frames = np.ndarray((num_frames, window), float, signal, strides=(8 * step, 8))  # (T, window), overlapping, no copy
    tables = _tables(sample_rate_hz, window // 2, tuple(sorted(quirks)))
    values = np.empty((num_frames, len(NAMES)))  # (T, 34)
    _time_domain(signal, num_frames, window=window, step=step, epsilon=epsilon, out=values[:, :3])
    _spectral(_sums(frames, tables, epsilon), tables, epsilon, out=values[:, 3:])
    return values


def _check(waveform, window, step, quirks):
    if window % (2 * SUB_BLOCKS) or step % (window // SUB_BLOCKS):
        raise ValueError(
            f"window {window} and step {step} samples; expected a window that is a multiple of {2 * SUB_BLOCKS} and a "
            f"step that is a multiple of {window // SUB_BLOCKS}, a tenth of it"
        )
    if unknown := sorted(set(quirks) - set(QUIRKS)):
        raise ValueError(f"unknown quirks {', '.join(unknown)}; choose from {', '.join(QUIRKS)}")
    if len(waveform) < window:
        raise ValueError(f"{len(waveform)} samples; expected one window of {window} at least")


class _Workspace(threading.local):
    """Arrays reused between calls: allocating them for every recording takes as long as the FFTs."""

    def __init__(self):
        self.kept = {}

    def array(self, name, shape, dtype):
        """An array of undefined content; the next call with the same name overwrites it."""
        size = math.prod(shape)
        if size > MOST_KEPT:
            return np.empty(shape, dtype)
        if name not in self.kept or self.kept[name].size < size:
            self.kept[name] = np.empty(size, dtype)
        return self.kept[name][:size].reshape(shape)


_WORKSPACE = _Workspace()


def _normalised(waveform, *, uncentred_peak):
    """Mean 0, peak 1: `(N,)` -> `(N,)` float64, in the workspace."""
    signal = _WORKSPACE.array("signal", waveform.shape, "float64")
    signal[:] = waveform
    mean, top, bottom = signal.mean(), float(waveform.max()), float(waveform.min())
    if uncentred_peak:
        peak = max(top, -bottom)
    else:
        peak = max(top - mean, mean - bottom) + 1e-10  # the library's guard against silence
    signal -= mean
    signal /= peak  # no product with 1 / peak: a silent frame is rounding noise, which must be the library's to the bit
    return signal


def _time_domain(signal, num_frames, *, window, step, epsilon, out):
    """Zero-crossing rate, energy and energy entropy of all frames: `(N,)` -> `(T, 3)`."""
    size = window // SUB_BLOCKS
    blocks = signal[: len(signal) // size * size].reshape(-1, size)  # (n, size)
    of_frame = np.arange(num_frames)[:, None] * (step // size) + np.arange(SUB_BLOCKS)  # (T, 10) its blocks
    energies = np.vecdot(blocks, blocks)[of_frame]  # (T, 10)
    energy = energies.sum(axis=1)  # (T,)
    crossings, at_block_end = _crossings(signal, size)  # (n,), (n,)
    inside = crossings[of_frame].sum(axis=1) - at_block_end[of_frame[:, -1]]  # without the step out of the frame
    out[:, 0] = inside / (2.0 * (window - 1))
    out[:, 1] = energy / window
    out[:, 2] = _entropy(energies, energy, epsilon)


def _crossings(signal, size):
    """Sum of |sign(next) - sign(this)| over each block of `size` samples, and its last term alone: `(n,)`, `(n,)`.

    Into or out of an exact zero counts 1, from one sign to the other 2.
    """
    positive, negative = signal > 0, signal < 0
    steps = np.zeros(len(signal), dtype="int8")  # the last sample has no next one
    into_positive, into_negative = positive[1:] != positive[:-1], negative[1:] != negative[:-1]
    np.add(into_positive.view("int8"), into_negative.view("int8"), out=steps[:-1])
    blocks = steps[: len(signal) // size * size].reshape(-1, size)
    return blocks.sum(axis=1, dtype="int16"), blocks[:, -1]


def _sums(frames, tables, epsilon):
    """All sums over whole spectra, chunk by chunk: name -> `(T, ...)`.

    Magnitudes are |FFT| over the number of bins B; the tables and the sums contain that division.
    """
    num_frames, num_bins = len(frames), frames.shape[1] // 2
    sums = {
        "bands": np.empty((num_frames, SUB_BLOCKS)),  # power of each tenth of the spectrum
        "moments": np.empty((num_frames, 3)),  # of the magnitude: times 1, frequency, frequency squared
        "neighbours": np.zeros(num_frames),  # magnitude times that of the frame before
        "filters": np.empty((num_frames, NUM_FILTERS)),
        "chroma": np.empty((num_frames, 12)),
        "rolloff_band": np.empty(num_frames, dtype=int),  # the tenth where the rolloff lies
        "rolloff_power": np.empty((num_frames, num_bins // SUB_BLOCKS)),  # the power of its bins
    }
    last = None
    for begin in range(0, num_frames, CHUNK):
        rows = slice(begin, begin + CHUNK)
        magnitude = _magnitudes(frames[rows])  # (t, B), times B
        bands = magnitude.reshape(len(magnitude), SUB_BLOCKS, -1)  # (t, 10, B / 10)
        np.vecdot(bands, bands, out=sums["bands"][rows])
        sums["bands"][rows] /= num_bins**2
        np.matmul(magnitude, tables["moments"], out=sums["moments"][rows])
        np.vecdot(magnitude[1:], magnitude[:-1], out=sums["neighbours"][rows][1:])
        if last is not None:
            sums["neighbours"][begin] = magnitude[0] @ last
        for columns, bins, weights in tables["filters"]:
            np.matmul(magnitude[:, bins], weights, out=sums["filters"][rows, columns])
        np.matmul(np.square(magnitude[:, tables["chroma_bins"]]), tables["chroma"], out=sums["chroma"][rows])
        at = sums["rolloff_band"][rows] = _rolloff_band(sums["bands"][rows], epsilon)
        np.square(bands[np.arange(len(bands)), at], out=sums["rolloff_power"][rows])
        last = magnitude[-1].copy()
    sums["neighbours"] /= num_bins**2
    sums["rolloff_power"] /= num_bins**2
    return sums


def _magnitudes(frames):
    """|FFT| without the Nyquist bin, no window function: `(t, window)` -> `(t, window / 2)`.

    The result is in the workspace: the next call overwrites it.
    """
    shape = len(frames), frames.shape[1] // 2 + 1
    spectrum = np.fft.rfft(frames, out=_WORKSPACE.array("spectrum", shape, "complex128"))
    return np.abs(spectrum, out=_WORKSPACE.array("magnitude", shape, "float64"))[:, :-1]  # the whole is faster to take


def _spectral(sums, tables, epsilon, out):
    """The 31 features of the spectra from their sums: `(T, 31)`."""
    bands = sums["bands"]
    power = bands.sum(axis=1)  # (T,)
    out[:, 0], out[:, 1] = _centroid_and_spread(sums["moments"])
    out[:, 2] = _entropy(bands, power, epsilon)
    norm = sums["moments"][:, 0] + tables["moments"].shape[0] * epsilon
    out[:, 3] = _flux(power / norm**2, sums["neighbours"], norm)
    out[:, 4] = _rolloff(bands, power, sums["rolloff_band"], sums["rolloff_power"], epsilon)
    np.matmul(np.log10(sums["filters"] + epsilon), tables["cosines"], out=out[:, 5:18])
    chroma = np.divide(sums["chroma"], np.where(power == 0, epsilon, power)[:, None], out=out[:, 18:30])  # (T, 12)
    centred = chroma - chroma.sum(axis=1, keepdims=True) / 12
    out[:, 30] = np.sqrt(np.vecdot(centred, centred) / 12)


def _entropy(parts, total, epsilon):
    """Entropy in bits of the shares of ten parts: `(T, 10)`, `(T,)` -> `(T,)`."""
    shares = parts / (total + epsilon)[:, None]
    return -np.vecdot(shares, np.log2(shares + epsilon))


def _centroid_and_spread(moments):
    """Centroid and spread over half the sample rate: `(T, 3)` -> `(T,)`, `(T,)`; 0 for a frame without power."""
    weight, first, second = moments.T
    weight = np.where(weight == 0, 1.0, weight)  # the library adds an epsilon, which rounding swallows otherwise
    centroid = first / weight
    variance = second / weight - centroid**2
    return centroid, np.sqrt(np.maximum(variance, 0.0))  # rounding may leave a pure tone below 0


def _flux(square, neighbours, norm):
    """Squared distance of each normalised spectrum to the one before it, expanded: `(T,)` x 3 -> `(T,)`, first 0."""
    flux = np.zeros(len(norm))
    flux[1:] = square[1:] + square[:-1] - 2 * neighbours[1:] / (norm[1:] * norm[:-1])
    return np.maximum(flux, 0.0)


def _rolloff_band(power, epsilon):
    """First tenth of the spectrum whose cumulative power exceeds 90 % of the total: `(t, 10)` -> `(t,)`."""
    so_far = power.cumsum(axis=1)
    return (so_far + epsilon > ROLLOFF * power.sum(axis=1, keepdims=True)).argmax(axis=1)


def _rolloff(bands, power, band, power_in_band, epsilon):
    """First bin whose cumulative power exceeds 90 %, over the number of bins `(T,)`; sums only one tenth bin by bin."""
    rows = np.arange(len(bands))
    below = bands.cumsum(axis=1)[rows, band] - bands[rows, band]  # (T,)
    so_far = power_in_band.cumsum(axis=1)  # (T, B / 10)
    in_band = (so_far > (ROLLOFF * power - below - epsilon)[:, None]).argmax(axis=1)
    return (band * so_far.shape[1] + in_band) / (SUB_BLOCKS * so_far.shape[1])


@functools.lru_cache(maxsize=8)
def _tables(sample_rate_hz, num_bins, quirks):
    """The matrices that the spectra are multiplied with; they depend only on the sample rate and the frame."""
    frequency = np.arange(1, num_bins + 1) / num_bins  # of half the sample rate; the library counts bins from 1
    bank = filter_bank(sample_rate_hz, num_bins, half_frequency="half_frequency_filters" in quirks)  # (40, B)
    chroma = chroma_matrix(sample_rate_hz, num_bins, last_bin="last_bin_chroma" in quirks)  # (B, 12)
    used = np.flatnonzero(chroma.any(axis=1))
    return {
        "moments": np.stack([np.ones(num_bins), frequency, frequency**2], axis=1) / num_bins,  # (B, 3)
        "filters": _in_groups(bank / num_bins),
        "cosines": _cosines(len(bank)),  # (40, 13)
        "chroma_bins": used,
        "chroma": chroma[used] / num_bins**2,  # (used, 12)
    }


def filter_bank(sample_rate_hz, num_bins, *, half_frequency):
    """40 triangles of unit area, 13 linearly and 27 logarithmically spaced from 133 Hz: `(40, B)`."""
    linear = 133.33 + np.arange(13) * 200 / 3
    corners = np.concatenate([linear, linear[-1] * 1.0711703 ** np.arange(1, 30)])  # (42,) Hz
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    top = sample_rate_hz if half_frequency else sample_rate_hz / 2
    frequency = np.arange(num_bins) / num_bins * top  # Hz, as the filters see the bins
    triangle = np.minimum((frequency - low) / (centre - low), (high - frequency) / (high - centre))
    return np.maximum(triangle, 0.0) * 2.0 / (high - low)


def chroma_matrix(sample_rate_hz, num_bins, *, last_bin):
    """Power spectrum -> power of twelve pitch classes, A first: `(B, 12)`.

    Without the quirk: the mean power of each semitone's bins, summed over the octaves from A0 up.
    """
    frequency = np.arange(1, num_bins + 1) * sample_rate_hz / (2 * num_bins)  # Hz
    semitone = np.round(12 * np.log2(frequency / LOWEST_NOTE_HZ)).astype(int)  # (B,) above A0
    _, inverse, counts = np.unique(semitone, return_inverse=True, return_counts=True)
    bins_alike = counts[inverse]  # (B,) bins on the same semitone as this one
    matrix = np.zeros((num_bins, 12))
    if not last_bin:
        audible = np.flatnonzero(semitone >= 0)
        matrix[audible, semitone[audible] % 12] = 1.0 / bins_alike[audible]
        return matrix
    if semitone.max() >= num_bins or -semitone.min() > num_bins:
        raise ValueError(f"{num_bins} bins are too few for the library's chroma, which has a place for each semitone")
    for place in range(num_bins):  # the library's array of semitones has as many places as there are bins
        here = np.flatnonzero(semitone % num_bins == place)
        if len(here):
            matrix[here[-1], place % 12] = 1.0 / bins_alike[semitone[place]]
    return matrix


def _in_groups(bank, size=10):
    """Filters in groups with the bins that they cover: [(filters, bins, `(bins, size)` weights), ...]."""
    groups = []
    for first in range(0, len(bank), size):
        filters = slice(first, first + size)
        covered = np.flatnonzero(bank[filters].any(axis=0))
        bins = slice(covered[0], covered[-1] + 1)
        groups.append((filters, bins, np.ascontiguousarray(bank[filters, bins].T)))
    return groups


def _cosines(num_filters, num_coefficients=13):
    """The orthonormal DCT-II as a matrix: `(40, 13)`."""
    index = np.arange(num_filters)[:, None] + 0.5
    matrix = np.sqrt(2 / num_filters) * np.cos(np.pi / num_filters * index * np.arange(num_coefficients))
    matrix[:, 0] = np.sqrt(1 / num_filters)
    return matrix
