"""Benchmark of the 34 features of section 2.2 against pyAudioAnalysis, which the authors used."""

import warnings

from papers.chernykh2018.short_term import short_term

LIBRARY, LEAST = "pyAudioAnalysis, 34 features", 8  # name in `bench`, and target ratio


def ways(waveforms, front_end):
    """Functions of no argument, `library` and `ours`, that return the features of all waveforms.

    Args:
        waveforms: mono at the front end's rate, each at least one frame long.
        front_end: frames and quirks.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports a deprecated name of scipy.fftpack
        from pyAudioAnalysis import ShortTermFeatures

    rate, window, step = front_end.sample_rate_hz, front_end.window, front_end.step
    library = ShortTermFeatures.feature_extraction
    return {
        "library": lambda: [library(w * 32768.0, rate, window, step, deltas=False) for w in waveforms],
        "ours": lambda: [short_term(w, rate, window=window, step=step, quirks=front_end.quirks) for w in waveforms],
    }
