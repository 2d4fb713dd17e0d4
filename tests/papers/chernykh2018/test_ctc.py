"""CTC against the enumeration of all paths (Chernykh 2018, section 3.2), the alignment, and the sequence with times."""

import itertools
import types

import keras
import numpy as np
import pytest

from common.learning.layers import set_statistics
from papers.chernykh2018 import RECIPES, ctc, features, model, sequence
from papers.chernykh2018.features import FrontEnd
from papers.chernykh2018.model import build


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def collapse(path, blank):
    """M of section 3.2: repeated symbols merge, then blanks go."""
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != blank)


def every_path(probabilities):
    """[(path, its probability)] over all (K + 1)^T paths."""
    steps, symbols = probabilities.shape
    return [
        (path, float(np.prod([probabilities[t, s] for t, s in enumerate(path)])))
        for path in itertools.product(range(symbols), repeat=steps)
    ]


def labelling_probabilities(logits):
    """p(l|X) of every labelling, by enumeration."""
    probabilities = {}
    for path, probability in every_path(softmax(logits.astype("float64"))):
        labelling = collapse(path, logits.shape[1] - 1)
        probabilities[labelling] = probabilities.get(labelling, 0.0) + probability
    return probabilities


@pytest.fixture(scope="module")
def cases():
    """Random logits (12, 6, 4), three emotions and the blank, with lengths 1 to 6; behind an end stands nonsense."""
    rng = np.random.default_rng(3)
    logits = (3 * rng.standard_normal((12, 6, 4))).astype("float32")
    length = np.array([6, 5, 4, 3, 2, 1, 6, 6, 5, 5, 4, 6], "int32")
    for row, end in enumerate(length):
        logits[row, end:] = 50 * rng.standard_normal((6 - end, 4))
    exact = [labelling_probabilities(logits[row, :end]) for row, end in enumerate(length)]
    assert all(sum(table.values()) == pytest.approx(1.0) for table in exact)
    return logits, length, exact


def test_the_paper_s_example_of_the_map():
    a, b, c, blank = 0, 1, 2, 3
    path = (blank, a, a, blank, b, blank, b, blank, blank, c, c, c)
    assert collapse(path, blank) == (a, b, b, c)
    logits = np.full((1, 12, 4), -9.0, "float32")
    logits[0, np.arange(12), path] = 9.0
    length = np.array([12], "int32")
    for decoded in (ctc.best_path(logits, length), ctc.beam_search(logits, length, width=100)):
        assert decoded[0][decoded[0] >= 0].tolist() == [a, b, b, c]


def test_the_loss_sums_all_paths_over_real_frames_only(cases):
    logits, length, exact = cases
    for label in range(3):  # label 0 included: the blank is the last symbol
        losses = model.losses_of_one_emotion(logits, length, np.full(12, label, "int32"))
        expected = [-np.log(table[(label,)]) for table in exact]
        np.testing.assert_allclose(np.asarray(losses), expected, rtol=1e-5, atol=1e-5)


def test_the_probability_of_any_labelling_sums_all_its_paths(cases):
    logits, length, exact = cases
    for labelling in [(), (0,), (2, 1), (1, 1), (0, 0, 0), (0, 2, 0), (2, 2, 1, 0)]:
        padded = np.full((12, 4), -1)
        padded[:, : len(labelling)] = labelling
        computed = np.exp(ctc.log_probabilities(logits, length, padded))
        np.testing.assert_allclose(computed, [table.get(labelling, 0.0) for table in exact], rtol=1e-9)


def test_the_network_s_loss_is_the_weighted_mean(cases):
    logits, length, exact = cases
    network = build(RECIPES["ctc"]["paper"], 3)
    labels = np.arange(12, dtype="int32") % 3
    weights = np.linspace(0.5, 2.0, 12).astype("float32")
    expected = np.array([-np.log(table[(label,)]) for table, label in zip(exact, labels, strict=True)])
    y_pred = {"logits": keras.ops.convert_to_tensor(logits), "length": keras.ops.convert_to_tensor(length)}
    assert float(network.compute_loss(y=labels, y_pred=y_pred)) == pytest.approx(expected.mean(), rel=1e-5)
    weighted = network.compute_loss(y=labels, y_pred=y_pred, sample_weight=weights)
    assert float(weighted) == pytest.approx((expected * weights).mean(), rel=1e-5)


