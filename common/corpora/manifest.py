r"""A user's own corpus, described by a table: `file,emotion,speaker[,gender,session,text_id,start,end,channel]`.

One row is one utterance: a file, the stretch from `start` to `end` of it, or one channel of it. See common/table for
the table formats and common/corpora/labels for the known emotion labels.

* `file` is relative to the table or absolute, with `/` or `\`; `speaker` is any name.
* `gender` is female or male, or its initial. `start` and `end` are seconds, or times as audformat and pandas write
  them. `channel` is 1 for the first (left) channel. An empty cell in an optional column means "unknown".
* Further columns are kept with the utterances (`Utterance.extra`).

An utterance's id is its file's stem, or the whole cell if two files share a stem, with `.channelN` for a channel and
`@start-end` for a stretch. One message lists the faults of a table, with their lines.
"""

import dataclasses
import difflib
import functools
import os
import re
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

from common import table
from common.corpora import labels as emotions
from common.errors import InputError, listed
from common.utterance import Corpus, Utterance, plain_speaker

REQUIRED = ("file", "emotion", "speaker")
OPTIONAL = ("gender", "session", "text_id", "start", "end", "channel")
_USED = {*REQUIRED, *OPTIONAL, "duration"}
GENDERS = dict.fromkeys("f female w woman weiblich".split(), "female") | dict.fromkeys(
    "m male man männlich".split(), "male"
)
ID = re.compile(r"(.+?)(?:\.channel(\d+))?(?:@(\d[\d.]*(?:e-\d+)?)-(\d[\d.]*(?:e-\d+)?)?)?", re.DOTALL)
"""File, channel, start and end in the id of an utterance."""
UNKNOWN_GENDERS = ("", "unknown", "other", "nan", "none")


def load(path, labels=None) -> Corpus:
    """The utterances of a manifest, sorted by id; the corpus is called `manifest:<stem of the file>`.

    Args:
        path: the table.
        labels: the user's mapping, common.corpora.labels.Labels.

    Raises:
        InputError: the table is faulty; the message names lines and columns.
    """
    path = Path(path)
    columns, rows = table.read(path)
    if missing := [name for name in REQUIRED if name not in columns]:
        raise InputError(
            f"{path} line 1: no column {', '.join(missing)}; expected {','.join(REQUIRED)}[,{','.join(OPTIONAL)}], "
            f"found {','.join(columns) or 'nothing'}"
        )
    return corpus_of(f"manifest:{path.stem}", path, rows, path.parent, labels, _misspelt(columns))


def corpus_of(name, path, rows, root, labels=None, warnings=()) -> Corpus:
    """The Corpus of a table's rows, [(line, {column: cell})].

    Args:
        name: of the corpus.
        path: of the table, for messages.
        rows: with the columns `REQUIRED`.
        root: the folder that files are relative to.
        labels: the user's mapping.
        warnings: earlier warnings, to be kept with the corpus.

    Raises:
        InputError: the table is faulty; the message names lines and columns.
    """
    if not rows:
        raise InputError(f"{path}: no row below the column names; expected one row per utterance")
    filled = [row for _, row in rows if row["emotion"]]
    translated, label_warnings = _translated(path, filled, labels)
    parsed, problems = _parsed(rows, _Files(root), root)
    ends, too_late = _ends(parsed)
    problems += _repeated(parsed) + too_late
    if problems:
        many = f", {len(problems)} faults:" if len(problems) > 1 else ""
        raise InputError(f"{path}{many} {listed(problems, separator='; ')}")
    shared = _shared_stems({os.path.normpath(p.location): _stem(p.row["file"]) for p in parsed})
    further = [name for name in rows[0][1] if name not in _USED]
    utterances = [
        _utterance(p, translated[p.row["emotion"]], ends.get(p.line, p.end), shared, further)
        for p in parsed
        if translated[p.row["emotion"]]
    ]
    if not utterances:
        raise InputError(f"{path}: --labels leaves no utterance; map at least one emotion")
    corpus = Corpus(
        name=name,
        variant="/".join(filter(None, [name, labels and labels.name])),
        utterances=tuple(sorted(utterances, key=lambda u: u.id)),
        warnings=(*warnings, *label_warnings, *_one_speaker_under_two_names(utterances)),
    )
    if len(corpus.classes) < 2:
        one = f"every utterance is {corpus.classes[0]}; there is nothing to classify"
        return dataclasses.replace(corpus, warnings=(*corpus.warnings, one))
    return corpus


