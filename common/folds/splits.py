"""Split utterances into folds. The result depends only on metadata and the seed, not on the order of the input.

Utterances are sorted first. Random order means sorted by SHA-256(seed, purpose, name), which is the same on every
machine and in every version of Python and NumPy (NumPy's random streams may change between versions).

Random splits distribute recordings, not utterances: segments of one file stay in one part. Folds are named
fold_1 .. fold_K, and their parts are sorted by id. Every run checks its folds with the leakage audit.
"""

import dataclasses
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from operator import attrgetter

from common.errors import InputError
from common.utterance import Fold

EMOBOX_RAVDESS = (  # speakers of data/ravdess/fold_{1..6}/ravdess_test_fold_{1..6}.jsonl, github.com/emo-box/EmoBox
    ("01", "11", "20", "21"),
    ("04", "10", "12", "14"),  # four women: EmoBox dealt the actors out without regard to gender
    ("08", "09", "19", "23"),
    ("03", "05", "07", "24"),
    ("02", "15", "16", "18"),
    ("06", "13", "17", "22"),
)
AUDEERING_EMODB = {"train": ("03", "09", "10", "13"), "valid": ("08", "11"), "test": ("12", "14", "15", "16")}

_SPEAKER = attrgetter("speaker")
_RAVDESS_ID = re.compile(r"\d\d(-\d\d){6}")
_EMODB_ID = re.compile(r"\d\d[ab]\d\d[A-Z][a-z]")
_IEMOCAP_ID = re.compile(r"Ses0\d[FM]_\w+")


def random(utterances, *, num_folds=10, seed) -> tuple[Fold, ...]:
    """Stratified k-fold over recordings, regardless of speakers: fold k tests part k, validates on part k+1 (cyclic).

    The recordings of each class are distributed over the parts in turn, starting after the last part of the previous
    class: sizes of parts, and of each class in them, differ by at most one recording. Every utterance is tested once.

    Raises:
        InputError: a class with fewer recordings than folds.
    """
    utterances = _ordered(utterances)
    recordings = _recordings(utterances)
    for emotion, members in recordings.items():
        if len(members) < num_folds:
            problem = f"{emotion} has {_count(members, 'recording')} for {num_folds} folds"
            raise InputError(f"{problem}; take fewer folds, merge the class or leave it out")
    parts = _deal(recordings, _at_least_three(num_folds), seed, "random")
    part_of = {u.id: k for k, part in enumerate(parts) for recording in part for u in recording}
    return _grouped(utterances, _cyclic([{k} for k in range(num_folds)]), lambda u: part_of[u.id])


def per_class(utterances, *, train=0.70, valid=0.15, seed) -> tuple[Fold, ...]:
    """One fold, regardless of speakers: of the n recordings of each class, int(train n) are for training, int(valid n)
    for validation and the others for testing.

    96 recordings give 67, 14 and 15 (Emmert, RAVDESS). The shares are exact decimal fractions: 70 % of 90 is 63,
    although int(0.7 * 90) is 62.

    Raises:
        InputError: a class has too few recordings for all three parts.
    """
    parts = {"train": [], "valid": [], "test": []}
    for emotion, members in _recordings(_ordered(utterances)).items():
        members = _shuffled(members, seed, f"per_class {emotion}")
        first, last = (int(Fraction(str(share)) * len(members)) for share in (train, valid))
        chosen = members[:first], members[first : first + last], members[first + last :]
        if not all(chosen):
            raise InputError(
                f"{emotion} has {_count(members, 'recording')}, {' / '.join(str(len(c)) for c in chosen)} to train / "
                "validate / test, expected one in each: merge the class or leave it out"
            )
        for part, recordings in zip(parts.values(), chosen, strict=True):
            part += [u for recording in recordings for u in recording]
    return (_fold(1, **parts),)


