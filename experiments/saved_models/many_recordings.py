"""List recordings, apply a saved system to all of them, and write predictions as soon as they are computed.

Paths are files, folders (with everything below them), pipes, and `-` for one recording on standard input. An unusable
recording gives an error message, and the others are processed. Memory holds one recording per worker.
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
MOST_BYTES = 2 << 30  # limit for pipes, which may be endless: 18 hours at 16 kHz
SUFFIXES = frozenset(
    ".wav .wave .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .snd .w64 .rf64 .caf .sph .nist .voc "
    ".m4a .aac .wma .amr".split()  # cannot be decoded, and give an error message
)
RENEWED = 1000  # recordings per process: Keras leaks about 20 KiB in every call of predict
AHEAD = 4  # recordings per worker that are submitted in advance
FORMS = {".csv": "csv", ".jsonl": "jsonl"}


class Source(NamedTuple):
    """A recording: the user's name for it, its file, whether that is a temporary copy, and a fault or ""."""

    name: str
    path: str
    copied: bool = False
    fault: str = ""


def sources(paths, listed=None):
    """Yield the Source of each recording; those of a folder are sorted by name.

    Args:
        paths: files, folders, pipes, `-`.
        listed: a file with one path per line, relative to the current folder; `-` is standard input.

    Raises:
        InputError: the list cannot be read.
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
        raise InputError(f"{listed}: cannot be read ({error.strerror}); expected one path per line") from error


def _is_pipe(name):
    if name.startswith(("/dev/stdin", "/dev/fd/", "/proc/self/fd/")):  # valid only in this process
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
    """A temporary file with the content of a pipe, since decoders need to seek; a fault if it is endless or no pipe."""
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
    """Yield (Prediction, None) or (None, error message) for each piece of each Source, in order.

    Args:
        given: Sources.
        predictor: the predict.Predictor of this process, used for the first recordings if `workers` is 1.
        workers: processes, each of which loads the system.
        folder: arguments of `models.load` for the workers: (folder, anyway, keras).
        options: of the workers' Predictors.
        done: {name: finished pieces, or None for all of them}; these are skipped.
    """
    waiting = (source for source in given if done_of(done, source) is not None)
    for source in itertools.islice(waiting, RENEWED) if workers == 1 else ():
        with _at_hand(source) as ready:
            yield from _results(ready, predictor, done_of(done, source))
    for first in waiting:
        share = itertools.chain([first], itertools.islice(waiting, workers * RENEWED - 1))
        yield from _in_processes(share, workers, (folder, options), done)


def done_of(done, source):
    """The finished pieces of a source, None if all are finished. Pipes are always processed."""
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
    """Yield a predictor's results for a source, with the source's own name."""
    if source.fault:
        yield None, source.fault
        return
    try:
        for prediction, fault in predictor.predict(Path(source.path), done):
            if source.copied:
                fault = fault and fault.replace(source.path, source.name)
            yield prediction and dataclasses.replace(prediction, file=source.name), fault
    except Exception as error:  # a library's failure on one recording must not end a run of thousands
        yield None, f"{source.name}: {type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _in_processes(waiting, workers, made_of, done):
    """Results in order, with at most `AHEAD` recordings per worker submitted in advance."""
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
    except BrokenProcessPool as error:  # a process died while recordings were being submitted
        future = concurrent.futures.Future()
        future.set_exception(error)
        return future


def _alone(source, made_of, done):
    """Results for one recording in a separate process, after a process of the pool has died."""
    with _pool(1, made_of) as pool:
        try:
            yield from pool.submit(_in_worker, source, done_of(done, source)).result()
        except BrokenProcessPool:
            yield None, f"{source.name}: its process died (out of memory?); split it, or take fewer --workers"
    _remove(source)


def _pool(workers, made_of):
    context = multiprocessing.get_context("spawn")  # TensorFlow's threads do not survive a fork
    return concurrent.futures.ProcessPoolExecutor(workers, context, _begin_worker, (os.getpid(), *made_of))


_predictor = None


def _begin_worker(parent, folder, options):
    global _predictor
    end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    saved = models.load(folder[0], anyway=folder[1], keras=folder[2])
    from experiments.saved_models import predict

    _predictor = predict.Predictor(saved, **options)


def _in_worker(source, done):
    return list(_results(source, _predictor, done))


def system_of(folder, record, options) -> str:
    """Identifier of the system that made a prediction: its name, and a hash of its description and of the options."""
    digest = hashlib.sha256(Path(folder, models.DESCRIPTION).read_bytes())
    digest.update(json.dumps(options, sort_keys=True).encode())
    return f"{record.paper}/{record.variant} {digest.hexdigest()[:12]}"


class Writer:
    """Writes predictions as lines of CSV or JSON, and flushes each.

    Columns of the CSV: file, start_s, end_s, piece, decision, `score_<emotion>` of the decision rule, warnings, and
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
    """A context with the Writer of a file, and {name: its pieces in the file, or None for all of them}.

    An incomplete last line, left by a full disk or a kill, is removed.

    Raises:
        InputError: the file cannot be written, has other content, or has predictions of another system.
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
        raise InputError(f"{path} cannot be written ({error.strerror}); give another file with --into") from error


def _already(text, path, form, columns, system):
    """({name: pieces} in a file's text, number of bytes in complete lines)."""
    whole = text[: text.rfind("\n") + 1]
    rows = _rows(whole, path, form, columns)
    by_name = collections.defaultdict(set)
    for row in rows:
        if row["system"] != system:
            raise InputError(
                f"{path} has predictions of {row['system']}, not of {system} (another system, or other options); "
                "give another file with --into"
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
        raise InputError(f"{path} is not a file of predictions ({error}); give another file with --into") from error
