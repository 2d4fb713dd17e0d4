"""Stored facts about folds: results/audit.json, written by `python -m experiments audit --keep`, and results/folds.

results/folds/<fold fingerprint>.json has the ids of the training part, once for all records of a fold; the validation
and test parts are in the records themselves.
"""

from pathlib import Path
from typing import NotRequired, TypedDict

from common.atomic_file import write_json
from experiments.evidence.measurements import read_measured

SCHEMA, FILE = 1, "audit.json"


class _Kind(TypedDict):
    """Findings of one kind: level, number of folds, largest count in a fold."""

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
    seed: NotRequired[int]  # absent in older files, where it is 0


class _File(TypedDict):
    audits: list[_Audit]


def read(root) -> list[dict]:
    """The stored audits, empty if there are none.

    Raises:
        InputError: the file is damaged or of another version.
    """
    return (
        read_measured(
            Path(root, FILE), schema=SCHEMA, kind=_File, parse=lambda tree: tree["audits"], verb="audit --keep results"
        )
        or []
    )


def training_ids_path(root, fingerprint) -> Path:
    return Path(root, "folds", f"{fingerprint}.json")


def keep_training_ids(root, fingerprint, fold) -> None:
    """Store the training ids of a fold unless they are stored already.

    Raises:
        InputError: the folder cannot be written to.
    """
    path = training_ids_path(root, fingerprint)
    if not path.exists():
        tree = {"schema": SCHEMA, "train": [utterance.id for utterance in fold.train]}
        write_json(path, tree, "give a writable results folder")
