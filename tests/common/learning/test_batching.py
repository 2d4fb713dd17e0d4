import dataclasses
import weakref

import numpy as np
import pytest

from common.learning import batching
from common.learning.batching import (
    Batches,
    Subset,
    class_weights,
    mean_by_utterance,
    predict_examples,
    stream,
    votes_by_utterance,
)
from common.utterance import Utterance

CLASSES = ("anger", "calm", "fear")


def part(shapes, emotions=None):
    """Utterance k has `shapes[k] = (S, T)`; every frame of its example s holds 100 k + s + 1."""
    features = [
        np.stack([np.full((T, 2), 100 * k + s + 1, dtype="float32") for s in range(S)])
        for k, (S, T) in enumerate(shapes)
    ]
    emotions = emotions or [CLASSES[k % 3] for k in range(len(shapes))]
    utterances = [Utterance(id=str(k), path=None, emotion=e, speaker="s") for k, e in enumerate(emotions)]
    return Subset(utterances, features, CLASSES)


RAGGED = [(1, 4), (3, 2), (1, 7), (2, 5), (1, 1)]


def test_every_example_comes_once_padded_on_the_right_with_its_length_label_and_weight():
    batches = Batches(
        part(RAGGED), batch_size=3, seed=1, utterance_weights=[1, 2, 3, 4, 5], inputs=("features", "length")
    )
    seen = []
    for i in range(len(batches)):
        inputs, labels, weights = batches[i]
        assert inputs["features"].shape == (len(labels), inputs["length"].max(), 2)
        for frames, length, label, weight in zip(inputs["features"], inputs["length"], labels, weights, strict=True):
            value = int(frames[0, 0])
            utterance = (value - 1) // 100
            seen.append(value)
            assert length == RAGGED[utterance][1]
            assert (frames[:length] == value).all() and (frames[length:] == 0).all()
            assert label == utterance % 3
            assert weight == utterance + 1
    assert sorted(seen) == [1, 101, 102, 103, 201, 301, 302, 401]


def test_the_order_is_a_function_of_seed_and_epoch_alone():
    first, second = Batches(part(RAGGED), batch_size=2, seed=5), Batches(part(RAGGED), batch_size=2, seed=5)
    for epoch in range(4):
        first.begin_epoch(epoch)
    second.begin_epoch(3)
    np.testing.assert_array_equal(first.order, second.order)
    second.begin_epoch(4)
    assert first.order.tolist() != second.order.tolist()
    assert (
        Batches(part(RAGGED), batch_size=2, seed=6).order.tolist()
        != Batches(part(RAGGED), batch_size=2, seed=5).order.tolist()
    )


def test_batches_of_similar_length_waste_less_and_still_move():
    shapes = [(1, T) for T in np.random.default_rng(0).integers(10, 200, 64)]
    plain = Batches(part(shapes), batch_size=8, seed=0)
    sorted_ = Batches(part(shapes), batch_size=8, seed=0, by_length=True)
    share_by_hand = sum(T for _, T in shapes) / sum(8 * max(sorted_.lengths[b]) for b in sorted_.batches)
    assert sorted_.valid_share == pytest.approx(share_by_hand)
    assert sorted_.valid_share > 0.9 > plain.valid_share
    before = [b.tolist() for b in sorted_.batches]
    sorted_.begin_epoch(1)
    after = [b.tolist() for b in sorted_.batches]
    assert before != after
    assert sorted(sorted_.order.tolist()) == list(range(64))


class Doubler:
    """Stands for a model: class scores that can be followed by hand."""

    def predict(self, batches, verbose):
        outputs = []
        for inputs, *_ in batches:
            value = np.max(inputs["features"], axis=(1, 2))
            outputs.append(np.stack([value, 2 * value, 0 * value], axis=1))
        return np.concatenate(outputs)


@pytest.mark.parametrize("by_length", [False, True])
def test_outputs_come_back_in_the_order_of_the_examples_and_are_averaged_per_utterance(by_length):
    batches = Batches(part(RAGGED), batch_size=3, by_length=by_length)
    outputs = predict_examples(Doubler(), batches)
    assert outputs[:, 0].tolist() == [1, 101, 102, 103, 201, 301, 302, 401]
    assert mean_by_utterance(outputs, batches)[:, 1].tolist() == [2, 204, 402, 603, 802]
    assert votes_by_utterance(outputs, batches).tolist() == [[0, 1, 0], [0, 3, 0], [0, 1, 0], [0, 2, 0], [0, 1, 0]]


