"""Raters' answers for each utterance: results/human/<corpus variant>-raters.json, written when a corpus is run.

Together with the decisions in records, they give tables of errors by agreement (Chernykh 2018, section 4.5) without
the corpus. For a corpus with a listening test instead of raters (EmoDB), the file has the bin of each utterance's
recognition rate, but not the rate.
"""

import dataclasses
import json
from pathlib import Path
from typing import Required, TypedDict

from common.atomic_file import write_text
from common.bounded_read import read_json
from common.corpora import places
from common.errors import InputError
from common.evaluation.intervals import NotComputableError
from common.utterance import SYNTHETIC, slug

SUFFIX = "-raters.json"  # other files in results/human belong to experiments/evidence/human_reference
SCHEMA = 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatedUtterance:
    """People's ratings of an utterance: the fields of Utterance that common/evaluation/agreement uses."""

    id: str
    emotion: str
    votes: tuple[tuple[str, ...], ...] = ()
    self_votes: tuple[tuple[str, ...], ...] = ()
    recognition: float | None = None  # the lower end of its column


@dataclasses.dataclass(frozen=True)
class Annotations:
    """People's ratings of the utterances of a corpus variant.

    Args:
        corpus_variant, classes, limits: of the corpus.
        merged: emotions that the variant merges, e.g. excitement -> happiness.
        utterances: id -> AnnotatedUtterance; all have votes, or all have a recognition bin.
    """

    corpus_variant: str
    classes: tuple[str, ...]
    limits: str
    merged: dict[str, str]
    utterances: dict[str, AnnotatedUtterance]

    @property
    def voted(self) -> bool:
        """Whether there are votes; else there are recognition bins."""
        return all(u.votes for u in self.utterances.values())

    def annotated(self, ids, emotions) -> list[AnnotatedUtterance]:
        """The AnnotatedUtterances with these ids.

        Raises:
            NotComputableError: an id is missing, or its label is not the one in `emotions`.
        """
        annotated = [self.utterances.get(name) for name in ids]
        for name, emotion, rated in zip(ids, emotions, annotated, strict=True):
            if rated is None or rated.emotion != emotion:
                label = "no label" if rated is None else rated.emotion
                raise NotComputableError(
                    f"utterance {name} has {label} in the raters' file but {emotion} in the records: different corpora"
                )
        return annotated


def write(corpus, results) -> Path | None:
    """Write the file of a corpus variant; None if its utterances have neither votes nor recognition rates.

    The output is deterministic, with one utterance per line.
    """
    rows = _rows(corpus.utterances)
    if rows is None:
        return None
    head = {
        "schema": SCHEMA,
        "corpus": corpus.name,
        "corpus_variant": corpus.variant,
        "synthetic": corpus.synthetic,
        "limits": corpus.limits,
        "classes": list(corpus.classes),
        "merged": _merged(corpus.variant),
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    body = ",\n".join(f" {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
    text = "{\n" + ",\n".join([*lines, f'"utterances": {{\n{body}\n}}']) + "\n}\n"
    return write_text(Path(results, "human", slug(corpus.variant) + SUFFIX), text)


def _rows(utterances) -> dict[str, dict] | None:
    """The stored fields of each utterance."""
    if all(u.votes for u in utterances):
        return {u.id: {"emotion": u.emotion, "votes": u.votes, "self_votes": u.self_votes} for u in utterances}
    if any(u.recognition is None for u in utterances):
        return None
    from common.evaluation import agreement

    columns, names = agreement.recognition_columns(utterances)
    return {u.id: {"emotion": u.emotion, "column": names[c]} for u, c in zip(utterances, columns, strict=True)}


def _merged(variant) -> dict[str, str]:
    """Emotions merged by the loader; only IEMOCAP's variants do so (common/corpora/iemocap)."""
    name, *subset = variant.split("/")
    if name.removesuffix(SYNTHETIC) != "iemocap":
        return {}
    emotions = places.CORPORA["iemocap"].VARIANTS["/".join(subset[:2])].emotions
    return {theirs: ours for theirs, ours in emotions.items() if theirs != ours}


def read_all(results) -> dict[str, Annotations]:
    """All such files of a results folder, by corpus variant.

    Raises:
        InputError: a file is damaged, or written by a newer version of this suite.
    """
    annotations = [_read(path) for path in sorted(Path(results, "human").glob(f"*{SUFFIX}"))]
    return {raters.corpus_variant: raters for raters in annotations}


class _Version(TypedDict):
    schema: int


class _Rated(TypedDict, total=False):
    emotion: Required[str]
    column: str
    votes: list[list[str]]
    self_votes: list[list[str]]


class _File(TypedDict):
    corpus_variant: str
    classes: list[str]
    limits: str
    merged: dict[str, str]
    utterances: dict[str, _Rated]


def _read(path) -> Annotations:
    try:
        schema = read_json(path, _Version)["schema"]
        annotations = _raters(read_json(path, _File)) if schema <= SCHEMA else None
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path} is not a file of raters' answers ({error}); delete it and repeat the run on that corpus"
        ) from error
    if annotations is None:
        raise InputError(f"{path} has schema {schema}, this version reads up to {SCHEMA}; update the suite to use it")
    return annotations


def _raters(tree) -> Annotations:
    return Annotations(
        corpus_variant=tree["corpus_variant"],
        classes=tuple(tree["classes"]),
        limits=tree["limits"],
        merged=tree["merged"],
        utterances={name: _rated(name, row) for name, row in tree["utterances"].items()},
    )


def _rated(name, row) -> AnnotatedUtterance:
    if "column" in row:
        return AnnotatedUtterance(
            id=name, emotion=row["emotion"], recognition=float(row["column"].partition(" to ")[0])
        )
    votes, own = (tuple(map(tuple, row[field])) for field in ("votes", "self_votes"))
    return AnnotatedUtterance(id=name, emotion=row["emotion"], votes=votes, self_votes=own)
