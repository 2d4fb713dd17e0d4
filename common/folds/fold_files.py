"""Read fold files of other programs as Folds, for training and for the leakage audit.

Three forms are recognised by the file's columns and name; one folder may hold all of them (see also common/table):

* **audformat's CSV** or Parquet: `file,speaker,emotion[,start,end,channel,...]`, one file per part, or JSON lines with
  these keys;
* **nkululeko's CSV**: `file,speaker,gender,emotion` in `<corpus>_{train,dev,test}.csv`, and the output of its `export`,
  one file `file,start,end,...,split` with train, dev or test in the column `split`;
* **EmoBox's JSON lines**: `{"key", "dataset", "wav", "emo", ...}` in `fold_k/<corpus>_{train,test}_fold_k.jsonl`, also
  with the older keys `audio` and `label`.

Part and fold are read from the words of the file name, or else of its folders: train / dev, valid, validation / test,
and `fold_3`, `fold3`, `fold-3`; without a number it is fold 1. The columns `split` and `fold` of a row override the
name. With a column `fold` but no `split`, each fold tests its own rows and trains on all others. A list without a part
is ignored, and the audit warns unless all its recordings occur in the parts (nkululeko and EmoBox have such lists).
EmoBox has some lists twice (`emodb_test_fold1.jsonl` and `emodb_test_fold_1.jsonl`): of several lists of one part the
first is used, and the audit fails if they differ. `.json` and other files are not read.

If a list has no speakers, as in EmoBox, they are read from the file names of RAVDESS, EmoDB and IEMOCAP; otherwise they
are unknown (""), and the audit warns. The same applies to sentences.
"""

import contextlib
import os
import re
from pathlib import Path
from typing import NamedTuple

from common import table
from common.errors import InputError, listed
from common.folds import leakage
from common.utterance import Fold, Utterance

PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test", "eval": "test"}
PARTS |= dict.fromkeys(("dev", "devel", "development", "val", "valid", "validation"), "valid")

SIDES = ("train", "valid", "test")

NAMES = (  # pattern of a file's stem, speaker, sentence
    (re.compile(r"(?:\d\d-){4}(\d\d)-\d\d-(\d\d)"), r"\2", r"\1"),  # RAVDESS, all modalities
    (re.compile(r"(\d\d)([ab]\d\d)[WLEAFTN][a-z]"), r"\1", r"\2"),  # EmoDB
    (re.compile(r"(Ses0\d)[FM]_\w+_([FM])\d{3}"), r"\1_\2", ""),  # IEMOCAP: the last letter names the speaker
)

_FOLD = re.compile(r"fold[ _.-]?(\d+)")


class FoldFiles(NamedTuple):
    """The folds in fold files, and faults of these files.

    Args:
        folds: the Folds.
        passed_over: lists without a part that have recordings missing from all parts.
        differing: pairs (first, second) of different lists for the same part of the same fold; the first is used.
    """

    folds: tuple[Fold, ...]
    passed_over: tuple[Path, ...]
    differing: tuple[tuple[Path, Path], ...] = ()


def read_fold_files(*paths, audio_root=None) -> FoldFiles:
    """The folds in a folder, a file, or several files, sorted by name.

    Args:
        paths: a folder, searched with all its subfolders, or a file; or files that are parts of the same folds.
        audio_root: a folder that audio paths are relative to. Paths are tried relative to it, relative to their list,
            and as written; if no file exists, the path is kept as written and the audio is not hashed.

    Returns:
        FoldFiles. Folds are named `fold_1` and so on, or `<corpus>/fold_1` if there are several corpora. A part without
        a file is empty. An utterance's id is its `key`, or else its file, channel and segment.

    Raises:
        InputError: there are no folds, or a line is damaged; the message names file and line.
    """
    paths = [Path(path) for path in paths]
    if missing := [path for path in paths if not path.exists()]:
        raise InputError(f"{missing[0]}: no such file or folder; give the folder that holds the fold files")
    given = {}  # (corpus, number, part) -> {file: utterances}; part is "" if only the fold is known
    passed_over = []
    for root in paths:
        for file in _lists(root):
            rows = table.read(file).rows
            corpus, number, part = _from_name(file, root)
            if part is None and not any({"split", "fold"} & row.keys() for _, row in rows):
                passed_over.append((file, {_locate(row.get("file", ""), file.parent, audio_root) for _, row in rows}))
                continue
            for line, row in rows:
                key = (corpus, *place(row, number, part, f"{file} line {line}"))
                utterance = _utterance(row, file, line, audio_root)
                given.setdefault(key, {}).setdefault(file, []).append(utterance)
    if not given:
        raise InputError(
            f"{listed(paths)}: no fold files; expected .csv, .jsonl or .parquet with train, valid or test in the name, "
            "or a column split or fold"
        )
    given = _of_one_corpus(given) if len(paths) > 1 else given
    parts = {key: next(iter(lists.values())) for key, lists in given.items()}
    in_parts = {u.path for members in parts.values() for u in members}
    unread = tuple(file for file, named in passed_over if not named <= in_parts)
    return FoldFiles(_folds(parts), unread, tuple(_differing(given)))


