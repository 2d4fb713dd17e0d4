"""The answers file of a human study: an SQLite file with the study plan and one row per answer.

An answer is committed and synced to disk before the page gets its confirmation. UNIQUE (assessor, utterance) keeps the
first answer if another tab, reload or server process sends a second one. SQLite's rollback journal is used instead of
the write-ahead log, so that after every commit the single file is complete and can be copied.
"""

import contextlib
import csv
import dataclasses
import datetime
import io
import json
import sqlite3
from pathlib import Path

from common.atomic_file import write_text
from common.errors import InputError
from common.utterance import slug
from experiments.listening.study_plan import Item, Study

APPLICATION_ID = 0x5E12018  # marks the SQLite file as ours
SCHEMA = 1
WAIT_S = 30  # timeout while another process writes

TABLES = (
    "CREATE TABLE study (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE utterances (id TEXT PRIMARY KEY, emotion TEXT NOT NULL, speaker TEXT NOT NULL, phase TEXT NOT NULL)",
    "CREATE TABLE assessors (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL)",
    """CREATE TABLE answers (
        number INTEGER PRIMARY KEY,
        assessor TEXT NOT NULL REFERENCES assessors (key),
        utterance TEXT NOT NULL REFERENCES utterances (id),
        answer TEXT NOT NULL,
        time TEXT NOT NULL,
        revealed TEXT,
        UNIQUE (assessor, utterance))""",
)


@dataclasses.dataclass(frozen=True)
class Answer:
    """An assessor's first answer.

    Args:
        answer: the emotion.
        time: of the answer, UTC.
        revealed: time at which the corpus's label was shown, None if it was not.
    """

    answer: str
    time: str
    revealed: str | None


@dataclasses.dataclass(frozen=True)
class Row:
    """One answer with its assessor and utterance, for scoring and export."""

    assessor: str
    utterance: str
    emotion: str
    speaker: str
    phase: str
    answer: str
    time: str
    revealed: str | None


class Answers:
    """An existing answers file. Every call opens it anew, so that threads and processes can share it."""

    def __init__(self, path):
        """Raises InputError if the file is missing, damaged, of another kind, or of a newer version."""
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"{path}: no answers file; run `label --corpus NAME` first, or give one with --answers")
        with _refusing(self.path), _connection(self.path) as connection:
            _check(self.path, connection)

    def study(self) -> Study:
        with _refusing(self.path), _connection(self.path) as connection:
            return _read_study(connection)

    def answers_of(self, assessor) -> dict[str, Answer]:
        """{utterance id: Answer}, in the order in which they were given."""
        with _connection(self.path) as connection:
            rows = connection.execute(
                "SELECT utterance, answer, time, revealed FROM answers WHERE assessor = ? ORDER BY number", [assessor]
            )
            return {utterance: Answer(*rest) for utterance, *rest in rows}

    def counts(self) -> dict[str, int]:
        """{utterance id: number of assessors who have answered it}."""
        with _connection(self.path) as connection:
            return dict(connection.execute("SELECT utterance, COUNT(*) FROM answers GROUP BY utterance"))

    def save(self, assessor, name, utterance, answer) -> Answer:
        """Save an answer unless there is one already; returns the saved one."""
        with _connection(self.path) as connection, _transaction(connection):
            connection.execute("INSERT OR IGNORE INTO assessors (key, name) VALUES (?, ?)", [assessor, name])
            connection.execute(
                "INSERT OR IGNORE INTO answers (assessor, utterance, answer, time) VALUES (?, ?, ?, ?)",
                [assessor, utterance, answer, _now()],
            )
            return _answer(connection, assessor, utterance)

    def reveal(self, assessor, utterance) -> Answer | None:
        """Save the time at which the label was first shown; returns None if there is no answer yet."""
        with _connection(self.path) as connection, _transaction(connection):
            connection.execute(
                "UPDATE answers SET revealed = ? WHERE assessor = ? AND utterance = ? AND revealed IS NULL",
                [_now(), assessor, utterance],
            )
            return _answer(connection, assessor, utterance)

    def rows(self) -> list[Row]:
        """All answers in the order in which they were given; `assessor` is the name as first entered."""
        with _refusing(self.path), _connection(self.path) as connection:
            answers = connection.execute(
                "SELECT name, utterance, emotion, speaker, phase, answer, time, revealed FROM answers"
                " JOIN assessors ON assessor = key JOIN utterances ON utterance = id ORDER BY answers.number"
            )
            return [Row(*row) for row in answers]


