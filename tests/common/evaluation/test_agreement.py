"""The error structure of Chernykh 2018, section 4.5, against tables counted by hand; the golden numbers of IEMOCAP."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from common import corpora
from common.corpora import iemocap
from common.errors import InputError
from common.evaluation import agreement
from common.utterance import Utterance
from papers.chernykh2018 import golden

CLASSES = ("anger", "excitement", "neutral", "sadness")
ANGER, EXCITEMENT, NEUTRAL, SADNESS, NOTHING = 0, 1, 2, 3, -1


def utterance(number, emotion, *votes, self_votes=(), **more):
    votes = tuple(tuple(vote.split()) for vote in votes)
    return Utterance(
        id=f"u{number}", path=Path("u.wav"), emotion=emotion, speaker="s", votes=votes, self_votes=self_votes, **more
    )


@pytest.fixture(scope="module")
def rated():
    """Ten utterances with three raters each, and what a system decided."""
    rows = [
        (utterance(0, "anger", "anger", "anger", "anger"), ANGER),
        (utterance(1, "anger", "anger", "anger", "anger"), NEUTRAL),
        (utterance(2, "anger", "anger", "anger", "neutral"), NEUTRAL),  # errs with the rater
        (utterance(3, "anger", "anger", "anger", "neutral"), SADNESS),  # errs otherwise
        (utterance(4, "anger", "anger", "anger", "frustration"), SADNESS),  # no emotion of the four to err with
        (utterance(5, "anger", "anger frustration", "anger", "neutral sadness"), SADNESS),  # two answers of one rater
        (utterance(6, "neutral", "neutral", "neutral", "sadness"), NEUTRAL),  # right, so it does not count in row 2
        (utterance(7, "neutral", "neutral", "neutral", "sadness"), NOTHING),  # no decision matches nobody
        (utterance(8, "sadness", "sadness", "sadness", "sadness"), SADNESS),
        (utterance(9, "excitement", "happiness", "excitement", "excitement"), EXCITEMENT),
    ]
    return [u for u, _ in rows], np.array([decision for _, decision in rows])


def test_figure_6a(rated):
    shares = agreement.confusion(*rated, CLASSES)
    expected = np.array(
        [[1, 0, 2, 3, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 1], [0, 0, 0, 1, 0]]  # the last column: no decision
    )
    np.testing.assert_allclose(shares, expected / expected.sum(axis=1, keepdims=True))


def test_figure_6b(rated):
    table = agreement.error_by_dissent(*rated, CLASSES)
    assert table.columns == ("0", "1")
    assert table.counts.tolist() == [[2, 4], [0, 1], [0, 2], [1, 0]]
    assert table.errors.tolist() == [[1, 4], [0, 0], [0, 1], [0, 0]]
    np.testing.assert_allclose(table.shares, [[0.5, 1], [np.nan, 0], [np.nan, 0.5], [0, np.nan]])
    np.testing.assert_allclose(table.accuracies, [2 / 3, 2 / 7])


def test_table_2(rated):
    residuals = agreement.residual_accuracy(*rated, CLASSES)
    assert residuals["anger"] == agreement.Residual(dissenting=5, considered=4, errors=3, matching=2)
    assert residuals["anger"].considered_ratio == pytest.approx(4 / 5)
    assert residuals["anger"].model_accuracy == pytest.approx(2 / 3)
    assert residuals["neutral"] == agreement.Residual(dissenting=2, considered=2, errors=1, matching=0)
    assert residuals["excitement"] == agreement.Residual(dissenting=1, considered=0, errors=0, matching=0)
    assert np.isnan(residuals["excitement"].model_accuracy) and np.isnan(residuals["sadness"].considered_ratio)


def test_seeds_add_their_decisions_and_not_their_raters(rated):
    utterances, decisions = rated
    seeds = np.stack([decisions, np.full(10, ANGER)])
    one, other, both = (agreement.error_by_dissent(utterances, chosen, CLASSES) for chosen in (*seeds, seeds))
    np.testing.assert_array_equal(both.errors, one.errors + other.errors)
    np.testing.assert_array_equal(both.counts, one.counts + other.counts)
    one, other, both = (agreement.residual_accuracy(utterances, chosen, CLASSES) for chosen in (*seeds, seeds))
    for name in CLASSES:
        assert both[name].errors == one[name].errors + other[name].errors
        assert both[name].matching == one[name].matching + other[name].matching
        assert (both[name].dissenting, both[name].considered) == (one[name].dissenting, one[name].considered)
    shares = [agreement.confusion(utterances, chosen, CLASSES) for chosen in (*seeds, seeds)]
    np.testing.assert_allclose(shares[2], (shares[0] + shares[1]) / 2)


def test_random_errors_match_one_time_in_three():
    rng = np.random.default_rng(0)
    others = {name: [k for k in range(4) if CLASSES[k] != name] for name in CLASSES}
    utterances, decisions = [], []
    for number in range(4000):
        emotion = CLASSES[number % 4]
        dissent = CLASSES[rng.choice(others[emotion])]
        utterances.append(utterance(number, emotion, emotion, emotion, dissent))
        decisions.append(rng.choice(others[emotion]))
    for residual in agreement.residual_accuracy(utterances, decisions, CLASSES).values():
        assert residual.errors == 1000
        assert residual.model_accuracy == pytest.approx(1 / 3, abs=0.05)


def test_the_actors_own_ratings_count_only_where_asked_for():
    u = utterance(0, "anger", "anger", "anger", "anger", self_votes=(("neutral",), ("anger", "sadness")))
    assert agreement.dissenting_answers(u) == []
    assert agreement.dissenting_answers(u, with_self=True) == [("neutral",)]
    assert agreement.error_by_dissent([u], [ANGER], CLASSES, with_self=True).columns == ("0", "1")
    both = utterance(0, "anger", "anger", "neutral", "anger", self_votes=(("neutral",),))  # two answers, one word
    residual = agreement.residual_accuracy([both], [NEUTRAL], CLASSES, with_self=True)["anger"]
    assert residual == agreement.Residual(dissenting=2, considered=2, errors=1, matching=1)


def test_a_merged_emotion_is_no_dissent():
    u = utterance(0, "happiness", "happiness", "excitement", "neutral")
    assert agreement.dissenting_answers(u) == [("excitement",), ("neutral",)]
    assert agreement.dissenting_answers(u, merged={"excitement": "happiness"}) == [("neutral",)]


def test_recognition_plays_the_part_of_agreement():
    rates = (1.0, 1.0, 0.95, 0.9, 0.8, 0.7)
    utterances = [utterance(i, "anger" if i % 2 else "neutral", recognition=rate) for i, rate in enumerate(rates)]
    table = agreement.error_by_recognition(utterances, [0, 0, 0, 1, 1, 1], ("anger", "neutral"))
    assert table.columns == ("1", "0.9 to 1", "0.8 to 0.9", "0 to 0.8")
    assert table.counts.tolist() == [[1, 1, 0, 1], [1, 1, 1, 0]]
    assert table.errors.tolist() == [[0, 1, 0, 1], [1, 1, 0, 0]]
    np.testing.assert_allclose(table.accuracies, [0.5, 0.0, 1.0, 0.0])


@pytest.mark.corpus
def test_emodb_s_listeners_make_the_columns(corpora_dir):
    utterances = corpora.load("emodb", corpora_dir).utterances
    table = agreement.error_by_recognition(utterances, np.zeros(len(utterances), int), ("anger", *_others(utterances)))
    assert table.counts.sum() == 535
    assert table.counts[:, -1].sum() == 0  # what fewer than 80 % recognised was not published
    assert table.errors[0].sum() == 0 and table.errors[1:].sum() == 535 - 127  # all decided as anger


def _others(utterances):
    return sorted({u.emotion for u in utterances} - {"anger"})


def test_corpora_without_raters_or_listeners_are_refused():
    with pytest.raises(InputError, match="u0 has no raters; take a corpus with votes"):
        agreement.error_by_dissent([utterance(0, "anger")], [0], CLASSES)
    with pytest.raises(InputError, match="u0 has no recognition rate; take EmoDB"):
        agreement.error_by_recognition([utterance(0, "anger")], [0], CLASSES)


# --- the golden numbers


LABELS = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[0.5000 - 1.3500]\t{0}_F000\tang\t[2.5000, 2.5000, 2.5000]
C-E2:\tAnger;\t()

[1.0000 - 1.3000]\t{0}_M000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()

[0.0000 - 2.0000]\t{0}_F001\tfru\t[2.5000, 2.5000, 2.5000]
C-E2:\tFrustration;\t()

"""


