"""A run's evidence <-> JSON: one file per (paper, variant, corpus variant, protocol, preset, seed, fold).

Evidence is stored, numbers are derived: a record holds every utterance's label and scores, never a metric. Reading
needs neither TensorFlow nor audio.
"""

import contextlib
import dataclasses
import json
import os
import tempfile
from pathlib import Path

import numpy as np

from common.errors import InputError
from common.utterance import slug

SCHEMA = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One fold of one system.

    Args:
        schema: version of this layout.
        notes: what a reader of any table must know, e.g. "random weights"; printed wherever the record is used.
        recipe: every setting, nested front end included.
        classes: K class names in the order of all score columns.
        counts: part -> class -> utterances.
        parts: "train" holds a confusion matrix and the cross-entropy; "valid" and "test" hold besides, in parallel
            lists, `utterances` (ids), `speakers`, `labels` (class indices) and `scores`: rule -> (N, K). The first rule
            is the paper's decision: the row's largest value, an all-zero row meaning "no decision".
        history: per epoch values; `best_epoch` indexes it.
        networks: by name, how each network's training ended, the fields of `training.NetworkTraining`; empty for a
            system without networks, and in records older than the field.
        corpus_fingerprint: SHA-256 over ids, labels, speakers and the audio files' bytes.
        fold_fingerprint: SHA-256 over the ids of the three parts.
        environment: versions, backend, threads, processor, commit.
        cost: seconds and peak memory of this fold's training, parameters.
    """

    schema: int = SCHEMA
    paper: str
    variant: str
    preset: str
    corpus: str
    corpus_variant: str
    synthetic: bool
    limits: str
    protocol: str
    seed: int
    fold: str
    num_folds: int
    notes: list[str]
    classes: list[str]
    counts: dict
    recipe: dict
    parts: dict
    history: dict
    best_epoch: int | None
    regularisation: float
    corpus_fingerprint: str
    fold_fingerprint: str
    environment: dict
    cost: dict
    networks: dict = dataclasses.field(default_factory=dict)

    def scores(self, part="test", rule=None) -> np.ndarray:
        """`(N, K)` scores of a part under a rule, by default the paper's."""
        rules = self.parts[part]["scores"]
        return np.asarray(rules[rule or next(iter(rules))], dtype="float64").reshape(-1, len(self.classes))

    def labels(self, part="test") -> np.ndarray:
        return np.asarray(self.parts[part]["labels"], dtype=int)


def path_of(root, *, paper, variant, corpus_variant, protocol, preset, seed, fold) -> Path:
    """Where the record of a job lies under a results folder."""
    run = f"{protocol}-{preset}"
    return Path(root, "runs", paper, variant, slug(corpus_variant), run, f"seed_{seed}", f"{fold}.json")


def record_path(root, record) -> Path:
    names = ("paper", "variant", "corpus_variant", "protocol", "preset", "seed", "fold")
    return path_of(root, **{name: getattr(record, name) for name in names})


def require_writable(folder, option="--results") -> None:
    """Raise InputError where nothing can be written in `folder`: before hours are spent, not after."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror}); give a writable folder with {option}"
        ) from error


def write(record, *, root) -> Path:
    """Write a record in one step and return its path.

    Raises:
        InputError: the record exists already, or the folder cannot be written to.
    """
    path = record_path(root, record)
    if path.exists():
        raise InputError(f"{path} exists already and is not overwritten; take another --results folder or another seed")
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(_dump(dataclasses.asdict(record)), encoding="utf-8")
        _name(temporary, path)
    except FileExistsError as error:
        raise InputError(f"{path} was written by another run meanwhile; its record is kept") from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror}); give a writable folder with --results"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return path


def _name(temporary, path):
    """Give a finished file its name, unless a run took it: a link never replaces. FAT and shares have none."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except (OSError, AttributeError, NotImplementedError):
        if path.exists():
            raise FileExistsError from None
        os.replace(temporary, path)


def _dump(tree) -> str:
    """One top-level key a line: small to store, and a diff shows which part changed."""
    rows = (f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in tree.items())
    return "{\n" + ",\n".join(rows) + "\n}\n"


def read(path) -> RunRecord:
    """Read one record.

    Raises:
        InputError: not a record, damaged, or written by a newer version of this suite.
    """
    try:
        tree = json.loads(Path(path).read_text(encoding="utf-8"))
        schema = int(tree["schema"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a run record ({error}); delete it and run its fold again") from error
    if schema > SCHEMA:
        raise InputError(f"{path} has schema {schema}, this version reads up to {SCHEMA}; update the suite to use it")
    try:
        return RunRecord(**tree)
    except TypeError as error:
        raise InputError(f"{path} lacks or has unknown fields ({error}); delete it and run its fold again") from error


def read_all(root) -> list[RunRecord]:
    """All records under `root/runs`, in the order of their paths."""
    return [read(path) for path in sorted(Path(root, "runs").rglob("*.json"))]
