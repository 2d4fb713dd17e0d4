"""Share of speech in the segments of a corpus: the evidence for D5."""

import numpy as np
from matplotlib.figure import Figure  # without pyplot: no window system, nothing global

from papers.lim2016.features import POWER_FLOOR, FrontEnd, cut_padding, example_starts

BELOW_LOUDEST_DB = 40.0  # a frame this far below the loudest of its recording is not speech
LITTLE = 0.25  # of a segment


def recording_figures(waveforms):
    """Share of speech in each segment: name -> (Figure, caption with numbers).

    Args:
        waveforms: function of a sample rate in Hz that yields the recordings `(N,)` of a corpus.
    """
    front_end = FrontEnd()
    shares = [speech_shares(waveform, front_end) for waveform in waveforms(front_end.sample_rate_hz)]
    flat = np.concatenate(shares)
    figure = Figure(figsize=(5.0, 3.4), layout="constrained")
    axis = figure.subplots()
    axis.hist(100 * flat, bins=np.linspace(0, 100, 21), weights=np.full(len(flat), 100 / len(flat)))
    axis.set(xlabel="frames of a segment that are speech (%)", ylabel="segments (%)")
    shows = (
        f"speech in the {len(flat):,} segments of {len(shares):,} recordings: a frame of 16 ms is speech if its level "
        f"is at most {BELOW_LOUDEST_DB:g} dB below the loudest of its recording; {100 * np.mean(flat == 0):.1f} % of "
        f"the segments contain no speech, {100 * np.mean(flat < LITTLE):.1f} % less than a quarter"
    )
    return {"speech_in_segments": (figure, shows)}


def speech_shares(waveform, front_end):
    """Share of speech in each example of `features.features`, `(N,) -> (S,)`."""
    speech = cut_padding(waveform)
    padded = np.pad(speech, (0, max(0, front_end.example_samples - len(speech))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, front_end.frame_length)[:: front_end.hop]  # (T, 256)
    levels = 10 * np.log10(np.mean(np.square(frames, dtype="float64"), axis=1) + POWER_FLOOR)  # (T,)
    loud = levels > levels.max() - BELOW_LOUDEST_DB
    starts = example_starts(len(frames), front_end)
    return np.array([loud[start : start + front_end.example_frames].mean() for start in starts])
