"""Functions shared by the loaders: list the audio files of a corpus folder and verify their counts.

A corpus written by common/corpora/synthetic has a marker file, `synthetic.json`. Its counts are checked against the
marker instead of the official ones, and it is called `<name>-synthetic`, so that it is never mistaken for the real one.
"""

import json
import os
from collections import Counter, defaultdict
from pathlib import Path

from common.errors import InputError, listed
from common.folders import walk
from common.utterance import SYNTHETIC, Corpus

MARKER = "synthetic.json"
SYNTHETIC_LIMITS = "synthetic speech: a software check, not a result"
AUDIO_SUFFIXES = (".wav", ".flac")

OTHER_SIGNALS = ("egg", "laryngo", "laryngogram", "laryngograms", "laryngograph", "lar", "lx", "lgg", "__macosx")
"""Folders with other signals recorded with the speech, under the same file names (EmoDB 2.0.0: laryngograms)."""

_SHOWN = 5  # ids listed in a message; the others are only counted
_COMPARED = 20


def audio_files(root, grammar, spelling=str) -> dict[str, Path]:
    """{stem: path} of every .wav and .flac below `root` whose stem matches `grammar`, sorted by stem.

    Some mirrors contain the whole corpus twice, in nested folders. Of files with the same stem the one with the
    shallowest path is taken, a WAV before a FLAC. Files in a folder of another signal (`OTHER_SIGNALS`: laryngograms)
    are ignored. The files that macOS adds to archives (`._name.wav`) never match.

    Args:
        root: the corpus's folder.
        grammar: compiled pattern of a stem.
        spelling: function that converts a stem to the corpus's own spelling.

    Raises:
        InputError: two files with the same stem hold different recordings.
    """
    by_stem = defaultdict(list)
    for folder, names in walk(root):
        parts = Path(folder).relative_to(root).parts
        if any(part.lower() in OTHER_SIGNALS for part in parts):
            continue
        for name in names:
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in AUDIO_SUFFIXES and grammar.fullmatch(stem):
                by_stem[spelling(stem)].append((len(parts), suffix.lower() != ".wav", folder, name))
    _check_copies(root, by_stem)
    best = {stem: min(members) for stem, members in by_stem.items()}
    return {stem: Path(folder, name) for stem, (_, _, folder, name) in sorted(best.items())}


