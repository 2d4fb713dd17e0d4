"""Random oversampling: what comes out, counted by hand."""

import dataclasses

import numpy as np
import pytest

from common.learning import batching
from common.learning.oversampling import equalise
from common.utterance import Utterance


def part_of(counts):
    classes = tuple(sorted(counts))
    emotions = [name for name in classes for _ in range(counts[name])]
    utterances = [Utterance(id=f"u{k}", path=None, emotion=e, speaker="s") for k, e in enumerate(emotions)]
    return batching.Subset(utterances, [np.full((1, 2, 2), k, "float32") for k in range(len(emotions))], classes)


def equalised(part, seed):
    return equalise(part, np.random.default_rng(seed))


def test_classes_become_equal_and_everyone_stays():
    part = part_of({"anger": 9, "boredom": 4, "sadness": 1})
    equal = equalised(part, seed=0)
    assert np.bincount(equal.labels).tolist() == [9, 9, 9]
    assert equal.utterances[:14] == part.utterances
    assert {u.id for u in equal.utterances} == {u.id for u in part.utterances}
    assert len(equal.features) == len(equal) == 27
    assert [f"u{int(array[0, 0, 0])}" for array in equal.features] == [u.id for u in equal.utterances]


def test_the_draw_is_the_generators():
    part = part_of({"anger": 9, "boredom": 4, "sadness": 1})
    ids = [[u.id for u in equalised(part, seed).utterances] for seed in (0, 0, 1)]
    assert ids[0] == ids[1] != ids[2]


def test_a_class_without_utterances_is_refused():
    part = dataclasses.replace(part_of({"anger": 2, "boredom": 2}), classes=("anger", "boredom", "fear"))
    with pytest.raises(ValueError, match="fear has no training utterance"):
        equalised(part, seed=0)
