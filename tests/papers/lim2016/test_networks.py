"""Lim 2016: the networks, their training and the decision rules."""

import dataclasses

import keras
import numpy as np
import pytest

from common.evaluation import reported_results
from common.learning import batching, training
from common.utterance import Utterance
from papers import lim2016
from papers.lim2016 import model
from papers.lim2016.features import FrontEnd

TINY_FRONT_END = FrontEnd(frame_length=32, hop=16, num_bins=16, segment_frames=16, window_hop=4, stride=8)
CLASSES = ("anger", "boredom", "fear", "sadness")


def tiny(variant, **changes):
    """The network of a variant, narrow and on small images."""
    recipe = lim2016.RECIPES[variant]["paper"]
    windows = {"num_windows": recipe.front_end.num_windows}
    narrow = {
        "front_end": dataclasses.replace(TINY_FRONT_END, **windows),
        "filters": 4,
        "dense_units": 16 if recipe.dense_units else 0,
        "lstm_units": 12 if recipe.lstm_units else 0,
        "batch_size": 8,
        "max_epochs": 2,
    }
    return dataclasses.replace(recipe, **(narrow | changes))


def part_of(recipe, labels, seed=0, examples=1, classes=CLASSES):
    """Images of noise around a level that tells the class, in dB."""
    generator = np.random.default_rng(seed)
    shape = (examples, recipe.front_end.example_frames, recipe.front_end.num_bins)
    utterances = [Utterance(id=f"u{n}", path=None, emotion=classes[k], speaker="s") for n, k in enumerate(labels)]
    images = [(generator.normal(-40, 8, size=shape) + 5 * k).astype("float32") for k in labels]
    return batching.Subset(utterances, images, classes)


VARIANTS = sorted(lim2016.RECIPES)


@pytest.mark.parametrize(
    "variant, count",
    [
        ("cnn", (9 * 1 + 1) * 32 + (9 * 32 + 1) * 32 + (32 * 32 * 32 + 1) * 1024 + 1025 * 7),
        ("cnn_side_by_side", 33_572_199),
        ("cnn_not_oversampled", 33_572_199),
        ("lstm", 3 * 4 * (128 + 128 + 1) * 128 + 129 * 7),
        ("td_cnn", 320 + 9248 + 4 * (32_768 + 1024 + 1) * 1024 + 4 * (1024 + 1024 + 1) * 1024 + 1025 * 7),
        ("td_cnn_fc", 320 + 9248 + 32_769 * 1024 + 2 * 4 * (1024 + 1024 + 1) * 1024 + 1025 * 7),
    ],
)
def test_parameters(variant, count):
    for recipe in lim2016.RECIPES[variant].values():
        assert recipe.num_parameters == count
    network = model.build(lim2016.RECIPES[variant]["paper"], 7)
    assert sum(int(np.prod(weight.shape)) for weight in network.trainable_weights) == count
    assert network.count_params() == count + 1 + 2 * 128  # floor, means and scales


def test_quick_differs_in_epochs_and_stride_as_fixed_before_its_first_result():
    fixed = {"cnn": (10, 64), "cnn_side_by_side": (10, 128), "cnn_not_oversampled": (10, 64), "lstm": (16, 64)}
    fixed |= {"td_cnn": (5, 64), "td_cnn_fc": (5, 64)}
    for variant, (epochs, stride) in fixed.items():
        paper, quick = (lim2016.RECIPES[variant][preset] for preset in ("paper", "quick"))
        front_end = dataclasses.replace(paper.front_end, stride=stride)
        assert quick == dataclasses.replace(paper, max_epochs=epochs, front_end=front_end)
    assert fixed.keys() == lim2016.RECIPES.keys()


@pytest.mark.parametrize(
    ("variant", "dropouts", "epochs"), [("cnn", 3, 50), ("lstm", 3, 50), ("td_cnn", 4, 30), ("td_cnn_fc", 5, 30)]
)
def test_table_1_is_what_is_built(variant, dropouts, epochs):
    """D7: dropout after every pool, fully connected layer and LSTM; D8: ReLU but in the LSTM; D12: batch and epochs."""
    table = reported_results.read_file(reported_results.PAPERS / "lim2016" / "paper.toml").stated["training"]
    recipe = lim2016.RECIPES[variant]["paper"]
    assert (recipe.learning_rate, recipe.decay) == (table["learning_rate"], table["decay"])
    assert (recipe.momentum, recipe.batch_size, recipe.max_epochs) == (table["momentum"], 32, epochs)
    built = model.build(tiny(variant), 7).layers
    assert [layer.rate for layer in built if isinstance(layer, keras.layers.Dropout)] == [table["dropout"]] * dropouts
    for layer in built:
        if isinstance(layer, keras.layers.Conv2D):
            assert (list(layer.kernel_size), layer.activation.__name__) == (table["kernel_size"], table["activation"])
        if isinstance(layer, keras.layers.LSTM):
            assert (layer.activation.__name__, layer.recurrent_activation.__name__) == ("tanh", "sigmoid")
    dense = [layer.activation.__name__ for layer in built if isinstance(layer, keras.layers.Dense)]
    assert dense == ["relu"] * (len(dense) - 1) + ["softmax"]
    assert len(dense) == (2 if recipe.dense_units else 1)


