"""What the loaders share: finding the audio files of a tree, and holding a tree to its counts.

A tree that common/corpora/synthetic wrote carries a marker, `synthetic.json`. It is held to the marker's counts instead
of the official ones, and its corpus is called `<name>-synthetic`, so that no table can take it for the recordings.
"""

import json
import os
from collections import Counter, defaultdict
from pathlib import Path

from common.errors import InputError
from common.utterance import Corpus

SYNTHETIC = "-synthetic"

MARKER = "synthetic.json"
SYNTHETIC_LIMITS = "synthetic: checks the machinery, not the science"
AUDIO_SUFFIXES = (".wav", ".flac")

_SHOWN = 5  # ids that a message names before it only counts


def audio_files(root, grammar) -> dict[str, Path]:
    """Path by stem of every .wav and .flac below `root` whose stem `grammar` matches, sorted by stem.

    Mirrors nest a second copy of the whole set: of equal stems the shallowest file is taken, a WAV before a FLAC. The
    files that macOS adds to archives (`._name.wav`) match no grammar.
    """
    best = {}
    for folder, names in _walk(root):
        depth = len(Path(folder).parts)
        for name in names:
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in AUDIO_SUFFIXES and grammar.fullmatch(stem):
                rank = (depth, suffix.lower() != ".wav", folder, name)
                best[stem] = min(best.get(stem, rank), rank)
    return {stem: Path(folder, name) for stem, (_, _, folder, name) in sorted(best.items())}


def _walk(root):
    """Each folder below `root` with its files' names; links to folders are followed, but no folder is visited twice."""
    seen = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        subfolders.sort()
        real = os.path.realpath(folder)
        if real in seen:
            subfolders.clear()
        else:
            seen.add(real)
            yield folder, sorted(names)


def has_audio(folder, grammar) -> bool:
    """Whether an audio file of this grammar lies directly in `folder`; not where that cannot be read."""
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    return any(x.lower() in AUDIO_SUFFIXES and grammar.fullmatch(stem) for stem, x in map(os.path.splitext, names))


def synthetic_counts(root, layout) -> dict | None:
    """{speaker: {emotion: n}} of the tree's marker, None where there is no marker.

    Raises:
        InputError: the marker is damaged or belongs to another layout.
    """
    path = Path(root, MARKER)
    if not path.is_file():
        return None
    try:
        marker = json.loads(path.read_text(encoding="utf-8"))
        found, counts = marker["layout"], {s: dict(by_emotion) for s, by_emotion in marker["counts"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: not a marker that `corpora synthesize` writes ({error!r}); synthesize again"
        ) from error
    if found != layout:
        raise InputError(f"{path}: a synthetic tree in the layout {found}, expected {layout}; name the other corpus")
    return counts


def corpus(name, utterances, *, synthetic, limits="", variant="") -> Corpus:
    """The Corpus of these utterances, named as what it is."""
    if synthetic:
        name, limits = f"{name}{SYNTHETIC}", SYNTHETIC_LIMITS
    ordered = tuple(sorted(utterances, key=lambda u: u.id))
    return Corpus(name=name, variant=f"{name}/{variant}" if variant else name, utterances=ordered, limits=limits)


def check_ids(info, root, found, expected):
    """Raise InputError unless the ids found are those expected."""
    missing, extra = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    problems = [f"{len(ids)} {what} ({shown(ids)})" for what, ids in (("missing", missing), ("extra", extra)) if ids]
    if problems:
        raise InputError(
            f"{root}: {' and '.join(problems)} of the {len(expected)} files of {info.title}; {repair(info)}"
        )


def check_counts(info, root, utterances, expected, *, synthetic=False):
    """Raise InputError unless every speaker has as many utterances of every emotion as `expected` says.

    Args:
        expected: {speaker: {emotion: n}}; what it does not name is expected 0 times.
        synthetic: whether `expected` comes from the marker; only the advice depends on it.
    """
    ids = defaultdict(list)
    for utterance in utterances:
        ids[utterance.speaker, utterance.emotion].append(utterance.id)
    found = Counter({cell: len(members) for cell, members in ids.items()})
    wanted = Counter({(s, e): n for s, by_emotion in expected.items() for e, n in by_emotion.items()})
    short = [f"{s} {e} {found[s, e]} of {wanted[s, e]}" for s, e in sorted(wanted - found)]
    over = [f"{s} {e} {found[s, e]} of {wanted[s, e]}, among them {ids[s, e][0]}" for s, e in sorted(found - wanted)]
    if short or over:
        problems = [
            f"{difference.total()} {what} (speaker {shown(cells, '; ')})"
            for difference, what, cells in ((wanted - found, "missing", short), (found - wanted, "extra", over))
            if cells
        ]
        raise InputError(
            f"{root}: {found.total()} utterances, expected {wanted.total()} of {info.title}: "
            f"{' and '.join(problems)}; {repair(info, synthetic=synthetic)}"
        )


def shown(items, separator=", ") -> str:
    """The first few items, and how many more there are."""
    items = list(items)
    rest = f"{separator}and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return separator.join(items[:_SHOWN]) + rest


def repair(info, *, synthetic=False) -> str:
    if synthetic:
        return "synthesize it again, into an empty folder"
    return f"copy or unpack it again, into an empty folder; to get it, {info.how_to_get}"
