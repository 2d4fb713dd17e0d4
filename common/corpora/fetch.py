"""Download a corpus from its official address, check it, unpack it.

The archive stays in `DIR/archives`, so a second call needs no network. The corpus appears at `DIR/<name>` complete or
not at all. An interrupted download is resumed, also by the next call. RAVDESS is checked against the checksum on
Zenodo. EmoDB has no published checksum and is served over plain HTTP: its file names, counts and durations are checked,
and its SHA-256 is recorded at the first fetch and compared at every later one.
"""

import contextlib
import dataclasses
import errno
import hashlib
import lzma
import mmap
import os
import re
import shutil
import stat
import struct
import time
import zipfile
import zlib
from collections import Counter
from pathlib import Path, PurePosixPath

from common.corpora import emodb, iemocap, ravdess
from common.errors import InputError, printable
from common.progress import bar

SOURCES = {"ravdess": ravdess, "emodb": emodb}
ARCHIVES = {"ravdess": "Audio_Speech_Actors_01-24.zip", "emodb": "emodb.zip"}
MAX_DOWNLOAD_BYTES = 2 << 30  # RAVDESS's speech archive has 0.2 GB
MAX_UNPACKED_BYTES = 4 << 30  # RAVDESS has 0.6 GB unpacked
MAX_MEMBERS = 20_000
ENTRY = b"PK\x01\x02"  # begins each entry of a ZIP archive's central directory
LONGEST_NAME = 200  # bytes of a file's name
MIN_SECONDS, MAX_SECONDS = 0.5, 20.0  # of an EmoDB recording; they last 1.2 to 9 s
RETRIED = {408, 429, 500, 502, 503, 504}
BLOCK = 1 << 16  # bytes read at a time: the most that a lost connection costs
SPARE_BYTES = 16 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResumingDownloader:
    """A downloader for `pooch.retrieve` that resumes the partial download in `part`.

    It requests the remaining bytes with a Range header. If the server sent an ETag or Last-Modified, If-Range makes
    sure that they belong to the same version. If the server sends the whole file again, it is downloaded from the
    start.
    """

    part: Path
    attempts: int = 5
    pause_s: float = 2.0  # before the second attempt; doubled each time
    timeout_s: float = 30.0
    progress: bool = True

    def __call__(self, url, output_file, pooch, check_only=False):
        """Download `url` to `output_file`; `pooch` is None under `pooch.retrieve`."""
        import requests

        for attempt in range(self.attempts):
            try:
                self._continue(requests, url)
                break
            except (requests.RequestException, _CutShortError) as error:
                response = getattr(error, "response", None)
                status = getattr(response, "status_code", None)  # a Response with an error status is falsy
                if status is not None and status not in RETRIED:
                    raise InputError(_by_hand(url, self.part, f"the server answered {status}")) from error
                if attempt + 1 == self.attempts:
                    reason = f"the download failed {self.attempts} times ({type(error).__name__}: {error})"
                    raise InputError(_by_hand(url, self.part, reason)) from error
                asked = response.headers.get("Retry-After", "") if status is not None else ""  # Zenodo: 60 s
                time.sleep(max(self.pause_s * 2**attempt, min(int(asked), 120) if asked.isdigit() else 0))
        os.replace(self.part, output_file)
        self._version.unlink(missing_ok=True)

    @property
    def _version(self):
        return self.part.with_name(self.part.name + ".version")

    def _continue(self, requests, url):
        """One attempt; the file is complete when it returns."""
        have = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Accept-Encoding": "identity", "User-Agent": "speech-emotion-suite (pooch)"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if self._version.exists():
                headers["If-Range"] = self._version.read_text(encoding="ascii")
        with requests.get(url, headers=headers, stream=True, timeout=self.timeout_s) as response:
            if response.status_code == 416:  # no bytes beyond the partial file: it is complete, or of another version
                if response.headers.get("Content-Range") == f"bytes */{have}":
                    return
                self.part.unlink()
                raise _CutShortError("the partial file of an earlier download belongs to another version")
            response.raise_for_status()
            if response.status_code != 206 or not response.headers.get("Content-Range", "").startswith(
                f"bytes {have}-"
            ):
                have = 0  # the server sends everything
            self._remember(response)
            announced = response.headers.get("Content-Length", "")
            rest = int(announced) if announced.isdecimal() and len(announced) < 20 else None
            if rest is not None and have + rest > MAX_DOWNLOAD_BYTES:
                raise InputError(f"{url}: {have + rest} bytes; {_TOO_LONG}")
            require_room(self.part.parent, rest or 0, url)
            self._append(response, have, None if rest is None else have + rest)

    def _append(self, response, have, total):
        """Write the response's body to the file; `total` is None if the server does not state the size."""
        shown = bar(
            desc=f"download {self.part.stem}",
            initial=have,
            total=total,
            unit="B",
            unit_scale=True,
            disable=not self.progress,
            leave=False,
        )
        size = have
        with shown, open(self.part, "ab" if have else "wb") as file:
            for block in response.iter_content(BLOCK):
                size += len(block)
                if size > MAX_DOWNLOAD_BYTES:
                    break
                file.write(block)
                shown.update(len(block))
        if size > MAX_DOWNLOAD_BYTES:
            self.part.unlink()
            raise InputError(f"{response.url}: the download does not end; {_TOO_LONG}")
        if total is not None and size != total:
            raise _CutShortError(f"{size} of {total} bytes received")

    def _remember(self, response):
        version = response.headers.get("ETag") or response.headers.get("Last-Modified")
        if version and not version.startswith("W/"):  # If-Range takes no weak tags
            self._version.write_text(version, encoding="ascii")
        else:
            self._version.unlink(missing_ok=True)


