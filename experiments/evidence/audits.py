"""What is known of folds: results/audit.json, as `python -m experiments audit --keep` wrote it, and results/folds.

results/folds/<fold fingerprint>.json holds the ids of the utterances that trained, once for all records of a fold; the
parts that were validated and tested on are in the records themselves.
"""

from pathlib import Path

from common.atomic_file import write_json
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
