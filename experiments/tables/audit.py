"""The audits of our folds as a table, from results/audit.json."""

import json

from experiments.tables import formats

COLUMNS = {"speaker": "test speakers elsewhere", "text": "test sentences elsewhere"}
WORDS = {"empty": "no validation part"}
NOTE = (
    "Elsewhere: speakers and sentences of the test part that training or validation has too; the most in one fold, and "
    "in how many folds. A WARN for speakers is what a protocol without speaker independence is: its numbers are for "
    "known speakers. In validation: what training and validation share, which touches no test score. "
    "Class: a class that a part lacks."
)
KEEP = "python -m experiments audit --keep results"


def sheet(audits) -> formats.Sheet | None:
    """One table per corpus variant: a row for folds that several systems share, folds refused left out."""
    by_corpus = {}
    for audited in audits:
        if not audited["refused"]:
            by_corpus.setdefault(audited["corpus_variant"], []).append(audited)
    made = tuple(_table(corpus, members) for corpus, members in sorted(by_corpus.items()))
    return formats.Sheet("audit", "Leakage audit of our folds", made) if made else None


def _table(corpus, audits) -> formats.Table:
    alike = {}
    for audited in audits:
        same = json.dumps([audited[name] for name in ("protocol", "num_folds", "verdict", "kinds")], sort_keys=True)
        alike.setdefault(same, []).append(audited)
    rows = [_row(corpus, members) for members in alike.values()]
    return formats.Table(
        caption=f"Folds of seed 0 on {corpus}", rows=rows, commands=(("made by", KEEP),), notes=(NOTE,)
    )


def _row(corpus, members) -> formats.Row:
    audited = members[0]
    systems, kinds = ", ".join(member["system"] for member in members), audited["kinds"]
    others = [WORDS.get(kind) or f"{kind}: {_shown(found)}" for kind, found in kinds.items() if kind not in COLUMNS]
    shown = {
        "protocol": audited["protocol"],
        "systems": systems,
        "folds": str(audited["num_folds"]),
        "verdict": audited["verdict"],
        **{heading: _shown(kinds.get(kind)) for kind, heading in COLUMNS.items()},
        "else": "; ".join(others) or "none",
    }
    data = {
        "corpus_variant": corpus,
        "protocol": audited["protocol"],
        "systems": systems,
        "folds": audited["num_folds"],
        "verdict": audited["verdict"],
        **{f"{kind}_most": kinds.get(kind, {}).get("most", 0) for kind in COLUMNS},
        **{f"{kind}_folds": kinds.get(kind, {}).get("folds", 0) for kind in COLUMNS},
        "else": "; ".join(others),
    }
    return formats.Row(shown, data)


def _shown(found) -> str:
    if not found:
        return "none"
    folds = f"{found['folds']} fold{'s' if found['folds'] > 1 else ''}"
    return f"{found['most']} ({folds}, {found['level']})"
