"""The audits of our folds as a table, from results/audit.json."""

import json

from experiments.tables import formats

COLUMNS = {"speaker": "test speakers elsewhere", "text": "test sentences elsewhere"}
WORDS = {"empty": "no validation part"}
NOTE = (
    "Elsewhere: test speakers or sentences that training or validation also has: most in a fold, and the folds. WARN "
    "for speakers: the protocol does not separate speakers. Class: a part lacks a class."
)
KEEP = "python -m experiments audit --keep results"


def sheet(audits) -> formats.Sheet | None:
    """One table per corpus variant: a row for folds that several systems share, folds refused left out."""
    by_corpus = {}
    for audited in audits:
        if not audited["refused"]:
            by_corpus.setdefault(audited["corpus_variant"], []).append(audited)
    tables = tuple(_table(corpus, members) for corpus, members in sorted(by_corpus.items()))
    return formats.Sheet("audit", "Leakage audit of our folds", tables) if tables else None


def _table(corpus, audits) -> formats.Table:
    alike = {}
    for audited in audits:
        same = json.dumps([audited[name] for name in ("protocol", "num_folds", "verdict", "kinds")], sort_keys=True)
        alike.setdefault(same, []).append(audited)
    rows = [_row(corpus, members) for members in alike.values()]
    return formats.Table(f"Folds of seed 0 on {corpus}", rows, SHOWN, (("made by", KEEP),), (NOTE,))


def _row(corpus, members) -> dict:
    audited = members[0]
    kinds = audited["kinds"]
    others = [WORDS.get(kind) or f"{kind}: {_words(**seen)}" for kind, seen in kinds.items() if kind not in COLUMNS]
    row = {
        "corpus_variant": corpus,
        "protocol": audited["protocol"],
        "systems": ", ".join(member["system"] for member in members),
        "folds": audited["num_folds"],
        "verdict": audited["verdict"],
    }
    for field in ("most", "folds"):
        row |= {f"{kind}_{field}": kinds.get(kind, {}).get(field, 0) for kind in COLUMNS}
    levels = {f"{kind}_level": kinds.get(kind, {}).get("level", "") for kind in COLUMNS}
    return row | {"else": "; ".join(others)} | levels


def _words(most, folds, level) -> str:
    return f"{most} ({folds} fold{'s' if folds > 1 else ''}, {level})"


def _shown(row, kind) -> str:
    folds = row[f"{kind}_folds"]
    return _words(row[f"{kind}_most"], folds, row[f"{kind}_level"]) if folds else "none"


def _systems(row, field) -> str:
    """The first system and how many more share the folds; the CSV names them all."""
    first, *more = row[field].split(", ")
    return f"{first} and {len(more)} more" if more else first


SHOWN = (
    formats.text("protocol", "protocol"),
    formats.Column("systems", "systems", _systems),
    formats.text("folds", "folds"),
    formats.text("verdict", "verdict"),
    *(formats.Column(heading, kind, _shown) for kind, heading in COLUMNS.items()),
    formats.text("else", "else", none="none"),
)