def test_best_path_is_the_collapsed_argmax(cases):
    logits, length, _ = cases
    decoded = ctc.best_path(logits, length)
    for row, end in enumerate(length):
        expected = collapse(logits[row, :end].argmax(axis=1), blank=3)
        assert tuple(decoded[row][decoded[row] >= 0]) == expected


def test_beam_search_finds_the_likeliest_of_all_labellings(cases):
    logits, length, exact = cases
    decoded = ctc.beam_search(logits, length, width=100)
    best = ctc.best_path(logits, length)
    differing = 0
    for row, table in enumerate(exact):
        likeliest = max(table, key=table.get)
        assert tuple(decoded[row][decoded[row] >= 0]) == likeliest
        differing += tuple(best[row][best[row] >= 0]) != likeliest
    assert differing  # else these cases could not tell the two decoders apart


def test_many_sequences_are_decoded_in_slices(monkeypatch, cases):
    logits, length, _ = cases
    at_once = ctc.beam_search(logits, length, width=100)
    monkeypatch.setattr(ctc, "DECODED_AT_ONCE", 5)
    np.testing.assert_array_equal(ctc.beam_search(logits, length, width=100), at_once)
    assert ctc.best_path(logits[:0], length[:0]).shape == (0, 6)


def test_a_decision_has_the_probability_of_its_labelling(cases):
    logits, length, exact = cases
    labellings = ctc.beam_search(logits, length, width=100)
    scores = ctc.decision_scores(logits, length, labellings)
    assert scores.shape == (12, 3)
    for row, table in enumerate(exact):
        labelling = tuple(labellings[row][labellings[row] >= 0])
        expected = np.zeros(3)
        if labelling:
            expected[labelling[0]] = table[labelling]
        np.testing.assert_allclose(scores[row], expected, rtol=1e-4)
    nothing = ctc.decision_scores(logits, length, np.full((12, 6), -1))
    assert not nothing.any()


def test_the_posteriors_of_one_emotion(cases):
    logits, length, exact = cases
    expected = np.array([[table[(k,)] for k in range(3)] for table in exact])
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(ctc.posteriors_of_one_emotion(logits, length), expected, rtol=1e-4)


# --- the alignment


@pytest.mark.parametrize("labelling", [(), (0,), (1, 0), (1, 1), (0, 1, 0)])
def test_the_alignment_is_the_likeliest_path_of_a_labelling(labelling):
    for seed in range(5):
        logits = 2 * np.random.default_rng(seed).standard_normal((5, 3))
        paths = {path: p for path, p in every_path(softmax(logits)) if collapse(path, 2) == labelling}
        best = max(paths, key=paths.get)
        aligned = ctc.align(logits, np.array(labelling, dtype=int))
        assert tuple(labelling[place] if place >= 0 else 2 for place in aligned) == best
        assert collapse(aligned, -1) == tuple(range(len(labelling)))  # the places come one after the other


def test_an_alignment_needs_enough_frames():
    with pytest.raises(ValueError, match="2 emotions do not fit into 2 frames"):
        ctc.align(np.zeros((2, 3)), np.array([1, 1]))  # a blank must stand between them
    assert ctc.align(np.zeros((3, 3)), np.array([1, 1])).tolist() == [0, -1, 1]


# --- the sequence of emotions


