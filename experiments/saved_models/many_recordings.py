"""Which recordings are meant, a saved system on all of them, and predictions written as they come.

Paths are files, folders with all below them, pipes, and `-` for the bytes of a recording on standard input. One that
cannot be used becomes a sentence and stops no other. Memory holds one recording a worker, however many there are.
"""

import collections
import concurrent.futures
import contextlib
import csv
import dataclasses
import hashlib
import io
import itertools
import json
import multiprocessing
import os
import shutil
import signal
import stat
import sys
import tempfile
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NamedTuple

from common.errors import InputError
from common.folders import walk
from common.processes import end_with
from experiments.saved_models import models

STDIN = "-"
MOST_BYTES = 2 << 30  # of a pipe: 18 hours of 16 kHz; an endless one is not waited for
SUFFIXES = frozenset(
    ".wav .wave .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .snd .w64 .rf64 .caf .sph .nist .voc "
    ".m4a .aac .wma .amr".split()  # which are not decoded, and are named as such
)
RENEWED = 1000  # recordings, after which a process is renewed: Keras keeps some 20 KiB of every call of predict
AHEAD = 4  # recordings a worker is given before those in front of them are written
FORMS = {".csv": "csv", ".jsonl": "jsonl"}


class Source(NamedTuple):
    """A recording: what it is called, the file that holds it, whether that is a copy to be removed, a fault or ""."""

    name: str
    path: str
    copied: bool = False
    fault: str = ""


def sources(paths, listed=None):
    """The Source of each recording: of files as named, of folders in the order of their names, of a list of paths.

    Args:
        paths: files, folders, pipes, `-`.
        listed: a file with a path on each line, relative to the current folder; `-` is standard input.
    """
    lines = _lines(listed) if listed else ()
    for name in itertools.chain(map(str, paths), lines):
        if name == STDIN or _is_pipe(name):
            yield Source(name, "")
        elif os.path.isdir(name):
            yield from _in_folder(name)
        else:
            yield Source(name, name)


def _lines(listed):
    try:
        with (
            sys.stdin if str(listed) == STDIN else open(listed, encoding="utf-8-sig", errors="surrogateescape") as file
        ):
            yield from (line.rstrip("\r\n") for line in file if line.strip())
    except OSError as error:
        raise InputError(f"{listed}: cannot be read ({error.strerror}); expected a path on each line") from error


def _is_pipe(name):
    if name.startswith(("/dev/stdin", "/dev/fd/", "/proc/self/fd/")):  # of this process alone, whatever lies behind
        return True
    with contextlib.suppress(OSError):
        mode = os.stat(name).st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    return False


def _in_folder(name):
    is_empty = True
    for folder, names in walk(name):
        for file in names:
            if Path(file).suffix.lower() in SUFFIXES and not file.startswith("."):
                is_empty = False
                yield Source(os.path.join(folder, file), os.path.join(folder, file))
    if is_empty:
        yield Source(name, "", fault=f"{name}: no recording in this folder; expected files such as .wav or .flac")


def _copied(source) -> Source:
    """What comes from a pipe, as a file: decoders go back and forth. A fault where it gives no end or is no pipe."""
    copy = Source(source.name, "", copied=True)
    try:
        with _opened(source.name) as stream, tempfile.NamedTemporaryFile("wb", delete=False) as file:
            copy = copy._replace(path=file.name)
            shutil.copyfileobj(io.BufferedReader(_Bounded(stream)), file)
        return copy
    except (OSError, InputError) as error:
        _remove(copy)
        reason = getattr(error, "strerror", None) or error
        return Source(source.name, "", fault=f"{source.name}: cannot be read ({reason}); expected a recording")


def _opened(name):
    if name == STDIN:
        if sys.stdin.isatty():
            raise InputError("standard input is a terminal; pipe a recording into it")
        return contextlib.nullcontext(sys.stdin.buffer)
    if stat.S_ISCHR(os.stat(name).st_mode) or stat.S_ISBLK(os.stat(name).st_mode):
        raise InputError("a device")
    return open(name, "rb")


