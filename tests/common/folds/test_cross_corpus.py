"""Trained on one corpus, tested on all of another: who is on which side, and what cannot be a pair."""

from pathlib import Path

import pytest

from common.errors import InputError
from common.folds import cross_corpus, leakage
from common.utterance import Corpus, Utterance

FOUR = ("anger", "happiness", "neutral", "sadness")


def spoken(name, speakers, emotions=FOUR):
    """A recording of every speaker and emotion; the same speakers, sentence and ids in every corpus."""
    utterances = tuple(
        Utterance(id=f"{s}-{e}", path=Path(f"/{name}/{s}-{e}.wav"), emotion=e, speaker=s, text_id="01")
        for s in speakers
        for e in emotions
    )
    return Corpus(name=name, variant=name, utterances=utterances)


def choose(corpus, emotions):
    return corpus.only(emotions or corpus.classes)


def selected(train, test, emotions=None):
    return cross_corpus.select(cross_corpus.pair(train, test), choose, emotions)


def hashes_of(corpus):
    return {u.id: str(u.path) for u in corpus.heard}


def test_a_sixth_of_the_first_corpus_validates_the_rest_trains_and_all_of_the_second_is_tested():
    speakers = [f"{number:02}" for number in range(1, 13)]
    pair = selected(spoken("a", speakers), spoken("b", speakers[:3]))
    for seed in range(4):
        (fold,) = cross_corpus.folds(pair, seed, hashes_of(pair))
        sides = {part: {u.path.parent.name for u in members} for part, members in fold.parts.items()}
        assert sides == {"train": {"a"}, "valid": {"a"}, "test": {"b"}}
        assert fold.test == tuple(sorted(spoken("b", speakers[:3]).utterances, key=lambda u: u.id))  # under own names
        heard = [{u.speaker for u in part} for part in (fold.train, fold.valid)]
        assert [len(each) for each in heard] == [10, 2] and not heard[0] & heard[1]
    drawn = {frozenset(u.speaker for u in cross_corpus.folds(pair, s, hashes_of(pair))[0].valid) for s in range(4)}
    assert len(drawn) > 1  # by the seed


def test_speaker_03_of_one_corpus_is_not_speaker_03_of_the_other():
    pair = selected(spoken("a", ["03", "04", "05"]), spoken("b", ["03", "04", "05"]))
    (fold,) = cross_corpus.folds(pair, 0, hashes_of(pair))
    assert {u.speaker for u in (*fold.train, *fold.valid)} == {"a/03", "a/04", "a/05"}
    found_kinds = leakage.check([fold], speaker_independent=True, audio_hashes=hashes_of(pair))
    assert all("test" not in finding.message for finding in found_kinds)  # nor is its sentence 01


def test_recordings_that_both_corpora_have_are_refused():
    pair = selected(spoken("a", ["03", "04", "05"]), spoken("b", ["09"]))
    hashes = hashes_of(pair) | {"09-anger": "/a/03-anger.wav"}
    folds = cross_corpus.folds(pair, 0, hashes)
    with pytest.raises(InputError, match="1 recording under two names in .* and test: a/03-anger is 09-anger"):
        leakage.check(folds, speaker_independent=True, audio_hashes=hashes)


def test_a_recording_that_the_first_corpus_has_twice_is_on_one_side():
    pair = selected(spoken("a", ["03", "04", "05"]), spoken("b", ["09"]))
    (fold,) = cross_corpus.folds(pair, 0, hashes_of(pair))
    twin = {fold.train[0].id: "same", fold.valid[0].id: "same"}
    (without,) = cross_corpus.folds(pair, 0, hashes_of(pair) | twin)
    assert without.train == fold.train[1:] and (without.valid, without.test) == (fold.valid, fold.test)


def test_two_speakers_leave_none_to_validate():
    pair = selected(spoken("a", ["03", "04"]), spoken("b", ["03"]))
    (fold,) = cross_corpus.folds(pair, 0, hashes_of(pair))
    assert fold.valid == () and len(fold.train) == 8


def test_shared_classes_are_taken_where_none_are_named():
    pair = selected(spoken("a", ["03"], (*FOUR, "surprise")), spoken("b", ["03"], ("boredom", *FOUR[1:])))
    assert pair.classes == pair.training.classes == FOUR[1:]
    assert pair.variant == "b/happiness+neutral+sadness" and pair.training.variant == "a/happiness+neutral+sadness"
    named = selected(spoken("a", ["03"], (*FOUR, "surprise")), spoken("b", ["03"]), FOUR)
    assert (named.variant, named.training.variant) == ("b", "a/4hap")  # b has no other classes


@pytest.mark.parametrize(
    ("train", "test", "emotions", "sentence"),
    [
        (spoken("a", ["03"]), spoken("a", ["03"]), None, "are both a; name another corpus with --test-corpus"),
        (spoken("a", ["03"], FOUR[:2]), spoken("b", ["03"], FOUR[2:]), None, "two shared classes or more"),
        (spoken("a", ["03"], FOUR[:3]), spoken("b", ["03"], FOUR[2:]), None, "b has neutral, sadness; expected two"),
        (spoken("a", ["03"]), spoken("b", ["03"], FOUR[:3]), FOUR, "b has no sadness"),
    ],
)
def test_what_cannot_be_a_pair_is_one_sentence(train, test, emotions, sentence):
    with pytest.raises(InputError, match=sentence):
        selected(train, test, emotions)