def test_spans_have_the_times_of_the_frames_that_name_them():
    recipe = RECIPES["ctc"]["paper"]
    anger, sadness, blank = 0, 1, 2
    path = [blank, anger, anger, blank, sadness, blank]
    logits = np.full((6, 3), -4.0, "float32")
    logits[np.arange(6), path] = 4.0
    numbers = np.array([1, 2, 3, 9, 12, 13])  # frames 4 to 8 and 10, 11 were too quiet
    for rule in ("beam", "best_path"):
        first, second = sequence.spans(logits, numbers, recipe, ("anger", "sadness"), rule=rule)
        assert (first.emotion, second.emotion) == ("anger", "sadness")
        assert (first.start_s, first.end_s) == pytest.approx((0.2, 0.5))  # frames 2 and 3, each 0.2 s
        assert (second.start_s, second.end_s) == pytest.approx((1.2, 1.4))
        assert first.posterior == pytest.approx(1 / (1 + 2 * np.exp(-8)))
    nothing = np.tile([-4.0, -4.0, 4.0], (6, 1)).astype("float32")
    assert sequence.spans(nothing, numbers, recipe, ("anger", "sadness"), rule="beam") == []


def test_a_long_recording_is_read_whole():
    """30 s, in which one pitch follows the other; the network is a stand-in that hears them, frame by frame."""
    rate, third = 16_000, 10 * 16_000
    t = np.arange(third) / rate
    low, high = np.sin(2 * np.pi * 200 * t), np.sin(2 * np.pi * 3000 * t)
    waveform = np.r_[low, high, low] + 1e-3 * np.random.default_rng(0).standard_normal(3 * third)

    def predict(inputs, verbose):
        centroid = inputs["features"][0, :, 3]
        steps = np.arange(len(centroid))
        symbol = np.where(steps % 20 == 10, (centroid > 0.2).astype(int), 2)  # spikes among blanks
        logits = np.full((1, len(centroid), 3), -4.0, "float32")
        logits[0, steps, symbol] = 4.0
        return {"logits": logits}

    network = types.SimpleNamespace(predict=predict)
    spans = sequence.emotions(network, waveform, rate, RECIPES["ctc"]["paper"], ("low", "high"))
    assert len(spans) > 10  # one every 2 s: more than 78 frames were read
    names = [span.emotion for span in spans]
    assert [name for name, _ in itertools.groupby(names)] == ["low", "high", "low"]
    assert all(span.emotion == ("high" if 10 < span.start_s < 20 else "low") for span in spans)
    assert [span.end_s - span.start_s for span in spans] == pytest.approx([0.2] * len(spans))


def test_the_whole_network_is_the_trained_one_without_the_cut():
    recipe = RECIPES["ctc"]["paper"]
    network = build(recipe, 2)
    set_statistics(network.get_layer("standardise"), np.full(34, 0.3), np.full(34, 2.0))
    whole = model.deployed(network, recipe, 2)
    rng = np.random.default_rng(0)
    exactly = {"features": rng.standard_normal((1, 78, 34)).astype("float32"), "length": np.array([78], "int32")}
    np.testing.assert_allclose(
        whole.predict(exactly, verbose=0)["logits"], network.predict(exactly, verbose=0)["logits"], atol=1e-5
    )
    longer = {"features": rng.standard_normal((1, 200, 34)).astype("float32"), "length": np.array([200], "int32")}
    assert whole.predict(longer, verbose=0)["logits"].shape == (1, 200, 3)


def test_an_untrained_network_gives_a_sequence_of_any_recording():
    recipe = RECIPES["ctc_legacy_code"]["paper"]  # the one that cuts steps off
    network = model.deployed(build(recipe, 2), recipe, 2)
    for seconds in (0.15, 0.4, 12.0):
        waveform = np.random.default_rng(1).standard_normal(round(seconds * 16_000)).astype("float32")
        spans = sequence.emotions(network, waveform, 16_000, recipe, ("anger", "sadness"))
        assert all(0 <= span.start_s < span.end_s <= max(seconds, 0.2) + 1e-6 for span in spans)
        assert [span.start_s for span in spans] == sorted(span.start_s for span in spans)
    assert features(waveform, 16_000, FrontEnd()).shape[1] > 78