class _Parsed(NamedTuple):
    """A checked row: path of its file, start and end in seconds, channel."""

    line: int
    row: dict
    location: str
    start: float | None
    end: float | None
    channel: int | None


def _misspelt(columns) -> list[str]:
    """A warning for each unused column whose name resembles an optional one."""
    absent = [name for name in OPTIONAL if name not in columns]
    near = {
        name: difflib.get_close_matches(name.lower(), absent, 1, 0.8) for name in columns if name not in table.NAMES
    }
    return [f"column {name} is not used; rename it if it is {hits[0]}" for name, hits in near.items() if hits]


def _translated(path, rows, labels):
    try:
        return emotions.translated(Counter(row["emotion"] for row in rows), labels)
    except InputError as error:
        raise InputError(f"{path}, column emotion: {error}") from error


def _parsed(rows, files, root):
    """[_Parsed] and the faults of the other rows."""
    parsed, problems = [], []
    for line, row in rows:
        try:
            parsed.append(_Parsed(line, row, *_parse(row, files, root)))
        except _CellError as error:
            problems.append(f"line {line}, column {error}")
    return parsed, problems


class _CellError(Exception):
    """A faulty cell; the message is its column, then a phrase."""


def _parse(row, files, root):
    """Path of the file, start, end and channel of one row; raises _CellError."""
    for column in REQUIRED:
        if not row[column]:
            raise _CellError(f"{column}: empty; expected a value in every row")
    gender = row.get("gender", "").lower()
    if gender not in GENDERS and gender not in UNKNOWN_GENDERS:
        raise _CellError(f"gender: unknown gender {row['gender']}; expected female or male")
    location = files.locate(row["file"])
    if location is None:
        advice = (
            "download it first" if "://" in row["file"] else f"expected a path relative to {root} or an absolute one"
        )
        raise _CellError(f"file: no file {row['file']}; {advice}")
    start, end = _seconds(row, "start"), _seconds(row, "end")
    if end is not None and (start or 0.0) >= end:
        raise _CellError(f"end: {end} s, not after the start at {start or 0.0} s; expected start < end")
    try:
        channel = table.channel(row.get("channel", ""))
    except ValueError:
        raise _CellError(f"channel: {row['channel']}; expected a number from 1, the first channel") from None
    return location, start, end, channel


def _seconds(row, column):
    try:
        seconds = table.seconds(row.get(column, ""))
    except ValueError:
        seconds = -1.0
    if seconds is not None and seconds < 0:
        raise _CellError(f"{column}: {row[column]}; expected seconds such as 1.5, or 0 days 00:00:01.5")
    return seconds


class _Files:
    """Finds files with one listing per folder; 100,000 calls of stat would take seconds on a network disk."""

    def __init__(self, root):
        self._root = root
        self._listings = {}
        self.locate = functools.cache(self._locate)  # a file may have many stretches

    def _locate(self, cell) -> str | None:
        """The path of the file that a cell names, None if there is none.

        The name is tried as written, then with Windows separators and `~` resolved, then ignoring case if exactly one
        file matches.
        """
        plain = os.path.expanduser(cell.replace("\\", "/"))
        for name, fold in ((cell, False), (plain, False), (plain, True)):
            if place := self._in_listing(name, fold):
                return place
        return None

    def _in_listing(self, cell, fold):
        folder, name = os.path.split(os.path.join(self._root, cell))
        if (folder, fold) not in self._listings:
            self._listings[folder, fold] = _listing(folder, fold)
        known = self._listings[folder, fold].get(_spelling(name, fold))
        return os.path.join(folder, known) if known else None


def _spelling(name, fold):
    """The name in NFC: archives from macOS spell `ü` with two code points, the table perhaps with one."""
    name = unicodedata.normalize("NFC", name)
    return name.casefold() if fold else name


