"""Satt 2017: recipes and their ablations, what is selected from a corpus, and the folds."""

import dataclasses
from pathlib import Path

import pytest

from common.errors import InputError
from common.utterance import Corpus, Utterance
from papers import satt2017
from papers.satt2017 import protocol

CLASSES = ("anger", "happiness", "neutral", "sadness")

CHANGED = {
    "window_20ms": {"front_end"},
    "lstm64": {"lstm_units"},
    "two_lstm": {"lstm_layers"},
    "unweighted": {"balance"},
    "oversampled": {"balance"},
    "class_accuracy": {"monitor"},
    "attention": {"attention"},
}


def difference(one, other):
    return {f.name for f in dataclasses.fields(one) if getattr(one, f.name) != getattr(other, f.name)}


@pytest.mark.parametrize("grid", ["10hz", "20hz"])
def test_each_ablation_differs_from_its_parent_by_what_its_name_says(grid):
    lstm, cnn = protocol.VARIANTS[f"cnn3_lstm_{grid}"], protocol.VARIANTS[f"cnn5_{grid}"]
    for name, fields in CHANGED.items():
        assert difference(lstm, protocol.VARIANTS[f"cnn3_lstm_{grid}_{name}"]) == fields
    for n in (1, 2, 4, 5, 6):
        assert difference(lstm, protocol.VARIANTS[f"cnn{n}_lstm_{grid}"]) == {"convolutions"}
    for n in (2, 3, 4, 6, 7, 8):
        assert difference(cnn, protocol.VARIANTS[f"cnn{n}_{grid}"]) == {"convolutions"}
    assert difference(lstm, cnn) == {"convolutions", "lstm_layers"}
    two_steps = protocol.VARIANTS[f"two_step_{grid}"]
    assert difference(lstm, two_steps) == {"pairwise", "rule"} and two_steps.pairwise == cnn
    assert difference(two_steps, protocol.VARIANTS[f"two_step_{grid}_unanimous"]) == {"rule"}


def corpus(name, emotions, sessions=(None,)):
    """Three utterances of each emotion by one woman and one man in each session."""
    members = [
        Utterance(
            id=f"{name}{session}{sex}-{emotion}-{i}",
            path=Path(f"{session}{sex}-{emotion}-{i}.wav"),
            emotion=emotion,
            speaker=f"{session}{sex}",
            session=session,
        )
        for session in sessions
        for sex in "FM"
        for emotion in emotions
        for i in range(3)
    ]
    return Corpus(name=name, variant=name, utterances=tuple(sorted(members, key=lambda u: u.id)))


def test_select_takes_the_papers_corpus_whole_and_four_emotions_elsewhere():
    recipe = protocol.VARIANTS["two_step_20hz"]
    improvised = dataclasses.replace(corpus("iemocap", CLASSES), variant="iemocap/improvised/4hap")
    assert satt2017.select(improvised, recipe) is improvised
    other = corpus("ravdess", (*CLASSES, "calm", "fear"))
    assert satt2017.select(other, recipe).variant == "ravdess/4hap"
    assert satt2017.select(other, recipe, ["neutral", "fear"]).classes == ("fear", "neutral")
    with pytest.raises(InputError, match="no neutral"):
        satt2017.select(other, recipe, ["anger", "fear"])
    assert satt2017.select(other, protocol.VARIANTS["cnn5_20hz"], ["anger", "fear"]).classes == ("anger", "fear")


def test_the_papers_folds_hold_a_session_out_and_test_everybody_once():
    recipe = protocol.VARIANTS["cnn3_lstm_10hz"]
    sentences = corpus("iemocap", CLASSES, sessions=("1", "2", "3", "4", "5"))
    folds = list(satt2017.folds(sentences, recipe, "paper", seed=0))
    assert len(folds) == 10
    for fold in folds:
        (valid,), (test,) = ({u.speaker for u in part} for part in (fold.valid, fold.test))
        assert valid != test and valid[:-1] == test[:-1]
        assert {u.session for u in fold.train} == {"1", "2", "3", "4", "5"} - {fold.test[0].session}
    assert sorted(u.id for fold in folds for u in fold.test) == [u.id for u in sentences.utterances]
    with pytest.raises(InputError, match="session"):
        satt2017.folds(corpus("ravdess", CLASSES), recipe, "paper", seed=0)
