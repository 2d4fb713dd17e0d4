"""Benchmark of features against a library that computes the same, from each paper's `benchmark.py`."""

import threadpoolctl

from experiments import catalog
from experiments.benchmark import latency
from experiments.benchmark.timing import in_turns, speed_up
from experiments.evidence.benchmarks import figure

RECORDINGS, ROUNDS = 8, 5


def measure(folder, *, smallest=False):
    """Yield the speed of each paper's features over its reference library on one core.

    Args:
        folder: not used.
        smallest: one recording, one round.
    """
    count, rounds = (1, 1) if smallest else (RECORDINGS, ROUNDS)
    emotions = latency.CLASSES * count
    for paper in map(catalog.paper, catalog.NAMES):
        if benchmark := paper.optional("benchmark"):
            front_end = paper.RECIPES[paper.COMPARED[0]]["paper"].front_end
            said = [latency.speech(emotions[i], front_end.sample_rate_hz, seed=i) for i in range(count)]
            with threadpoolctl.threadpool_limits(1):
                seconds = in_turns(benchmark.ways(said, front_end), rounds)
            yield figure(
                f"features: speed over {benchmark.LIBRARY}",
                speed_up(seconds["library"], seconds["ours"]),
                "times",
                at_least=benchmark.LEAST,
                note=f"{paper.name}, {count} synthetic recordings of {latency.SECONDS:g} s, one core",
            )
