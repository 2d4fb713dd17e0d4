"""Metadata types of the whole suite: utterances, corpora and folds. Needs neither audio nor Keras."""

import dataclasses
import functools
import hashlib
import re
from collections import Counter
from pathlib import Path

from common.errors import InputError

SYNTHETIC = "-synthetic"  # ends the name of a corpus that is made by code

EMOTIONS = (
    "anger",
    "boredom",
    "calm",
    "disgust",
    "excitement",
    "fear",
    "frustration",
    "happiness",
    "neutral",
    "sadness",
    "surprise",
)

LABEL_SETS = {
    "4hap": ("anger", "happiness", "neutral", "sadness"),
    "4exc": ("anger", "excitement", "neutral", "sadness"),
}


def emotions_of(names) -> tuple[str, ...]:
    """The emotions that `--emotions` selects: those of a label set if only its name is given, else the names given."""
    return LABEL_SETS.get(names[0], names) if len(names) == 1 else names


_LABEL = "[a-z0-9](?:[a-z0-9_.+]*[a-z0-9_])?"
# Corpus variants that can be recovered from their slug, so that their slugs are unique.
_REVERSIBLE = re.compile(
    rf"(?:manifest:{_LABEL}|(?!manifest(?:$|[/-])){_LABEL}(?:-2s)?(?:-synthetic)?)(?:/(?!(?:2s|synthetic)(?:$|/)){_LABEL})*"
)
_NOT_IN_FILE_NAMES = frozenset('/\\:*?"<>|')  # on any of the three systems
_LONGEST_SLUG, _LONGEST_NAME = 100, 200


