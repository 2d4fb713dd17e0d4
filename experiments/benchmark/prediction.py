"""Benchmark of prediction with the shipped systems: a new process, and one more recording in a running one."""

import statistics
import time

import soundfile

from common.errors import InputError
from experiments.benchmark import latency
from experiments.benchmark.timing import SUITE, attempted, child
from experiments.saved_models import models, predict

SHIPPED = SUITE / "results" / "models"
STARTS, RECORDINGS = 3, 20


def measure(folder, *, smallest=False):
    """Yield processor time and memory of `predict` on a recording of 3 s, and milliseconds of one more: the slowest.

    Args:
        folder: an empty one.
        smallest: one system, one start, one recording.
    """
    recording = folder / "speech.wav"
    soundfile.write(recording, latency.speech("neutral", 16_000), 16_000)
    systems = sorted(path.parent for path in SHIPPED.glob("*/config.json"))[: 1 if smallest else None]
    starts, recordings = (1, 1) if smallest else (STARTS, RECORDINGS)
    children = {}

    def started():
        if not systems:
            raise InputError(f"no saved system in {SHIPPED.relative_to(SUITE)}")
        for system in systems:
            command = ["-m", "experiments", "predict", system, recording]
            children[system.name] = [child(command) for _start in range(starts)]
        return _slowest({name: statistics.median(one.cpu_s or one.wall_s for one in c) for name, c in children.items()})

    def held():
        if not children:
            raise InputError("no process was started")
        return _slowest({name: statistics.median(one.peak_mib for one in c) for name, c in children.items()}, ".0f")

    def warm():
        return _slowest({system.name: _milliseconds(system, recording, recordings) for system in systems}, ".1f")

    yield attempted("predict, a fresh process: processor time", "s", started, at_most=1.5)
    yield attempted("predict, a fresh process: peak of memory", "MiB", held, at_most=200)
    if systems:
        yield attempted("predict, a recording of 3 s more: time", "ms", warm, at_most=20)


def _slowest(values, form=".2f"):
    """The largest of values by name, and a note with all of them."""
    return max(values.values()), ", ".join(f"{name} {value:{form}}" for name, value in values.items())


def _milliseconds(system, recording, count) -> float:
    """Median of reading, checking, front end, network and decision, after a first recording."""
    predictor = predict.Predictor(models.load(system))
    seconds = []
    for _recording in range(1 + count):
        begin = time.perf_counter()
        predictor.piece(recording)
        seconds.append(time.perf_counter() - begin)
    return 1000 * statistics.median(seconds[1:])
