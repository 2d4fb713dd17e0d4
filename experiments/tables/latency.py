"""Latency beside what the records give: a column of the table of costs."""

import dataclasses

import pandas as pd

from experiments.evidence.latencies import NUMBERS
from experiments.tables import formats

NOTE = (
    "ms: one 3-second recording to its posteriors, one thread (front end + network); — is not measured "
    "(python -m experiments latency)."
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


IN_MS = formats.Column(MS, "features_ms", _milliseconds)


def beside_cost(sheet, systems, measured) -> formats.Sheet:
    """The cost table, a row for each system, with its latency; operations and real-time factor are in the CSV."""
    (table,) = sheet.tables
    frame = pd.concat(
        [table.frame, pd.DataFrame([_fields(latency_of(s, measured)) for s in systems], dtype=object)], axis=1
    )
    joined = table.changed(rows=frame, columns=(*table.columns, IN_MS), notes=(*table.notes, NOTE))
    return dataclasses.replace(sheet, tables=(joined,))


def _fields(entry) -> dict:
    values = {name: entry and entry[name] for name in NUMBERS}
    machine = entry["machine"] if entry else {}
    return values | {"latency_machine": ", ".join(f"{key} {value}" for key, value in machine.items())}