def test_frames_of_a_dialog_are_counted_in_its_left_channel(tmp_path):
    dialog = "Ses01F_impro01"
    session = tmp_path / "Session1" / "dialog"
    (session / "EmoEvaluation").mkdir(parents=True)
    (session / "wav").mkdir()
    (session / "EmoEvaluation" / f"{dialog}.txt").write_text(LABELS.format(dialog), encoding="latin-1")
    with pytest.raises(InputError, match=r"Ses01F_impro01\.wav is missing"):
        golden.count_frames(tmp_path)
    rng = np.random.default_rng(0)
    both = rng.uniform(-0.5, 0.5, (32_000, 2))
    both[8000 + 4800 : 8000 + 8000, 0] *= 1e-3  # the first turn's frame 3 alone, quiet in the left channel only
    soundfile.write(session / "wav" / f"{dialog}.wav", both, 16_000, subtype="PCM_16")
    # 0.85 s are 7 frames, 5 of them inside; 0.3 s are 2, of which the first counts; frustration is none of the four
    assert golden.count_frames(tmp_path) == (2, 5 + 1, 1)


@pytest.mark.corpus
def test_iemocap_has_the_frames_that_the_authors_counted():
    root = corpora.places.find("iemocap", os.environ.get("SER_DATA"))
    if root is None or not list(Path(root).glob("Session1/dialog/wav/*.wav")):
        pytest.skip("no IEMOCAP with the dialogs' recordings; set SER_DATA")
    assert len(iemocap.turns(root)) == 10_039
    counted = golden.count_frames(root)
    assert counted == (golden.NUM_UTTERANCES, golden.NUM_FRAMES, golden.NUM_BELOW_GATE)
