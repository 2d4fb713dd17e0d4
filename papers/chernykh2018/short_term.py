"""The 34 short-term features of section 2.2, all frames of a recording in one NumPy pass.

Equal to `pyAudioAnalysis.ShortTermFeatures.feature_extraction` 0.3.14 within 1e-9 (tests hold it on real recordings).
Three observations make the pass cheap: what is additive over samples is summed once per tenth of a frame and shared by
the frames that overlap there; what is linear in the magnitude or power spectrum is a product with a table; and the
tables depend on the sample rate and the frame alone.
"""

import functools
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
CHUNK = 64  # frames whose spectra are held at once: they stay in the processor's cache
LOWEST_NOTE_HZ = 27.5  # A0


def short_term(waveform, sample_rate_hz, *, window, step, quirks=LIBRARY):
    """Waveform `(N,)` -> features `(T, 34)` in the order of `NAMES`, float64, T = 1 + (N - window) // step.

    Args:
        waveform: mono; its scale does not matter, it is normalised to its peak.
        sample_rate_hz: of the waveform.
        window, step: in samples; the window a multiple of 20 (ten equal blocks of the frame and of its spectrum), the
            step a multiple of a tenth of the window.
        quirks: names from `QUIRKS`, each kept as it is in the library or in the authors' copy; () corrects them all.

    Raises:
        ValueError: window, step or quirks are not as above, or the waveform is shorter than one window.
    """
    _check(waveform, window, step, quirks)
    epsilon = 1e-8 if "coarse_epsilon" in quirks else np.finfo(float).eps
    signal = _normalised(waveform, uncentred_peak="uncentred_peak" in quirks)  # (N,)
    num_frames = 1 + (len(signal) - window) // step
    frames = np.ndarray((num_frames, window), float, signal, strides=(8 * step, 8))  # (T, window), overlapping, no copy
    table = _tables(sample_rate_hz, window // 2, tuple(sorted(quirks)))
    values = np.empty((num_frames, len(NAMES)))  # (T, 34)
    values[:, :3] = _time_domain(signal, num_frames, window=window, step=step, epsilon=epsilon)
    before = None
    for begin in range(0, num_frames, CHUNK):
        magnitude = _magnitudes(frames[begin : begin + CHUNK])  # (t, window / 2)
        values[begin : begin + CHUNK, 3:], before = _spectral(magnitude, before, table, epsilon)
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


def _normalised(waveform, *, uncentred_peak):
    """Mean 0, peak 1: `(N,)` -> `(N,)` float64."""
    signal = np.array(waveform, dtype="float64")
    peak = max(signal.max(), -signal.min()) if uncentred_peak else None
    signal -= signal.mean()
    if not uncentred_peak:
        peak = max(signal.max(), -signal.min()) + 1e-10  # the library's guard against silence
    signal /= peak  # no product with 1 / peak: a silent frame is rounding noise, which must be the library's to the bit
    return signal


def _time_domain(signal, num_frames, *, window, step, epsilon):
    """Zero-crossing rate, energy and energy entropy of all frames: `(N,)` -> `(T, 3)`."""
    size = window // SUB_BLOCKS
    blocks = signal[: len(signal) // size * size].reshape(-1, size)  # (n, size)
    of_frame = np.arange(num_frames)[:, None] * (step // size) + np.arange(SUB_BLOCKS)  # (T, 10) its blocks
    energies = np.vecdot(blocks, blocks)[of_frame]  # (T, 10)
    energy = energies.sum(axis=1)  # (T,)
    crossings, at_block_end = _crossings(signal, size)  # (n,), (n,)
    inside = crossings[of_frame].sum(axis=1) - at_block_end[of_frame[:, -1]]  # without the step out of the frame
    rate = inside / 2 / (window - 1)
    return np.stack([rate, energy / window, _entropy(energies, energy, epsilon)], axis=1)


def _crossings(signal, size):
    """Sum of |sign(next) - sign(this)| over each block of `size` samples, and its last term alone: `(n,)`, `(n,)`.

    Into or out of an exact zero counts 1, from one sign to the other 2.
    """
    positive, negative = signal > 0, signal < 0
    steps = np.zeros(len(signal), dtype="int8")  # the last sample has no next one
    np.add(positive[1:] ^ positive[:-1], negative[1:] ^ negative[:-1], out=steps[:-1], dtype="int8")
    blocks = steps[: len(signal) // size * size].reshape(-1, size)
    return blocks.sum(axis=1, dtype="int32"), blocks[:, -1]


class _Workspace(threading.local):
    """Memory for the spectra of one chunk, kept between calls: fetching it anew costs as much as a third of the FFTs."""

    def arrays(self, num_bins):
        """Complex `(CHUNK, B + 1)` and real `(CHUNK, B)`, with whatever the last call left in them."""
        if getattr(self, "num_bins", None) != num_bins:
            self.num_bins = num_bins
            self.spectrum = np.empty((CHUNK, num_bins + 1), dtype="complex128")
            self.magnitude = np.empty((CHUNK, num_bins))
        return self.spectrum, self.magnitude


_WORKSPACE = _Workspace()


def _magnitudes(frames):
    """|FFT| without the Nyquist bin, over its length; no window function: `(t, window)` -> `(t, window / 2)`.

    The result is overwritten by the next call.
    """
    num_bins = frames.shape[1] // 2
    spectrum, magnitude = (array[: len(frames)] for array in _WORKSPACE.arrays(num_bins))
    np.fft.rfft(frames, out=spectrum)
    np.abs(spectrum[:, :num_bins], out=magnitude)
    magnitude /= num_bins
    return magnitude


def _spectral(magnitude, before, table, epsilon):
    """The 31 features of the spectra `(t, B)` -> `(t, 31)`, and what the next chunk needs of this one's last frame.

    `before` is that of the previous chunk, None at the beginning, where the flux is 0.
    """
    bands = magnitude.reshape(len(magnitude), SUB_BLOCKS, -1)  # (t, 10, B / 10)
    band_power = np.vecdot(bands, bands)  # (t, 10)
    total = band_power.sum(axis=1)  # (t,)
    sums = magnitude @ table["moments"]  # (t, 3)
    flux, last = _flux(magnitude, total, sums[:, 0] + magnitude.shape[1] * epsilon, before)
    columns = [
        *_centroid_and_spread(sums, magnitude.max(axis=1), epsilon),
        _entropy(band_power, total, epsilon),
        flux,
        _rolloff(bands, band_power, total, epsilon),
    ]
    cepstra = np.log10(_filtered(magnitude, table["filters"]) + epsilon) @ table["cosines"]  # (t, 13)
    chroma = _chroma(magnitude, total, table, epsilon)  # (t, 13)
    return np.concatenate([np.stack(columns, axis=1), cepstra, chroma], axis=1), last


def _entropy(parts, total, epsilon):
    """Entropy in bits of the shares of ten parts: `(T, 10)`, `(T,)` -> `(T,)`."""
    shares = parts / (total + epsilon)[:, None]
    return -np.vecdot(shares, np.log2(shares + epsilon))


def _centroid_and_spread(sums, peak, epsilon):
    """Both over half the sample rate, from the sums of magnitude times (1, f, f^2): `(t, 3)` -> `(t,)`, `(t,)`."""
    weight, first, second = (sums / np.where(peak == 0, epsilon, peak)[:, None]).T
    centroid = first / (weight + epsilon)
    variance = (second - 2 * centroid * first + centroid**2 * weight) / (weight + epsilon)
    return centroid, np.sqrt(np.maximum(variance, 0.0))  # rounding may leave a pure tone below 0


def _flux(magnitude, total, norm, before):
    """Squared distance of each normalised spectrum to the one before it, expanded so that no spectrum is copied."""
    last = magnitude[-1].copy(), total[-1], norm[-1]
    square = total / norm**2  # (t,)
    products = np.zeros(len(magnitude))
    products[1:] = np.vecdot(magnitude[1:], magnitude[:-1]) / (norm[1:] * norm[:-1])
    flux = np.empty(len(magnitude))
    flux[1:] = square[1:] + square[:-1] - 2 * products[1:]
    if before is None:
        flux[0] = 0.0
    else:
        spectrum, power, weight = before
        flux[0] = square[0] + power / weight**2 - 2 * (magnitude[0] @ spectrum) / (norm[0] * weight)
    return np.maximum(flux, 0.0), last


def _rolloff(bands, band_power, total, epsilon):
    """First bin, over their number, below which lies more than 90 % of the power: `(t, 10, b)`, ... -> `(t,)`.

    The band is looked up first, so that only a tenth of the spectrum is summed bin by bin.
    """
    threshold = ROLLOFF * total  # (t,)
    up_to_band = band_power.cumsum(axis=1)  # (t, 10)
    rows = np.arange(len(bands))
    band = (up_to_band + epsilon > threshold[:, None]).argmax(axis=1)  # (t,)
    below = up_to_band[rows, band] - band_power[rows, band]
    up_to_bin = np.square(bands[rows, band]).cumsum(axis=1) + (below + epsilon)[:, None]  # (t, b)
    bin_in_band = (up_to_bin > threshold[:, None]).argmax(axis=1)
    return (band * bands.shape[2] + bin_in_band) / (bands.shape[1] * bands.shape[2])


def _chroma(magnitude, total, table, epsilon):
    """Twelve pitch classes as shares of the power, and their standard deviation: `(t, B)` -> `(t, 13)`."""
    chroma = np.square(magnitude[:, table["chroma_bins"]]) @ table["chroma"]  # (t, 12)
    chroma /= np.where(total == 0, epsilon, total)[:, None]
    centred = chroma - chroma.mean(axis=1, keepdims=True)
    return np.concatenate([chroma, np.sqrt(np.vecdot(centred, centred) / 12)[:, None]], axis=1)


def _filtered(magnitude, filters):
    """Mel-like filters, a few at a time over the bins that they cover: `(t, B)` -> `(t, 40)`."""
    return np.concatenate([magnitude[:, begin:end] @ weights for begin, end, weights in filters], axis=1)


@functools.lru_cache(maxsize=8)
def _tables(sample_rate_hz, num_bins, quirks):
    """What the spectra are multiplied with; a function of the sample rate and the frame alone."""
    frequency = np.arange(1, num_bins + 1) / num_bins  # of half the sample rate; the library counts bins from 1
    bank = filter_bank(sample_rate_hz, num_bins, half_frequency="half_frequency_filters" in quirks)  # (40, B)
    chroma = chroma_matrix(sample_rate_hz, num_bins, last_bin="last_bin_chroma" in quirks)  # (B, 12)
    used = np.flatnonzero(chroma.any(axis=1))
    return {
        "moments": np.stack([np.ones(num_bins), frequency, frequency**2], axis=1),  # (B, 3)
        "filters": _in_groups(bank),
        "cosines": _cosines(len(bank)),  # (40, 13)
        "chroma_bins": used,
        "chroma": chroma[used],  # (used, 12)
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


def _in_groups(bank, group=10):
    """Filters in groups with the bins that a group covers: [(begin, end, `(end - begin, group)`), ...]."""
    groups = []
    for first in range(0, len(bank), group):
        weights = bank[first : first + group]
        covered = np.flatnonzero(weights.any(axis=0))
        begin, end = covered[0], covered[-1] + 1
        groups.append((begin, end, np.ascontiguousarray(weights[:, begin:end].T)))
    return groups


def _cosines(num_filters, num_coefficients=13):
    """The orthonormal DCT-II as a matrix: `(40, 13)`."""
    index = np.arange(num_filters)[:, None] + 0.5
    matrix = np.sqrt(2 / num_filters) * np.cos(np.pi / num_filters * index * np.arange(num_coefficients))
    matrix[:, 0] = np.sqrt(1 / num_filters)
    return matrix
