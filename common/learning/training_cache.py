"""Trainings that are done, kept under everything they depend on: systems that share a network train it once."""

import contextlib
import dataclasses
import hashlib
import json
import zipfile

import keras
import numpy as np

from common.atomic_file import atomic
from common.learning import backend
from common.learning.training import Fitted, NetworkTraining


def fit_or_load(train_it, model, *, depends_on, parts, folder, report=None) -> Fitted:
    """What `train_it()` returns, or the same from an earlier training with the same weights to start from and data.

    Args:
        train_it: trains `model` and returns its Fitted; a deterministic function of what is named below.
        model: built and seeded, its statistics set.
        depends_on: all settings of the training as plain data, the hash of its code among them.
        parts: Subsets that the training sees.
        folder: of the finished trainings; None: train, keep nothing.
        report: called with the number of finished epochs where nothing is left to train.
    """
    if folder is None:
        return train_it()
    path = folder / f"{key(model, depends_on, parts)}.npz"
    kept = _read(path, model)
    if kept is None:
        fitted = train_it()
        _write(path, fitted)
        return fitted
    if report:
        report(len(kept.history["loss"]))
    return kept


def key(model, depends_on, parts) -> str:
    """Hash of a model's weights, the settings, the libraries, and the labels and features of the parts."""
    libraries = [keras.__version__, backend.arithmetic()]
    digest = hashlib.sha256(json.dumps([depends_on, libraries], sort_keys=True).encode())
    for weights in model.get_weights():
        _add(digest, weights)
    for part in parts:
        digest.update(json.dumps([len(part), part.classes]).encode())
        _add(digest, part.labels)
        for array in part.features:
            _add(digest, array)
    return digest.hexdigest()[:32]


def _add(digest, array):
    digest.update(json.dumps([str(array.dtype), array.shape]).encode())
    digest.update(np.ascontiguousarray(array))


def _read(path, model) -> Fitted | None:
    """None where there is no such training; a damaged file is none."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        with open(path, "rb") as file, np.load(file) as archive:
            state = json.loads(str(archive["state"]))
            weights = [archive[f"weights_{i}"] for i in range(len(model.get_weights()))]
        networks = {name: NetworkTraining(**fields) for name, fields in state["networks"].items()}
        model.set_weights(weights)
        return Fitted(model, state["history"], state["best_epoch"], networks)
    return None


def _write(path, fitted):
    arrays = {f"weights_{i}": weights for i, weights in enumerate(fitted.model.get_weights())}
    networks = {name: dataclasses.asdict(network) for name, network in fitted.networks.items()}
    state = json.dumps({"history": fitted.history, "best_epoch": fitted.best_epoch, "networks": networks})
    with contextlib.suppress(OSError), atomic(path) as file:  # a full disk costs the training's reuse, not its result
        np.savez(file, state=state, **arrays)
