"""Read tables of utterances, one per row: CSV, JSON lines, Parquet, as pandas, Excel, audformat and EmoBox write them.

Columns have several known names (`NAMES`), in any order and case; other columns keep their names. An index column, as
spreadsheets and pandas write it (unnamed, `Unnamed: 0` or `index`), is dropped.

CSV: separated by commas, semicolons, tabs or bars; a line `sep=;` and comment lines (`#`) may precede the header;
UTF-8, UTF-16, or else Windows' Latin-1; any line ends; cells may be quoted, and spaces around them are stripped.
"""

import csv
import io
import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from common.bounded_read import read_bytes
from common.errors import InputError, listed

NAMES = {
    "file": ("wav", "audio", "path", "filename", "file_name", "filepath", "file_path", "audio_path", "wav_path"),
    "emotion": ("emo", "label", "class_label", "category"),
    "speaker": ("spk", "speaker_id", "spk_id", "actor", "subject"),
    "gender": ("sex",),
    "session": (),
    "text_id": ("sentence", "sentence_id"),
    "start": ("start_time", "begin", "onset"),
    "end": ("end_time", "stop", "offset"),
    "channel": (),
    "split": (),
    "fold": (),
    "key": (),
}
_SEPARATORS = (",", ";", "\t", "|")
_INDEX = ("", "unnamed: 0", "index", "level_0")
_NO_VALUE = ("", "nat", "nan", "none", "null", "n/a", "<na>")


class Table(NamedTuple):
    """Column names, and rows as (line number, {column: cell}); an empty cell is ""."""

    columns: tuple[str, ...]
    rows: list[tuple[int, dict[str, str]]]


def read(path) -> Table:
    """All rows of a table.

    Raises:
        InputError: the file cannot be read or is not a table; the message names lines.
    """
    path = Path(path)
    content = _bytes(path)
    if content[:4] == b"PAR1":
        return _parquet(path)
    if content[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise InputError(f"{path}: a spreadsheet; expected text: save it as CSV UTF-8")
    text = _text(path, content)
    if path.suffix == ".jsonl" or text.lstrip().startswith("{"):
        return _json_lines(path, text)
    return _csv(path, text)


def seconds(cell) -> float | None:
    """Seconds as a number: from `1.5`, `1,5`, or `0 days 00:00:01.5` (pandas, audformat); None for ``, `NaT`, `nan`.

    Raises:
        ValueError: the cell has another form.
    """
    try:
        value = float(cell) if cell else None
    except ValueError:
        value = _time(cell)
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        raise ValueError(cell)
    return value


def channel(cell) -> int | None:
    """A channel number, counted from 1; None for an empty cell. pandas writes 2 as `2.0` in a column with gaps.

    Raises:
        ValueError: the cell has another form.
    """
    number = cell.removesuffix(".0")
    if not number:
        return None
    if not (number.isdecimal() and int(number) > 0):
        raise ValueError(cell)
    return int(number)


def _time(cell) -> float | None:
    if cell.lower() in _NO_VALUE:
        return None
    if re.fullmatch(r"\d+,\d+", cell):
        return float(cell.replace(",", "."))
    if not re.search("[:a-z]", cell):
        raise ValueError(cell)
    import pandas  # takes a second, and only times of this form need it

    return pandas.Timedelta(cell).total_seconds()


def _bytes(path):
    try:
        return read_bytes(path)  # a million rows of 256 bytes at most
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a CSV file: check the path") from error


def _text(path, content) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ("utf-16",)
    elif content[1:400:2].count(0) > len(content[1:400:2]) / 2:
        encodings = ("utf-16-le",)
    else:
        encodings = ("utf-8-sig", "cp1252", "latin-1")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8-sig" or not re.search(r"[\0-\x08\x0e-\x1a]", text):
            return text
    raise InputError(f"{path}: neither UTF-8, UTF-16 nor Latin-1 text; expected a table: save it as CSV UTF-8")


def _csv(path, text) -> Table:
    lines = text.splitlines(keepends=True)
    skipped = 0
    separator = None
    while skipped < len(lines) and (match := re.match(r"#|sep=(.)\s*$|\s*$", lines[skipped])):
        separator = match[1] or separator
        skipped += 1
    body = "".join(lines[skipped:])
    separator = separator or max(_SEPARATORS, key=lambda s: _fitness(body, s))
    reader = csv.reader(io.StringIO(body, newline=""), strict=True, skipinitialspace=True, delimiter=separator)
    try:
        columns = _columns(path, next(reader, []), skipped + 1)
        rows = [(skipped + reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise InputError(f"{path} line {skipped + reader.line_num}: not CSV ({error}); check the quotes") from error
    problems = [
        f"line {line}: {len(cells)} cells, expected {len(columns)} ({separator.join(columns)})"
        for line, cells in rows
        if len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :])
    ]
    if problems:
        raise InputError(f"{path} {listed(problems, separator='; ')}; quote cells that hold a separator")
    return _named(columns, [(line, [cell.strip() for cell in cells]) for line, cells in rows])


def _fitness(text, separator) -> tuple[int, int]:
    """The number of known columns and of all columns in the header, if split by this separator."""
    try:
        cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        return 0, 0
    return sum(_known(cell) in NAMES for cell in cells), len(cells)


def _known(name) -> str:
    """The canonical name of a column, or its own name if it is unknown."""
    plain = name.strip().lower()
    return next((known for known, others in NAMES.items() if plain == known or plain in others), name.strip())


def _columns(path, cells, line) -> list[str]:
    """Canonical column names. If several columns match one name, the exact match gets it, else the first column."""
    own = [cell.strip() for cell in cells]
    if twice := [name for name, n in Counter(own).items() if n > 1 and name]:
        raise InputError(f"{path} line {line}: column {twice[0]} occurs twice; remove one of them")
    exact = {name.lower() for name in own}
    columns = []
    for name in own:
        known = _known(name)
        if known != name and (known in columns or (known in exact and name.lower() != known)):
            known = name
        columns.append(known)
    return columns


def _named(columns, rows) -> Table:
    kept = [i for i, name in enumerate(columns) if name.lower() not in _INDEX]
    named = [(line, {columns[i]: cells[i] for i in kept}) for line, cells in rows]
    return Table(tuple(columns[i] for i in kept), named)


def _json_lines(path, text) -> Table:
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):  # splitlines() also splits at U+2028, valid in JSON
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(f"{path} line {number}: not JSON ({error}); expected one object per line") from error
        if not isinstance(row, dict):
            raise InputError(f"{path} line {number}: {line[:40]!r}; expected one object per line")
        rows.append((number, {key: "" if value is None else str(value).strip() for key, value in row.items()}))
    own = list(dict.fromkeys(key for _, row in rows for key in row))
    columns = _columns(path, own, 1)
    named = [
        (line, {column: row.get(name, "") for name, column in zip(own, columns, strict=True)}) for line, row in rows
    ]
    return Table(tuple(columns), named)


def _parquet(path) -> Table:
    import pandas

    try:
        frame = pandas.read_parquet(path)
    except ImportError as error:
        raise InputError(f"{path}: Parquet needs pyarrow; install it, or save the table as CSV") from error
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: not a Parquet table ({error}); write it again or save it as CSV") from error
    frame = frame.reset_index()
    for name in frame:
        if pandas.api.types.is_timedelta64_dtype(frame[name]):
            frame[name] = frame[name].dt.total_seconds()
    cells = [["" if pandas.isna(value) else str(value) for value in row] for row in frame.itertuples(index=False)]
    columns = _columns(path, list(map(str, frame.columns)), 1)
    return _named(columns, list(enumerate(cells, start=1)))
