"""The systems of Chernykh 2018: sizes, training, padding, storage, the forest, and what they are trained on."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.metrics import recall_score

from common import corpora
from common.corpora import synthetic
from common.errors import InputError
from common.evaluation import agreement, metrics
from common.features import feature_store
from common.learning import batching, training
from common.learning.batching import Subset
from common.learning.layers import set_statistics
from common.utterance import Corpus, Utterance
from papers import chernykh2018
from papers.chernykh2018 import RECIPES, decision, framewise, model
from papers.chernykh2018.layers import both_directions, fixed_steps, keras1_hard_sigmoid

CLASSES = ("anger", "excitement", "neutral", "sadness")
NETWORKS = ("one_label", "ctc", "one_label_legacy_code", "ctc_legacy_code")


def utterance(number, emotion, **more):
    return Utterance(id=f"u{number:03d}", path=Path(f"u{number}.wav"), emotion=emotion, speaker="s", **more)


def part(num=8, seed=0, lengths=(4, 9)):
    """Utterances whose emotion shifts one feature; features (1, T, 34)."""
    rng = np.random.default_rng(seed)
    frames = [rng.standard_normal((1, rng.integers(*lengths), 34)).astype("float32") for _ in range(num)]
    for number, values in enumerate(frames):
        values[..., 10 + number % 4] += 3.0
    return Subset([utterance(n, CLASSES[n % 4]) for n in range(num)], frames, CLASSES)


def tiny(variant, **changes):
    small = {"units": 12, "dense_units": 16, "max_steps": 6}
    return dataclasses.replace(RECIPES[variant]["paper"], **small | changes)


def untrained(recipe):
    keras.utils.set_random_seed(1)
    return training.Fitted(model.build(recipe, 4), {})


# --- networks


@pytest.mark.parametrize("variant", NETWORKS)
def test_parameters_are_those_of_the_paper_s_figures(variant):
    recipe = RECIPES[variant]["paper"]
    network = model.build(recipe, 4)
    assert training.trained_parameters(network) == recipe.num_parameters == {"o": 217_604, "c": 218_117}[variant[0]]
    lstms = {layer.name: layer.count_params() for layer in network.layers if layer.name.startswith("lstm")}
    assert lstms == {"lstm_1": 25_344, "lstm_2": 25_344, "lstm_3": 49_408, "lstm_4": 49_408}


def test_outputs_have_the_paper_s_steps_and_the_real_length():
    length = np.array([3, 78, 100], "int32")
    inputs = {"features": np.zeros((3, 100, 34), "float32"), "length": length}
    outputs = model.build(RECIPES["ctc"]["paper"], 4).predict(inputs, verbose=0)
    assert outputs["logits"].shape == (3, 78, 5) and outputs["length"].tolist() == [3, 78, 78]
    outputs = model.build(RECIPES["ctc_legacy_code"]["paper"], 4).predict(inputs, verbose=0)
    assert outputs["logits"].shape == (3, 76, 5) and outputs["length"].tolist() == [1, 76, 76]


@pytest.mark.parametrize("variant", ["one_label_legacy_code", "ctc_legacy_code"])
def test_the_authors_recipe_trains_without_a_validation_part(variant):
    recipe = tiny(variant, max_epochs=2, batch_size=4)
    fitted = model.fit(recipe, part(12), part(0), seed=0)
    assert not any(name.startswith("val_") for name in fitted.history) and np.isfinite(fitted.history["loss"]).all()
    nobody = decision.predict(fitted, part(0), recipe)
    assert [scores.shape for scores in nobody.values()] == [(0, 4)] * len(decision.rules(recipe))


def test_empty_decodings_are_counted_in_validation():
    recipe, few = tiny("ctc"), part(6)
    fitted = untrained(recipe)
    shuffled = batching.Batches(few, batch_size=4, seed=1, inputs=decision.INPUTS)
    scores = model.ctc_scores(fitted.model, shuffled)
    decisions = metrics.decide(decision.predict(fitted, few, recipe)["best_path"])
    assert scores["wa"] == np.mean(decisions == few.labels)
    assert scores["empty"] == np.mean(decisions == metrics.NO_DECISION)


@pytest.mark.parametrize("variant", ["one_label", "ctc_legacy_code"])
def test_a_saved_network_predicts_the_same(variant, tmp_path):
    recipe = tiny(variant)
    fitted, few = untrained(recipe), part(4)
    if recipe.standardise:
        set_statistics(fitted.model.get_layer("standardise"), np.full(34, 0.3), np.full(34, 2.0))
    fitted.model.save(tmp_path / "network.keras")
    loaded = training.Fitted(keras.saving.load_model(tmp_path / "network.keras"), {})
    for rule, scores in decision.predict(fitted, few, recipe).items():
        np.testing.assert_array_equal(decision.predict(loaded, few, recipe)[rule], scores)


def test_both_directions_are_keras_s_bidirectional_and_the_authors_leave_the_second_reversed():
    frames = np.random.default_rng(0).standard_normal((2, 7, 5)).astype("float32")
    inputs = keras.Input((7, 5))
    aligned = both_directions(inputs, tiny("ctc"), sequences=True, names=("a", "b"))
    network = keras.Model(inputs, aligned)
    oracle = keras.layers.Bidirectional(keras.layers.LSTM(12, return_sequences=True))
    oracle.build((None, 7, 5))
    weights = [network.get_layer(name).get_weights() for name in "ab"]
    oracle.set_weights(sum(weights, []))
    np.testing.assert_allclose(network.predict(frames, verbose=0), np.asarray(oracle(frames)), atol=1e-6)
    recipe = dataclasses.replace(tiny("ctc"), realign_backward=False)
    reversed_ = keras.Model(inputs, both_directions(inputs, recipe, sequences=True, names=("c", "d")))
    for name, values in zip("cd", weights, strict=True):
        reversed_.get_layer(name).set_weights(values)
    expected = np.array(oracle(frames))
    expected[:, :, 12:] = expected[:, ::-1, 12:]
    np.testing.assert_allclose(reversed_.predict(frames, verbose=0), expected, atol=1e-6)


def test_fixed_steps_and_the_old_sigmoid_by_hand():
    frames = np.arange(1, 9, dtype="float32").reshape(2, 4, 1)
    length = np.array([2, 4])
    assert np.asarray(fixed_steps(frames, length, 3))[..., 0].tolist() == [[1, 2, 0], [5, 6, 7]]
    assert np.asarray(fixed_steps(frames, length, 6))[..., 0].tolist() == [[1, 2, 0, 0, 0, 0], [5, 6, 7, 8, 0, 0]]
    assert np.asarray(fixed_steps(frames, length))[..., 0].tolist() == [[1, 2, 0, 0], [5, 6, 7, 8]]
    values = np.asarray(keras1_hard_sigmoid(np.array([-3.0, -2.5, 0.0, 1.0, 2.5, 3.0], "float32")))
    assert values == pytest.approx([0, 0, 0.5, 0.7, 1, 1])


def test_class_weights_short_utterances_and_blocks_of_the_authors_recipe():
    emotions = ["anger"] * 6 + ["neutral"] * 2
    frames = [np.zeros((1, 5 if n == 0 else 9, 34), "float32") for n in range(8)]
    two = Subset([utterance(n, e) for n, e in enumerate(emotions)], frames, ("anger", "neutral"))
    legacy = model._training_batches(RECIPES["ctc_legacy_code"]["paper"], two, seed=3)
    assert len(legacy.weights) == 7  # the utterance of five frames is left out
    assert sorted(set(legacy.weights)) == pytest.approx([4 * 7 / (2 * 5), 4 * 7 / (2 * 2)])
    ours = model._training_batches(RECIPES["ctc"]["paper"], two, seed=3)
    assert len(ours.weights) == 8 and ours.weights.mean() == pytest.approx(1.0)
    blocks = model.BlockBatches(part(40), batch_size=8, seed=3, inputs=decision.INPUTS)
    first = [batch.tolist() for batch in blocks.batches]
    blocks.begin_epoch(1)
    second = [batch.tolist() for batch in blocks.batches]
    assert first != second and sorted(first) == sorted(second)
    assert sorted(sum(first, [])) == list(range(40))


# --- the systems without a network


def test_the_forest_learns_from_the_loudest_frames_and_counts_votes():
    frames = np.zeros((5, 34))
    frames[:, 1] = [0.1, 0.5, 0.3, 0.5, 0.2]  # the energy
    assert framewise.loudest(frames, 2)[:, 1].tolist() == [0.5, 0.5]
    assert len(framewise.loudest(frames[:1], 2)) == 1
    data = part(24)
    recipe = RECIPES["framewise"]["smoke"]
    finished = []
    fitted = model.fit(recipe, data, part(0), seed=0, report=finished.append)
    assert finished == [1] and fitted.model.n_estimators == 20 and fitted.model.class_weight == "balanced"
    assert RECIPES["framewise"]["paper"].num_trees == 1000
    scores = decision.predict(fitted, data, recipe)["majority_vote"]
    frame_decisions = fitted.model.predict(data.features[0][0])
    shares = np.bincount(frame_decisions, minlength=4) / len(frame_decisions)
    assert scores[0] == pytest.approx(shares, abs=1e-3)
    assert np.mean(metrics.decide(scores) == data.labels) > 0.9
    assert decision.predict(fitted, part(0), recipe)["majority_vote"].shape == (0, 4)


def test_of_equally_many_votes_the_class_seen_first_is_ahead():
    assert framewise.vote_shares(np.array([2, 2, 1]), 4) == pytest.approx([0, 1 / 3, 2 / 3, 0])
    tied = framewise.vote_shares(np.array([3, 1, 1, 3, 0]), 4)
    assert tied.argmax() == 3 and tied.sum() == pytest.approx(1)
    assert framewise.vote_shares(np.array([1, 3, 1, 3, 0]), 4).argmax() == 1
    assert framewise.vote_shares(np.array([3, 1, 1, 3, 0]), 4, "lowest").argmax() == 1
    assert framewise.vote_shares(np.array([3, 1, 3]), 4, "lowest").argmax() == 3  # no tie


def test_the_dummy_answers_with_the_largest_training_class():
    recipe = RECIPES["dummy"]["paper"]
    emotions = ["neutral", "anger", "neutral"]
    frames = [np.zeros((1, 3, 34), "float32")] * 3
    train = Subset([utterance(n, e) for n, e in enumerate(emotions)], frames, CLASSES)
    fitted = model.fit(recipe, train, part(0), seed=0)
    scores = decision.predict(fitted, part(8), recipe)["posterior"]
    assert metrics.decide(scores).tolist() == [CLASSES.index("neutral")] * 8
    labels = part(8).labels
    assert recall_score(labels, metrics.decide(scores), average="macro") == pytest.approx(metrics.chance(4))


# --- data and folds


def corpus(emotions, name="made", **more):
    members = [utterance(n, e, **{key: values[n] for key, values in more.items()}) for n, e in enumerate(emotions)]
    return Corpus(name=name, variant=name, utterances=tuple(members))


def test_happiness_stands_in_where_a_corpus_has_no_excitement():
    recipe = RECIPES["ctc"]["paper"]
    both = corpus(["anger", "excitement", "happiness", "neutral", "sadness", "fear"])
    assert chernykh2018.select(both, recipe).classes == CLASSES
    without = corpus(["anger", "happiness", "neutral", "sadness", "fear"])
    assert chernykh2018.select(without, recipe).variant == "made/4hap"
    assert chernykh2018.select(without, recipe, ("fear", "anger")).classes == ("anger", "fear")
    fewer = corpus(["anger", "neutral", "boredom"])
    assert chernykh2018.select(fewer, recipe).classes == ("anger", "neutral")
    exactly = corpus(list(CLASSES), name="iemocap/all/4exc")
    assert chernykh2018.select(exactly, recipe) is exactly


def test_the_paper_s_folds_hold_out_a_session_each():
    emotions = list(CLASSES) * 5
    sessions = [f"Ses0{n // 4 + 1}" for n in range(20)]
    folds = chernykh2018.folds(corpus(emotions, session=sessions), RECIPES["ctc"]["paper"], "paper", seed=0)
    assert [fold.name for fold in folds] == [f"fold_{n}" for n in range(1, 6)]
    for number, fold in enumerate(folds, start=1):
        assert {u.session for u in fold.test} == {f"Ses0{number}"}
        assert len(fold.train) == 16 and len(fold.test) == 4 and fold.valid == ()
        assert not {u.session for u in fold.train} & {u.session for u in fold.test}
    with pytest.raises(InputError, match="made has no sessions.*use --protocol speaker_independent"):
        chernykh2018.folds(corpus(emotions), RECIPES["ctc"]["paper"], "paper", seed=0)
    assert len(chernykh2018.folds(corpus(emotions * 3), RECIPES["ctc"]["paper"], "random", seed=0)) == 10


def test_a_synthetic_iemocap_goes_through_table_1_table_2_and_figure_6(tmp_path):
    root = synthetic.synthesize("iemocap", tmp_path / "iemocap", speakers=4, files=2, progress=False)
    recipe = RECIPES["framewise"]["smoke"]
    selected = chernykh2018.select(corpora.load("iemocap/all/4exc", root), recipe)
    store = feature_store.compute(
        selected.utterances,
        chernykh2018.features,
        recipe.front_end,
        hashes=feature_store.fingerprints(selected.utterances, workers=1),
        version="test",
        root=tmp_path / "store",
        workers=1,
        label="test",
    )
    tested, decided = [], []
    for fold in chernykh2018.folds(selected, recipe, "paper", seed=0):
        train, test = (
            Subset(us, feature_store.StoredFeatures([store[u.id] for u in us]), selected.classes)
            for us in (fold.train, fold.test)
        )
        fitted = model.fit(recipe, train, part(0), seed=0)
        decided += metrics.decide(decision.predict(fitted, test, recipe)["majority_vote"]).tolist()
        tested += fold.test
    assert sorted(u.id for u in tested) == [u.id for u in selected.utterances]
    table_1 = metrics.confusion_matrix(
        [selected.classes.index(u.emotion) for u in tested], np.array(decided), num_classes=4
    )
    assert metrics.wa(table_1) > 0.25
    np.testing.assert_allclose(agreement.confusion(tested, decided, selected.classes).sum(axis=1), 1.0)
    by_dissent = agreement.error_by_dissent(tested, decided, selected.classes)
    assert by_dissent.counts.sum() == len(tested) and by_dissent.errors.sum() == table_1.sum() - table_1.trace()
    residual = agreement.residual_accuracy(tested, decided, selected.classes)
    assert sum(column.dissenting for column in residual.values()) > 0
    assert all(column.matching <= column.errors for column in residual.values())