_TOO_LONG = f"expected at most {MAX_DOWNLOAD_BYTES >> 20} MiB: check the address"


class _CutShortError(Exception):
    """The connection closed before the download was complete."""


def fetch(name, directory, *, url=None, checksum=None, attempts=5, pause_s=2.0, progress=True) -> Path:
    """Download, check and unpack a corpus to `directory/<name>`; a corpus already there is kept.

    Args:
        name: "ravdess" or "emodb"; for "iemocap", the error message explains how to get a licence.
        directory: the folder that holds corpora under their names.
        url: instead of the official address.
        checksum: instead of the published one, "md5:..." or "sha256:...".
        attempts, pause_s: see `ResumingDownloader`.
        progress: show bars.

    Returns:
        The corpus's root.

    Raises:
        InputError: the download failed, is not the expected corpus, or does not fit on the disk.
    """
    if name == "iemocap":
        raise InputError(
            f"IEMOCAP is under licence and cannot be fetched: ask for it at {iemocap.INFO.url}, unpack "
            f"IEMOCAP_full_release and name its folder {Path(directory, name)}"
        )
    if name not in SOURCES:
        raise InputError(f"{name} cannot be fetched; choose from {', '.join(SOURCES)}")
    corpus, target = SOURCES[name], Path(os.path.abspath(directory)) / name
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        present = corpus.load(target)  # raises if it is incomplete
        if present.name != name:
            raise InputError(f"{target} holds {present.name}; move it away and fetch again, or name another folder")
        return target
    archive = target.parent / "archives" / ARCHIVES[name]
    with _disk_errors(target.parent):
        archive.parent.mkdir(parents=True, exist_ok=True)
        fresh = not archive.exists()
        try:
            downloader = ResumingDownloader(
                part=archive.with_name(archive.name + ".part"), attempts=attempts, pause_s=pause_s, progress=progress
            )
            _download(url or corpus.INFO.archive, archive, checksum or corpus.INFO.checksum, downloader)
            digest = _same_as_before(archive, name) if corpus.INFO.checksum is None else None
            _unpack(archive, target, lambda folder: _check(name, corpus, folder), progress)
        except _NotTheCorpusError as error:
            if fresh:
                archive.unlink()
            advice = (
                "it was removed: try again, or name another address" if fresh else f"remove {archive} and fetch again"
            )
            raise InputError(f"{archive} is not {corpus.INFO.title}: {error}; {advice}") from error
        if digest:
            _digest_file(archive).write_text(f"{digest}  {archive.name}\n", encoding="ascii")
    return target


def _download(url, archive, checksum, downloader):
    """Download the archive to its path unless it is there, and verify its checksum."""
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        pooch.retrieve(url, checksum, archive.name, archive.parent, downloader=downloader)
    except InputError:
        raise
    except ValueError as error:  # pooch has removed the file
        came = re.search(r"but got (\w+)", str(error))
        raise InputError(
            f"{url}: the download has checksum {came[1] if came else error}, expected {checksum}, and was removed: "
            "fetch again; if that fails too, report it to the corpus's authors"
        ) from error
    finally:
        logger.setLevel(level)


class _NotTheCorpusError(Exception):
    """The archive does not contain the requested corpus."""


def _digest_file(archive):
    return archive.with_name(archive.name + ".sha256")


