"""Translate a corpus's emotion labels to `common.utterance.EMOTIONS`, and apply a user's own mapping, `--labels`.

>>> read("excitement=happiness,rude=anger")      # pairs; merging is allowed
>>> read("map.csv")                              # two columns, theirs and ours; or a TOML file with a table [labels]
>>> read("keep")                                 # unknown labels are kept

The left side is a label of the corpus or one of ours. An empty right side leaves those utterances out. A right side
that is not one of ours becomes a custom label. No published number is compared with results on a mapped corpus.
"""

import csv
import dataclasses
import difflib
import io
import tomllib
from collections import Counter
from pathlib import Path

from common.bounded_read import read_bytes
from common.corpora import emodb
from common.errors import InputError, listed
from common.utterance import EMOTIONS, Corpus

KEEP = "keep"

SYNONYMS = {
    "anger": "ang angry wut wütend ärger ärgerlich zorn hot_anger",
    "boredom": "bor bored langeweile gelangweilt",
    "calm": "cal calmness ruhig ruhe",
    "disgust": "dis disgusted ekel angeekelt",
    "excitement": "exc excited",
    "fear": "fea fearful afraid scared anxiety anxious angst ängstlich furcht",
    "frustration": "fru frustrated",
    "happiness": "hap happy joy joyful freude fröhlich glücklich",
    "neutral": "neu neutrality neutral_state",
    "sadness": "sad trauer traurig traurigkeit",
    "surprise": "sur surprised pleasant_surprise ps pleasant_surprised überraschung überrascht",
}
"""German words, the codes of IEMOCAP and CREMA-D, adjectives; in any case, with spaces, hyphens or underscores."""

_GERMAN_ONLY = {"W", "E", "T", "L"}  # EmoDB's letters count if all labels are such letters: elsewhere A is anger
_HEADERS = ({"label", "emotion"}, {"from", "to"}, {"theirs", "ours"})
_OURS = {name: name for name in EMOTIONS} | {word: name for name, words in SYNONYMS.items() for word in words.split()}


@dataclasses.dataclass(frozen=True)
class Labels:
    """A mapping of labels.

    Args:
        pairs: theirs (or ours) -> ours, a custom label, or "" to leave out.
        keep: whether unknown labels are kept.
        name: suffix of the corpus variant, "" for none.
    """

    pairs: dict[str, str] = dataclasses.field(default_factory=dict)
    keep: bool = False
    name: str = ""


def known(label) -> str | None:
    """Our name of an emotion, None if the label is unknown."""
    return _OURS.get("_".join(label.casefold().replace("-", " ").replace("_", " ").split()))


def read(option) -> Labels:
    """The mapping given by `--labels`: pairs with `=`, a CSV or TOML file, or `keep`.

    Raises:
        InputError: the option has another form, or the file holds no mapping.
    """
    if option is None:
        return Labels()
    if option == KEEP:
        return Labels(keep=True, name=f"labels={KEEP}")
    path = Path(option)
    if path.is_file():
        pairs = _toml(path) if path.suffix == ".toml" else _two_columns(path)
        name = f"labels={path.name if path.stem == KEEP else path.stem}"  # `labels=keep` is the option `keep`
    elif "=" in option:
        parts = [pair.partition("=") for pair in option.split(",") if pair.strip()]
        if bad := [theirs for theirs, sign, _ in parts if not (sign and theirs.strip())]:
            raise InputError(f"--labels {option!r}: {bad[0]!r} is not a pair; expected THEIRS=OURS")
        pairs = {theirs.strip(): ours.strip() for theirs, _, ours in parts}
        name = "+".join(f"{theirs}={ours}" for theirs, ours in sorted(pairs.items()))
    else:
        raise InputError(f"--labels {option!r}: no such file; expected a CSV or TOML file, THEIRS=OURS, or {KEEP}")
    if not pairs:
        raise InputError(f"{option}: no labels; expected two columns, theirs and ours, or a table [labels]")
    return Labels({theirs: known(ours) or ours for theirs, ours in pairs.items()}, name=name)


