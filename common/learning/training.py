"""Train on one fold: validation, early stopping, checkpoints for exact resumption, a cache of finished trainings."""

import contextlib
import dataclasses
import hashlib
import json
import os
import time
import zipfile
from pathlib import Path

import keras
import numpy as np

from common.atomic_file import atomic
from common.errors import InputError
from common.evaluation import metrics
from common.learning import backend, batching

PLATEAU = 0.95  # of ln K, the loss of equal posteriors: a training with a higher loss has not left its first plateau
BACKUP_SECONDS = float(os.environ.get("SER_BACKUP_SECONDS", 20))  # a checkpoint of the largest network costs a second


@dataclasses.dataclass(frozen=True)
class NetworkTraining:
    """How the training of one network ended. Tables use it to detect underfitted networks.

    Args:
        epochs: number of epochs run.
        kept: index of the epoch whose weights are kept.
        stopped_by: "patience", or "limit" if the largest number of epochs was reached.
        patience: None for a fixed number of epochs.
        loss: mean over the training part's examples at epoch `kept`, without regularisation and class weights.
        ua: unweighted accuracy on the training part at epoch `kept`.
        largest_share: share of the most frequent decision on the training part.
        num_classes: of this network.
    """

    epochs: int
    kept: int
    stopped_by: str
    patience: int | None
    loss: float
    ua: float
    largest_share: float
    num_classes: int


@dataclasses.dataclass
class Fitted:
    """A trained system, as returned by a paper's `fit`.

    Args:
        model: a keras.Model, a scikit-learn estimator, or a dict of them if the system has several.
        history: values per epoch by name, `{"loss": [...], "val_loss": [...], ...}`.
        best_epoch: index into the history of the epoch whose weights are kept; None without early stopping.
        networks: by name, how the training of each network ended; empty for estimators.
    """

    model: object
    history: dict[str, list[float]]
    best_epoch: int | None = None
    networks: dict[str, NetworkTraining] = dataclasses.field(default_factory=dict)


def trained_parameters(model) -> int:
    """Number of trainable parameters, without frozen layers and statistics of the training part."""
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def release(networks) -> None:
    """Free the memory of fitted networks, which cannot be used afterwards.

    TensorFlow keeps the variables used in a `fit`, including the optimizer's, until the process ends
    (keras-team/keras, issue 17458). They are set to empty arrays. A network may consist of several fitted ones.
    """
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    parts = [part for network in networks for part in (network, *network.layers)]
    optimizers = [optimizer for part in parts if (optimizer := getattr(part, "optimizer", None))]
    for kept in (variable.value for owner in (*networks, *optimizers) for variable in owner.variables):
        tf.raw_ops.AssignVariableOp(resource=kept.handle, value=tf.zeros([0], kept.dtype), validate_shape=False)


def posterior_scores(model, batches) -> dict[str, float]:
    """Loss over examples; WA, UA and the share of the most frequent decision over utterances.

    The decision is that of the utterance's mean posteriors. UA averages over the classes that occur in the part, since
    a validation part may lack one.
    """
    probabilities = batching.predict_examples(model, batches)
    if not np.isfinite(probabilities).all():
        return dict.fromkeys(("loss", "wa", "ua", "largest_share"), float("nan"))
    loss = metrics.cross_entropy(batches.labels, probabilities)
    return {"loss": float(loss), **decision_scores(batching.mean_by_utterance(probabilities, batches), batches)}


def decision_scores(scores, batches) -> dict[str, float]:
    """WA, UA and the share of the most frequent decision, from `(N, K)` scores of the utterances."""
    part = batches.part
    confusion = metrics.confusion_matrix(part.labels, metrics.decide(scores), num_classes=len(part.classes))
    recalls = metrics.recall(confusion, part.classes, undefined="nan")
    return {
        "wa": float(metrics.wa(confusion)),
        "ua": float(np.nanmean(recalls)),
        "largest_share": float(confusion.sum(axis=0).max() / confusion.sum()),
    }


class Validation(keras.callbacks.Callback):
    """Adds the scores of the validation part as `val_...` to the logs at the end of each epoch.

    `val_loss` includes regularisation, like Keras's own. This callback must precede all callbacks that read the logs.
    """

    def __init__(self, score, batches):
        super().__init__()
        self.score, self.batches = score, batches

    def on_epoch_end(self, epoch, logs=None):
        scores = self.score(self.model, self.batches)
        scores["loss"] += sum(float(value) for value in self.model.losses)
        logs.update({f"val_{name}": value for name, value in scores.items()})


