"""results/audit.json, as `python -m experiments audit --keep` wrote it."""

from pathlib import Path
from typing import TypedDict

from experiments.evidence.measurements import read_measured

SCHEMA, FILE = 1, "audit.json"


class _Kind(TypedDict):
    """Of findings: their level, in how many folds they are, the most in one."""

    level: str
    folds: int
    most: int


class _Audit(TypedDict):
    system: str
    protocol: str
    corpus_variant: str
    num_folds: int
    verdict: str
    refused: str
    kinds: dict[str, _Kind]


class _File(TypedDict):
    audits: list[_Audit]


def read(root) -> list[dict]:
    """The audits kept, none where none were.

    Raises:
        InputError: the file is damaged or of another version.
    """
    return (
        read_measured(
            Path(root, FILE), schema=SCHEMA, kind=_File, parse=lambda tree: tree["audits"], verb="audit --keep results"
        )
        or []
    )
