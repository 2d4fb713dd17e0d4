import dataclasses
import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from common.errors import InputError
from common.folds import leakage, splits
from common.utterance import Corpus, Utterance

GOLDEN = Path(__file__).with_name("splits_golden.json")


def utterance(name, emotion, speaker, **fields):
    return Utterance(id=name, path=Path(f"{name}.wav"), emotion=emotion, speaker=speaker, **fields)


@pytest.fixture(scope="module")
def ravdess():
    """RAVDESS's design without its recordings: 24 actors, 60 utterances each."""
    names = ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
    return [
        utterance(
            f"03-01-{e + 1:02d}-{intensity:02d}-{text:02d}-{repetition:02d}-{actor:02d}",
            emotion,
            f"{actor:02d}",
            gender="male" if actor % 2 else "female",
            text_id=("kids", "dogs")[text - 1],
            intensity=("normal", "strong")[intensity - 1],
        )
        for actor in range(1, 25)
        for e, emotion in enumerate(names)
        for intensity in ((1,) if emotion == "neutral" else (1, 2))
        for text in (1, 2)
        for repetition in (1, 2)
    ]


@pytest.fixture(scope="module")
def emodb():
    """Ten speakers, ten sentences, seven emotions; speaker 08 without disgust."""
    women = {"08", "09", "13", "14", "16"}
    texts = [f"{letter}{number:02d}" for letter in "ab" for number in (1, 2, 3, 9, 10)]
    return [
        utterance(
            f"{speaker}{text}{code}a", emotion, speaker, gender="female" if speaker in women else "male", text_id=text
        )
        for speaker in ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16")
        for text in texts
        for code, emotion in zip("WLEAFTN", "anger boredom disgust fear happiness sadness neutral".split(), strict=True)
        if (speaker, emotion) != ("08", "disgust")
    ]


@pytest.fixture(scope="module")
def iemocap():
    """Five sessions of two speakers, 12 utterances a speaker."""
    return [
        utterance(
            f"Ses0{session}F_impro0{take}_{letter}{number:03d}",
            ("anger", "happiness", "neutral", "sadness")[number],
            f"Ses0{session}_{letter}",
            gender={"F": "female", "M": "male"}[letter],
            session=f"Ses0{session}",
        )
        for session in range(1, 6)
        for letter in "FM"
        for take in range(1, 4)
        for number in range(4)
    ]


def ids(part):
    return [u.id for u in part]


def speakers(part):
    return {u.speaker for u in part}


def all_folds(ravdess, emodb, iemocap):
    """Every shared protocol on a corpus that has what it needs."""
    corpora = {"leave_one_session_out": iemocap, "sessions": iemocap, "audeering": emodb}
    return {name: splits.folds(corpora.get(name, ravdess), name, seed=3) for name in splits.PROTOCOLS}


@pytest.fixture(scope="module")
def folds_by_protocol(ravdess, emodb, iemocap):
    return all_folds(ravdess, emodb, iemocap)


@pytest.fixture(scope="module")
def folds_of_reversed_input(ravdess, emodb, iemocap):
    return all_folds(ravdess[::-1], emodb[::-1], iemocap[::-1])