class _OnceLearning:
    """Activates a callback at the first epoch whose training cross-entropy is below `PLATEAU` ln K.

    Before that, the scores on a small validation part are mostly noise, and patience could end a training or lower its
    learning rate before the network begins to learn.
    """

    def __init__(self, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.threshold = PLATEAU * float(np.log(num_classes))
        self.begun = False

    def on_epoch_end(self, epoch, logs=None):
        self.begun = self.begun or logs["cross_entropy"] < self.threshold
        if self.begun:
            super().on_epoch_end(epoch, logs)


class EarlyStopping(_OnceLearning, keras.callbacks.EarlyStopping):
    """Keras's early stopping, active once the network learns; if it never does, the last epoch is kept."""


class ReduceLROnPlateau(_OnceLearning, keras.callbacks.ReduceLROnPlateau):
    """Keras's ReduceLROnPlateau, active once the network learns."""

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)  # as Keras's writes it, from the first epoch
        super().on_epoch_end(epoch, logs)


class Backup(keras.callbacks.Callback):
    """Writes a checkpoint with the complete state of the training to one file, atomically.

    The state consists of the variables of model and optimizer (including dropout's random states), the state of early
    stopping and of the learning-rate plateau, and the history. The order of the batches depends only on the epoch.
    This must be the last callback.
    """

    def __init__(self, path, batches, *, stopping=None, plateau=None):
        super().__init__()
        self.path = Path(path) if path else None
        self.batches = batches
        self.stateful = {
            "stopping": (stopping, ("begun", "wait", "best", "best_epoch", "stopped_epoch")),
            "plateau": (plateau, ("begun", "wait", "best", "cooldown_counter")),
        }
        self.stopping = stopping
        self.saved_at = time.monotonic()
        self.kept, self.state = self._read()
        self.history = self.state["history"]

    @property
    def num_finished(self) -> int:
        """Number of completed epochs in the checkpoint and this run."""
        return self.state["epoch"] + 1

    def _read(self):
        """Arrays and state of the checkpoint; those of a new training if the file is missing or damaged."""
        with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            if self.path is not None:
                with open(self.path, "rb") as file, np.load(file) as archive:
                    arrays = {name: archive[name] for name in archive.files}
                return arrays, json.loads(str(arrays.pop("state")))
        return {}, {"epoch": -1, "stop": False, "history": {}}

    def on_train_begin(self, logs=None):
        if not self.kept:
            return
        for i, variable in enumerate(self._variables()):
            variable.assign(self.kept[f"variable_{i}"])
        for name, (callback, _) in self.stateful.items():
            for attribute, value in self.state.get(name, {}).items():
                setattr(callback, attribute, value)
        if self.stopping is not None and "best_0" in self.kept:
            count = len(self.model.get_weights())
            self.stopping.best_weights = [self.kept[f"best_{i}"] for i in range(count)]
        self.kept = {}

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch_began = time.monotonic()
        self.batches.begin_epoch(epoch)

    def on_epoch_end(self, epoch, logs=None):
        now = time.monotonic()
        for name, value in {**logs, "seconds": now - self.epoch_began}.items():
            if not np.isfinite(value):
                raise InputError(f"the training diverged: {name} is {float(value)} after epoch {epoch + 1}")
            self.history.setdefault(name, []).append(float(value))
        finished = self.model.stop_training or epoch + 1 == self.params["epochs"]
        if self.path and (finished or now - self.saved_at >= BACKUP_SECONDS):
            self._write(epoch)
            self.saved_at = time.monotonic()

    def _variables(self):
        return self.model.variables + self.model.optimizer.variables

    def _write(self, epoch):
        arrays = {f"variable_{i}": np.asarray(v) for i, v in enumerate(self._variables())}
        state = {"epoch": epoch, "stop": bool(self.model.stop_training), "history": self.history}
        for name, (callback, attributes) in self.stateful.items():
            if callback is not None:
                state[name] = {a: _plain(getattr(callback, a)) for a in attributes}
        if self.stopping is not None and self.stopping.best_weights is not None:
            arrays |= {f"best_{i}": w for i, w in enumerate(self.stopping.best_weights)}
        try:
            with atomic(self.path) as file:
                np.savez(file, state=json.dumps(state), **arrays)
        except FileNotFoundError:  # another run finished the same fold meanwhile, and cleared up
            pass
        except OSError as error:
            raise InputError(
                f"the checkpoint {self.path} cannot be written ({error.strerror}); "
                "free some space or set SER_CACHE to another folder"
            ) from error


def _plain(value):
    return value.item() if hasattr(value, "item") else value


def compile_classifier(model, optimizer):
    """Compile for class indices; unweighted, unregularised accuracy and cross-entropy are added to the history."""
    cross_entropy = keras.metrics.SparseCategoricalCrossentropy(name="cross_entropy")
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy", cross_entropy])


