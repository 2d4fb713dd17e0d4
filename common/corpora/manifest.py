"""A user's own corpus, described by a CSV file: `file,emotion,speaker[,gender,session,text_id,start,end]`.

The column names are audformat's. One row is one utterance: a file, or the stretch `start` to `end` of it in seconds.

* `file` is relative to the CSV or absolute; `emotion` is one of `common.utterance.EMOTIONS`; `speaker` is any name.
* `gender` is `female` or `male`. An empty cell in an optional column means that it is not known, in `start` and `end`
  the beginning and the end of the file.
* The first row names the columns, in any order. `duration` and columns without a name (a spreadsheet's row numbers) are
  passed over. Any other column is refused: a misspelt `session` would otherwise be lost in silence.
* UTF-8, with or without a byte order mark; commas; any line ends; cells may be quoted.

An utterance's id is its file's stem, or where two files share a stem the whole cell, with `@start-end` for a stretch.
"""

import csv
import functools
import io
import math
import os
import unicodedata
from collections import Counter
from pathlib import Path

from common.errors import InputError
from common.utterance import EMOTIONS, Corpus, Utterance

REQUIRED = ("file", "emotion", "speaker")
OPTIONAL = ("gender", "session", "text_id", "start", "end")
PASSED_OVER = ("duration", "")
GENDERS = ("female", "male")


def load(path) -> Corpus:
    """The utterances of a manifest, sorted by id; the corpus is called `manifest:<stem of the CSV>`.

    Raises:
        InputError: naming line and column.
    """
    path = Path(path)
    rows = _rows(path)
    files = _Files(path.parent)
    parsed = [(number, row, *_parse(path, number, row, files)) for number, row in rows]
    _check_unique(path, parsed)
    shared = _shared_stems({os.path.normpath(location): _stem(row["file"]) for _, row, location, _, _ in parsed})
    utterances = [_utterance(row, location, start, end, shared) for _, row, location, start, end in parsed]
    name = f"manifest:{path.stem}"
    return Corpus(name=name, variant=name, utterances=tuple(sorted(utterances, key=lambda u: u.id)))


def _rows(path):
    """[(line, {column: cell})], cells stripped, empty lines left out."""
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True, skipinitialspace=True)
    try:
        columns = _columns(path, next(reader, []))
        rows = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise InputError(f"{path} line {reader.line_num}: not CSV ({error}); check the quotes") from error
    for number, cells in rows:
        if len(cells) != len(columns):
            raise InputError(
                f"{path} line {number}: {len(cells)} cells, expected {len(columns)} ({','.join(columns)}); quote cells "
                "that hold a comma"
            )
    if not rows:
        raise InputError(f"{path}: no row below the column names; expected one row for every utterance")
    return [(number, {c: cell.strip() for c, cell in zip(columns, cells, strict=True)}) for number, cells in rows]


def _text(path):
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a CSV file: check the path") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path} line {number}: not UTF-8; save the file as CSV UTF-8") from error


def _columns(path, cells):
    columns = [cell.strip() for cell in cells]
    if missing := [name for name in REQUIRED if name not in columns]:
        semicolons = "; separate the columns by commas, not by semicolons" if ";" in "".join(columns) else ""
        raise InputError(
            f"{path} line 1: no column {', '.join(missing)}; expected {','.join(REQUIRED)}"
            f"[,{','.join(OPTIONAL)}], found {','.join(columns) or 'nothing'}{semicolons}"
        )
    if twice := [name for name, n in Counter(columns).items() if n > 1 and name]:
        raise InputError(f"{path} line 1: column {twice[0]} occurs twice; remove one of them")
    if unknown := [name for name in columns if name not in REQUIRED + OPTIONAL + PASSED_OVER]:
        raise InputError(
            f"{path} line 1: unknown column {', '.join(unknown)}; allowed are {', '.join(REQUIRED + OPTIONAL)}: rename "
            "or remove it"
        )
    return columns


def _parse(path, number, row, files):
    """The file's place, start and end of one row, after checking all of it."""
    for column in REQUIRED:
        if not row[column]:
            raise InputError(f"{path} line {number}, column {column}: empty; expected a value in every row")
    _check_choice(path, number, "emotion", row["emotion"], EMOTIONS)
    if row.get("gender"):
        _check_choice(path, number, "gender", row["gender"], GENDERS)
    location = files.locate(row["file"])
    if location is None:
        raise InputError(
            f"{path} line {number}, column file: no file {row['file']}; expected a path relative to {path.parent} or "
            "an absolute one"
        )
    start = _seconds(path, number, "start", row.get("start"))
    end = _seconds(path, number, "end", row.get("end"))
    if end is not None and (start or 0.0) >= end:
        raise InputError(
            f"{path} line {number}, column end: {end} s, not after the start at {start or 0.0} s; expected start < end"
        )
    return location, start, end


def _check_choice(path, number, column, found, allowed):
    if found not in allowed:
        raise InputError(
            f"{path} line {number}, column {column}: unknown {column} {found}; expected one of {', '.join(allowed)}: "
            "correct the cell"
        )


def _seconds(path, number, column, cell):
    if not cell:
        return None
    try:
        seconds = float(cell)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise InputError(f"{path} line {number}, column {column}: {cell}; expected seconds such as 1.5")
    return seconds


class _Files:
    """Finds files with one listing per folder, where 100,000 calls of stat would take seconds on a network disk."""

    def __init__(self, root):
        self._root = root
        self._listings = {}

    def locate(self, cell) -> str | None:
        """The place of the file that a cell names, None where there is none."""
        folder, name = os.path.split(os.path.join(self._root, cell))
        if folder not in self._listings:
            self._listings[folder] = _listing(folder)
        known = self._listings[folder].get(unicodedata.normalize("NFC", name))
        return os.path.join(folder, known) if known else None


def _listing(folder):
    """{name in NFC: name}: an archive made on macOS spells `ü` with two code points, the CSV perhaps with one."""
    try:
        with os.scandir(folder or ".") as entries:
            return {unicodedata.normalize("NFC", entry.name): entry.name for entry in entries if entry.is_file()}
    except (OSError, ValueError):  # no such folder; a NUL in its name
        return {}


def _check_unique(path, parsed):
    first_line = {}
    for number, row, location, start, end in parsed:
        stretch = (os.path.normpath(location), start or 0.0, end)
        if stretch in first_line:
            raise InputError(
                f"{path} line {number}, column file: {row['file']} stands in line {first_line[stretch]} already, with "
                "the same start and end; remove one of the two rows"
            )
        first_line[stretch] = number


def _shared_stems(stem_by_file):
    """Stems that two files or more have."""
    return {stem for stem, n in Counter(stem_by_file.values()).items() if n > 1}


def _stem(cell):
    return os.path.splitext(os.path.basename(cell))[0]


_path = functools.lru_cache(maxsize=None)(Path)  # stretches of one file share its path, which takes long to make


def _utterance(row, location, start, end, shared):
    stem = _stem(row["file"])  # as the CSV spells it, which is the same on every machine
    name = row["file"].replace(os.sep, "/") if stem in shared else stem
    stretch = "" if start is None and end is None else f"@{start or 0.0}-{'' if end is None else end}"
    return Utterance(
        id=name + stretch,
        path=_path(location),
        emotion=row["emotion"],
        speaker=row["speaker"],
        gender=row.get("gender") or None,
        session=row.get("session") or None,
        text_id=row.get("text_id") or None,
        start_s=start,
        end_s=end,
    )