@pytest.mark.parametrize("by_length", [False, True])
def test_a_stream_is_the_batches_in_their_present_order(by_length):
    batches = Batches(part(RAGGED), batch_size=3, seed=0, by_length=by_length, inputs=("features", "length"))
    streamed = stream(batches)
    for epoch in range(3):
        batches.begin_epoch(epoch)
        in_order = list(streamed)
        assert len(in_order) == len(batches)
        for (inputs, labels, weights), index in zip(in_order, range(len(batches)), strict=True):
            expected = batches[index]
            for name, array in expected[0].items():
                np.testing.assert_array_equal(inputs[name], array)
            np.testing.assert_array_equal(labels, expected[1])
            np.testing.assert_array_equal(weights, expected[2])


def test_a_single_batch_stays_as_it_is():
    batches = Batches(part(RAGGED), batch_size=100)
    ((inputs, *_),) = stream(batches)
    assert len(batches) == 1 and isinstance(inputs["features"], np.ndarray)


def test_a_stream_does_not_tune_itself():
    batches = Batches(part(RAGGED), batch_size=3)
    assert stream(batches).options().autotune.enabled is False


def test_a_stream_is_made_once_and_keeps_no_batches_alive():
    batches = Batches(part(RAGGED), batch_size=3)
    streamed, gone = stream(batches), weakref.ref(batches)
    assert stream(batches) is streamed
    del batches
    assert gone() is None


def test_the_first_examples_of_every_utterance_are_kept():
    assert Batches(part(RAGGED).first_examples(1), batch_size=9).part.features[1].shape == (1, 2, 2)
    assert len(Batches(part(RAGGED).first_examples(1), batch_size=9).order) == len(RAGGED)


def test_class_weights_by_hand():
    np.testing.assert_allclose(class_weights([0, 0, 0, 1, 2, 2], 3), [6 / 9, 2, 1])
    weights = class_weights([0, 0, 0, 1, 2, 2], 3)[[0, 0, 0, 1, 2, 2]]
    assert weights.mean() == pytest.approx(1)
    with pytest.raises(ValueError, match="class 2 of 3 has no training example"):
        class_weights([0, 1], 3)


class Counted(list):
    """A list that counts how often one of its items is read."""

    reads = 0

    def __getitem__(self, index):
        self.reads += 1
        return super().__getitem__(index)


@pytest.mark.parametrize("bound, reads", [(batching.HELD_BYTES, 0), (0, 3 * 8 + 3 * 3)])
def test_small_features_are_read_once_and_large_ones_when_they_are_needed(bound, reads, monkeypatch):
    monkeypatch.setattr(batching, "HELD_BYTES", bound)
    whole = part(RAGGED)
    counted = dataclasses.replace(whole, features=Counted(whole.features))
    batches, expected = Batches(counted, batch_size=3, seed=1), Batches(whole, batch_size=3, seed=1)
    for epoch in range(3):
        batches.begin_epoch(epoch)
        expected.begin_epoch(epoch)
        for index in range(len(batches)):
            np.testing.assert_array_equal(batches[index][0]["features"], expected[index][0]["features"])
    assert counted.features.reads == reads


# --- oversampling


def numbered(counts):
    classes = tuple(sorted(counts))
    emotions = [name for name in classes for _ in range(counts[name])]
    utterances = [Utterance(id=f"u{k}", path=None, emotion=e, speaker="s") for k, e in enumerate(emotions)]
    return batching.Subset(utterances, [np.full((1, 2, 2), k, "float32") for k in range(len(emotions))], classes)


def equalised(part, seed):
    return batching.equalise(part, np.random.default_rng(seed))


def test_classes_become_equal_and_everyone_stays():
    part = numbered({"anger": 9, "boredom": 4, "sadness": 1})
    equal = equalised(part, seed=0)
    assert np.bincount(equal.labels).tolist() == [9, 9, 9]
    assert equal.utterances[:14] == part.utterances
    assert {u.id for u in equal.utterances} == {u.id for u in part.utterances}
    assert len(equal.features) == len(equal) == 27
    assert [f"u{int(array[0, 0, 0])}" for array in equal.features] == [u.id for u in equal.utterances]


def test_the_draw_is_the_generators():
    part = numbered({"anger": 9, "boredom": 4, "sadness": 1})
    ids = [[u.id for u in equalised(part, seed).utterances] for seed in (0, 0, 1)]
    assert ids[0] == ids[1] != ids[2]


def test_a_class_without_utterances_is_refused():
    part = dataclasses.replace(numbered({"anger": 2, "boredom": 2}), classes=("anger", "boredom", "fear"))
    with pytest.raises(ValueError, match="fear has no training utterance"):
        equalised(part, seed=0)
