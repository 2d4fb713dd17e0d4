"""results/bench.json, written by `python -m experiments bench`. Needs neither Keras nor audio.

All figures are of one run, stored with its conditions: machine, versions, date, load. The measurements are in
experiments/benchmark.
"""

from pathlib import Path
from typing import TypedDict

from common.atomic_file import write_json
from experiments.evidence.measurements import read_measured

SCHEMA = 2
FILE = "bench.json"
FIELDS = ("quantity", "value", "unit", "target", "met", "note")
CONDITIONS = ("processor", "cores", "date", "load_average", "rehearsal")


class _Figure(TypedDict):
    quantity: str
    value: float | None
    unit: str
    target: str | None
    met: bool | None
    note: str


class _File(TypedDict):
    conditions: dict[str, str | int | float | bool | None]
    figures: list[_Figure]


def figure(quantity, value, unit, *, at_least=None, at_most=None, note="") -> dict:
    """One measured number.

    Args:
        quantity: name of the measured quantity.
        value: the number; None if it was not measured, with the reason in `note`.
        unit: of the value and of its target.
        at_least, at_most: the target, one of them or none.
        note: remark beside the value.
    """
    target = met = None
    if at_least is not None:
        target, met = f"≥ {number_text(at_least)}", value is not None and value >= at_least
    elif at_most is not None:
        target, met = f"≤ {number_text(at_most)}", value is not None and value <= at_most
    return {
        "quantity": quantity,
        "value": None if value is None else float(f"{value:.6g}"),
        "unit": unit,
        "target": target,
        "met": None if value is None else met,
        "note": note,
    }


def number_text(value) -> str:
    """1234.5 -> "1,234", 0.01234 -> "0.0123"."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def line(entry) -> str:
    """A figure as one line of text."""
    if entry["value"] is None:
        return f"{entry['quantity']}: {entry['note'] or 'not measured'}"
    words = f"{entry['quantity']}: {number_text(entry['value'])} {entry['unit']}"
    if entry["target"]:
        words += f" (target {entry['target']}: {'met' if entry['met'] else 'not met'})"
    return "; ".join(filter(None, [words, entry["note"]]))


def read(root) -> dict:
    """The measurements: {"conditions": {...}, "figures": [...]}; empty if there is no file.

    Raises:
        InputError: the file is damaged or of another version.
    """
    return read_measured(Path(root, FILE), schema=SCHEMA, kind=_File, parse=_complete, verb="bench")


def _complete(tree) -> dict:
    if not tree["figures"] or not {*CONDITIONS} <= tree["conditions"].keys():
        raise KeyError("figures or conditions")
    return {name: tree[name] for name in ("conditions", "figures")}


def keep(root, conditions, figures) -> Path:
    """Write the measurements atomically; former ones are replaced.

    Raises:
        InputError: the file cannot be written.
    """
    content = {"schema": SCHEMA, "conditions": conditions, "figures": figures}
    return write_json(Path(root, FILE), content, "choose another --results")
