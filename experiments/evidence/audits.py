"""results/audit.json, as `python -m experiments audit --keep` wrote it."""

from pathlib import Path

from experiments.evidence.measurements import read_measured

SCHEMA, FILE = 1, "audit.json"
FIELDS = ("system", "protocol", "corpus_variant", "num_folds", "verdict", "refused", "kinds")


def read(root) -> list[dict]:
    """The audits kept, none where none were.

    Raises:
        InputError: the file is damaged or of another version.
    """
    return read_measured(Path(root, FILE), schema=SCHEMA, parse=_complete, verb="audit --keep results") or []


def _complete(tree) -> list[dict]:
    if lacking := [audited for audited in tree["audits"] if not {*FIELDS} <= audited.keys()]:
        raise KeyError(f"{lacking[0]} lacks a field")
    return tree["audits"]
