"""Speed in tables: results/bench.json, as `python -m experiments bench` wrote it. Needs neither Keras nor audio.

A section is measured whole, in one run; what it was measured under (machine, versions, date, load) stands beside its
figures. The measuring is in bench_*.py.
"""

from pathlib import Path

from experiments import tables
from experiments.whole_file import read_measured, write_json

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
REHEARSAL = "REHEARSAL at the smallest sizes: shows that the verb runs, measures nothing"
NOTE = "Ratios come from one run that times both sides in turns. —: not measured, or no target."
FIELDS = ("what", "value", "unit", "target", "met", "note")
CONDITIONS = ("processor", "cores", "date", "load_average", "rehearsal", "command")


def figure(what, value, unit, *, at_least=None, at_most=None, note="") -> dict:
    """One measured number.

    Args:
        what: it is of, and what it is.
        value: the number; None where it was not measured, and `note` says why.
        unit: of the value and of its target; `SHARE` is a fraction.
        at_least, at_most: the target, one of them or none.
        note: what a reader must know.
    """
    target = met = None
    if at_least is not None:
        target, met = f"≥ {_number(at_least, unit)}", value is not None and value >= at_least
    elif at_most is not None:
        target, met = f"≤ {_number(at_most, unit)}", value is not None and value <= at_most
    return {
        "what": what,
        "value": None if value is None else float(f"{value:.6g}"),
        "unit": unit,
        "target": target,
        "met": None if value is None else met,
        "note": note,
    }


def _number(value, unit) -> str:
    """0.65 of a share -> "65", 1234.5 -> "1,234", 0.01234 -> "0.0123"."""
    scaled = 100 * value if unit == SHARE else value
    return f"{scaled:,.0f}" if abs(scaled) >= 1000 else f"{scaled:.3g}"


def line(entry) -> str:
    """A figure as the verb prints it."""
    if entry["value"] is None:
        return f"{entry['what']}: {entry['note'] or 'not measured'}"
    words = f"{entry['what']}: {_number(entry['value'], entry['unit'])} {_unit(entry)}".strip()
    if entry["target"]:
        per_cent = " %" if entry["unit"] == SHARE else ""
        words += f" (target {entry['target']}{per_cent}: {'met' if entry['met'] else 'not met'})"
    return "; ".join(filter(None, [words, entry["note"]]))


def _unit(entry) -> str:
    return "%" if entry["unit"] == SHARE else entry["unit"]


def read(root) -> dict[str, dict]:
    """What was measured: section -> {"conditions": {...}, "figures": [...]}; nothing where nothing was.

    Raises:
        InputError: the file is damaged or of another version.
    """
    return read_measured(Path(root, FILE), schema=SCHEMA, parse=_sections, verb="bench")


def _sections(tree) -> dict[str, dict]:
    sections = {name: tree["sections"][name] for name in TITLES if name in tree["sections"]}
    for name, section in sections.items():
        if not section["figures"] or not {*CONDITIONS} <= section["conditions"].keys():
            raise KeyError(f"{name} lacks figures or conditions")
        if lacking := [entry for entry in section["figures"] if not {*FIELDS} <= entry.keys()]:
            raise KeyError(f"{lacking[0]} lacks a field")
    return sections


def keep(root, sections) -> Path:
    """Add sections to what was measured, in one step; one that is measured again replaces its older self.

    Raises:
        InputError: the file is damaged, or cannot be written.
    """
    merged = read(root) | sections
    ordered = {name: merged[name] for name in TITLES if name in merged}
    return write_json(Path(root, FILE), {"schema": SCHEMA, "sections": ordered}, "choose another --results")


def sheet(measured) -> tables.Sheet | None:
    """The table of speed, from what `read` gave; None where nothing was measured."""
    if not measured:
        return None
    made = tuple(_table(name, section) for name, section in measured.items())
    return tables.Sheet("bench", "How fast it is", made)


def _table(name, section) -> tables.Table:
    conditions = section["conditions"]
    words = [
        TITLES[name],
        f"{conditions['processor']}, {conditions['cores']} cores",
        f"{conditions['date']}, load average {conditions['load_average']} at the start",
        REHEARSAL if conditions["rehearsal"] else "",
    ]
    rows = [_row(name, entry, conditions) for entry in section["figures"]]
    commands = (("this table", conditions["command"]),)
    return tables.Table("; ".join(filter(None, words)), rows, commands, (NOTE,))


def _row(section, entry, conditions) -> tables.Row:
    shown = {
        "figure": entry["what"],
        "value": tables.NONE if entry["value"] is None else _number(entry["value"], entry["unit"]),
        "unit": _unit(entry) or tables.NONE,
        "target": entry["target"] or tables.NONE,
        "met": {True: "yes", False: "no", None: tables.NONE}[entry["met"]],
        "note": entry["note"] or tables.NONE,
    }
    machine = ", ".join(f"{key} {value}" for key, value in conditions.items())
    data = {"section": section} | {field: "" if entry[field] is None else entry[field] for field in FIELDS}
    return tables.Row(shown, data | {"conditions": machine})
