"""Checks whether a recording contains speech, by range, level, activity and bandwidth, with a reason per threshold.

A fault means that the recording is unusable: `common.features.audio.read` raises it. A doubt is a warning: it is shown,
stored in records, and an error with `--strict`. None of the 1,440 recordings of RAVDESS and the 535 of EmoDB has a
fault or a doubt.
"""

import dataclasses

import numpy as np

from common.errors import listed

FRAME_S = 0.02
"""Shorter than a sound of speech, longer than a click."""

MIN_SECONDS = 0.1
"""A syllable lasts 0.1 to 0.3 s. What is shorter is a cutting error, and the front ends with long windows (0.2 s) would
find no full frame in it."""

MIN_RATE_HZ = 4000
"""A telephone has 8,000 Hz; half of it holds the first formant and part of the second. Broken headers have 1 Hz."""

SILENCE_DBFS = -140.0
"""Below the last of 24 bits (-138.5 dBFS): silence, a constant, numbers that underflow."""

QUIET_DBFS = -75.0
"""Six steps of 16 bits, by root mean square. RAVDESS's quietest recording has -63.7; dither has -90 to -96."""

STEADY_DB = 6.0
"""Between the 5th and 95th percentile of frame levels: noise has 1 to 2 dB, speech 15 and more."""

LITTLE_SECONDS = 0.3
"""Of sound within 40 dB of the loudest frame, a word. RAVDESS and EmoDB have 1.1 s and more."""

ACTIVE_DB = 40.0

MAX_PEAK = 100.0
"""40 dB above full scale: integers stored as floats. Full scale is 1."""

HIGH_PEAK = 2.0
"""6 dB above full scale: lossy coding overshoots by less, by 0.02 in RAVDESS and EmoDB."""

CANCELLED_DB = -20.0
"""Level of the mean of the channels, against the mean of unrelated channels: stereo in antiphase."""

CLIFF_DB = 25.0
"""A fall of the long-term spectrum within 500 Hz that is a filter and no voice, whose own falls are below 16 dB."""

BEYOND_DB = -50.0
"""Behind such a filter, relative to the whole: a hundred-thousandth of the power. Breath and room noise have more."""

LOWEST_CLIFF_HZ = 2000

BAND_SHARE = 0.6
"""Of the band that a front end sees: 4 kHz where it sees 8 (telephone) is warned of, 8 kHz where it sees 11 is not."""

USUAL_BAND_HZ = 8000.0
"""What most front ends see (16 kHz), where none is known."""

DOUBTS = {
    "quiet": "very quiet (below -75 dBFS)",
    "loud": "far outside [-1, 1] (a peak above 2)",
    "little": "nearly empty (less than 0.3 s of sound)",
    "band": "of narrow band, such as a telephone's (the front end expects more)",
}


@dataclasses.dataclass(frozen=True)
class Measures:
    """Measurements of a waveform. Levels are relative to full scale, after subtraction of the mean.

    Args:
        seconds: length.
        level_dbfs: root mean square.
        spread_db: difference between the 5th and 95th percentile of the frame levels.
        sound_s: total length of frames louder than `QUIET_DBFS`, in seconds.
        active_s: total length of frames within `ACTIVE_DB` of the loudest, in seconds.
        peak: largest absolute sample.
        band_hz: bandwidth: the cutoff of a low-pass filter if there is one, else half the sample rate.
    """

    seconds: float
    level_dbfs: float
    spread_db: float
    sound_s: float
    active_s: float
    peak: float
    band_hz: float


@dataclasses.dataclass(frozen=True)
class FrontEnd:
    """Settings of `measured`, which has none but is cached in the feature store like the front ends of papers."""

    sample_rate_hz: int | None = None


def measured(waveform, sample_rate_hz, front_end) -> np.ndarray:
    """The Measures of a waveform (N,) as an array (7,)."""
    return np.array(dataclasses.astuple(measure(waveform, sample_rate_hz)), dtype="float32")


def measure(waveform, sample_rate_hz) -> Measures:
    """The Measures of a waveform (N,)."""
    centred = waveform - waveform.mean(dtype="float64")  # float64, in which the squares of denormals are not zero
    levels = _frame_levels(centred, sample_rate_hz)
    low, high = np.percentile(levels, (5, 95))
    return Measures(
        seconds=len(waveform) / sample_rate_hz,
        level_dbfs=float(_db(np.mean(np.square(centred)))),
        spread_db=float(high - low),
        sound_s=float(np.count_nonzero(levels >= QUIET_DBFS)) * FRAME_S,
        active_s=float(np.count_nonzero(levels >= levels.max() - ACTIVE_DB)) * FRAME_S,
        peak=float(np.abs(waveform).max()),
        band_hz=_band(centred, sample_rate_hz),
    )