def fingerprint(folds):
    lines = [f"{fold.name} {side} {' '.join(ids(part))}" for fold in folds for side, part in fold.parts.items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


# ------------------------------------------------------------------------------------------------- properties


@pytest.mark.parametrize("name", splits.PROTOCOLS)
def test_every_utterance_is_tested_once_and_is_on_one_side(name, folds_by_protocol, ravdess, iemocap):
    folds = folds_by_protocol[name]
    assert [fold.name for fold in folds] == [f"fold_{k}" for k in range(1, len(folds) + 1)]
    for fold in folds:
        everyone = ids(fold.train) + ids(fold.valid) + ids(fold.test)
        assert len(set(everyone)) == len(everyone) and fold.train and fold.valid and fold.test
        for part in fold.parts.values():
            assert ids(part) == sorted(ids(part))
    if name != "audeering":  # one split, not a cross-validation
        corpus = iemocap if "session" in name else ravdess
        tested = Counter(i for fold in folds for i in ids(fold.test))
        assert tested == Counter(ids(corpus))


@pytest.mark.parametrize("name", splits.PROTOCOLS)
def test_speakers_are_apart_wherever_the_protocol_claims_it(name, folds_by_protocol):
    for fold in folds_by_protocol[name]:
        train, valid, test = (speakers(part) for part in fold.parts.values())
        assert (not (train & valid | train & test | valid & test)) == splits.PROTOCOLS[name].speaker_independent


@pytest.mark.parametrize("name", splits.PROTOCOLS)
def test_the_order_of_the_input_does_not_matter(name, folds_by_protocol, folds_of_reversed_input):
    assert folds_of_reversed_input[name] == folds_by_protocol[name]


def test_the_folds_are_those_of_last_time(folds_by_protocol, ravdess):
    """The hashes change only where folds change, and then every result on them is the result of other folds."""
    fingerprints = {name: fingerprint(folds) for name, folds in folds_by_protocol.items()}
    fingerprints["per_class"] = fingerprint(splits.per_class(ravdess, seed=3))
    assert fingerprints == json.loads(GOLDEN.read_text())


def test_another_seed_gives_other_folds_where_something_is_drawn(ravdess):
    drawn = ["random", "speaker_independent", "leave_one_speaker_out", "text_independent"]
    for name in drawn:
        protocol = splits.PROTOCOLS[name]
        assert protocol(ravdess, 0) == protocol(ravdess, 0) != protocol(ravdess, 1)
    assert splits.emobox(ravdess, seed=0) == splits.emobox(ravdess, seed=1)


# ------------------------------------------------------------------------------------------------- protocols


def test_random_is_stratified(emodb):
    folds = splits.random(emodb, num_folds=10, seed=0)
    assert len(folds) == 10
    for emotion, total in Counter(u.emotion for u in emodb).items():
        counts = {sum(u.emotion == emotion for u in fold.test) for fold in folds}
        assert counts <= {total // 10, -(-total // 10)}
    assert {len(fold.test) for fold in folds} == {69}
    assert [ids(fold.valid) for fold in folds] == [ids(fold.test) for fold in folds[1:] + folds[:1]]


def test_random_takes_a_recording_as_a_whole():
    segments = [
        dataclasses.replace(utterance(f"u{i:03d}", ("anger", "sadness")[i // 3 % 2], "a"), path=Path(f"f{i // 3}.wav"))
        for i in range(90)
    ]
    folds = splits.folds(segments, "random", seed=0)
    assert {len(fold.test) for fold in folds} == {9}
    assert not [f for f in leakage.audit(folds, speaker_independent=False) if f.kind == "file"]


def test_per_class_is_emmerts_67_14_15(ravdess):
    strong = [u for u in ravdess if u.intensity == "strong"]
    (fold,) = splits.per_class(strong, train=0.70, valid=0.15, seed=0)
    for part, expected in zip(fold.parts.values(), (67, 14, 15), strict=True):
        assert set(Counter(u.emotion for u in part).values()) == {expected}
    assert [len(part) for part in fold.parts.values()] == [469, 98, 105]


def test_per_class_takes_shares_as_decimal_fractions():
    utterances = [utterance(f"u{i:02d}", "anger", "a") for i in range(90)]
    (fold,) = splits.per_class(utterances, train=0.7, valid=0.15, seed=0)
    assert [len(part) for part in fold.parts.values()] == [63, 13, 14]  # int(0.7 * 90) is 62


def test_speaker_independent_gives_emmerts_16_4_4_balanced_by_gender(ravdess):
    folds = splits.speaker_independent(ravdess, seed=0)
    assert len(folds) == 6
    for fold in folds:
        for part, expected in zip(fold.parts.values(), (16, 4, 4), strict=True):
            genders = Counter(int(speaker) % 2 for speaker in speakers(part))
            assert genders == {0: expected // 2, 1: expected // 2}
    assert [speakers(fold.valid) for fold in folds] == [speakers(fold.test) for fold in folds[1:] + folds[:1]]


def test_few_speakers_are_a_fold_each(ravdess):
    four = [u for u in ravdess if u.speaker <= "04"]
    folds = splits.folds(four, "speaker_independent", seed=0)
    assert [len(speakers(fold.test)) for fold in folds] == [1, 1, 1, 1]


def test_leave_one_speaker_out_validates_each_speaker_once(emodb):
    folds = splits.leave_one_speaker_out(emodb, seed=0)
    assert [min(speakers(fold.test)) for fold in folds] == sorted(speakers(emodb))
    assert all(len(speakers(fold.valid)) == 1 and len(speakers(fold.train)) == 8 for fold in folds)
    assert Counter(min(speakers(fold.valid)) for fold in folds) == Counter(sorted(speakers(emodb)))


def test_leave_one_session_out_has_both_assignments(iemocap):
    folds = splits.leave_one_session_out(iemocap)
    assert len(folds) == 10
    for fold in folds:
        (test,), (valid,) = speakers(fold.test), speakers(fold.valid)
        assert test[:5] == valid[:5] and test != valid  # two speakers of one session
        assert test[:5] not in {u.session for u in fold.train} and len(speakers(fold.train)) == 8
    one = splits.leave_one_session_out(iemocap, assignments="one", seed=0)
    assert len(one) == 5
    draws = {
        tuple(min(speakers(f.test)) for f in splits.leave_one_session_out(iemocap, assignments="one", seed=s))
        for s in range(9)
    }
    assert len(draws) > 1


def test_sessions_are_tested_whole(iemocap):
    folds = splits.sessions(iemocap)
    assert [{u.session for u in fold.test} for fold in folds] == [{f"Ses0{k}"} for k in range(1, 6)]
    assert [{u.session for u in fold.valid} for fold in folds] == [{f"Ses0{k}"} for k in (2, 3, 4, 5, 1)]


@pytest.mark.parametrize(("corpus", "held_out"), [("ravdess", 1), ("emodb", 5)])
def test_text_independent_has_neither_speaker_nor_sentence_of_the_test_part(corpus, held_out, request):
    utterances = request.getfixturevalue(corpus)
    folds = splits.folds(utterances, "text_independent", seed=0)
    assert len(folds) == 12
    for fold in folds:
        tested, known = ({u.text_id for u in part} for part in (fold.test, fold.train + fold.valid))
        assert len(tested) == held_out and not tested & known
        assert not speakers(fold.test) & speakers(fold.train + fold.valid)


def test_emobox_tests_the_published_actors(ravdess, iemocap, emodb):
    actors = [a for group in splits.EMOBOX_RAVDESS for a in group]
    assert sorted(actors) == [f"{a:02d}" for a in range(1, 25)]
    folds = splits.folds(ravdess, "emobox", seed=0)
    assert [tuple(sorted(speakers(fold.test))) for fold in folds] == list(splits.EMOBOX_RAVDESS)
    assert speakers(folds[0].test) == {"11", "01", "20", "21"}  # as read in ravdess_test_fold_1.jsonl
    assert splits.folds(iemocap, "emobox", seed=0) == splits.sessions(iemocap)
    with pytest.raises(InputError, match="both sides; take speaker_independent"):
        splits.folds(emodb, "emobox", seed=0)


def test_audeering_tests_the_published_speakers(emodb):
    (fold,) = splits.folds(emodb, "audeering", seed=0)
    assert speakers(fold.test) == {"12", "14", "15", "16"}
    assert speakers(fold.train + fold.valid) == {"03", "08", "09", "10", "11", "13"}
    assert {u.gender for u in fold.valid} == {"female", "male"} and len({u.emotion for u in fold.valid}) == 7


def test_on_the_real_recordings(corpora_dir):
    from common.corpora import emodb, ravdess

    for loader, name in ((ravdess, "ravdess"), (emodb, "emodb")):
        corpus = loader.load(corpora_dir / name)
        for protocol in ("random", "speaker_independent", "text_independent"):
            assert splits.folds(corpus, protocol, seed=0)
    (fold,) = splits.folds(corpus, "audeering", seed=0)
    assert [len(part) for part in fold.parts.values()] == [191, 113, 231]
    assert Counter(u.emotion for u in fold.train)["disgust"] == 18


# ------------------------------------------------------------------------------------------------- refusals


def test_an_unknown_protocol_lists_the_known(ravdess):
    with pytest.raises(InputError, match="unknown protocol loso; choose from random, speaker_independent, leave_one"):
        splits.folds(ravdess, "loso", seed=0)


def test_a_corpus_is_taken_as_its_utterances(ravdess):
    corpus = Corpus(name="ravdess", variant="ravdess", utterances=tuple(ravdess))
    assert splits.folds(corpus, "random", seed=0) == splits.folds(ravdess, "random", seed=0)


@pytest.mark.parametrize("protocol", ["speaker_independent", "leave_one_speaker_out", "text_independent"])
@pytest.mark.parametrize(("last", "message"), [("01", r"1 speaker \(01\), expected three"), ("02", "2 speakers")])
def test_one_or_two_speakers_are_refused_in_one_sentence(protocol, last, message, ravdess):
    few = [u for u in ravdess if u.speaker <= last]
    with pytest.raises(InputError, match=message) as error:
        splits.folds(few, protocol, seed=0)
    assert "\n" not in str(error.value)
    assert splits.random(few, num_folds=4, seed=0)


@pytest.mark.parametrize(("kept", "message"), [(1, "disgust has 1 recording for 10 folds"), (9, "9 recordings for 10")])
def test_a_class_too_small_for_the_folds_is_named(kept, message, ravdess):
    disgust = [u for u in ravdess if u.emotion == "disgust"][:kept]
    rest = [u for u in ravdess if u.emotion != "disgust"]
    with pytest.raises(InputError, match=f"{message}.*leave it out"):
        splits.folds(rest + disgust, "random", seed=0)


def test_a_class_of_one_utterance_cannot_be_split_by_speakers_or_by_class(ravdess):
    utterances = [u for u in ravdess if u.emotion != "disgust"] + [u for u in ravdess if u.emotion == "disgust"][:1]
    folds = splits.folds(utterances, "speaker_independent", seed=0)
    with pytest.raises(InputError, match="test has disgust, which training lacks"):
        leakage.check(folds, speaker_independent=True)
    with pytest.raises(InputError, match="disgust has 1 recording, 0 / 0 / 1 to train / validate / test"):
        splits.per_class(utterances, seed=0)


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        ("leave_one_session_out", "1440 utterances without session"),
        ("sessions", "without session"),
        ("audeering", "audeering is for EmoDB only, 03-01-.* is not theirs"),
    ],
)
def test_a_corpus_without_what_the_protocol_needs(protocol, message, ravdess):
    with pytest.raises(InputError, match=f"{message}.*; take speaker_independent"):
        splits.folds(ravdess, protocol, seed=0)


def test_what_else_a_protocol_needs(ravdess, iemocap, emodb):
    with pytest.raises(InputError, match=r"120 utterances without text_id \(Ses01F"):
        splits.folds(iemocap, "text_independent", seed=0)
    with pytest.raises(InputError, match="one sentence only, kids"):
        splits.folds([u for u in ravdess if u.text_id == "kids"], "text_independent", seed=0)
    with pytest.raises(InputError, match="emobox needs speakers 23, 24, who are missing"):
        splits.folds([u for u in ravdess if u.speaker < "23"], "emobox", seed=0)
    with pytest.raises(InputError, match="emobox is for RAVDESS and IEMOCAP only, mine is not theirs"):
        splits.folds([*ravdess, utterance("mine", "anger", "01")], "emobox", seed=0)
    with pytest.raises(InputError, match="session Ses01 has 1 speaker, expected two"):
        splits.folds([u for u in iemocap if u.speaker != "Ses01_F"], "leave_one_session_out", seed=0)
    with pytest.raises(InputError, match="2 sessions, expected 3 or more"):
        splits.folds([u for u in iemocap if u.session < "Ses03"], "sessions", seed=0)
    with pytest.raises(InputError, match="2 folds; training, validation and test need three"):
        splits.random(emodb, num_folds=2, seed=0)
    with pytest.raises(InputError, match="two utterances are called"):
        splits.random([*emodb, emodb[0]], seed=0)
    with pytest.raises(InputError, match="no utterances to split"):
        splits.folds([], "random", seed=0)
    with pytest.raises(ValueError, match="'both' or 'one'"):
        splits.leave_one_session_out(iemocap, assignments="all")