def _check_copies(root, by_stem):
    """Raise InputError if files with the same stem differ, since then one is another signal or version.

    The samples of `_COMPARED` evenly spread stems are compared, and those of up to as many stems whose file sizes
    differ.
    """
    from common.features import audio  # numpy and soundfile: not needed if every stem occurs once

    copies = {stem: [Path(f, name) for *_, f, name in sorted(members)] for stem, members in by_stem.items()}
    copies = [(stem, paths) for stem, paths in sorted(copies.items()) if len(paths) > 1]
    spread = copies[:: max(1, len(copies) // _COMPARED)]
    suspects = [pair for pair in copies if len({(p.suffix.lower(), p.stat().st_size) for p in pair[1]}) > 1]
    for stem, paths in [*spread, *suspects[:_COMPARED]]:
        first = paths[0]
        for other in paths[1:]:
            if os.path.samefile(first, other) or audio.fingerprint(first) == audio.fingerprint(other):
                continue
            if audio.content_hash(first) != audio.content_hash(other):
                raise InputError(
                    f"{root}: {first.relative_to(root)} and {other.relative_to(root)} are different recordings with "
                    f"the same name ({stem}); move one of the two folders away, or give the other one as --data"
                )


def has_audio(folder, grammar) -> bool:
    """Whether `folder` directly contains an audio file of this grammar; false if it is unreadable."""
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    return _any_audio(names, grammar)


def _any_audio(names, grammar):
    return any(x.lower() in AUDIO_SUFFIXES and grammar.fullmatch(stem) for stem, x in map(os.path.splitext, names))


def common_folder(folder, grammar, depth=4) -> Path | None:
    """The deepest folder that contains all audio files of this grammar below `folder`, None if there are none.

    The search goes down `depth` levels.
    """
    holding = []
    top = len(Path(folder).parts)
    for inner, names in walk(folder, depth):
        other = any(part.lower() in OTHER_SIGNALS for part in Path(inner).parts[top:])
        if not other and _any_audio(names, grammar):
            holding.append(inner)
    return Path(os.path.commonpath(holding)) if holding else None


def synthetic_counts(root, layout) -> dict | None:
    """{speaker: {emotion: n}} from the marker of a synthetic corpus, None without a marker.

    Raises:
        InputError: the marker is damaged or belongs to another layout.
    """
    path = Path(root, MARKER)
    if not path.is_file():
        return None
    try:
        marker = json.loads(path.read_text(encoding="utf-8"))
        stated, counts = marker["layout"], {s: dict(by_emotion) for s, by_emotion in marker["counts"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: not a marker written by `corpora synthesize` ({error!r}); synthesize again"
        ) from error
    if stated != layout:
        raise InputError(f"{path}: a synthetic {stated}, expected {layout}; name the corpus {stated}")
    return counts


def corpus(name, utterances, *, synthetic, limits="", variant="") -> Corpus:
    """The Corpus of these utterances; a synthetic one is named `<name>-synthetic`."""
    if synthetic:
        name, limits = f"{name}{SYNTHETIC}", SYNTHETIC_LIMITS
    ordered = tuple(sorted(utterances, key=lambda u: u.id))
    return Corpus(name=name, variant=f"{name}/{variant}" if variant else name, utterances=ordered, limits=limits)


def check_ids(info, root, present, expected):
    """Raise InputError unless the ids in `present` are exactly those in `expected`."""
    missing, extra = sorted(set(expected) - set(present)), sorted(set(present) - set(expected))
    problems = [
        f"{len(ids)} {problem} ({shown(ids)})" for problem, ids in (("missing", missing), ("extra", extra)) if ids
    ]
    if problems:
        raise InputError(
            f"{root}: {' and '.join(problems)} of the {len(expected)} files of {info.title}; {repair(info)}"
        )


def check_present(info, root, present, expected):
    """Raise InputError unless all ids in `expected` are among those in `present`."""
    check_ids(info, root, set(present) & set(expected), expected)


def check_counts(info, root, utterances, expected, *, synthetic=False):
    """Raise InputError unless every speaker has the expected number of utterances of every emotion.

    Args:
        info: CorpusInfo.
        root: the corpus's folder, for messages.
        utterances: of the corpus.
        expected: {speaker: {emotion: n}}; 0 for combinations that it does not contain.
        synthetic: whether `expected` comes from the marker; it only changes the advice.
    """
    ids = defaultdict(list)
    for utterance in utterances:
        ids[utterance.speaker, utterance.emotion].append(utterance.id)
    counts = Counter({cell: len(members) for cell, members in ids.items()})
    wanted = Counter({(s, e): n for s, by_emotion in expected.items() for e, n in by_emotion.items()})
    short = [f"{s} {e} {counts[s, e]} of {wanted[s, e]}" for s, e in sorted(wanted - counts)]
    over = [f"{s} {e} {counts[s, e]} of {wanted[s, e]}, among them {ids[s, e][0]}" for s, e in sorted(counts - wanted)]
    if short or over:
        problems = [
            f"{difference.total()} {problem} (speaker {shown(cells, '; ')})"
            for difference, problem, cells in ((wanted - counts, "missing", short), (counts - wanted, "extra", over))
            if cells
        ]
        raise InputError(
            f"{root}: {counts.total()} utterances, expected {wanted.total()} of {info.title}: "
            f"{' and '.join(problems)}; {repair(info, synthetic=synthetic)}"
        )


def shown(items, separator=", ") -> str:
    """The first few items, and the number of the others."""
    return listed(items, _SHOWN, separator)


def repair(info, *, synthetic=False) -> str:
    if synthetic:
        return "synthesize it again, into an empty folder"
    return f"copy or unpack it again, into an empty folder; to get it, {info.how_to_get}"
