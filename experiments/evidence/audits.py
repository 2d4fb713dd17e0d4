"""What is known of folds: results/audit.json, as `python -m experiments audit --keep` wrote it, and results/folds.

results/folds/<fold fingerprint>.json holds the ids of the utterances that trained, once for all records of a fold; the
parts that were validated and tested on are in the records themselves.
"""

from pathlib import Path
from typing import NotRequired, TypedDict

from common.atomic_file import write_json
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
    seed: NotRequired[int]  # 0 in files older than the field


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


def training_ids_path(root, fingerprint) -> Path:
    return Path(root, "folds", f"{fingerprint}.json")


def keep_training_ids(root, fingerprint, fold) -> None:
    """Keep the training ids of a fold where they are not kept yet.

    Raises:
        InputError: the folder cannot be written to.
    """
    path = training_ids_path(root, fingerprint)
    if not path.exists():
        tree = {"schema": SCHEMA, "train": [utterance.id for utterance in fold.train]}
        write_json(path, tree, "give a writable results folder")