def _toml(path):
    try:
        labels = tomllib.loads(read_bytes(path).decode("utf-8-sig")).get("labels")
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not TOML ({error}); expected a table [labels]") from error
    if not isinstance(labels, dict) or not all(isinstance(ours, str) for ours in labels.values()):
        raise InputError(f'{path}: no table [labels] of words; expected lines such as angry = "anger"')
    return {theirs.strip(): ours.strip() for theirs, ours in labels.items()}


def _two_columns(path):
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 ({error}); expected two columns, theirs and ours") from error
    delimiter = max(",;\t", key=text.count)
    rows = [
        (line, [cell.strip() for cell in cells])
        for line, cells in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), start=1)
        if any(cells) and not cells[0].startswith("#")
    ]
    if rows and {cell.casefold() for cell in rows[0][1]} in _HEADERS:
        rows = rows[1:]
    if bad := [line for line, cells in rows if len(cells) != 2 or not cells[0]]:
        raise InputError(f"{path} line {bad[0]}: expected two columns, theirs and ours")
    return {theirs: ours for _, (theirs, ours) in rows}


def translated(counts, labels=None) -> tuple[dict[str, str], tuple[str, ...]]:
    """{their label: ours, "" to leave out} for every label that occurs, and warnings.

    Args:
        counts: their label -> number of utterances.
        labels: the user's Labels.

    Raises:
        InputError: there are unknown labels; the message lists them.
    """
    labels = labels or Labels()
    pairs = {theirs.casefold(): ours for theirs, ours in labels.pairs.items()}
    ours, unknown, used = {}, [], set()
    letters = set(counts) <= set(emodb.EMOTIONS) and set(counts) & _GERMAN_ONLY
    for theirs in counts:
        name = emodb.EMOTIONS[theirs] if letters else known(theirs)
        hit = next((key for key in (theirs.casefold(), name) if key in pairs), None)
        if hit is not None:
            ours[theirs] = pairs[hit]
            used.add(hit)
        elif name or labels.keep:
            ours[theirs] = name or theirs
        else:
            unknown.append(theirs)
    if unknown:
        raise InputError(_unknown(unknown, counts))
    warnings = []
    if letters:
        warnings.append(f"labels {', '.join(sorted(counts))} are read as EmoDB's: A is fear; --labels changes that")
    if unused := [theirs for theirs in labels.pairs if theirs.casefold() not in used]:
        warnings.append(f"--labels maps {listed(unused)}, which no utterance has")
    return ours, tuple(warnings)


def _unknown(unknown, counts) -> str:
    described = []
    for label in sorted(unknown):
        near = difflib.get_close_matches(label.casefold(), _OURS, 1, 0.82)
        hint = f", perhaps {_OURS[near[0]]}" if near else ""
        described.append(f"{label} ({counts[label]} row{'s' if counts[label] > 1 else ''}{hint})")
    return (
        f"unknown emotion {listed(described)}; expected one of {', '.join(EMOTIONS)}, or map them: "
        f"--labels {sorted(unknown)[0]}=OURS, a file of pairs, or --labels {KEEP} to keep them unchanged"
    )


def relabelled(corpus, labels) -> Corpus:
    """A corpus with the user's mapping applied to its labels and its raters' labels; the variant gets `labels.name`.

    Raises:
        InputError: no utterance is left.
    """
    if not labels.pairs:
        return corpus
    ours, warnings = translated(Counter(u.emotion for u in corpus.utterances), labels)

    pairs = {theirs.casefold(): ours for theirs, ours in labels.pairs.items()}

    def mapped_votes(votes):
        mapped = (tuple(pairs.get(vote.casefold(), vote) for vote in rater) for rater in votes)
        return tuple(tuple(vote for vote in rater if vote) for rater in mapped)

    utterances = tuple(
        dataclasses.replace(
            u, emotion=ours[u.emotion], votes=mapped_votes(u.votes), self_votes=mapped_votes(u.self_votes)
        )
        for u in corpus.utterances
        if ours[u.emotion]
    )
    if not utterances:
        raise InputError(f"{corpus.variant}: --labels leaves no utterance; map at least one emotion")
    renamed = corpus.subset(labels.name, utterances)
    return dataclasses.replace(renamed, warnings=(*corpus.warnings, *warnings))