def prepared(recipe, part):
    """The untrained network with the part's statistics."""
    keras.utils.set_random_seed(0)
    network = model.build(recipe, len(part.classes))
    model.set_statistics(network, part, recipe)
    return network


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_saved_network_predicts_the_same(tmp_path, variant):
    recipe = tiny(variant)
    part = part_of(recipe, [0, 1, 2, 3, 3])
    network = prepared(recipe, part)
    network.save(tmp_path / "model.keras")
    restored = keras.saving.load_model(tmp_path / "model.keras")
    inputs, _, _ = batching.Batches(part, batch_size=8)[0]
    np.testing.assert_array_equal(restored(inputs), network(inputs))
    assert float(restored.get_layer("floor").floor) == pytest.approx(max(a.max() for a in part.features) - 80)


@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_changes_no_prediction(variant):
    recipe = tiny(variant)
    waves = [0.1 * np.random.default_rng(n).standard_normal(150 + 220 * n).astype("float32") for n in range(4)]
    utterances = [Utterance(id=f"u{n}", path=None, emotion=CLASSES[n], speaker="s") for n in range(4)]

    def part(zeros):
        images = [lim2016.features(np.pad(w, (0, zeros)), 16_000, recipe.front_end) for w in waves]
        return batching.Subset(utterances, images, CLASSES)

    assert len({len(images) for images in part(0).features}) > 1
    fitted = training.Fitted(prepared(recipe, part(0)), {})
    expected = model.predict(fitted, part(0), recipe)
    for zeros in (1, 100, 1000, 9999):
        padded = model.predict(fitted, part(zeros), recipe)
        for rule, scores in expected.items():
            np.testing.assert_allclose(padded[rule], scores, atol=1e-5)


def test_the_time_distributed_network_is_one_cnn_on_each_window():
    """Windows cut by hand, one at a time through a plain CNN with the same weights, give the LSTM's inputs."""
    recipe = tiny("td_cnn")
    front_end = recipe.front_end
    whole, single = model.build(recipe, 4), model.build(tiny("cnn"), 4)
    convolutions = [[layer for layer in m.layers if isinstance(layer, keras.layers.Conv2D)] for m in (whole, single)]
    assert [len(of_window) for of_window in convolutions] == [2, 2]
    for ours, theirs in zip(*convolutions, strict=True):
        theirs.set_weights(ours.get_weights())
    recurrent = next(layer for layer in whole.layers if isinstance(layer, keras.layers.LSTM))
    flat = next(layer for layer in single.layers if isinstance(layer, keras.layers.Flatten))
    image = np.random.default_rng(0).normal(size=(3, front_end.example_frames, 16)).astype("float32")
    sequence = keras.Model(whole.input, recurrent.input)({"features": image})  # (3, 4, D)
    one_window = keras.Model(single.input, flat.output)
    for n in range(4):
        window = image[:, 4 * n : 4 * n + 16]
        np.testing.assert_allclose(sequence[:, n], one_window({"features": window}), atol=1e-5)
    assert 4 * 3 + 16 == front_end.example_frames  # the last window ends with the stretch