def fit(
    model,
    train,
    valid=None,
    *,
    score=posterior_scores,
    max_epochs,
    monitor=None,
    patience=None,
    plateau=None,
    checkpoint=None,
    report=None,
):
    """Train a compiled model.

    Args:
        model: compiled, with seeded random layers; by `compile_classifier` if `monitor` is given.
        train: Batches with a seed.
        valid: Batches without a seed; None or an empty part gives no validation values.
        score: function (model, Batches) -> {"loss": ..., "ua": ..., ...}, applied to the validation part after every
            epoch and to the training part at the end.
        max_epochs: upper limit; the exact number of epochs if `monitor` is None.
        monitor: validation value for selecting the epoch: `val_loss` (minimised), `val_wa` or `val_ua` (maximised).
        patience: epochs without improvement before training stops, counted from the epoch at which learning begins.
        plateau: a ReduceLROnPlateau of this module or None.
        checkpoint: file of the checkpoint; if it exists, training is resumed from it.
        report: called with the number of finished epochs.

    Returns:
        Fitted, with the weights of the best epoch if `monitor` is given.

    Raises:
        InputError: the validation part is needed but empty, the training diverged, or the checkpoint cannot be written.
    """
    num_classes = len(train.part.classes)
    if valid is not None and not len(valid):
        valid = None
    if monitor and valid is None:
        raise InputError("the epoch is chosen by the validation part, which is empty; take another protocol")
    validation = Validation(score, valid) if valid is not None else None
    stopping = monitor and EarlyStopping(
        num_classes,
        monitor=monitor,
        patience=patience,
        mode="min" if monitor.endswith("loss") else "max",
        restore_best_weights=True,
    )
    backup = Backup(checkpoint, train, stopping=stopping or None, plateau=plateau)
    progress = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: report and report(epoch + 1))
    callbacks = [callback for callback in (validation, plateau, stopping, backup, progress) if callback]
    model.optimizer.build(model.trainable_variables)
    begin = max_epochs if backup.state["stop"] else backup.num_finished
    model.fit(
        batching.stream(train), initial_epoch=begin, epochs=max_epochs, callbacks=callbacks, shuffle=False, verbose=0
    )
    train.begin_epoch(0)  # what is batched together moves the last bits, and a resumed training may not be at its end
    ended = _ended(len(backup.history["loss"]), stopping, score(model, train), num_classes)
    return Fitted(model, backup.history, ended.kept if stopping else None, {model.name: ended})


def _ended(epochs, stopping, learnt, num_classes) -> NetworkTraining:
    """NetworkTraining from the number of epochs, the early stopping or None, and the scores on the training part."""
    selected = bool(stopping) and stopping.best_weights is not None
    return NetworkTraining(
        epochs=epochs,
        kept=stopping.best_epoch if selected else epochs - 1,
        stopped_by="patience" if stopping and stopping.stopped_epoch else "limit",
        patience=stopping.patience if stopping else None,
        **{name: learnt[name] for name in ("loss", "ua", "largest_share")},
        num_classes=num_classes,
    )


def fit_or_load(train_it, model, *, depends_on, parts, folder, report=None) -> Fitted:
    """The result of `train_it()`, or that of an identical earlier training, so that systems can share a network.

    Args:
        train_it: trains `model` and returns its Fitted; deterministic given the arguments below.
        model: built and seeded, its statistics set.
        depends_on: all settings of the training as plain data, including the hash of its code.
        parts: Subsets used by the training.
        folder: of the finished trainings; None always trains and stores nothing.
        report: called with the number of finished epochs if an earlier training is reused.
    """
    if folder is None:
        return train_it()
    path = folder / f"{_cache_key(model, depends_on, parts)}.npz"
    kept = _read_finished(path, model)
    if kept is None:
        fitted = train_it()
        _write_finished(path, fitted)
        return fitted
    if report:
        report(len(kept.history["loss"]))
    return kept


def _cache_key(model, depends_on, parts) -> str:
    """Hash of a model's weights, the settings, the libraries, and the labels and features of the parts."""
    libraries = [keras.__version__, backend.arithmetic()]
    digest = hashlib.sha256(json.dumps([depends_on, libraries], sort_keys=True).encode())
    for weights in model.get_weights():
        _add_array(digest, weights)
    for part in parts:
        digest.update(json.dumps([len(part), part.classes]).encode())
        _add_array(digest, part.labels)
        for array in part.features:
            _add_array(digest, array)
    return digest.hexdigest()[:32]


def _add_array(digest, array):
    digest.update(json.dumps([str(array.dtype), array.shape]).encode())
    digest.update(np.ascontiguousarray(array))


def _read_finished(path, model) -> Fitted | None:
    """The stored training, whose weights are loaded into `model`; None if there is none or its file is damaged."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        with open(path, "rb") as file, np.load(file) as archive:
            state = json.loads(str(archive["state"]))
            weights = [archive[f"weights_{i}"] for i in range(len(model.get_weights()))]
        networks = {name: NetworkTraining(**fields) for name, fields in state["networks"].items()}
        model.set_weights(weights)
        return Fitted(model, state["history"], state["best_epoch"], networks)
    return None


def _write_finished(path, fitted):
    arrays = {f"weights_{i}": weights for i, weights in enumerate(fitted.model.get_weights())}
    networks = {name: dataclasses.asdict(network) for name, network in fitted.networks.items()}
    state = json.dumps({"history": fitted.history, "best_epoch": fitted.best_epoch, "networks": networks})
    with contextlib.suppress(OSError), atomic(path) as file:  # a full disk costs the training's reuse, not its result
        np.savez(file, state=state, **arrays)
