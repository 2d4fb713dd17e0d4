"""Other people's fold files -> Folds, so that the leakage audit can read them.

Three forms, recognised by the file's columns and name; one folder may hold all of them (see also common/table):

* **audformat's CSV** or Parquet: `file,speaker,emotion[,start,end,channel,...]`, one file per part, or JSON lines with
  these keys;
* **nkululeko's CSV**: `file,speaker,gender,emotion` in `<corpus>_{train,dev,test}.csv`, and what its `export` writes,
  one file `file,start,end,...,split` whose column `split` says train, dev or test;
* **EmoBox's JSON lines**: `{"key", "dataset", "wav", "emo", ...}` in `fold_k/<corpus>_{train,test}_fold_k.jsonl`, also
  with the older keys `audio` and `label`.

Part and fold come from words of the file's name, else of its folders': train / dev, valid, validation / test, and
`fold_3`, `fold3`, `fold-3`; without a number it is fold 1. A row's `split` and `fold` stand above the name. With a
column `fold` alone, each fold tests its own rows and trains on the others'. A list that names no part is passed over;
the audit says so unless the parts have all that it lists, as those of nkululeko and EmoBox have what lies beside them.
EmoBox has some lists twice (`emodb_test_fold1.jsonl` and `emodb_test_fold_1.jsonl`): of two lists of one part the first
counts, and the audit fails where they differ. `.json` and other files are not read.

Speakers: where a list has none, as in EmoBox, they are read from the names of RAVDESS, EmoDB and IEMOCAP files;
elsewhere they stay unknown (""), which the audit says. Sentences likewise.
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

NAMES = (  # grammar of a file's stem, speaker, sentence
    (re.compile(r"(?:\d\d-){4}(\d\d)-\d\d-(\d\d)"), r"\2", r"\1"),  # RAVDESS, all modalities
    (re.compile(r"(\d\d)([ab]\d\d)[WLEAFTN][a-z]"), r"\1", r"\2"),  # EmoDB
    (re.compile(r"(Ses0\d)[FM]_\w+_([FM])\d{3}"), r"\1_\2", ""),  # IEMOCAP: the last letter speaks
)

_FOLD = re.compile(r"fold[ _.-]?(\d+)")


class FoldFiles(NamedTuple):
    """Folds, the lists beside them that name no part but recordings that no part has, and pairs of lists that differ.

    Of a pair (first, second) both give one part of one fold; the first is in the folds.
    """

    folds: tuple[Fold, ...]
    passed_over: tuple[Path, ...]
    differing: tuple[tuple[Path, Path], ...] = ()


def read_fold_files(*paths, audio_root=None) -> FoldFiles:
    """The folds that a folder, a file, or several files together hold, in the order of their names.

    Args:
        paths: a folder, searched with all its subfolders, or a file; or files that are parts of the same folds.
        audio_root: a folder that audio paths are relative to. They are tried there, relative to their list, and as they
            stand; where nothing is found they are kept as written, and there is nothing to hash.

    Returns:
        Folds called `fold_1` and so on, or `<corpus>/fold_1` where the folder has several corpora. A part that no file
        gives is empty. Utterances are called by their `key`, or by file, channel and segment.

    Raises:
        InputError: no folds there, or a damaged line; the message names file and line.
    """
    paths = [Path(path) for path in paths]
    if missing := [path for path in paths if not path.exists()]:
        raise InputError(f"{missing[0]}: no such file or folder; give the folder that holds the fold files")
    given = {}  # (corpus, number, part) -> {file: utterances}; part "" where the fold alone is known
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
    """Files named together are parts of one corpus, whatever their names say, unless they give a part twice."""
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
    """Fold and part of a row, "" where the fold alone is known: its columns stand above what a file's name says.

    Args:
        row: column -> cell.
        number, part: what the file's name says; no part is None.
        where: of the row, for messages.
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
    """Folds of (corpus, number, part) -> utterances."""
    several = len({corpus for corpus, _, _ in parts}) > 1
    return tuple(
        Fold(
            f"{corpus}/fold_{number}" if several else f"fold_{number}",
            *(tuple(sorted(_members(parts, corpus, number, side), key=lambda u: u.id)) for side in SIDES),
        )
        for corpus, number in sorted({key[:2] for key in parts})
    )


def _members(parts, corpus, number, side):
    """The utterances of a part: those of its lists, and those whose fold alone is known."""
    yield from parts.get((corpus, number, side), ())
    if side != "valid":
        alone = {key[1]: members for key, members in parts.items() if key[0] == corpus and not key[2]}
        for other, members in alone.items():
            if (other == number) == (side == "test"):
                yield from members


def findings(lists) -> list[leakage.Finding]:
    """What the lists themselves are to be told of: two that contradict each other, and those that were not read."""
    problems = []
    if lists.differing:
        pairs = listed([f"{first.name} and {second.name}" for first, second in lists.differing], 3)
        message = f"two lists of one part that differ: {pairs}; remove one of the two"
        problems.append(leakage.Finding(leakage.FAIL, "all folds", "contradiction", message, len(lists.differing)))
    if lists.passed_over:
        named = listed([file.name for file in lists.passed_over])
        message = f"lists that name no part (train, valid, test) and have no column split were not read: {named}"
        problems.append(leakage.Finding(leakage.WARN, "all folds", "unread", message, len(lists.passed_over)))
    return problems


def together(paths) -> list[list[Path]]:
    """Paths in groups that are read together: files that are a part each in one, every other path for itself."""
    alone, parts = [], []
    for path in map(Path, paths):
        (parts if path.is_file() and _is_a_part(path) else alone).append(path)
    return [*([path] for path in alone), *([parts] if parts else [])]


def _is_a_part(file) -> bool:
    """Whether a file's name says which part it is, and it has no column that says otherwise."""
    with contextlib.suppress(InputError):
        return _from_name(file, file)[2] is not None and not {"split", "fold"} & set(table.read(file).columns)
    return False


def hash_audio(folds) -> dict[str, str]:
    """Utterance id -> hash of its audio file's samples, for the files that exist; each file is read once.

    A WAV and a FLAC of the same samples agree. What cannot be decoded is known by its bytes.
    """
    everyone = {u.id: u.path for fold in folds for part in fold.parts.values() for u in part}
    by_path = {path: _content(path) for path in set(everyone.values()) if path.is_file()}
    return {name: by_path[path] for name, path in everyone.items() if path in by_path}


def _content(path):
    from common.features import audio  # soundfile: not needed to know what folds are called

    try:
        return audio.content_hash(path)
    except InputError:
        return audio.fingerprint(path)


def _from_name(file, root):
    """(corpus, fold number, part or None) from the words of the file's name, then of its folders below the root.

    Of the root's own name only the fold's number is read: a project may well lie in a folder called test.
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
    """The audio file where it is found, else the path as written, without `.` and `..` within."""
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
