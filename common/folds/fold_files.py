"""Other people's fold files -> Folds, so that the leakage audit can read them.

Three forms, told apart by the file's columns and name, mixed freely below one folder (see also common/corpora/table):

* **audformat's CSV**: `file,speaker,emotion[,start,end,channel,...]`, one file per part, or JSON lines with these keys;
* **nkululeko's CSV**: `file,speaker,gender,emotion` in `<corpus>_{train,dev,test}.csv`, and what its `export` writes,
  one file `file,start,end,...,split` whose column `split` says train or test;
* **EmoBox's JSON lines**: `{"key", "dataset", "wav", "emo", ...}` in `fold_k/<corpus>_{train,test}_fold_k.jsonl`, also
  with the older keys `audio` and `label`.

Part and fold come from words of the file's name, else of its folders': train / dev, valid, validation / test, and
`fold_3`, `fold3`, `fold-3`; without a number it is fold 1. A row's `split` stands above the name. A list that names no
part and has no column `split` is passed over; the audit says so unless the parts have all that it lists, as those of
nkululeko and EmoBox have what lies beside them. `.json` and other files are not read.

Speakers: where a list has none, as in EmoBox, they are read from the names of RAVDESS, EmoDB and IEMOCAP files;
elsewhere they stay unknown (""), which the audit says. Sentences likewise.
"""

import os
import re
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from common.corpora import table
from common.errors import InputError
from common.features import audio
from common.utterance import Fold, Utterance

PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test", "eval": "test"}
PARTS |= dict.fromkeys(("dev", "devel", "development", "val", "valid", "validation"), "valid")

NAMES = (  # grammar of a file's stem, speaker, sentence
    (re.compile(r"(?:\d\d-){4}(\d\d)-\d\d-(\d\d)"), r"\2", r"\1"),  # RAVDESS, all modalities
    (re.compile(r"(\d\d)([ab]\d\d)[WLEAFTN][a-z]"), r"\1", r"\2"),  # EmoDB
    (re.compile(r"(Ses0\d)[FM]_\w+_([FM])\d{3}"), r"\1_\2", ""),  # IEMOCAP: the last letter speaks
)

_FOLD = re.compile(r"fold[ _.-]?(\d+)")


class FoldFiles(NamedTuple):
    """Folds, and the lists beside them that name no part but recordings that no part has."""

    folds: tuple[Fold, ...]
    passed_over: tuple[Path, ...]


def read_fold_files(path, *, audio_root=None) -> FoldFiles:
    """The folds that a folder, or one file, holds, in the order of their names.

    Args:
        path: a folder, searched with all its subfolders, or one file.
        audio_root: the folder that audio paths are relative to. By default they are tried relative to their list and
            as they stand; where neither exists they are kept as written, and there is nothing to hash.

    Returns:
        Folds called `fold_1` and so on, or `<corpus>/fold_1` where the folder has several corpora. A part that no file
        gives is empty. Utterances are called by their `key`, or by file, channel and segment.

    Raises:
        InputError: no folds there, two files for the same part, or a damaged line; the message names file and line.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; give the folder that holds the fold files")
    lists = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.suffix in (".csv", ".jsonl"))
    parts, sources, passed_over = defaultdict(list), {}, []  # (corpus, number, part) -> utterances, file
    for file in lists:
        rows = table.read(file).rows
        corpus, number, part = _from_name(file, path)
        if part is None and not any("split" in row for _, row in rows):
            passed_over.append((file, {_locate(row.get("file", ""), file.parent, audio_root) for _, row in rows}))
            continue
        for line, row in rows:
            split = row.get("split", "").strip().lower()
            side = PARTS.get(split) if split else part
            if side is None:
                raise InputError(f"{file} line {line}: split is {row.get('split')!r}, expected train, valid or test")
            if sources.setdefault((corpus, number, side), file) != file:
                raise InputError(
                    f"{sources[corpus, number, side]} and {file} both give {side} of fold {number}; remove one"
                )
            parts[corpus, number, side].append(_utterance(row, file, line, audio_root))
    if not parts:
        raise InputError(
            f"{path}: no fold files; expected .csv or .jsonl with train, valid or test in the name, or a column split"
        )
    in_parts = {u.path for members in parts.values() for u in members}
    return FoldFiles(_folds(parts), tuple(file for file, named in passed_over if not named <= in_parts))


def _folds(parts):
    """Folds of (corpus, number, part) -> utterances."""
    several = len({corpus for corpus, _, _ in parts}) > 1
    return tuple(
        Fold(
            f"{corpus}/fold_{number}" if several else f"fold_{number}",
            *(
                tuple(sorted(parts.get((corpus, number, side), ()), key=lambda u: u.id))
                for side in ("train", "valid", "test")
            ),
        )
        for corpus, number in sorted({key[:2] for key in parts})
    )


def hash_audio(folds) -> dict[str, str]:
    """Utterance id -> hash of its audio file's samples, for the files that exist; each file is read once.

    A WAV and a FLAC of the same samples agree. What cannot be decoded is known by its bytes.
    """
    everyone = {u.id: u.path for fold in folds for part in fold.parts.values() for u in part}
    by_path = {path: _content(path) for path in set(everyone.values()) if path.is_file()}
    return {name: by_path[path] for name, path in everyone.items() if path in by_path}


def _content(path):
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
    places = [Path(audio_root, name)] if audio_root else [folder / name, Path(name)]
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