class _Bounded(io.RawIOBase):
    """A stream that must end within `MOST_BYTES`."""

    def __init__(self, stream):
        self._stream, self._left = stream, MOST_BYTES

    def readable(self):
        return True

    def readinto(self, buffer):
        content = self._stream.read(len(buffer))
        self._left -= len(content)
        if self._left < 0:
            raise InputError(f"more than {MOST_BYTES >> 30} GiB, without an end")
        buffer[: len(content)] = content
        return len(content)


def predict_all(given, predictor, *, workers, folder, options, done=()):
    """(Prediction, None) or (None, sentence) for each piece of each Source, in their order.

    Args:
        given: Sources.
        predictor: the predict.Predictor of this process, for the first recordings of one worker.
        workers: processes. Each loads the system for itself.
        folder: of the saved system, whether another version is taken, whether Keras runs it; for the workers.
        options: of their Predictors.
        done: name -> pieces that are written already, or all of them (None).
    """
    waiting = (source for source in given if done_of(done, source) is not None)
    for source in itertools.islice(waiting, RENEWED) if workers == 1 else ():
        with _at_hand(source) as ready:
            yield from _results(ready, predictor, done_of(done, source))
    for first in waiting:
        share = itertools.chain([first], itertools.islice(waiting, workers * RENEWED - 1))
        yield from _in_processes(share, workers, (folder, options), done)


def done_of(done, source):
    """The pieces of a source that are done; None where that is all of it. What comes from a pipe is always new."""
    return done.get(source.name, ()) if done and source.path else ()


@contextlib.contextmanager
def _at_hand(source):
    ready = source if source.path or source.fault else _copied(source)
    try:
        yield ready
    finally:
        _remove(ready)


def _remove(source):
    if source.copied and source.path:
        Path(source.path).unlink(missing_ok=True)


def _results(source, predictor, done):
    """What a predictor says of a source, by the source's own name."""
    if source.fault:
        yield None, source.fault
        return
    try:
        for prediction, fault in predictor.predict(Path(source.path), done):
            if source.copied:
                fault = fault and fault.replace(source.path, source.name)
            yield prediction and dataclasses.replace(prediction, file=source.name), fault
    except Exception as error:  # one recording, over which a library fails, must not end a run of thousands
        yield None, f"{source.name}: {type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _in_processes(waiting, workers, made_of, done):
    """In their order, at most `AHEAD` recordings a worker in advance."""
    pool, ahead = _pool(workers, made_of), collections.deque()
    try:
        for source in itertools.chain(waiting, [None] * workers * AHEAD):
            if source is not None:
                ready = source if source.path or source.fault else _copied(source)
                ahead.append((ready, _submitted(pool, ready, done_of(done, source))))
            if ahead and (source is None or len(ahead) == workers * AHEAD):
                ready, future = ahead.popleft()
                try:
                    yield from future.result()
                except BrokenProcessPool:
                    pool.shutdown(wait=False)
                    again, ahead = [ready, *(other for other, _ in ahead)], collections.deque()
                    for one in again:
                        yield from _alone(one, made_of, done)
                    pool = _pool(workers, made_of)
                _remove(ready)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for ready, _ in ahead:
            _remove(ready)


def _submitted(pool, source, done):
    try:
        return pool.submit(_in_worker, source, done)
    except BrokenProcessPool as error:  # a process died while recordings were handed out
        future = concurrent.futures.Future()
        future.set_exception(error)
        return future


def _alone(source, made_of, done):
    """One recording in a process of its own, after a process died of it or of one beside it."""
    with _pool(1, made_of) as pool:
        try:
            yield from pool.submit(_in_worker, source, done_of(done, source)).result()
        except BrokenProcessPool:
            yield None, f"{source.name}: the process died over it (out of memory?); cut it, or take fewer --workers"
    _remove(source)


def _pool(workers, made_of):
    context = multiprocessing.get_context("spawn")  # TensorFlow's threads do not survive a fork
    return concurrent.futures.ProcessPoolExecutor(workers, context, _begin_worker, (os.getpid(), *made_of))


