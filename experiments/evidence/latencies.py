"""results/latency.json, as `python -m experiments latency` wrote it. Needs neither Keras nor audio."""

from pathlib import Path

from common.atomic_file import write_json
from experiments.evidence.measurements import read_measured

SCHEMA = 1
FILE = "latency.json"
SECONDS = 3.0  # of speech: the longest part of Satt 2017, section 3.1
NUMBERS = ("features_ms", "network_ms", "real_time_factor", "multiply_accumulates")


def read(root) -> dict[str, dict]:
    """What was measured, by `paper/variant`; nothing where nothing was.

    Raises:
        InputError: the file is damaged or of a newer version.
    """
    return read_measured(Path(root, FILE), schema=SCHEMA, parse=_systems, verb="latency")


def _systems(tree) -> dict[str, dict]:
    systems = dict(tree["systems"])
    if lacking := [name for name, entry in systems.items() if not {*NUMBERS, "front_end"} <= entry.keys()]:
        raise KeyError(f"{lacking[0]} lacks a number")
    return systems


def keep(root, measured) -> Path:
    """Add to what was measured, in one step; a system measured again replaces its older entry.

    Raises:
        InputError: the file is damaged, or cannot be written.
    """
    merged = dict(sorted((read(root) | measured).items()))
    return write_json(Path(root, FILE), {"schema": SCHEMA, "systems": merged}, "choose another --results")