def _of_one_corpus(given):
    """Files given together are parts of one corpus, whatever their names, unless two of them are the same part."""
    together = {}
    for (_, *place), lists in given.items():
        together.setdefault(("", *place), {}).update(lists)
    return together if all(len(lists) == 1 for lists in together.values()) else given


def _lists(root):
    if root.is_file():
        return [root]
    return sorted(p for p in root.rglob("*") if p.suffix in (".csv", ".jsonl", ".parquet") and p.is_file())


def _differing(given):
    def content(members):
        return {(u.path, u.start_s, u.end_s, u.channel or 1, u.emotion) for u in members}

    for lists in given.values():
        (first, kept), *others = lists.items()
        yield from ((first, second) for second, members in others if content(members) != content(kept))


def place(row, number, part, where) -> tuple[int, str]:
    """Fold number and part of a row; the part is "" if only the fold is known. Columns override the file's name.

    Args:
        row: column -> cell.
        number, part: from the file's name; None if it names no part.
        where: file and line of the row, for messages.

    Raises:
        InputError: `split` or `fold` has an invalid value.
    """
    split, fold = row.get("split", "").strip().lower(), row.get("fold", "").strip()
    if fold:
        digits = re.search(r"\d+", fold)
        if not digits:
            raise InputError(f"{where}: fold is {fold!r}, expected a number")
        number = int(digits[0])
    side = PARTS.get(split) if split else part
    if side is None and (split or not fold):
        raise InputError(f"{where}: split is {row.get('split')!r}, expected train, valid or test")
    return number, side or ""


def _folds(parts):
    """The Folds of {(corpus, number, part): utterances}."""
    several = len({corpus for corpus, _, _ in parts}) > 1
    return tuple(
        Fold(
            f"{corpus}/fold_{number}" if several else f"fold_{number}",
            *(tuple(sorted(_members(parts, corpus, number, side), key=lambda u: u.id)) for side in SIDES),
        )
        for corpus, number in sorted({key[:2] for key in parts})
    )


def _members(parts, corpus, number, side):
    """The utterances of a part: those of its list, and those for which only the fold is known."""
    yield from parts.get((corpus, number, side), ())
    if side != "valid":
        alone = {key[1]: members for key, members in parts.items() if key[0] == corpus and not key[2]}
        for other, members in alone.items():
            if (other == number) == (side == "test"):
                yield from members


def findings(lists) -> list[leakage.Finding]:
    """Findings on the files of FoldFiles: lists that contradict each other, and lists that were not read."""
    problems = []
    if lists.differing:
        pairs = listed([f"{first.name} and {second.name}" for first, second in lists.differing], 3)
        message = f"two lists of the same part differ: {pairs}; remove one of the two"
        problems.append(leakage.Finding(leakage.FAIL, "all folds", "contradiction", message, len(lists.differing)))
    if lists.passed_over:
        named = listed([file.name for file in lists.passed_over])
        message = f"lists without train, valid or test in the name and without a column split were not read: {named}"
        problems.append(leakage.Finding(leakage.WARN, "all folds", "unread", message, len(lists.passed_over)))
    return problems


