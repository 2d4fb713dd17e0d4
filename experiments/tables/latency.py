"""Latency beside what the records give: columns of the tables of systems and of costs."""

import dataclasses

from experiments.evidence.latencies import NUMBERS
from experiments.tables import formats

NOTE = (
    "ms: from a 3-second recording to its posteriors, one thread, untrained weights, without the start of the process; "
    "the front end (a frozen network included) + the network and its decision. Real-time factor: that over 3 s. MAC: "
    "multiply-accumulates of convolutions, dense and recurrent layers, two floating-point operations each. "
    "—: not measured (python -m experiments latency), or the front end is another than the measured one."
)
MS, FACTOR, MAC = "ms a 3-s recording", "real-time factor", "million MAC"


def of(system, measured) -> dict | None:
    """What was measured of a system; None where nothing was, or with another front end than that of its records.

    Preset `quick` trains the measured network for fewer epochs; that of `smoke` may be a smaller one.
    """
    entry = measured.get(system.name)
    if entry is None or system.preset == "smoke":
        return None
    recorded, timed = system.records[0].recipe.get("front_end", {}), entry["front_end"]
    return entry if all(recorded[name] == timed[name] for name in recorded.keys() & timed.keys()) else None


def beside_scores(sheet, systems, measured) -> formats.Sheet:
    """The systems table, a row for each system and rule, with the milliseconds beside the accuracies."""
    note = f"{MS}: of the front end + of the network and its decision; the table of costs says how it is measured."
    return _joined(sheet, [system for system in systems for _rule in system.rules], measured, (MS,), note)


def beside_cost(sheet, systems, measured) -> formats.Sheet:
    """The cost table, a row for each system, with all that was measured."""
    return _joined(sheet, systems, measured, (MS, FACTOR, MAC), NOTE)


def _joined(sheet, systems, measured, headings, note):
    (table,) = sheet.tables
    made = []
    for row, system in zip(table.rows, systems, strict=True):
        entry = of(system, measured)
        cells = _cells(entry)
        made.append(formats.Row(row.shown | {name: cells[name] for name in headings}, row.data | _fields(entry)))
    return dataclasses.replace(sheet, tables=(dataclasses.replace(table, rows=made, notes=(*table.notes, note)),))


def _cells(entry) -> dict[str, str]:
    if entry is None:
        return dict.fromkeys((MS, FACTOR, MAC), formats.NONE)
    features, network, factor, operations = (entry[name] for name in NUMBERS)
    return {
        MS: f"{features + network:.1f} ({features:.1f} + {network:.1f})",
        FACTOR: f"{factor:.2g}",
        MAC: formats.NONE if operations is None else f"{operations / 1e6:,.1f}",
    }


def _fields(entry) -> dict:
    values = dict.fromkeys(NUMBERS, "") if entry is None else {name: entry[name] for name in NUMBERS}
    machine = entry["machine"] if entry else {}
    return values | {"latency_machine": ", ".join(f"{key} {value}" for key, value in machine.items())}
