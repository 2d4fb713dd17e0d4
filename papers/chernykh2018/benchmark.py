"""How fast the 34 features are: `python -m papers.chernykh2018.benchmark FOLDER` over the recordings of a folder.

Timed in one run, in turns, on one core: pyAudioAnalysis; `short_term`; and the floor, the FFTs of the same frames
alone, one call of `numpy.fft.rfft` a recording. That call fetches memory for its result, which `short_term` keeps
between calls; so the FFTs into memory that is kept are timed too.
"""

import argparse
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
import threadpoolctl

from common.features import audio
from papers.chernykh2018.features import FrontEnd
from papers.chernykh2018.short_term import short_term

SUFFIXES = (".wav", ".flac")
FIGURE, LEAST = "34 features over pyAudioAnalysis", 8  # how the bench names it, and what is wanted


def compare(waveforms, *, front_end=None, rounds=7) -> dict[str, float]:
    """Seconds for all waveforms by what was timed: `library`, `ours`, `ffts`, `ffts_kept`; the median over the rounds.

    Args:
        waveforms: mono at the front end's rate, each at least one frame long.
        front_end: frames and quirks, the library's by default.
        rounds: how often each is timed; they take turns, so that a busy moment meets all of them.
    """
    front_end = front_end or FrontEnd()
    library = _library()
    frame = {"window": front_end.window, "step": front_end.step}
    rate = front_end.sample_rate_hz
    frames = [_frames(w.astype("float64"), **frame) for w in waveforms]
    kept = np.empty((max(len(f) for f in frames), front_end.window // 2 + 1), dtype="complex128")
    timed = {
        "library": lambda: [library(w * 32768.0, rate, *frame.values(), deltas=False) for w in waveforms],
        "ours": lambda: [short_term(w, rate, **frame, quirks=front_end.quirks) for w in waveforms],
        "ffts": lambda: [np.fft.rfft(f) for f in frames],
        "ffts_kept": lambda: [np.fft.rfft(f, out=kept[: len(f)]) for f in frames],
    }
    seconds = {name: [] for name in timed}
    with threadpoolctl.threadpool_limits(1):
        for _ in range(rounds + 1):
            for name, function in timed.items():
                begin = time.perf_counter()
                function()
                seconds[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}  # the first round warms up


def _library():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports scipy.fftpack by a deprecated name
        from pyAudioAnalysis import ShortTermFeatures
    return ShortTermFeatures.feature_extraction


def _frames(waveform, *, window, step):
    return np.lib.stride_tricks.sliding_window_view(waveform, window)[::step]


def main():
    """Print the times and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=60, help="how many recordings, evenly drawn (default 60)")
    options = parser.parse_args()
    front_end = FrontEnd()
    paths = sorted(path for path in options.folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        parser.error(f"{options.folder} holds no {' or '.join(SUFFIXES)} file; name a folder with recordings")
    chosen = paths[:: max(1, len(paths) // options.files)][: options.files]
    waveforms = [audio.read(path, sample_rate_hz=front_end.sample_rate_hz)[0] for path in chosen]
    duration = sum(len(w) for w in waveforms) / front_end.sample_rate_hz
    seconds = compare([w for w in waveforms if len(w) >= front_end.window], front_end=front_end)
    print(f"{len(chosen)} recordings, {duration:.1f} s of audio, one core")
    for name, value in seconds.items():
        print(f"{name:9} {1000 * value / duration:7.3f} ms a second of audio, {duration / value:6.0f} times real time")
    print(f"library / ours = {seconds['library'] / seconds['ours']:.1f}, at least {LEAST} wanted")
    print(f"ours / ffts = {seconds['ours'] / seconds['ffts']:.2f}, at most 2 wanted")
    print(f"ours / ffts_kept = {seconds['ours'] / seconds['ffts_kept']:.2f}")


if __name__ == "__main__":
    main()
