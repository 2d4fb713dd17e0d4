"""Measurements for the sections of `bench`: interleaved timing, timing of new processes, and the conditions."""

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
from experiments.runs import train_fold

SUITE = Path(__file__).resolve().parents[2]
SAMPLED_EVERY_S = 0.05


def conditions(rehearsal) -> dict:
    """Conditions of a section's figures: the environment as in records, cores, date and load."""
    backend.start()  # imports TensorFlow without its messages, before `environment` reads its version
    load = [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None
    return train_fold.environment() | {
        "cores": os.cpu_count(),
        "date": datetime.date.today().isoformat(),
        "load_average": load[0] if load else "unknown",  # over the last minute
        "rehearsal": rehearsal,
    }


def in_turns(functions, rounds) -> dict[str, list[float]]:
    """Seconds of each function in each round; the functions alternate, so that a busy moment affects all of them.

    A warm-up round is not counted.
    """
    seconds = {name: [] for name in functions}
    for _round in range(1 + rounds):
        for name, function in functions.items():
            begin = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - begin)
    return {name: values[1:] for name, values in seconds.items()}


def speed_up(slow, fast) -> float:
    """The factor of speed: the median over rounds of `slow / fast`."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


class Child(NamedTuple):
    """Cost and output of a process and its children."""

    wall_s: float
    cpu_s: float | None  # None if the system does not provide it
    peak_mib: float  # of the sum of resident sizes; shared memory counts for each process
    output: str


def child(arguments, *, environment=None) -> Child:
    """Run `python ARGUMENTS` in the suite's folder, in a fresh process.

    Raises:
        InputError: its exit status is not 0.
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
        last = (output.strip().splitlines() or ["no output"])[-1]
        raise InputError(f"`{' '.join(map(str, arguments))}` ended with status {process.returncode}: {last}")
    cpu_after = _cpu_of_children()
    return Child(wall_s, None if cpu_after is None else cpu_after - cpu_before, peaks[0] / 2**20, output)


def _sample(process, peaks):
    """Record the largest sum of resident sizes of a process and its descendants, in bytes, until it ends."""
    while process.returncode is None:
        try:
            root = psutil.Process(process.pid)
            family = [root, *root.children(recursive=True)]
            peaks[0] = max(peaks[0], sum(member.memory_info().rss for member in family))
        except psutil.Error:  # one of them ended in the meantime
            pass
        time.sleep(SAMPLED_EVERY_S)


def _cpu_of_children() -> float | None:
    """Processor seconds of all ended child processes and their descendants."""
    if os.name != "posix":
        return None
    import resource

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
