"""The plan of the human study in Chernykh 2018, section 4.6: choice and order of utterances for each assessor.

experiments/listening/web_page serves the study, experiments/listening/answers_file stores the answers, and
experiments/listening/human_score computes the results.
"""

import dataclasses
import hashlib
import json
import unicodedata

from common.errors import InputError

TRAINING, TEST = "training", "test"
TRAINING_PER_EMOTION = 2  # § 4.6: "2 from each emotion, 8 in total", given "prior to the main experiment"
ASSESSORS_WANTED = 2  # § 4.6: "each utterance was assessed by at least 2 assessors"

MAX_NAME = 40
_NAME_MARKS = " .'’-_"


@dataclasses.dataclass(frozen=True)
class Item:
    """One utterance of a study.

    Args:
        id: of the utterance.
        emotion: the corpus's label.
        speaker: of the utterance.
        phase: `TRAINING` (first, not scored) or `TEST`.
    """

    id: str
    emotion: str
    speaker: str
    phase: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Study:
    """A study; determined by the corpus, the seed and the number of utterances per emotion.

    Args:
        corpus, variant, limits, synthetic, classes: of the `common.utterance.Corpus`.
        seed: of the choice of utterances and of every assessor's order.
        per_emotion: test utterances of each emotion; None is all.
        items: sorted by id.
    """

    corpus: str
    variant: str
    limits: str
    synthetic: bool
    classes: tuple[str, ...]
    seed: int
    per_emotion: int | None
    items: tuple[Item, ...]

    def items_of(self, phase) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.phase == phase)


def plan(corpus, *, seed=0, per_emotion=None) -> Study:
    """The study of a corpus: for each emotion two training utterances, and `per_emotion` (or all other) scored ones.

    Raises:
        InputError: an emotion has too few utterances.
    """
    items = []
    for emotion in corpus.classes:
        drawn = shuffled([u for u in corpus.utterances if u.emotion == emotion], "choice", seed)
        left = len(drawn) - TRAINING_PER_EMOTION
        if left < (per_emotion or 1):
            raise InputError(
                f"{corpus.variant} has {len(drawn)} utterances of {emotion}, expected {TRAINING_PER_EMOTION} for "
                f"training and {per_emotion or 1} more; "
                + (f"give --per-emotion {left} or less" if left > 0 else "leave it out with --emotions")
            )
        count = len(drawn) if per_emotion is None else TRAINING_PER_EMOTION + per_emotion
        phases = [TRAINING] * TRAINING_PER_EMOTION + [TEST] * (count - TRAINING_PER_EMOTION)
        items += [Item(u.id, u.emotion, u.speaker, phase) for u, phase in zip(drawn, phases, strict=False)]
    return Study(
        corpus=corpus.name,
        variant=corpus.variant,
        limits=corpus.limits,
        synthetic=corpus.synthetic,
        classes=corpus.classes,
        seed=seed,
        per_emotion=per_emotion,
        items=tuple(sorted(items, key=lambda item: item.id)),
    )


def shuffled(things, *salt) -> list:
    """Objects with an `id`, in an order that depends only on ids and salt, and is the same on every machine."""
    return sorted(things, key=lambda thing: _digest(*salt, thing.id))


def next_item(study, assessor, answered, counts) -> Item | None:
    """The next utterance for an assessor, None at the end.

    Training comes first. Then utterances with one answer by another assessor come before those without answers, and
    these before those with two or more, each in the assessor's own random order. Most answered utterances thus get two
    answers, even if people stop early.

    Args:
        study: the study.
        assessor: key of the assessor.
        answered: ids that the assessor has answered.
        counts: {id: number of assessors}; 0 for missing ids.
    """
    left = [item for item in shuffled(study.items, "order", study.seed, assessor) if item.id not in answered]
    if training := [item for item in left if item.phase == TRAINING]:
        return training[0]
    return min(left, key=lambda item: _urgency(counts.get(item.id, 0)), default=None)


def _urgency(count):
    """Rank among the remaining utterances: some but too few answers, then none, then enough."""
    return 0 if 0 < count < ASSESSORS_WANTED else 1 if count == 0 else 2


def token(study, item) -> str:
    """The name of an utterance in the page; ids of RAVDESS and EmoDB would reveal the emotion."""
    return _digest("token", study.seed, item.id)[:20]


def assessor_name(text) -> str:
    """A normalised name: NFKC, single spaces.

    Raises:
        InputError: the name is empty or too long, or has characters other than letters and digits of any script and
            `` .'’-_``.
    """
    name = " ".join(unicodedata.normalize("NFKC", text).split())
    if not 1 <= len(name) <= MAX_NAME:
        raise InputError(f"a name of {len(name)} characters; expected 1 to {MAX_NAME}")
    kinds = [unicodedata.category(character)[0] for character in name]
    strange = [c for c, kind in zip(name, kinds, strict=True) if kind not in "LMN" and c not in _NAME_MARKS]
    if strange or kinds[0] not in "LN":
        fault = f"with {strange[0]!r}" if strange else f"that begins with {name[0]!r}"
        raise InputError(
            f"a name {fault}; expected letters and digits of any script, spaces and . ' - _, a letter or digit first"
        )
    return name


def assessor_key(name) -> str:
    """The key that identifies an assessor: the same for "Anna" and "anna"."""
    return unicodedata.normalize("NFKC", name.casefold())


def _digest(*parts) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