def test_statistics_come_from_the_training_part_alone():
    recipe = tiny("cnn", floor_db=20.0, max_epochs=1)
    train = part_of(recipe, [0, 1, 2, 3, 3])
    loud = part_of(recipe, [0, 1, 2, 3], seed=1)
    loud = dataclasses.replace(loud, features=[a + 90 for a in loud.features])
    fitted = model.fit(recipe, train, loud, seed=0)
    everything = np.concatenate([a.reshape(-1, 16) for a in train.features]).astype("float64")
    floor = everything.max() - 20
    assert float(fitted.model.get_layer("floor").floor) == pytest.approx(floor)
    standardise = fitted.model.get_layer("standardise")
    floored = np.maximum(everything, floor)
    np.testing.assert_allclose(standardise.mean, floored.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(standardise.scale, floored.std(axis=0), rtol=1e-4)
    unseen = model.fit(recipe, train, part_of(recipe, []), seed=0)
    for ours, theirs in zip(fitted.model.get_weights(), unseen.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_every_epoch_is_trained_and_the_rate_falls_as_stated():
    recipe = tiny("cnn", max_epochs=3, batch_size=2)
    train = part_of(recipe, [0, 1, 2, 3, 3, 3])
    fitted = model.fit(recipe, train, train, seed=0)
    optimizer = fitted.model.optimizer
    steps = 3 * 4 * 3 // 2  # epochs, classes times the largest, batch
    assert int(optimizer.iterations) == steps
    assert float(optimizer.learning_rate) == pytest.approx(0.01 / (1 + 1e-6 * steps), rel=1e-6)
    assert (optimizer.momentum, optimizer.nesterov) == (0.8, True)
    assert fitted.best_epoch is None
    assert len(fitted.history["val_ua"]) == 3


def test_a_killed_training_ends_like_one_never_interrupted(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "BACKUP_SECONDS", 0.0)
    recipe = tiny("cnn", max_epochs=3)
    train, valid = part_of(recipe, [0, 1, 2, 3, 3, 3]), part_of(recipe, [0, 1, 2, 3], seed=1)
    expected = model.fit(recipe, train, valid, seed=5)

    class Killed(BaseException):
        pass

    def kill(epoch):
        if epoch == 1:
            raise Killed

    with pytest.raises(Killed):
        model.fit(recipe, train, valid, seed=5, checkpoint=tmp_path / "c.npz", report=kill)
    resumed = model.fit(recipe, train, valid, seed=5, checkpoint=tmp_path / "c.npz")
    for ours, theirs in zip(resumed.model.get_weights(), expected.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


# --- decision rules


class Fixed:
    """Stands for a network: answers with what is given."""

    def __init__(self, posteriors):
        self.posteriors = np.array(posteriors, dtype="float32")

    def predict(self, batches, verbose):
        return self.posteriors


def decided(posteriors, segments):
    recipe = tiny("cnn")
    part = part_of(recipe, [0] * len(segments), classes=("anger", "boredom", "fear"))
    part = dataclasses.replace(part, features=[np.zeros((s, 16, 16), "float32") for s in segments])
    return model.predict(training.Fitted(Fixed(posteriors), {}), part, recipe)


def test_majority_and_sum_may_disagree():
    scores = decided([[0.51, 0.49, 0], [0.51, 0.49, 0], [0, 1, 0]], [3])
    assert list(scores) == ["majority", "sum"]
    assert scores["majority"].argmax() == 0  # two votes to one
    assert scores["sum"].argmax() == 1  # 1.98 to 1.02
    np.testing.assert_allclose(scores["majority"], [[2 + 0.17, 1 + 0.33, 0]], atol=1e-6)
    np.testing.assert_allclose(scores["sum"], [[0.34, 0.66, 0]], atol=1e-6)


def test_equal_votes_are_decided_by_the_summed_probability():
    scores = decided([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]], [2])
    assert scores["majority"].argmax() == 1  # 0.8 to 1.0


def test_no_sum_of_probabilities_outweighs_a_vote():
    posteriors = [[0.34, 0.33, 0.33]] * 2 + [[0.0, 1.0, 0.0]]
    assert decided(posteriors, [3])["majority"].argmax() == 0


def test_utterances_are_decided_apart_and_an_empty_part_gives_nothing():
    scores = decided([[0.9, 0.1, 0], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1]], [1, 2])
    assert scores["majority"].argmax(axis=1).tolist() == [0, 1]
    recipe = tiny("cnn")
    nothing = model.predict(training.Fitted(None, {}), part_of(recipe, []), recipe)
    assert {rule: values.shape for rule, values in nothing.items()} == {"majority": (0, 4), "sum": (0, 4)}


def test_without_oversampling_a_class_may_be_missing_from_training():
    recipe = tiny("cnn_not_oversampled", max_epochs=1)
    part = part_of(recipe, [0, 0, 1, 1])
    fitted = model.fit(recipe, part, part.take([]), seed=0)
    assert len(fitted.history["loss"]) == 1
    with pytest.raises(ValueError, match="fear has no training utterance to repeat"):
        model.fit(tiny("cnn", max_epochs=1), part, part.take([]), seed=0)