def speaker_independent(utterances, *, num_folds=6, seed) -> tuple[Fold, ...]:
    """Grouped k-fold over speakers, balanced by gender: fold k tests group k, validates on group k+1 (cyclic).

    Women and men are shuffled separately and distributed in turn, men starting after the last group that got a woman.
    RAVDESS's 24 actors give six folds of 16 training, 4 validation and 4 test speakers; each group of four has two
    women and two men. Every speaker is tested once. With fewer speakers than folds, each speaker is a fold.

    Raises:
        InputError: there are fewer than three speakers.
    """
    utterances, by_gender = _ordered(utterances), defaultdict(list)
    speakers = _speakers(utterances)
    for speaker, gender in speakers.items():
        by_gender[gender].append(speaker)
    groups = _deal(by_gender, min(_at_least_three(num_folds), len(speakers)), seed, "speakers")
    return _grouped(utterances, _cyclic([set(group) for group in groups]), _SPEAKER)


def leave_one_speaker_out(utterances, *, seed) -> tuple[Fold, ...]:
    """One fold per speaker, in sorted order. The validation part is another speaker, the next in a seeded cyclic order.

    Raises:
        InputError: there are fewer than three speakers.
    """
    utterances = _ordered(utterances)
    order = _shuffled(_speakers(utterances), seed, "leave_one_speaker_out")
    pairs = _cyclic([{speaker} for speaker in order])
    return _grouped(utterances, sorted(pairs, key=lambda pair: min(pair[0])), _SPEAKER)


def leave_one_session_out(utterances, *, assignments="both", seed=0) -> tuple[Fold, ...]:
    """Hold out one session: one of its speakers is for validation, the other for testing; the other sessions train.

    Args:
        utterances: of a corpus with two speakers in each session.
        assignments: "both", two folds per session, so that every speaker is tested once (ten folds for IEMOCAP); "one",
            one fold per session with a random test speaker.
        seed: of the random test speaker; not used for "both".

    Raises:
        InputError: an utterance has no session, there are fewer than two sessions, or a session does not have exactly
            two speakers.
    """
    if assignments not in ("both", "one"):
        raise ValueError(f"assignments={assignments!r}; expected 'both' or 'one'")
    utterances, pairs = _ordered(utterances), []
    for session, members in _sessions(utterances, 2).items():
        speakers = sorted({u.speaker for u in members})
        if len(speakers) != 2:
            problem = f"session {session} has {_count(speakers, 'speaker')}"
            raise InputError(f"{problem}, expected two; take the protocol sessions or speaker_independent")
        if assignments == "one":
            speakers = _shuffled(speakers, seed, f"session {session}")
        valid, test = speakers
        pairs += [({test}, {valid}), ({valid}, {test})][: 1 if assignments == "one" else 2]
    return _grouped(utterances, pairs, _SPEAKER)


def sessions(utterances, *, seed=0) -> tuple[Fold, ...]:
    """Fold k tests session k, validates on session k+1 (cyclic) and trains on the others; the seed is not used.

    The test parts are those of IEMOCAP's usual five folds (SUPERB, EmoBox). Those have no validation part, or a random
    share of the training sessions and thus of training speakers.

    Raises:
        InputError: an utterance has no session, or there are fewer than three sessions.
    """
    utterances = _ordered(utterances)
    names = [{name} for name in _sessions(utterances, 3)]
    return _grouped(utterances, _cyclic(names), attrgetter("session"))


def text_independent(utterances, *, num_folds=6, num_text_groups=2, seed) -> tuple[Fold, ...]:
    """Test on unseen speakers and unseen sentences: speaker groups times sentence groups.

    There is a fold for each fold of `speaker_independent` and each group of sentences. It tests the utterances of the
    test speakers with these sentences, trains and validates on those of the training and validation speakers with all
    other sentences, and drops the remaining utterances (about half of the corpus for two groups). Every utterance is
    tested once, in num_folds * num_text_groups folds. Each of RAVDESS's two sentences is a group; EmoDB's ten form two
    groups of five. Validation and training share sentences, since a corpus with two sentences has none left.

    Raises:
        InputError: there are fewer than three speakers, an utterance without text id, or fewer than two sentences.
    """
    utterances = _ordered(utterances)
    if unknown := [u.id for u in utterances if u.text_id is None]:
        raise InputError(f"{_count(unknown, 'utterance')} without text_id ({unknown[0]}); take speaker_independent")
    texts = sorted({u.text_id for u in utterances})
    if len(texts) < 2:
        raise InputError(f"one sentence only, {texts[0]}; text_independent needs two or more: take speaker_independent")
    text_groups = _deal({"": texts}, min(num_text_groups, len(texts)), seed, "texts")
    by_speaker = speaker_independent(utterances, num_folds=num_folds, seed=seed)
    folds = []
    for fold in by_speaker:
        for held in text_groups:
            others = [[u for u in part if u.text_id not in held] for part in (fold.train, fold.valid)]
            folds.append(_fold(len(folds) + 1, *others, [u for u in fold.test if u.text_id in held]))
    return tuple(folds)


