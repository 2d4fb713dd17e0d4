"""Read and write results/latency.json, the output of `python -m experiments latency`. Needs neither Keras nor audio."""

from pathlib import Path
from typing import Any, NotRequired, TypedDict

from common.atomic_file import write_json
from experiments.evidence.measurements import read_measured

SCHEMA = 1
FILE = "latency.json"
SECONDS = 3.0  # of speech: the longest segment in Satt 2017, section 3.1
NUMBERS = ("features_ms", "network_ms", "real_time_factor", "multiply_accumulates")


class _Latency(TypedDict):
    """The required types for one system; further keys are allowed."""

    features_ms: float
    network_ms: float
    real_time_factor: float
    multiply_accumulates: int | None
    parameters: NotRequired[int]
    repeat: NotRequired[int]
    front_end: dict[str, Any]
    machine: dict[str, str | int | float | bool | None]


class _File(TypedDict):
    systems: dict[str, _Latency]


def read(root) -> dict[str, dict]:
    """The stored results by `paper/variant`; empty without a file.

    Raises:
        InputError: the file is damaged or of a newer version.
    """
    return read_measured(
        Path(root, FILE), schema=SCHEMA, kind=_File, parse=lambda tree: tree["systems"], verb="latency"
    )


def keep(root, measured) -> Path:
    """Add systems to the stored results, atomically; a system measured again replaces its older entry.

    Raises:
        InputError: the file is damaged, or cannot be written.
    """
    merged = dict(sorted((read(root) | measured).items()))
    return write_json(Path(root, FILE), {"schema": SCHEMA, "systems": merged}, "choose another --results")
