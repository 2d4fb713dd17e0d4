"""Speed as a table, from results/bench.json."""

from experiments.evidence.benchmarks import FIELDS, TITLES, number_text, unit_text
from experiments.tables import formats

REHEARSAL = "REHEARSAL at the smallest sizes: shows that the verb runs, measures nothing"
NOTE = "Ratios come from one run that times both sides in turns. —: not measured, or no target."


def sheet(measured) -> formats.Sheet | None:
    """The table of speed, from what `read` gave; None where nothing was measured."""
    if not measured:
        return None
    made = tuple(_table(name, section) for name, section in measured.items())
    return formats.Sheet("bench", "How fast it is", made)


def _table(name, section) -> formats.Table:
    conditions = section["conditions"]
    words = [
        TITLES[name],
        f"{conditions['processor']}, {conditions['cores']} cores",
        f"{conditions['date']}, load average {conditions['load_average']} at the start",
        REHEARSAL if conditions["rehearsal"] else "",
    ]
    rows = [_row(name, entry, conditions) for entry in section["figures"]]
    commands = (("this table", conditions["command"]),)
    return formats.Table("; ".join(filter(None, words)), rows, commands, (NOTE,))


def _row(section, entry, conditions) -> formats.Row:
    shown = {
        "figure": entry["what"],
        "value": formats.NONE if entry["value"] is None else number_text(entry["value"], entry["unit"]),
        "unit": unit_text(entry) or formats.NONE,
        "target": entry["target"] or formats.NONE,
        "met": {True: "yes", False: "no", None: formats.NONE}[entry["met"]],
        "note": entry["note"] or formats.NONE,
    }
    machine = ", ".join(f"{key} {value}" for key, value in conditions.items())
    data = {"section": section} | {field: "" if entry[field] is None else entry[field] for field in FIELDS}
    return formats.Row(shown, data | {"conditions": machine})