def place(results, variant, suffix="sqlite") -> Path:
    """The path of the answers (`sqlite`) or the human reference (`json`) of a corpus variant in a results folder."""
    name = slug(variant)
    return Path(results, "human", f"{name}.{suffix}")


def begin(path, study) -> Answers:
    """Create the answers file of a study, or open the existing one.

    Raises:
        InputError: the file belongs to another study or to something else, is damaged, or cannot be written.
    """
    path = Path(path)
    with _refusing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _connection(path, create=True) as connection, _transaction(connection):
            if not connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
                _make(connection, study)
    answers = Answers(path)
    _require_same(path, answers.study(), study)
    return answers


def export(rows, path) -> Path:
    """Write answers as CSV, one row each."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in dataclasses.fields(Row)])
    writer.writerows(dataclasses.astuple(row) for row in rows)
    return write_text(path, text.getvalue())


@contextlib.contextmanager
def _connection(path, *, create=False):
    """An open connection. A missing file raises an error unless `create` is true."""
    address = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=WAIT_S, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = EXTRA")  # a commit survives a power cut, too
        yield connection


@contextlib.contextmanager
def _transaction(connection):
    connection.execute("BEGIN IMMEDIATE")
    with connection:  # commits, or rolls back on an exception
        yield


@contextlib.contextmanager
def _refusing(path):
    """Turn errors of SQLite and the file system into InputErrors."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path} cannot be used as an answers file ({reason}); give another one with --answers, or restore a copy"
        ) from error


def _make(connection, study):
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA}")
    for table in TABLES:
        connection.execute(table)
    fields = dataclasses.asdict(study)
    items = fields.pop("items")
    connection.executemany("INSERT INTO study VALUES (?, ?)", [(k, json.dumps(v)) for k, v in fields.items()])
    connection.executemany("INSERT INTO utterances VALUES (:id, :emotion, :speaker, :phase)", items)


def _check(path, connection):
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if mark != APPLICATION_ID:
        raise InputError(f"{path} is not an answers file of this suite; give another one with --answers")
    if version > SCHEMA:
        raise InputError(f"{path} has schema {version}, this version reads up to {SCHEMA}; update the suite to use it")
    problems = [row[0] for row in connection.execute("PRAGMA quick_check")]
    if problems != ["ok"]:
        raise InputError(f"{path} is damaged ({problems[0]}); restore a copy, or give another file with --answers")


def _read_study(connection) -> Study:
    fields = {name: json.loads(value) for name, value in connection.execute("SELECT name, value FROM study")}
    items = connection.execute("SELECT id, emotion, speaker, phase FROM utterances ORDER BY id")
    return Study(**{**fields, "classes": tuple(fields["classes"])}, items=tuple(Item(*row) for row in items))


def _require_same(path, there, study):
    options = {"variant": "--corpus and --emotions", "seed": "--seed", "per_emotion": "--per-emotion"}
    for field, option in options.items():
        old, new = getattr(there, field), getattr(study, field)
        if old != new:
            raise InputError(
                f"{path} was created with {field} {'all' if old is None else old}, not "
                f"{'all' if new is None else new}; give the same {option}, or another file with --answers"
            )
    if dataclasses.replace(there, limits=study.limits) != study:
        raise InputError(
            f"{path} was created with other utterances or labels of {study.variant}; restore the corpus, or give "
            "another file with --answers"
        )


def _answer(connection, assessor, utterance) -> Answer | None:
    row = connection.execute(
        "SELECT answer, time, revealed FROM answers WHERE assessor = ? AND utterance = ?", [assessor, utterance]
    ).fetchone()
    return row and Answer(*row)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
