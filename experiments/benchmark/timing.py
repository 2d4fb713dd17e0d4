"""Measurements for `bench`: alternating timings, new processes, and the conditions of a run."""

import datetime
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from common.errors import InputError
from common.learning import backend
from experiments.evidence.benchmarks import figure
from experiments.runs import train_fold

SUITE = Path(__file__).resolve().parents[2]
SAMPLED_EVERY_S = 0.05


def conditions(rehearsal) -> dict:
    """The conditions of a run: environment as in records, cores, date and load."""
    backend.start()  # quietly, before what asks it for its version
    load = [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None
    return train_fold.environment() | {
        "cores": os.cpu_count(),
        "date": datetime.date.today().isoformat(),
        "load_average": load[0] if load else "unknown",  # over the last minute
        "rehearsal": rehearsal,
    }


def attempted(quantity, unit, function, **target) -> dict:
    """The figure that a function measures; without value, and with the error as note, if it raises InputError.

    Args:
        quantity, unit, target: as for `evidence.benchmarks.figure`.
        function: of no argument, returns value and note.
    """
    try:
        value, note = function()
    except InputError as error:
        value, note = None, f"not measured: {error}"
    return figure(quantity, value, unit, note=note, **target)


def in_turns(functions, rounds) -> dict[str, list[float]]:
    """Seconds of each function in each round; functions alternate, so that a busy moment affects all of them.

    A round before the first warms up and does not count.
    """
    seconds = {name: [] for name in functions}
    for _round in range(1 + rounds):
        for name, function in functions.items():
            begin = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - begin)
    return {name: values[1:] for name, values in seconds.items()}


def speed_up(slow, fast) -> float:
    """How many times as fast: the median over the rounds of `slow / fast`, each of one round."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


class Child(NamedTuple):
    """Resources used by a process and its children."""

    wall_s: float
    cpu_s: float | None  # None where the system does not tell
    peak_mib: float  # of all resident sizes together; memory that processes share counts in each
    output: str


def child(arguments, *, environment=None) -> Child:
    """Run `python ARGUMENTS` in the suite's folder, in a fresh process.

    Raises:
        InputError: it ended with another status than 0.
    """
    cpu_before = _cpu_of_children()
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=SUITE,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    peaks = [0]
    sampler = threading.Thread(target=_sample, args=(process, peaks), daemon=True)
    sampler.start()
    try:
        output, _ = process.communicate()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    wall_s = time.perf_counter() - begin
    sampler.join()
    if process.returncode:
        last = (output.strip().splitlines() or ["no word"])[-1]
        raise InputError(f"`{' '.join(map(str, arguments))}` ended with status {process.returncode}: {last}")
    cpu_after = _cpu_of_children()
    return Child(wall_s, None if cpu_after is None else cpu_after - cpu_before, peaks[0] / 2**20, output)


def _sample(process, peaks):
    """Keep the largest sum of the resident sizes of a process and its descendants, in bytes, until it ends."""
    while process.returncode is None:
        try:
            root = psutil.Process(process.pid)
            family = [root, *root.children(recursive=True)]
            peaks[0] = max(peaks[0], sum(member.memory_info().rss for member in family))
        except psutil.Error:  # a process has ended meanwhile
            pass
        time.sleep(SAMPLED_EVERY_S)


def _cpu_of_children() -> float | None:
    """Seconds of all child processes that have ended, theirs included."""
    if os.name != "posix":
        return None
    import resource

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