_predictor = None


def _begin_worker(parent, folder, options):
    global _predictor
    end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    saved = models.load(folder[0], anyway=folder[1], keras=folder[2])
    from experiments.saved_models import predict

    _predictor = predict.Predictor(saved, **options)


def _in_worker(source, done):
    return list(_results(source, _predictor, done))


def system_of(folder, record, options) -> str:
    """What a table of predictions is made by: the system, and a hash of its description and of the options."""
    digest = hashlib.sha256(Path(folder, models.DESCRIPTION).read_bytes())
    digest.update(json.dumps(options, sort_keys=True).encode())
    return f"{record.paper}/{record.variant} {digest.hexdigest()[:12]}"


class Writer:
    """Predictions as lines of CSV or JSON, each written at once.

    Columns of the CSV: file, start_s, end_s, piece, decision, `score_<emotion>` of the rule that decides, warnings, and
    system. JSON lines have the fields of a Prediction and the system.
    """

    def __init__(self, file, form, classes, system):
        self._file, self._form, self._classes, self._system = file, form, classes, system

    @property
    def columns(self):
        scores = [f"score_{name}" for name in self._classes]
        return ["file", "start_s", "end_s", "piece", "decision", *scores, "warnings", "system"]

    def begin(self):
        if self._form == "csv":
            self._write_row(self.columns)

    def write(self, prediction):
        if self._form == "jsonl":
            line = dataclasses.asdict(prediction) | {"system": self._system}
            self._file.write(json.dumps(line) + "\n")
        else:
            scores = next(iter(prediction.scores.values()), {})
            row = [prediction.file, f"{prediction.start_s:.3f}", f"{prediction.end_s:.3f}", prediction.piece]
            row += [prediction.decision or "", *(scores.get(name, "") for name in self._classes)]
            self._write_row([*row, "; ".join(prediction.warnings), self._system])
        self._file.flush()

    def _write_row(self, cells):
        csv.writer(self._file, lineterminator="\n").writerow(cells)


@contextlib.contextmanager
def written(path, classes, system):
    """The Writer of a file, and what the file has already: name -> its pieces, None where it has all of them.

    A line that was cut, by a full disk or a kill, is taken off.

    Raises:
        InputError: the file cannot be written, is something else, or holds predictions of another system.
    """
    path, form = Path(path), FORMS.get(Path(path).suffix.lower())
    if form is None:
        raise InputError(f"{path}: expected a name that ends in .csv or .jsonl")
    try:
        with open(path, "a+", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = Writer(file, form, classes, system)
            file.seek(0)
            done, end = _already(file.read(), path, form, writer.columns, system)
            file.truncate(end)
            if not end:
                writer.begin()
            yield writer, done
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); name another file with --into") from error


def _already(text, path, form, columns, system):
    """What a file has already, and how many bytes of it are whole lines."""
    whole = text[: text.rfind("\n") + 1]
    rows = _rows(whole, path, form, columns)
    by_name = collections.defaultdict(set)
    for row in rows:
        if row["system"] != system:
            raise InputError(
                f"{path} holds predictions of {row['system']}, not of {system} (another system, or other options); "
                "name another file with --into"
            )
        by_name[row["file"]].add(row["piece"])
    done = {
        name: None if len(pieces) == int(next(iter(pieces)).partition("/")[2]) else frozenset(pieces)
        for name, pieces in by_name.items()
    }
    return done, len(whole.encode("utf-8", "surrogateescape"))


def _rows(text, path, form, columns):
    try:
        if form == "jsonl":
            rows = [json.loads(line) for line in text.splitlines()]
        else:
            header, *cells = csv.reader(io.StringIO(text, newline="")) if text else [columns]
            if header != columns or any(len(row) != len(columns) for row in cells):
                raise ValueError(f"expected the columns {', '.join(columns)}")
            rows = [dict(zip(columns, row, strict=True)) for row in cells]
        return [{name: str(row[name]) for name in ("file", "piece", "system")} for row in rows]
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{path} holds something else ({error}); name another file with --into") from error