@functools.lru_cache(maxsize=1024)
def slug(corpus_variant) -> str:
    """A corpus variant as a folder name or part of a file name: `ravdess/strong` -> `ravdess-strong`.

    Different variants have different slugs, also on file systems that ignore case: a variant with capitals, hyphens or
    more than 100 characters gets a hash (`manifest:My-calls` -> `manifest-My-calls--` and 12 hexadecimal digits).
    """
    if len(corpus_variant) <= _LONGEST_SLUG and _REVERSIBLE.fullmatch(corpus_variant):
        return re.sub("[:/]", "-", corpus_variant)
    digest = hashlib.sha256(corpus_variant.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    readable = re.sub("[^a-zA-Z0-9_.+]+", "-", corpus_variant).strip("-.")[:_LONGEST_SLUG]
    return f"{readable or 'corpus'}--{digest}"


def stem_of(before, corpus_variant, after) -> str:
    """The names `before`, a corpus variant and the names `after` as a file stem; different names have different stems.

    They are joined by hyphens. If a name has hyphens or capitals, or the stem is too long, a hash of all of them is
    added, as in `slug`.
    """
    names = (*before, *after)
    readable = "-".join([*before, slug(corpus_variant), *after])
    if not any("-" in name or name != name.casefold() for name in names) and len(readable.encode()) <= _LONGEST_NAME:
        return readable
    digest = hashlib.sha256(repr((before, corpus_variant, after)).encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{readable.encode()[:_LONGEST_SLUG].decode(errors='ignore')}--{digest}"


@functools.lru_cache(maxsize=1024)
def file_name(name) -> str:
    """The name of a system, protocol or fold, unchanged, if it is a valid file name.

    Raises:
        InputError: it is not a valid file name on every operating system, or points outside its folder.
    """
    if (
        not name
        or not name.isprintable()  # control and bidirectional characters
        or name != name.strip(". ")  # `.` and `..` among them
        or len(name.encode()) > _LONGEST_NAME
        or not _NOT_IN_FILE_NAMES.isdisjoint(name)
    ):
        shown = ascii(name if len(name) <= _LONGEST_NAME else name[:20] + "...")
        raise InputError(f"{shown} cannot name a file; take letters, digits and any of _+-=.,()")
    return name


def plain_speaker(name) -> str:
    """A speaker's name without differences of case, leading zeros and spreadsheet decimals: `01` and `1.0` give `1`."""
    return re.sub(r"^0+(?=.)", "", re.sub(r"^(\d+)\.0+$", r"\1", name.casefold()))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One labelled stretch of speech by one speaker.

    Args:
        id: unique in its corpus and the same on every machine (the file's stem, without its folder).
        path: the audio file.
        emotion: one of `EMOTIONS`, or a label of a user's own corpus. Loaders translate codes and leave out IEMOCAP's
            labels "undecided" and "other".
        speaker: the corpus's own speaker name, unique in the corpus.
        start_s, end_s: the stretch of the file, in seconds; None means the beginning or end of the file.
        channel: of the file, counted from 1; None is the mean of all channels.
        votes: for each external rater, the emotions given; empty if the corpus has no raters.
        self_votes: the same for the actors' ratings of themselves (IEMOCAP).
        valence, activation, dominance: mean ratings on the corpus's own scale.
        recognition: share of listeners who recognised the emotion, in [0, 1] (EmoDB).
        naturalness: share of listeners who found it natural, in [0, 1] (EmoDB).
        extra: further columns of a user's table, (name, value), for grouping.
    """

    id: str
    path: Path
    emotion: str
    speaker: str
    gender: str | None = None  # "female" or "male"
    session: str | None = None
    text_id: str | None = None
    intensity: str | None = None  # "normal" or "strong"
    repetition: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    channel: int | None = None
    votes: tuple[tuple[str, ...], ...] = ()
    self_votes: tuple[tuple[str, ...], ...] = ()
    valence: float | None = None
    activation: float | None = None
    dominance: float | None = None
    recognition: float | None = None
    naturalness: float | None = None
    extra: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Corpus:
    """A named set of utterances. Accuracies on corpora with different `variant` are never compared.

    Args:
        name: of the recordings: `ravdess`, `emodb`, `emodb-2s`, `ravdess-synthetic`, `manifest:calls`, ...
        variant: `name`, then the subset and label set: `iemocap/improvised/4hap`.
        utterances: sorted by id.
        limits: a sentence printed with every table on this corpus, or "".
        warnings: sentences on doubtful recordings, speakers and labels; shown once and stored in records.
        training: the training corpus in a cross-corpus protocol, where this one is the test corpus
            (common/folds/cross_corpus).
    """

    name: str
    variant: str
    utterances: tuple[Utterance, ...]
    limits: str = ""
    warnings: tuple[str, ...] = ()
    training: "Corpus | None" = None

    @property
    def synthetic(self) -> bool:
        return self.name.endswith(SYNTHETIC) or bool(self.training and self.training.synthetic)

    @property
    def heard(self) -> tuple[Utterance, ...]:
        """All utterances that a run reads: those of the training corpus, if there is one, and its own."""
        return (*(self.training.utterances if self.training else ()), *self.utterances)

    @property
    def classes(self) -> tuple[str, ...]:
        """The emotions that occur, sorted. Outputs of all models are in this order."""
        return tuple(sorted({u.emotion for u in self.utterances}))

    @property
    def counts(self) -> dict[str, int]:
        return dict(sorted(Counter(u.emotion for u in self.utterances).items()))

    def subset(self, label: str, utterances) -> "Corpus":
        """The same corpus with fewer utterances; `label` is appended to the variant's name."""
        return dataclasses.replace(self, variant=f"{self.variant}/{label}", utterances=tuple(utterances))

    def only(self, emotions) -> "Corpus":
        """The utterances of these emotions.

        The variant gets the name of the label set in `LABEL_SETS` (`ravdess/4hap`), or else the list of emotions. A
        corpus without other emotions is returned unchanged.

        Raises:
            InputError: an emotion is unknown or absent from the corpus, or fewer than two are named.
        """
        wanted = tuple(sorted(set(emotions)))
        if unknown := [e for e in wanted if e not in EMOTIONS and e not in self.classes]:
            of_its_own = [e for e in self.classes if e not in EMOTIONS]
            raise InputError(f"unknown emotion {', '.join(unknown)}; choose from {', '.join([*EMOTIONS, *of_its_own])}")
        kept = tuple(u for u in self.utterances if u.emotion in wanted)
        kept_emotions = {u.emotion for u in kept}
        if missing := [e for e in wanted if e not in kept_emotions]:
            raise InputError(f"{self.variant} has no {', '.join(missing)}; it has {', '.join(self.classes)}")
        if not wanted:
            raise InputError(f"{self.variant} has {', '.join(self.classes)}: none is asked for; name --emotions")
        if len(kept_emotions) < 2:
            raise InputError(
                f"{self.variant}: {', '.join(kept_emotions)} leaves fewer than two classes; name two emotions or more"
            )
        if len(kept) == len(self.utterances):
            return self
        label = next((name for name, members in LABEL_SETS.items() if wanted == members), "+".join(wanted))
        return self.subset(label, kept)


@dataclasses.dataclass(frozen=True)
class Fold:
    """A training, validation and test part. Created by common/folds/splits, checked by common/folds/leakage."""

    name: str  # fold_1 ... fold_K
    train: tuple[Utterance, ...]
    valid: tuple[Utterance, ...]
    test: tuple[Utterance, ...]

    @property
    def parts(self) -> dict[str, tuple[Utterance, ...]]:
        return {"train": self.train, "valid": self.valid, "test": self.test}