def _same_as_before(archive, name):
    """The archive's SHA-256. Raises _NotTheCorpusError if an earlier fetch recorded another."""
    with open(archive, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    recorded = (
        _digest_file(archive).read_text(encoding="ascii").split()[0] if _digest_file(archive).exists() else digest
    )
    if digest != recorded:
        raise _NotTheCorpusError(
            f"its SHA-256 is {digest}, and an earlier fetch recorded {recorded} in {_digest_file(archive)}"
        )
    return digest


def _check(name, corpus, folder):
    """Check the file names, counts and durations of the unpacked corpus; raises _NotTheCorpusError."""
    try:
        unpacked = corpus.load(folder)
    except InputError as error:
        raise _NotTheCorpusError(str(error)) from error
    if unpacked.name != name:
        raise _NotTheCorpusError(f"it is {unpacked.name}, {unpacked.limits}")
    if name == "emodb":
        from common.features import audio

        for utterance in unpacked.utterances:
            frames, rate = audio.duration(utterance.path)
            if not MIN_SECONDS <= frames / rate <= MAX_SECONDS:
                raise _NotTheCorpusError(f"{utterance.path.name} lasts {frames / rate:.2f} s")


def _unpack(archive, target, check, progress):
    """Unpack beside `target`, check, then rename to `target`."""
    folder = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        if (count := _num_entries(archive)) > MAX_MEMBERS:
            raise _NotTheCorpusError(f"more than {MAX_MEMBERS} files are in it")
        with zipfile.ZipFile(archive) as file:
            members = [_safe(member) for member in file.infolist()]
            _require_apart(members)
            size = sum(member.file_size for member in members)
            if size > MAX_UNPACKED_BYTES:
                raise _NotTheCorpusError(f"{count} files of {size} bytes are in it")
            require_room(target.parent, size, f"unpacking {archive}")
            folder.mkdir()
            for member in bar(members, desc="unpack", unit=" files", disable=not progress, leave=False):
                file.extract(member, folder)
        check(folder)
        if target.is_dir():
            target.rmdir()  # `fetch` has checked that it is empty
        folder.rename(target)
    except InputError:
        raise
    except _DAMAGED as error:
        if getattr(error, "errno", None):  # an error of the disk, not of the archive
            raise
        raise _NotTheCorpusError(f"it cannot be unpacked ({error or type(error).__name__})") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, RuntimeError, ValueError)


def _num_entries(archive) -> int:
    """Number of files in an archive, counted up to one more than allowed, without building a list in memory."""
    with open(archive, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        count, place = 0, content.find(ENTRY)
        while place >= 0 and count <= MAX_MEMBERS:
            count, place = count + 1, content.find(ENTRY, place + len(ENTRY))
    return count


def _require_apart(members):
    """Raise _NotTheCorpusError if two members have the same path, also on file systems that ignore case."""
    places = [PurePosixPath(member.filename.casefold()) for member in members]
    files = Counter(place for place, member in zip(places, members, strict=True) if not member.is_dir())
    above = {parent for place in places for parent in place.parents}
    if clash := next((place for place, count in files.items() if count > 1 or place in above), None):
        raise _NotTheCorpusError(f"the name {printable(clash)!r} is in it twice")


def _safe(member):
    """The member. Raises _NotTheCorpusError if its path leads outside the folder or it is not a plain file."""
    path, kind = PurePosixPath(member.orig_filename), stat.S_IFMT(member.external_attr >> 16)
    if path.is_absolute() or ".." in path.parts or any(c in member.orig_filename for c in "\\:\0"):
        raise _NotTheCorpusError(f"the name {member.orig_filename!r} in it leads out of the folder")
    if not member.orig_filename.isprintable() or max(len(part.encode()) for part in (*path.parts, "")) > LONGEST_NAME:
        raise _NotTheCorpusError(f"the name {member.orig_filename[:LONGEST_NAME]!a} in it is not that of a recording")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _NotTheCorpusError(f"{member.orig_filename!r} in it is a link or a device")
    return member


def require_room(folder, num_bytes, purpose):
    """Raise InputError unless the disk has room for `num_bytes` and a reserve."""
    needed, free = num_bytes + SPARE_BYTES, shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{purpose} needs {needed / 1e6:.0f} MB, and {folder} has {free / 1e6:.0f} MB: make room or choose another"
        )


@contextlib.contextmanager
def _disk_errors(folder):
    """Turn errors of a full, read-only or broken disk into an InputError."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(f"{folder} cannot be written: {error.strerror or error}; name another folder") from error
        free = ""
        with contextlib.suppress(OSError):
            free = f" ({shutil.disk_usage(folder).free / 1e6:.0f} MB are free)"
        raise InputError(
            f"the disk of {folder} is full{free}; RAVDESS needs 1000 MB with its archive, EmoDB 150 MB: make room and "
            "fetch again, which resumes the download"
        ) from error


def _by_hand(url, part, reason):
    return f"{url}: {reason}; fetch again, which resumes the download, or put the file at {part.with_suffix('')}"
