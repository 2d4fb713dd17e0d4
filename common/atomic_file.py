"""Atomic writing of files and folders: after a crash, each is either complete or absent.

Data goes to a temporary name in the same folder, `<name>.<pid>.tmp`, is flushed to disk, and the file is renamed.
An exception removes the temporary file. A killed process leaves it behind; the next writer of that name removes it.
"""

import contextlib
import glob
import json
import os
import shutil
import tempfile
from pathlib import Path

from common.errors import InputError


def require_writable(folder, option="--results") -> None:
    """Raise InputError if a folder is not writable, so that a run fails at its start and not hours later.

    A missing folder is not created; its nearest existing parent is tested instead.
    """
    place = Path(folder)
    try:
        while not (place.exists() or place.is_symlink()) and place != place.parent:
            place = place.parent
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror}); give a writable folder with {option}"
        ) from error


@contextlib.contextmanager
def atomic(path, mode="wb", *, replace=True):
    """An open file that gets the name `path` when the block ends without an exception.

    Args:
        path: of the file; its folder is created.
        mode: "wb", or "w" for UTF-8 text, line ends as given.
        replace: whether an existing file is replaced.

    Raises:
        FileExistsError: `replace` is false and the file exists.
        FileNotFoundError: another process removed the temporary file, and there is no file `path`.
        OSError: the file cannot be written, e.g. the disk is full.
    """
    path = Path(path)
    with _temporary(path) as temporary:
        with _synced(temporary, mode) as file:
            yield file
        _rename(temporary, path, replace)


@contextlib.contextmanager
def atomic_folder(path):
    """An empty folder, renamed to `path` when the block ends without an exception; an existing folder is replaced."""
    path = Path(path)
    with _temporary(path) as temporary:
        temporary.mkdir()
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _sync(file)
        shutil.rmtree(path, ignore_errors=True)
        _rename(temporary, path, replace=True)


def write_set(contents) -> None:
    """Write several files together: all to temporary names, then all are renamed. On a full disk the old files stay.

    Args:
        contents: path -> text or bytes.

    Raises:
        OSError: a file cannot be written.
    """
    with contextlib.ExitStack() as stack:
        temporaries = {Path(path): stack.enter_context(_temporary(Path(path))) for path in contents}
        for temporary, content in zip(temporaries.values(), contents.values(), strict=True):
            with _synced(temporary, "w" if isinstance(content, str) else "wb") as file:
                file.write(content)
        for path, temporary in temporaries.items():
            _rename(temporary, path, replace=True)


def write_text(path, text, advice="choose another place") -> Path:
    """Write a text file and return its path.

    Raises:
        InputError: it cannot be written; `advice` states what to do.
    """
    try:
        with atomic(path, "w") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); {advice}") from error
    return Path(path)


def write_json(path, tree, advice="choose another place") -> Path:
    """Write plain data as JSON, one item per line. Raises InputError as `write_text` does."""
    return write_text(path, json.dumps(tree, indent=1) + "\n", advice)


@contextlib.contextmanager
def _temporary(path):
    """The temporary name of a file or folder, which does not exist before or after the block."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove(temporary)
    try:
        yield temporary
    finally:
        _remove(temporary)


@contextlib.contextmanager
def _synced(path, mode):
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    with open(path, mode, **text) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _sync(path):
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _rename(temporary, path, replace):
    try:
        (os.replace if replace else _link)(temporary, path)
    except FileNotFoundError:
        if not path.exists():
            raise
        if not replace:
            raise FileExistsError(f"{path} exists") from None
        # else: another process wrote the same file and removed the temporary one
    for left in path.parent.glob(f"{glob.escape(path.name)}.*.tmp"):  # of processes that were killed while writing
        _remove(left)


def _link(temporary, path):
    """Rename without replacing, by a hard link, which never replaces. FAT and network shares have no hard links."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except (OSError, AttributeError, NotImplementedError):
        if path.exists():
            raise FileExistsError(f"{path} exists") from None
        os.replace(temporary, path)


def _remove(path):
    with contextlib.suppress(OSError):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