def _listing(folder, fold):
    """{spelling: name} of the files in a folder, except files that share a spelling."""
    try:
        with os.scandir(folder or ".") as entries:
            names = [entry.name for entry in entries if entry.is_file()]
    except (OSError, ValueError):  # no such folder; a NUL in its name
        return {}
    spellings = Counter(_spelling(name, fold) for name in names)
    return {key: name for name in names if spellings[key := _spelling(name, fold)] == 1}


def _repeated(parsed) -> list[str]:
    first_line, problems = {}, []
    for p in parsed:
        stretch = (os.path.normpath(p.location), p.start or 0.0, p.end, p.channel)
        if stretch in first_line:
            problems.append(
                f"line {p.line}, column file: {p.row['file']} repeats line {first_line[stretch]} with the same start, "
                "end and channel; remove one of the two rows"
            )
        first_line.setdefault(stretch, p.line)
    return problems


def _ends(parsed) -> tuple[dict[int, float], list[str]]:
    """{line: end} of stretches that end less than a frame after their file, clipped to it; and faults of the others.

    Unreadable files are ignored here: `corpora verify` lists them.
    """
    timed = [p for p in parsed if p.start is not None or p.end is not None]
    if not timed:
        return {}, []
    from common.features import audio  # numpy and soundfile: not needed for whole files

    @functools.cache
    def length_s(location):
        try:
            num_frames, rate = audio.duration(location)
            return num_frames / rate
        except InputError:
            return None

    clipped, problems = {}, []
    for p in timed:
        whole = length_s(p.location)
        if whole is None:
            continue
        start, end = p.start or 0.0, whole if p.end is None else p.end
        if start >= whole or end > whole + audio.END_TOLERANCE_S:
            column, beyond = ("start", start) if start >= whole else ("end", end)
            unit = " (are these milliseconds?)" if 100 <= beyond <= 1000 * whole else ""
            problems.append(
                f"line {p.line}, column {column}: {beyond} s, but {p.row['file']} lasts {whole:.3f} s{unit}"
            )
        elif min(end, whole) - start < audio.MIN_SECONDS - 1e-6:
            least = f"expected at least {audio.MIN_SECONDS} s: leave it out"
            problems.append(f"line {p.line}: a stretch of {end - start:.3f} s; {least}")
        elif end > whole:
            clipped[p.line] = whole
    return clipped, problems


def _one_speaker_under_two_names(utterances) -> list[str]:
    names = defaultdict(set)
    for speaker in {u.speaker for u in utterances}:
        names[plain_speaker(speaker)].add(speaker)
    alike = [" and ".join(sorted(members)) for members in names.values() if len(members) > 1]
    if not alike:
        return []
    return [f"speakers that may be one and the same: {listed(sorted(alike), 3)}; spell each in one way"]


def _shared_stems(stem_by_file):
    """Stems shared by two or more files."""
    return {stem for stem, n in Counter(stem_by_file.values()).items() if n > 1}


@functools.cache
def _stem(cell):
    return os.path.splitext(os.path.basename(cell.replace("\\", "/")))[0]


_path = functools.lru_cache(maxsize=None)(Path)  # creating a Path is slow, and stretches of one file can share it


def _utterance(parsed, emotion, end_s, shared, further):
    _, row, location, start, end, channel = parsed
    stem = _stem(row["file"])  # as the table spells it, which is the same on every machine
    name = row["file"].replace("\\", "/") if stem in shared else stem
    of_channel = "" if channel is None else f".channel{channel}"
    stretch = "" if start is None and end is None else f"@{start or 0.0}-{'' if end is None else end}"
    return Utterance(
        id=name + of_channel + stretch,
        path=_path(location),
        emotion=emotion,
        speaker=row["speaker"],
        gender=GENDERS.get(row.get("gender", "").lower()),
        session=row.get("session") or None,
        text_id=row.get("text_id") or None,
        start_s=start,
        end_s=end_s,
        channel=channel,
        extra=tuple((name, row[name]) for name in further if row.get(name)) if further else (),
    )