def together(paths) -> list[list[Path]]:
    """Groups of paths to read together: all files that are a single part, and each other path on its own."""
    alone, parts = [], []
    for path in map(Path, paths):
        (parts if path.is_file() and _is_a_part(path) else alone).append(path)
    return [*([path] for path in alone), *([parts] if parts else [])]


def _is_a_part(file) -> bool:
    """Whether a file's name states its part, and it has no column `split` or `fold`."""
    with contextlib.suppress(InputError):
        return _from_name(file, file)[2] is not None and not {"split", "fold"} & set(table.read(file).columns)
    return False


def hash_audio(folds) -> dict[str, str]:
    """{utterance id: hash of its audio file's samples}, for the files that exist; each file is read once.

    A WAV and a FLAC of the same samples have the same hash. Undecodable files are hashed by their bytes.
    """
    everyone = {u.id: u.path for fold in folds for part in fold.parts.values() for u in part}
    by_path = {path: _content(path) for path in set(everyone.values()) if path.is_file()}
    return {name: by_path[path] for name, path in everyone.items() if path in by_path}


def _content(path):
    from common.features import audio  # soundfile: not needed to list folds

    try:
        return audio.content_hash(path)
    except InputError:
        return audio.fingerprint(path)


def _from_name(file, root):
    """(corpus, fold number, part or None) from the words of the file's name, then of its folders below the root.

    Only the fold's number is read from the root's own name, since a project's folder may be called test.
    """
    folders = file.relative_to(root).parent.parts[::-1] if root.is_dir() else ()
    names = [name.lower() for name in (file.stem, *folders)]
    words = [re.split(r"[^a-z0-9]+", _FOLD.sub(" ", name)) for name in names]
    number = next((int(match[1]) for name in (*names, root.name.lower()) if (match := _FOLD.search(name))), 1)
    part = next((PARTS[word] for level in words for word in level if word in PARTS), None)
    return "_".join(word for word in words[0] if word and word not in PARTS), number, part


def _utterance(row, file, line, audio_root):
    name, emotion = row.get("file", ""), row.get("emotion", "")
    if not name or not emotion:
        absent, key = ("audio file", "file") if not name else ("emotion", "emotion")
        known = ", ".join((key, *table.NAMES[key]))
        raise InputError(f"{file} line {line}: no {absent}; expected one of the columns {known}, has {', '.join(row)}")
    start, end = (_seconds(row.get(column, ""), file, line) for column in ("start", "end"))
    path = _locate(name, file.parent, audio_root)
    channel = _channel(row.get("channel", ""), file, line)
    speaker, text = row.get("speaker", ""), row.get("text_id", "")
    for grammar, speaker_form, text_form in NAMES:
        if match := grammar.fullmatch(path.stem):
            speaker, text = speaker or match.expand(speaker_form), text or match.expand(text_form)
    segment = f"[{start or 0:g}-{'' if end is None else f'{end:g}'}]" if start or end is not None else ""
    return Utterance(
        id=row.get("key") or f"{path.as_posix()}{f'.channel{channel}' if channel else ''}{segment}",
        path=path,
        emotion=emotion,
        speaker=speaker,
        gender=row.get("gender") or None,
        text_id=text or None,
        start_s=start,
        end_s=end,
        channel=channel,
    )


def _locate(name, folder, audio_root):
    """The audio file's real path if it exists, else the path as written, normalised."""
    name = name.replace("\\", "/")
    places = [*([Path(audio_root, name)] if audio_root else []), folder / name, Path(name)]
    file = next((place for place in places if place.is_file()), None)
    return Path(os.path.realpath(file)) if file else Path(os.path.normpath(name))


def _channel(cell, file, line):
    try:
        return table.channel(cell)
    except ValueError:
        raise InputError(f"{file} line {line}: channel {cell!r}; expected a number from 1, the first channel") from None


def _seconds(cell, file, line):
    try:
        return table.seconds(cell)
    except ValueError:
        raise InputError(
            f"{file} line {line}: time {cell!r}; expected seconds or audformat's 0 days 00:00:01.5"
        ) from None
