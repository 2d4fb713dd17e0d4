"""Latency beside what the records give: columns of the tables of systems and of costs."""

import dataclasses

import pandas as pd

from experiments.evidence.latencies import NUMBERS
from experiments.tables import formats

NOTE = (
    "ms: from a 3-second recording to its posteriors, one thread, untrained weights, without the start of the process; "
    "the front end (a frozen network included) + the network and its decision. Real-time factor: that over 3 s. MAC: "
    "multiply-accumulates of convolutions, dense and recurrent layers, two floating-point operations each. "
    "—: not measured (python -m experiments latency), or the front end is another than the measured one."
)
MS = "ms a 3-s recording"


def latency_of(system, measured) -> dict | None:
    """What was measured of a system; None where nothing was, or with another front end than that of its records.

    Preset `quick` trains the measured network for fewer epochs; that of `smoke` may be a smaller one.
    """
    entry = measured.get(system.name)
    if entry is None or system.preset == "smoke":
        return None
    recorded, timed = system.records[0].recipe.get("front_end", {}), entry["front_end"]
    return entry if all(recorded[name] == timed[name] for name in recorded.keys() & timed.keys()) else None


def _milliseconds(row, field) -> str:
    features, network = row[field], row["network_ms"]
    if formats.is_missing(features):
        return formats.NONE
    return f"{features + network:.1f} ({features:.1f} + {network:.1f})"


def _factor(row, field) -> str:
    return formats.NONE if formats.is_missing(row[field]) else f"{row[field]:.2g}"


def _millions(row, field) -> str:
    return formats.NONE if formats.is_missing(row[field]) else f"{row[field] / 1e6:,.1f}"


IN_MS = formats.Column(MS, "features_ms", _milliseconds)
COLUMNS = (
    IN_MS,
    formats.Column("real-time factor", "real_time_factor", _factor),
    formats.Column("million MAC", "multiply_accumulates", _millions),
)


def beside_scores(sheet, systems, measured) -> formats.Sheet:
    """The systems table, a row for each system and rule, with the milliseconds beside the accuracies."""
    note = f"{MS}: of the front end + of the network and its decision; the table of costs says how it is measured."
    return _joined(sheet, [system for system in systems for _rule in system.rules], measured, (IN_MS,), note)


def beside_cost(sheet, systems, measured) -> formats.Sheet:
    """The cost table, a row for each system, with all that was measured."""
    return _joined(sheet, systems, measured, COLUMNS, NOTE)


def _joined(sheet, systems, measured, columns, note):
    (table,) = sheet.tables
    frame = pd.concat(
        [table.frame, pd.DataFrame([_fields(latency_of(s, measured)) for s in systems], dtype=object)], axis=1
    )
    joined = table.changed(rows=frame, columns=(*table.columns, *columns), notes=(*table.notes, note))
    return dataclasses.replace(sheet, tables=(joined,))


def _fields(entry) -> dict:
    values = {name: entry and entry[name] for name in NUMBERS}
    machine = entry["machine"] if entry else {}
    return values | {"latency_machine": ", ".join(f"{key} {value}" for key, value in machine.items())}
