"""Speed as a table, from results/bench.json."""

from experiments.evidence.benchmarks import FIELDS, TITLES, number_text, unit_text
from experiments.tables import formats

REHEARSAL = "REHEARSAL at the smallest sizes: shows that the verb runs, measures nothing"
NOTE = "Ratios come from one run that times both sides in turns. —: not measured, or no target."


def sheet(measured) -> formats.Sheet | None:
    """The table of speed, from what `read` gave; None where nothing was measured."""
    if not measured:
        return None
    tables = tuple(_table(name, section) for name, section in measured.items())
    return formats.Sheet("bench", "How fast it is", tables)


def _table(name, section) -> formats.Table:
    conditions = section["conditions"]
    words = [
        TITLES[name],
        f"{conditions['processor']}, {conditions['cores']} cores",
        f"{conditions['date']}, load average {conditions['load_average']} at the start",
        REHEARSAL if conditions["rehearsal"] else "",
    ]
    machine = ", ".join(f"{key} {value}" for key, value in conditions.items())
    rows = [
        {"section": name} | {field: entry[field] for field in FIELDS} | {"conditions": machine}
        for entry in section["figures"]
    ]
    commands = (("this table", conditions["command"]),)
    return formats.Table("; ".join(filter(None, words)), rows, COLUMNS, commands, (NOTE,))


def _value(row, field) -> str:
    return formats.NONE if formats.is_missing(row[field]) else number_text(row[field], row["unit"])


COLUMNS = (
    formats.text("figure", "what"),
    formats.Column("value", "value", _value),
    formats.Column("unit", "unit", lambda row, field: unit_text(row) or formats.NONE),
    formats.text("target", "target"),
    formats.Column("met", "met", lambda row, field: {True: "yes", False: "no", None: formats.NONE}[row[field]]),
    formats.text("note", "note"),
)
