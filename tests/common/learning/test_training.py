import dataclasses
import gc
import os

import keras
import numpy as np
import psutil
import pytest

from common.errors import InputError
from common.learning import batching, layers, training
from common.utterance import Utterance
from papers.satt2017 import two_step
from tests.support import trained_systems

CLASSES = ("anger", "calm")


def part(n, seed):
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    utterances = [Utterance(id=f"{k:03}", path=None, emotion=CLASSES[y], speaker="s") for k, y in enumerate(labels)]
    features = [(generator.normal(size=(1, 6, 3)) + 0.3 * y).astype("float32") for y in labels]
    return batching.Subset(utterances, features, CLASSES)


def network(seed):
    """Dropout, a plateau and RMSprop's slots: all of them have state that a resumed training needs."""
    keras.utils.set_random_seed(seed)
    frames = keras.Input((6, 3), name="features")
    x = keras.layers.Normalization(name="standardise")(frames)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(8, activation="relu", kernel_regularizer="l2")(x)
    x = keras.layers.Dropout(0.5)(x)
    model = keras.Model({"features": frames}, keras.layers.Dense(2, activation="softmax")(x))
    training.compile_classifier(model, keras.optimizers.RMSprop(0.01))
    return model


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


def fit(checkpoint=None, kill_after=None, epochs=12, patience=4, reported=None):
    train, valid = batching.Batches(part(40, 0), batch_size=8, seed=3), batching.Batches(part(20, 1), batch_size=8)
    model = network(7)

    def report(epoch):
        if reported is not None:
            reported.append(epoch)
        if epoch == kill_after:
            raise Killed

    plateau = training.ReduceLROnPlateau(2, monitor="val_loss", patience=1, factor=0.5)
    fitted = training.fit(
        model,
        train,
        valid,
        max_epochs=epochs,
        monitor="val_loss",
        patience=patience,
        plateau=plateau,
        checkpoint=checkpoint,
        report=report,
    )
    return fitted, batching.predict_examples(fitted.model, valid)


@pytest.fixture(scope="module")
def undisturbed():
    return fit()


@pytest.fixture
def every_epoch(monkeypatch):
    monkeypatch.setattr(training, "BACKUP_SECONDS", 0.0)


def test_a_training_killed_several_times_ends_like_one_never_interrupted(tmp_path, undisturbed, every_epoch):
    checkpoint, reported = tmp_path / "c.npz", []
    expected, expected_predictions = undisturbed
    last = len(expected.history["loss"])
    assert last > 4
    for epoch in (1, 4, last):
        with pytest.raises(Killed):
            fit(checkpoint, kill_after=epoch, reported=reported)
    fitted, predictions = fit(checkpoint, kill_after=last, reported=reported)
    assert reported == list(range(1, last + 1))  # none is trained twice, and none after the last
    np.testing.assert_array_equal(predictions, expected_predictions)
    assert fitted.best_epoch == expected.best_epoch
    assert without_seconds(fitted.history) == without_seconds(expected.history)


def test_a_damaged_checkpoint_is_not_trusted(tmp_path, undisturbed, every_epoch):
    checkpoint = tmp_path / "c.npz"
    with pytest.raises(Killed):
        fit(checkpoint, kill_after=2)
    whole = checkpoint.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"PK" + whole[2:40]):
        checkpoint.write_bytes(damaged)
        np.testing.assert_array_equal(fit(checkpoint)[1], undisturbed[1])


def test_another_run_that_finished_the_fold_and_cleared_up_is_no_error(tmp_path, undisturbed, every_epoch, monkeypatch):
    def cleared_up(source, target):
        os.unlink(source)
        raise FileNotFoundError(source)

    monkeypatch.setattr(os, "replace", cleared_up)
    np.testing.assert_array_equal(fit(tmp_path / "c.npz")[1], undisturbed[1])
    assert os.listdir(tmp_path) == []


def test_a_training_that_diverges_says_so():
    train, valid = batching.Batches(part(40, 0), batch_size=8, seed=3), batching.Batches(part(20, 1), batch_size=8)
    losses = iter([1.0, 0.9, float("nan")])
    with pytest.raises(InputError, match="the training diverged: val_loss is nan after epoch 3"):
        training.fit(network(7), train, valid, score=lambda *_: {"loss": next(losses)}, max_epochs=5)


def constant_network():
    """Equal posteriors whatever the input: a network on its first plateau, since its rate is 0."""
    frames = keras.Input((6, 3), name="features")
    x = keras.layers.Dense(2, activation="softmax", kernel_initializer="zeros")(keras.layers.Flatten()(frames))
    model = keras.Model({"features": frames}, x)
    training.compile_classifier(model, keras.optimizers.SGD(0.0))
    return model


def test_early_stopping_does_not_end_a_training_on_its_first_plateau():
    train, valid = batching.Batches(part(40, 0), batch_size=8, seed=3), batching.Batches(part(20, 1), batch_size=8)
    fitted = training.fit(constant_network(), train, valid, max_epochs=7, monitor="val_wa", patience=2)
    (ended,) = fitted.networks.values()
    assert (ended.epochs, ended.kept, ended.stopped_by, fitted.best_epoch) == (7, 6, "limit", 6)
    assert ended.loss == pytest.approx(np.log(2), rel=1e-5)
    assert (ended.ua, ended.largest_share) == (0.5, 1.0)