def emobox(utterances, *, seed=0) -> tuple[Fold, ...]:
    """The test parts of EmoBox (Interspeech 2024): RAVDESS in six folds of four actors, IEMOCAP in its five sessions.

    EmoBox has no validation part for them; ours is the next fold's test part, taken from training (RAVDESS: 16 training
    actors instead of EmoBox's 20). The seed is not used. EmoBox's folds of EmoDB have every speaker in training and
    test and are refused.

    Raises:
        InputError: the corpus is EmoDB or another one, or RAVDESS without some of its actors.
    """
    utterances = _ordered(utterances)
    if all(_IEMOCAP_ID.fullmatch(u.id) for u in utterances):
        return sessions(utterances)
    if all(_EMODB_ID.fullmatch(u.id) for u in utterances):
        raise InputError("EmoBox's EmoDB folds have all speakers on both sides; take speaker_independent")
    _require(utterances, "emobox", "RAVDESS and IEMOCAP", _RAVDESS_ID, [s for group in EMOBOX_RAVDESS for s in group])
    return _grouped(utterances, _cyclic([set(group) for group in EMOBOX_RAVDESS]), _SPEAKER)


def audeering(utterances, *, seed=0) -> tuple[Fold, ...]:
    """The split in audEERING's EmoDB (since version 1.2.0): test speakers 12, 14, 15, 16; training with the other six.

    It has no validation part; ours is one woman and one man of the six, 08 and 11, who together have every emotion and
    leave 18 of the six speakers' 20 disgust recordings for training. The seed is not used.

    Raises:
        InputError: the corpus is not EmoDB, or EmoDB without some of its speakers.
    """
    utterances = _ordered(utterances)
    _require(utterances, "audeering", "EmoDB", _EMODB_ID, [s for part in AUDEERING_EMODB.values() for s in part])
    return _grouped(utterances, [(set(AUDEERING_EMODB["test"]), set(AUDEERING_EMODB["valid"]))], _SPEAKER)


def with_validation(fold, seed) -> Fold:
    """The fold with a sixth of its training speakers as validation part; unchanged if that is impossible.

    The validation part is the first of `speaker_independent`'s six groups that leaves every class in training.
    """
    try:
        candidates = speaker_independent(fold.train, seed=seed)
    except InputError:  # no or too few speakers
        return fold
    classes = {u.emotion for u in fold.train}
    for candidate in candidates:
        valid = set(candidate.test)
        train = tuple(u for u in fold.train if u not in valid)
        if {u.emotion for u in train} == classes:
            return Fold(fold.name, train, candidate.test, fold.test)
    return fold


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A way of splitting, `protocol(utterances, seed)`; the audit fails if it claims `speaker_independent` wrongly."""

    make: Callable
    description: str
    speaker_independent: bool = True

    def __call__(self, utterances, seed) -> tuple[Fold, ...]:
        return self.make(utterances, seed=seed)


PROTOCOLS = {
    "random": Protocol(random, "10 folds over recordings, stratified; speakers on all sides", False),
    "speaker_independent": Protocol(speaker_independent, "6 folds over speakers, balanced by gender"),
    "leave_one_speaker_out": Protocol(leave_one_speaker_out, "a fold per speaker, one other speaker validates"),
    "leave_one_session_out": Protocol(leave_one_session_out, "two folds a session: one speaker validates, one tests"),
    "sessions": Protocol(sessions, "a fold per session, the next session validates"),
    "text_independent": Protocol(text_independent, "6 folds over speakers x 2 over sentences, both unseen"),
    "emobox": Protocol(emobox, "EmoBox's test parts: RAVDESS 6 folds, IEMOCAP 5 sessions"),
    "audeering": Protocol(audeering, "audEERING's split of EmoDB: 4 speakers train, 2 validate, 4 test"),
}


def folds(utterances, protocol, seed) -> tuple[Fold, ...]:
    """The folds of a shared protocol, which the caller must check with the leakage audit before training.

    Args:
        utterances: utterances, or a Corpus.
        protocol: a key of `PROTOCOLS`.
        seed: of the protocol's random choices.

    Raises:
        InputError: the protocol is unknown, or the corpus does not fulfil its requirements.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"unknown protocol {protocol}; choose from {', '.join(PROTOCOLS)}")
    try:
        return PROTOCOLS[protocol](getattr(utterances, "utterances", utterances), seed)
    except InputError as error:
        raise InputError(f"{protocol}: {error}") from error


