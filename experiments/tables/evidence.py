"""Tables of other evidence than records: the audit of our folds, benchmarks, latency."""

import dataclasses
import json

import pandas as pd

from experiments.evaluation.system_results import ranges
from experiments.evidence.benchmarks import FIELDS, number_text
from experiments.evidence.latencies import NUMBERS
from experiments.tables import formats

# results/audit.json

AUDIT_KINDS = {"speaker": "shared test speakers", "text": "shared test sentences"}
AUDIT_WORDS = {"empty": "no validation part"}
AUDIT_NOTE = (
    "Shared: test speakers or sentences that are also in training or validation: largest number in a fold (number of "
    "folds, level). WARN for speakers: the protocol does not claim speaker independence; leaky protocols FAIL on "
    "purpose. Class: a part lacks a class."
)
AUDIT_COMMAND = "python -m experiments audit --keep results"


def audit_sheet(audits) -> formats.Sheet | None:
    """One table per corpus variant, with one row for folds shared by several systems; refused folds are left out."""
    by_corpus = {}
    for audited in audits:
        if not audited["refused"]:
            by_corpus.setdefault(audited["corpus_variant"], []).append(audited)
    tables = tuple(_audit_table(corpus, members) for corpus, members in sorted(by_corpus.items()))
    return formats.Sheet("audit", "Leakage audit of our folds", tables) if tables else None


def _audit_table(corpus, audits) -> formats.Table:
    alike = {}
    for audited in audits:
        same = json.dumps([audited[name] for name in ("protocol", "num_folds", "verdict", "kinds")], sort_keys=True)
        alike.setdefault(same, []).append(audited)
    rows = [_audit_row(corpus, members) for members in alike.values()]
    return formats.Table(f"Folds on {corpus}", rows, AUDIT_COLUMNS, (("audit", AUDIT_COMMAND),), (AUDIT_NOTE,))


def _audit_row(corpus, members) -> dict:
    audited = members[0]
    kinds = audited["kinds"]
    others = [
        AUDIT_WORDS.get(kind) or f"{kind}: {_most_in_words(**seen)}"
        for kind, seen in kinds.items()
        if kind not in AUDIT_KINDS
    ]
    row = {
        "corpus_variant": corpus,
        "protocol": audited["protocol"],
        "systems": ", ".join(dict.fromkeys(member["system"] for member in members)),
        "folds": audited["num_folds"],
        "seeds": ranges({member.get("seed", 0) for member in members}),
        "verdict": audited["verdict"],
    }
    for field in ("most", "folds"):
        row |= {f"{kind}_{field}": kinds.get(kind, {}).get(field, 0) for kind in AUDIT_KINDS}
    levels = {f"{kind}_level": kinds.get(kind, {}).get("level", "") for kind in AUDIT_KINDS}
    return row | {"else": "; ".join(others)} | levels


def _most_in_words(most, folds, level) -> str:
    return f"{most} ({folds} fold{'s' if folds > 1 else ''}, {level})"


def _audit_cell(row, kind) -> str:
    folds = row[f"{kind}_folds"]
    return _most_in_words(row[f"{kind}_most"], folds, row[f"{kind}_level"]) if folds else "none"


def _audited_systems(row, field) -> str:
    """The first system and the number of others with the same folds; the CSV lists all."""
    first, *more = row[field].split(", ")
    return f"{first} and {len(more)} more" if more else first


AUDIT_COLUMNS = (
    formats.text("protocol", "protocol"),
    formats.Column("systems", "systems", _audited_systems),
    formats.Column("folds", "folds", lambda row, field: f"{row[field]}, seeds {row['seeds']}"),
    formats.text("verdict", "verdict"),
    *(formats.Column(heading, kind, _audit_cell) for kind, heading in AUDIT_KINDS.items()),
    formats.text("else", "else", none="none"),
)


# results/bench.json

REHEARSAL = "TEST RUN at the smallest sizes: the values are meaningless"
BENCH = "python -m experiments bench"
SPEED_NOTE = "Both sides of a ratio are timed alternately in one run. —: not measured, or no target."


def speed_sheet(measured) -> formats.Sheet | None:
    """The benchmark tables, from the result of benchmarks.read; None if it is empty."""
    if not measured:
        return None
    conditions = measured["conditions"]
    words = [
        f"{conditions['processor']}, {conditions['cores']} cores",
        f"{conditions['date']}, load average {conditions['load_average']} at the start",
        REHEARSAL if conditions["rehearsal"] else "",
    ]
    machine = ", ".join(f"{key} {value}" for key, value in conditions.items())
    rows = [{field: entry[field] for field in FIELDS} | {"conditions": machine} for entry in measured["figures"]]
    commands = (("this table", BENCH),)
    table = formats.Table("; ".join(filter(None, words)), rows, SPEED_COLUMNS, commands, (SPEED_NOTE,))
    return formats.Sheet("bench", "How fast it is", (table,))


def _measured_value(row, field) -> str:
    return formats.NONE if formats.is_missing(row[field]) else number_text(row[field])


SPEED_COLUMNS = (
    formats.text("figure", "quantity"),
    formats.Column("value", "value", _measured_value),
    formats.text("unit", "unit"),
    formats.text("target", "target"),
    formats.Column("met", "met", lambda row, field: {True: "yes", False: "no", None: formats.NONE}[row[field]]),
    formats.text("note", "note"),
)


# results/latency.json

LATENCY_NOTE = (
    "ms: from a 3-second recording to posteriors on one thread (front end + network); —: not measured "
    "(python -m experiments latency)."
)
MS = "ms per 3-s recording"


def latency_of(system, measured) -> dict | None:
    """The latency of a system; None if it was not measured, or with another front end than in its records.

    Preset `quick` has the same network as the measured one; that of `smoke` may be smaller.
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
    """The cost table with a latency column; operations and real-time factor are in the CSV."""
    (table,) = sheet.tables
    frame = pd.concat(
        [table.frame, pd.DataFrame([_latency_fields(latency_of(s, measured)) for s in systems], dtype=object)], axis=1
    )
    joined = table.changed(rows=frame, columns=(*table.columns, IN_MS), notes=(*table.notes, LATENCY_NOTE))
    return dataclasses.replace(sheet, tables=(joined,))


def _latency_fields(entry) -> dict:
    values = {name: entry and entry[name] for name in NUMBERS}
    machine = entry["machine"] if entry else {}
    return values | {"latency_machine": ", ".join(f"{key} {value}" for key, value in machine.items())}