def fault(waveform, sample_rate_hz, *, whole=True) -> str:
    """Why a waveform (N,) is unusable, as a phrase; "" if it is usable.

    A stretch of a recording (`whole=False`) is refused only for digital silence, since it may be a pause.
    """
    centred = waveform - waveform.mean(dtype="float64")
    level = float(_db(np.mean(np.square(centred))))
    if level < SILENCE_DBFS:
        constant = f" (a constant {waveform[0]:g})" if waveform[0] and np.ptp(waveform) == 0 else ""
        return f"silent throughout{constant}"
    if not whole:
        return ""
    levels = _frame_levels(centred, sample_rate_hz)
    if level < QUIET_DBFS:
        low, high = np.percentile(levels, (5, 95))
        return f"only steady noise at {level:.0f} dBFS (dither?)" if high - low < STEADY_DB else ""
    sound_s = np.count_nonzero(levels >= QUIET_DBFS) * FRAME_S
    return f"only {sound_s:.2f} s of sound (a click?), otherwise silent" if sound_s < MIN_SECONDS - FRAME_S / 2 else ""


def channel_fault(samples, mono) -> str:
    """Why the mean `mono` (N,) of the channels of samples (N, C) is unusable, as a phrase; "" if it is usable."""
    if samples.shape[1] < 2:
        return ""
    unrelated = np.var(samples, axis=0, dtype="float64").sum() / samples.shape[1] ** 2
    share = _db(np.var(mono, dtype="float64")) - _db(unrelated)
    return "its channels cancel each other (antiphase)" if share < CANCELLED_DB else ""


def doubts(measures, seen_hz=USUAL_BAND_HZ) -> list[str]:
    """The keys of `DOUBTS` that apply to a recording, for a front end that uses frequencies up to `seen_hz`."""
    holds = {
        "quiet": measures.level_dbfs < QUIET_DBFS,
        "loud": measures.peak > HIGH_PEAK,
        "little": measures.active_s < min(LITTLE_SECONDS, measures.seconds / 3),
        "band": measures.band_hz < BAND_SHARE * seen_hz,
    }
    return [kind for kind, true in holds.items() if true]


def warnings(measures_by_id, seen_hz=USUAL_BAND_HZ) -> tuple[str, ...]:
    """A sentence for each kind of doubt, with the number of affected recordings of a corpus and the first of them."""
    doubtful = {kind: [] for kind in DOUBTS}
    for name, measures in measures_by_id.items():
        for kind in doubts(measures, seen_hz):
            doubtful[kind].append(name)
    total = len(measures_by_id)
    return tuple(
        f"{len(names)} of {total} recordings {'is' if len(names) == 1 else 'are'} {DOUBTS[kind]}: {listed(names, 3)}"
        for kind, names in doubtful.items()
        if names
    )


def _db(power):
    return 10 * np.log10(np.maximum(power, 1e-300))


def _frame_levels(centred, sample_rate_hz):
    """Level of each frame of `FRAME_S`, in dB. Samples after the last full frame are left out."""
    length = min(len(centred), round(FRAME_S * sample_rate_hz))
    frames = centred[: len(centred) // length * length].reshape(-1, length)
    return _db(np.einsum("ft,ft->f", frames, frames) / length)


def _band(centred, sample_rate_hz) -> float:
    """The frequency above which the long-term spectrum stays more than `CLIFF_DB` lower, else half the sample rate."""
    length = min(len(centred), 1 << round(np.log2(0.05 * sample_rate_hz)))  # bins of about 20 Hz
    frames = centred[: len(centred) // length * length].reshape(-1, length) * np.hanning(length)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1))).mean(axis=0)
    frequencies = np.fft.rfftfreq(length, 1 / sample_rate_hz)
    spectrum, beyond = _db(power), _db(np.cumsum(power[::-1])[::-1])  # `beyond`: all the power from a frequency on
    largest = np.maximum.accumulate(spectrum[::-1])[::-1]  # from each frequency on
    best, band = CLIFF_DB, sample_rate_hz / 2
    for edge in np.arange(LOWEST_CLIFF_HZ, sample_rate_hz / 2 - 750, 250):
        behind = np.searchsorted(frequencies, edge + 500)
        fall = spectrum[(frequencies > edge - 500) & (frequencies <= edge)].mean() - largest[behind]
        if fall > best and beyond[behind] - beyond[0] < BEYOND_DB:
            best, band = fall, edge
    return float(band)
