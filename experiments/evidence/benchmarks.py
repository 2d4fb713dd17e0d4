"""Read and write results/bench.json, the output of `python -m experiments bench`. Needs neither Keras nor audio.

A section is always measured in one run; its conditions (machine, versions, date, load) are stored with its figures. The
measurements themselves are in experiments/benchmark.
"""

from pathlib import Path
from typing import TypedDict

from common.atomic_file import write_json
from experiments.evidence.measurements import read_measured

SCHEMA = 1
FILE = "bench.json"
SHARE = "share"  # a unit: fractions in files, per cent in tables
TITLES = {
    "training": "Training, all cores together",
    "features": "Features, one core",
    "batches": "Batches of similar length (Ma 2018, section 4.1)",
    "overhead": "Overhead of the suite around its fits",
    "memory": "Memory and size",
    "prediction": "Prediction, one recording of 3 seconds, one thread",
}
FIELDS = ("what", "value", "unit", "target", "met", "note")
CONDITIONS = ("processor", "cores", "date", "load_average", "rehearsal", "command")


_Figure = TypedDict(  # noqa: UP013 (no variable may be called what, the field is)
    "_Figure",
    {"what": str, "value": float | None, "unit": str, "target": str | None, "met": bool | None, "note": str},
)


class _Section(TypedDict):
    conditions: dict[str, str | int | float | bool | None]
    figures: list[_Figure]


class _File(TypedDict):
    sections: dict[str, _Section]


def figure(quantity, value, unit, *, at_least=None, at_most=None, note="") -> dict:
    """One measured number.

    Args:
        quantity: name of the measured quantity, including its subject.
        value: the number; None if it was not measured, with the reason in `note`.
        unit: of the value and of its target; `SHARE` is a fraction.
        at_least, at_most: the target; at most one of them.
        note: conditions of the measurement.
    """
    target = met = None
    if at_least is not None:
        target, met = f"≥ {number_text(at_least, unit)}", value is not None and value >= at_least
    elif at_most is not None:
        target, met = f"≤ {number_text(at_most, unit)}", value is not None and value <= at_most
    return {
        "what": quantity,
        "value": None if value is None else float(f"{value:.6g}"),
        "unit": unit,
        "target": target,
        "met": None if value is None else met,
        "note": note,
    }


def number_text(value, unit) -> str:
    """A value as text: 0.65 as a share -> "65", 1234.5 -> "1,234", 0.01234 -> "0.0123"."""
    scaled = 100 * value if unit == SHARE else value
    return f"{scaled:,.0f}" if abs(scaled) >= 1000 else f"{scaled:.3g}"


def line(entry) -> str:
    """A figure as the verb prints it."""
    if entry["value"] is None:
        return f"{entry['what']}: {entry['note'] or 'not measured'}"
    words = f"{entry['what']}: {number_text(entry['value'], entry['unit'])} {unit_text(entry)}".strip()
    if entry["target"]:
        per_cent = " %" if entry["unit"] == SHARE else ""
        words += f" (target {entry['target']}{per_cent}: {'met' if entry['met'] else 'not met'})"
    return "; ".join(filter(None, [words, entry["note"]]))


def unit_text(entry) -> str:
    return "%" if entry["unit"] == SHARE else entry["unit"]


def read(root) -> dict[str, dict]:
    """The stored results: section -> {"conditions": {...}, "figures": [...]}; empty without a file.

    Raises:
        InputError: the file is damaged or of another version.
    """
    return read_measured(Path(root, FILE), schema=SCHEMA, kind=_File, parse=_sections, verb="bench")


def _sections(tree) -> dict[str, dict]:
    sections = {name: tree["sections"][name] for name in TITLES if name in tree["sections"]}
    for name, section in sections.items():
        if not section["figures"] or not {*CONDITIONS} <= section["conditions"].keys():
            raise KeyError(f"{name} lacks figures or conditions")
    return sections


def keep(root, sections) -> Path:
    """Add sections to the stored results, atomically; a section measured again replaces its older results.

    Raises:
        InputError: the file is damaged, or cannot be written.
    """
    merged = read(root) | sections
    ordered = {name: merged[name] for name in TITLES if name in merged}
    return write_json(Path(root, FILE), {"schema": SCHEMA, "sections": ordered}, "choose another --results")