def _ordered(utterances):
    utterances = sorted(utterances, key=lambda u: u.id)
    if twice := next((u.id for u, v in zip(utterances, utterances[1:], strict=False) if u.id == v.id), None):
        raise InputError(f"two utterances are called {twice}; ids must be unique in a corpus")
    if not utterances:
        raise InputError("no utterances to split; does the selection leave any?")
    return utterances


def _shuffled(members, seed, purpose):
    """Names, or recordings by their first utterance's id, in an order that depends only on them and the seed."""

    def place(member):
        name = member if isinstance(member, str) else member[0].id
        return hashlib.sha256(f"{seed}\0{purpose}\0{name}".encode()).digest()

    return sorted(members, key=place)


def _deal(by_class, num_parts, seed, purpose):
    """`num_parts` lists; each class is shuffled and distributed in turn, starting where the previous class ended."""
    order = [m for name in sorted(by_class) for m in _shuffled(by_class[name], seed, f"{purpose} {name}")]
    return [order[k::num_parts] for k in range(num_parts)]


def _recordings(utterances):
    """{class: recordings}; a recording is the list of its file's utterances and has the class of the first one."""
    by_path, by_class = defaultdict(list), defaultdict(list)
    for u in utterances:
        by_path[u.path].append(u)
    for members in by_path.values():
        by_class[members[0].emotion].append(members)
    return dict(sorted(by_class.items()))


def _speakers(utterances):
    """{speaker: gender, "" if unknown}. Raises InputError if there are fewer than three speakers."""
    speakers = {u.speaker: u.gender or "" for u in reversed(utterances)}
    if len(speakers) < 3:
        problem = f"{_count(speakers, 'speaker')} ({', '.join(sorted(speakers))})"
        raise InputError(f"{problem}, expected three or more, to train, validate and test; take the protocol random")
    return speakers


def _sessions(utterances, at_least):
    by_session = defaultdict(list)
    for u in utterances:
        by_session[u.session].append(u)
    if unknown := by_session.get(None):
        raise InputError(f"{_count(unknown, 'utterance')} without session ({unknown[0].id}); take speaker_independent")
    if len(by_session) < at_least:
        raise InputError(f"{_count(by_session, 'session')}, expected {at_least} or more; take speaker_independent")
    return dict(sorted(by_session.items()))


def _require(utterances, protocol, corpora, grammar, speakers):
    if other := next((u.id for u in utterances if not grammar.fullmatch(u.id)), None):
        raise InputError(f"{protocol} is for {corpora} only, {other} is not theirs; take speaker_independent")
    if missing := sorted(set(speakers) - {u.speaker for u in utterances}):
        raise InputError(f"{protocol} needs speakers {', '.join(missing)}, who are missing; take speaker_independent")


def _at_least_three(num_folds):
    if num_folds < 3:
        raise InputError(f"{num_folds} folds; training, validation and test need three or more")
    return num_folds


def _cyclic(groups):
    """(test, valid) names: each group is tested once, and the next one is the validation part."""
    return list(zip(groups, groups[1:] + groups[:1], strict=True))


def _grouped(utterances, pairs, key):
    """A fold per (test, valid) pair of name sets; all others are for training."""
    return tuple(
        _fold(
            number,
            [u for u in utterances if key(u) not in test | valid],
            [u for u in utterances if key(u) in valid],
            [u for u in utterances if key(u) in test],
        )
        for number, (test, valid) in enumerate(pairs, start=1)
    )


def _fold(number, train, valid, test):
    return Fold(f"fold_{number}", *(tuple(sorted(part, key=lambda u: u.id)) for part in (train, valid, test)))


def _count(members, noun):
    return f"{len(members)} {noun}{'' if len(members) == 1 else 's'}"
