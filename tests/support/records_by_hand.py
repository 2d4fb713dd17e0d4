"""Run records written by hand, for tests that compute their numbers by hand."""

import numpy as np

from common import records
from common.evaluation import metrics

CLASSES = ("anger", "sadness")


def part(labels, decisions, speakers=None, ids=None, *, classes=CLASSES, rule="mean"):
    """Utterances whose scores decide as given; -1 is a row of zeros, "no decision"."""
    scores = np.eye(len(classes) + 1)[np.asarray(decisions)][:, : len(classes)]
    confusion = metrics.confusion_matrix(np.array(labels), np.array(decisions), num_classes=len(classes))
    return {
        "utterances": list(ids or (f"u{i:03d}" for i in range(len(labels)))),
        "speakers": list(speakers or (f"s{i % 4}" for i in range(len(labels)))),
        "labels": [int(label) for label in labels],
        "scores": {rule: scores.tolist()},
        "confusion": confusion.tolist(),
        "cross_entropy": None,
    }


def counts(confusion, classes):
    """Class -> utterances, from the rows of a confusion matrix."""
    return {name: sum(row) for name, row in zip(classes, confusion, strict=True) if sum(row)}


def record(test, **changes):
    """A record of emmert/mfcc under the paper's own conditions, but for the changes."""
    classes = changes.get("classes", CLASSES)
    right = np.diag(np.full(len(classes), 10)).tolist()
    confusion = [[9, 1, 0], [0, 10, 0]] if len(classes) == 2 else [[*row, 0] for row in right]
    parts = {"train": {"confusion": confusion, "cross_entropy": 0.25}, "valid": test, "test": test}
    parts = changes.get("parts", parts)
    corpus_variant = changes.get("corpus_variant", "ravdess/strong")
    corpus = changes.get("corpus", corpus_variant.split("/")[0])
    fields = {
        "paper": "emmert",
        "variant": "mfcc",
        "preset": "paper",
        "corpus": corpus,
        "corpus_variant": corpus_variant,
        "synthetic": corpus.endswith("-synthetic"),
        "limits": "",
        "protocol": "paper",
        "seed": 0,
        "fold": "fold_1",
        "num_folds": int(changes.get("fold", "fold_1").removeprefix("fold_")),
        "notes": [],
        "classes": list(classes),
        "counts": {name: counts(parts[name]["confusion"], classes) for name in records.PARTS if name in parts},
        "recipe": {"corpus": "ravdess"},
        "parts": parts,
        "history": {"loss": [2.0, 1.0], "val_loss": [2.5, 1.5], "accuracy": [0.5, 0.9], "val_wa": [0.4, 0.6]},
        "best_epoch": 1 if changes.get("history", True) else None,
        "regularisation": 0.5,
        "corpus_fingerprint": "c",
        "fold_fingerprint": "f",
        "environment": {"python": "3.11", "processor": "a processor", "threads": 1},
        "cost": {"seconds_fit": 2.0, "peak_memory_mib": 100.0, "parameters": 211_075},
    }
    return records.RunRecord(**(fields | changes))


def unbalanced(**changes):
    """Six utterances of six speakers: anger 3 of 4 right, sadness 1 of 2. WA 4/6, UA 5/8, macro F1 5/8."""
    test = part([0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0], speakers=[f"s{i}" for i in range(6)])
    return record(test, **changes)


def many(right, *, seed=0, num_speakers=8, **changes):
    """32 utterances of 8 speakers, the classes in turn; the first `right` of each speaker's four are right."""
    labels = np.arange(4 * num_speakers) % 2
    hits = np.arange(labels.size) % 4 < np.repeat(np.broadcast_to(right, num_speakers), 4)
    speakers = [f"s{i // 4}" for i in range(labels.size)]
    return record(part(labels, np.where(hits, labels, 1 - labels), speakers), seed=seed, **changes)


LABELS = np.arange(32) % 2
SPEAKERS = [f"s{i // 4}" for i in range(32)]
RIGHT = np.arange(32) % 4 < np.repeat([1, 2, 3, 4, 4, 3, 2, 1], 4)  # 20 of 32


def _heard(right):
    return part(LABELS, np.where(right, LABELS, 1 - LABELS), SPEAKERS)


def noisy(in_noise, *, snr_db=0.0, **changes):
    """A record whose test part is all right when clean; `in_noise`: signal -> which utterances are right in it."""
    names = {signal: f"{signal.partition('@')[0]}_{snr_db:g}db" for signal in in_noise}
    front_ends = [[name, {"kind": "normal", "noise": signal, "snr_db": snr_db}] for signal, name in names.items()]
    parts = {"train": {"confusion": [[9, 1, 0], [0, 9, 0]], "cross_entropy": 0.3}, "test": _heard(LABELS >= 0)}
    parts |= {f"test:{names[signal]}": _heard(right) for signal, right in in_noise.items()}
    recipe = {"corpus": "iemocap/improvised/4hap", "test_front_ends": front_ends}
    fields = {"paper": "satt2017", "variant": "noise_normal_10hz", "corpus_variant": "ravdess/4hap"}
    return record(None, **(fields | {"parts": parts, "recipe": recipe} | changes))