def test_a_network_that_learnt_records_what_the_kept_weights_do_on_the_training_part(undisturbed):
    fitted, _ = undisturbed
    (ended,) = fitted.networks.values()
    train = batching.Batches(part(40, 0), batch_size=40)
    posteriors = fitted.model.predict(train[0][0], verbose=0)
    labels, decisions = train.labels, posteriors.argmax(axis=1)
    assert ended.loss == pytest.approx(-np.mean(np.log(posteriors[np.arange(40), labels])), rel=1e-5)
    assert ended.ua == pytest.approx(np.mean([np.mean(decisions[labels == k] == k) for k in (0, 1)]))
    assert ended.largest_share == pytest.approx(np.bincount(decisions).max() / 40)
    assert (ended.kept, ended.patience, ended.num_classes) == (fitted.best_epoch, 4, 2)
    assert ended.stopped_by == ("patience" if ended.epochs < 12 else "limit")


def test_checkpoints_cost_nothing_while_epochs_are_short(tmp_path):
    with pytest.raises(Killed):
        fit(tmp_path / "c.npz", kill_after=3)
    assert os.listdir(tmp_path) == []


def test_the_best_epoch_is_the_one_that_the_validation_part_says(undisturbed):
    fitted, _ = undisturbed
    assert fitted.best_epoch == int(np.argmin(fitted.history["val_loss"]))
    assert len(fitted.history["loss"]) == min(12, fitted.best_epoch + 1 + 4)


def test_scores_by_hand():
    class Fixed:
        def predict(self, batches, verbose):
            return np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])

    four = part(4, 0)  # anger, calm, anger, calm
    scores = training.posterior_scores(Fixed(), batching.Batches(four, batch_size=4))
    assert scores == pytest.approx(
        {"loss": -np.mean(np.log([0.9, 0.2, 0.3, 0.6])), "wa": 0.5, "ua": 0.5, "largest_share": 0.5}
    )
    three = dataclasses.replace(four, utterances=four.utterances[:3], features=four.features[:3])
    Fixed.predict = lambda self, batches, verbose: np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    scores = training.posterior_scores(Fixed(), batching.Batches(three, batch_size=4))
    assert (scores["ua"], scores["largest_share"]) == (pytest.approx(0.25), pytest.approx(2 / 3))


def test_the_validation_loss_contains_the_regularisation(undisturbed):
    fitted, _ = undisturbed
    valid = batching.Batches(part(20, 1), batch_size=20)
    posteriors = fitted.model.predict(valid[0][0], verbose=0)
    regularisation = sum(float(keras.ops.sum(layer.kernel**2)) * 0.01 for layer in fitted.model.layers[3:4])
    expected = -np.mean(np.log(posteriors[np.arange(20), valid.labels])) + regularisation
    assert fitted.history["val_loss"][fitted.best_epoch] == pytest.approx(expected, rel=1e-5)


def test_moments_are_those_of_all_frames():
    some = part(7, 2)
    stacked = np.concatenate([array.reshape(-1, 3) for array in some.features])
    mean, deviation = layers.moments(some)
    np.testing.assert_allclose(mean, stacked.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(deviation, stacked.std(axis=0), rtol=1e-6)


def test_a_saved_network_carries_the_statistics(tmp_path):
    model = network(0)
    model.optimizer.build(model.trainable_variables)
    layers.set_statistics(model.get_layer("standardise"), [1.0, 2.0, 3.0], [2.0, 0.0, 4.0])
    x = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("float32")
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict({"features": x}, verbose=0), model.predict({"features": x}, verbose=0))
    np.testing.assert_allclose(
        np.asarray(loaded.get_layer("standardise")(x)),
        (x - np.array([1.0, 2.0, 3.0])) / np.array([2.0, 1.0, 4.0]),
        rtol=1e-6,
    )


def without_seconds(history):
    return {name: values for name, values in history.items() if name != "seconds"}


only_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends keep nothing")


@only_tensorflow
def test_a_released_network_leaves_its_memory_and_its_examples_to_the_next():
    megabytes = 32  # the dense layer's weights; as much again its momentum, and the examples
    sizes = []
    for _ in range(4):
        held = [np.ones((1, 256, 2048), "float32") for _ in range(16)]
        examples = batching.Batches(dataclasses.replace(part(16, 0), features=held), batch_size=8)
        frames = keras.Input((256, 2048), name="features")
        x = keras.layers.Dense(4096)(frames[:, 0])
        model = keras.Model({"features": frames}, keras.layers.Dense(2, activation="softmax")(x))
        model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "sparse_categorical_crossentropy")
        model.fit(batching.stream(examples), shuffle=False, verbose=0)
        training.release([model])
        del model, examples, held
        gc.collect()
        sizes.append(psutil.Process().memory_info().rss / 2**20)
    assert sizes[-1] - sizes[1] < 2 * megabytes, sizes  # of two rounds, each of which would leave 96 behind


@only_tensorflow
def test_networks_that_are_joined_are_released_one_and_all():
    fitted = [network(seed) for seed in (1, 2)]
    examples = batching.Batches(part(16, 0), batch_size=8)
    for model in fitted:
        model.fit(batching.stream(examples), shuffle=False, verbose=0)
    joined = two_step.join(fitted[0], fitted[1:])
    assert not any(map(trained_systems.emptied, fitted))
    training.release([joined])
    assert all(map(trained_systems.emptied, fitted))
