"""The 34 features of 2.2 beside pyAudioAnalysis, which computed the authors' own."""

import warnings

from papers.chernykh2018.short_term import short_term

LIBRARY, LEAST = "pyAudioAnalysis, 34 features", 8  # how `bench` names it, and what is wanted


def ways(waveforms, front_end):
    """Functions of no argument, `library` and `ours`, that return the features of all waveforms.

    Args:
        waveforms: mono at the front end's rate, each at least one frame long.
        front_end: frames and quirks.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports scipy.fftpack by a deprecated name
        from pyAudioAnalysis import ShortTermFeatures

    rate, window, step = front_end.sample_rate_hz, front_end.window, front_end.step
    library = ShortTermFeatures.feature_extraction
    return {
        "library": lambda: [library(w * 32768.0, rate, window, step, deltas=False) for w in waveforms],
        "ours": lambda: [short_term(w, rate, window=window, step=step, quirks=front_end.quirks) for w in waveforms],
    }
