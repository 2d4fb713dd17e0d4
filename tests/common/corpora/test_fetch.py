"""Downloads against a server of our own on 127.0.0.1, faults included. Nothing here reaches the network."""

import errno
import hashlib
import http.server
import re
import shutil
import stat
import threading
import types
import zipfile
from pathlib import Path

import pytest

from common.corpora import emodb, fetch, ravdess
from common.errors import InputError
from tests.support import hostile


def wav_bytes(seconds):
    return hostile.wav(seconds + 1)


def zip_bytes(files):  # stored, so that cuts fall where a test wants them
    return hostile.zip_bytes(files, zipfile.ZIP_STORED)


@pytest.fixture(scope="module")
def emodb_files():
    files = {"erkennung.txt": "Nr.\tSatz\terkannt\tnatuerlich\n".encode("latin-1")}
    for k, name in enumerate(emodb.FIRST_RELEASE):
        files[f"wav/{name}.wav"] = wav_bytes(1 + k % 3)
    return files


@pytest.fixture(scope="module")
def emodb_zip(emodb_files):
    return zip_bytes(emodb_files)


@pytest.fixture(scope="module")
def ravdess_zip():
    content = wav_bytes(0)
    return zip_bytes({f"Actor_{stem[-2:]}/{stem}.wav": content for stem in ravdess._official_ids()})


class Server(http.server.ThreadingHTTPServer):
    """Serves one body; the test sets how it misbehaves, and reads what was asked."""

    body, etag, ranges = b"", '"v1"', True  # ranges: whether Range is understood
    cuts: list  # after how many bytes the coming answers break off
    statuses: list  # error codes of the coming answers
    asked: list  # the headers of every request

    def handle_error(self, request, client_address):
        pass  # the client hung up, as some tests make it


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server, start = self.server, 0
        server.asked.append(dict(self.headers))
        if server.statuses:
            return self.answer(server.statuses.pop(0), b"", {"Retry-After": "0"})
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and server.ranges and self.headers.get("If-Range", server.etag) == server.etag:
            start = int(wanted[1])
        size, rest = len(server.body), server.body[start:]
        if not rest:
            return self.answer(416, b"", {"Content-Range": f"bytes */{size}"})
        place = {"Content-Range": f"bytes {start}-{size - 1}/{size}"} if start else {}
        self.answer(206 if start else 200, rest, {"ETag": server.etag} | place)

    def answer(self, status, content, headers):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: self.server.cuts.pop(0)] if content and self.server.cuts else content)


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), Handler) as server:
        server.cuts, server.statuses, server.asked = [], [], []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def get(server, tmp_path, monkeypatch):
    """fetch() from the server, into tmp_path/data."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetch, "BLOCK", 10_000)  # a cut connection loses the block that it cut

    def call(name="emodb", **options):
        url = f"http://127.0.0.1:{server.server_port}/download.zip"
        return fetch.fetch(name, tmp_path / "data", **{"url": url, "pause_s": 0.0, "progress": False} | options)

    return call


def files_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def left_in(folder):
    return sorted(files_of(folder))


# --- what works


def test_a_good_archive_is_unpacked_recorded_and_not_fetched_twice(server, get, emodb_zip, emodb_files, tmp_path):
    server.body = emodb_zip
    root = get()
    assert root == tmp_path / "data" / "emodb" and files_of(root) == emodb_files
    assert left_in(tmp_path / "data" / "archives") == ["emodb.zip", "emodb.zip.sha256"]
    recorded = (tmp_path / "data" / "archives" / "emodb.zip.sha256").read_text()
    assert recorded == f"{hashlib.sha256(emodb_zip).hexdigest()}  emodb.zip\n"
    assert get() == root and len(server.asked) == 1
    shutil.rmtree(root)  # the archive is still there
    assert files_of(get()) == emodb_files and len(server.asked) == 1


def test_ravdess_is_held_to_its_checksum(server, get, ravdess_zip):
    server.body = ravdess_zip
    with pytest.raises(
        InputError, match=r"the download has checksum \w{32}, expected md5:bc696df654c87fed845eb13823edef8a"
    ):
        get("ravdess")
    root = get("ravdess", checksum="md5:" + hashlib.md5(ravdess_zip).hexdigest())
    assert len(files_of(root)) == 1440 and (root / "Actor_24").is_dir()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_download_is_continued_or_begun_again(server, get, emodb_zip, emodb_files, ranges):
    server.body, server.ranges, server.cuts = emodb_zip, ranges, [40_000, 30_000]
    assert files_of(get()) == emodb_files
    got = [headers.get("Range") for headers in server.asked]
    assert got == ([None, "bytes=40000-", "bytes=70000-"] if ranges else [None, "bytes=40000-", "bytes=30000-"])
    assert [headers.get("If-Range") for headers in server.asked] == [None, '"v1"', '"v1"']
    assert {headers["Accept-Encoding"] for headers in server.asked} == {"identity"}


def test_the_next_call_continues_what_an_earlier_one_left(server, get, emodb_zip, emodb_files, tmp_path):
    server.body, server.cuts = emodb_zip, [50_000]
    with pytest.raises(InputError, match="download failed 1 times.*resumes the download"):
        get(attempts=1)
    assert not (tmp_path / "data" / "emodb").exists()
    assert left_in(tmp_path / "data" / "archives") == ["emodb.zip.part", "emodb.zip.part.version"]
    assert files_of(get()) == emodb_files
    assert server.asked[1]["Range"] == "bytes=50000-"
    assert left_in(tmp_path / "data" / "archives") == ["emodb.zip", "emodb.zip.sha256"]


def test_a_part_of_another_version_of_the_file_is_not_continued(server, get, emodb_zip, emodb_files):
    server.body, server.cuts, server.etag = b"x" * 90_000, [50_000], '"old"'
    with pytest.raises(InputError, match="download failed"):
        get(attempts=1)
    server.body, server.etag = emodb_zip, '"new"'
    assert files_of(get()) == emodb_files
    assert server.asked[1]["Range"] == "bytes=50000-" and server.asked[1]["If-Range"] == '"old"'


def test_a_part_that_is_already_whole_or_too_long(server, get, emodb_zip, emodb_files, tmp_path):
    part = tmp_path / "data" / "archives" / "emodb.zip.part"
    part.parent.mkdir(parents=True)
    server.body = emodb_zip
    part.write_bytes(emodb_zip)
    assert files_of(get()) == emodb_files and len(server.asked) == 1
    shutil.rmtree(tmp_path / "data")
    part.parent.mkdir(parents=True)
    part.write_bytes(emodb_zip + b"more")
    assert files_of(get()) == emodb_files


def test_busy_servers_are_asked_again(server, get, emodb_zip):
    server.body, server.statuses = emodb_zip, [503, 429]
    assert get().is_dir() and len(server.asked) == 3


# --- what does not


def test_not_found_is_said_at_once(server, get, tmp_path):
    server.statuses = [404]
    with pytest.raises(InputError, match="answered 404; fetch again.*put the file at .*emodb.zip"):
        get()
    assert len(server.asked) == 1 and left_in(tmp_path) == []


def test_nobody_listens(get):
    with pytest.raises(InputError, match="failed 2 times"):
        get(url="http://127.0.0.1:9/x.zip", attempts=2)  # the discard port: refused


LINK = zipfile.ZipInfo("wav/link")
LINK.external_attr = (stat.S_IFLNK | 0o777) << 16


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("../evil", "'../evil' in it leads out"),
        ("wav/../../evil", "leads out of the folder"),
        ("/tmp/evil-absolute", "leads out of the folder"),
        ("C:..\\evil", "leads out of the folder"),
        (LINK, "'wav/link' in it is a link"),
    ],
)
def test_an_archive_that_reaches_outside_is_refused(server, get, emodb_files, tmp_path, member, words):
    server.body = zip_bytes(emodb_files | {member: b"../../outside"})
    with pytest.raises(InputError, match=re.escape(words)):
        get()
    assert left_in(tmp_path) == [] and not Path("/tmp/evil-absolute").exists()


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda f: {n: c for n, c in f.items() if n != "wav/03a01Wa.wav"}, "1 missing .03a01Wa"),
        (lambda f: f | {"wav/03a01Wa.wav": wav_bytes(30)}, "03a01Wa.wav lasts 31.00 s"),
        (lambda f: {n: wav_bytes(1) if n.endswith(".wav") else c for n, c in f.items()}, "it is emodb-2s"),
    ],
    ids=["one missing", "one too long", "all cut to 2.0 s"],
)
def test_emodb_is_held_to_its_names_counts_and_durations(server, get, emodb_files, tmp_path, edit, words):
    server.body = zip_bytes(edit(emodb_files))
    with pytest.raises(InputError, match=f"is not EmoDB: .*{words}.*it was removed"):
        get()
    assert left_in(tmp_path) == []


def test_what_is_not_a_zip_or_is_damaged_inside(server, get, emodb_zip, tmp_path):
    middle = len(emodb_zip) // 2
    damaged = emodb_zip[:middle] + bytes(100) + emodb_zip[middle + 100 :]
    for server.body in (b"<html>log in to the hotel's network</html>", damaged):
        with pytest.raises(InputError, match="cannot be unpacked"):
            get()
    assert left_in(tmp_path) == []


def test_another_archive_than_at_the_first_fetch_is_refused(server, get, emodb_files, emodb_zip, tmp_path):
    server.body = emodb_zip
    shutil.rmtree(get())
    (tmp_path / "data" / "archives" / "emodb.zip").unlink()
    server.body = zip_bytes(emodb_files | {"wav/03a00Wa.wav": wav_bytes(4)})
    with pytest.raises(InputError, match=f"earlier fetch recorded {hashlib.sha256(emodb_zip).hexdigest()}"):
        get()
    assert left_in(tmp_path) == ["data/archives/emodb.zip.sha256"]


def test_no_hostile_archive_is_unpacked_and_none_ends_in_a_traceback(tmp_path):
    judged = hostile.judged_archives(tmp_path)
    assert (judged.accepted, judged.tracebacks) == ([], []) and len(judged.refused) >= 40


@pytest.mark.parametrize("length", [None, "10000000", "9" * 30, "-5", "many"])
def test_a_download_without_an_end_is_given_up(server, get, tmp_path, monkeypatch, length):
    """Also where the server announces no length, or a length that is none."""
    monkeypatch.setattr(fetch, "MAX_DOWNLOAD_BYTES", 1_000_000)
    monkeypatch.setattr(Handler, "answer", lambda self, status, content, headers: endless(self, length))
    with pytest.raises(InputError, match="expected at most|download failed|Content-Length"):
        get(attempts=1)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) <= 1_000_000


def endless(handler, length):
    handler.send_response(200)
    if length:
        handler.send_header("Content-Length", length)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(bytes(100_000))


def test_a_bomb_is_not_unpacked(server, get, emodb_zip, tmp_path, monkeypatch):
    server.body = emodb_zip
    monkeypatch.setattr(fetch, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(InputError, match=r"536 files of \d+ bytes are in it"):
        get()
    assert left_in(tmp_path) == []


# --- the disk


def test_too_little_room_is_said_with_numbers_before_anything_is_written(server, get, emodb_zip, tmp_path, monkeypatch):
    server.body = emodb_zip
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: types.SimpleNamespace(free=2_000_000))
    with pytest.raises(InputError, match=r"needs 17 MB, and .* has 2 MB: make room"):
        get()
    assert not {"emodb.zip"} & set(left_in(tmp_path / "data" / "archives")) and not (tmp_path / "data/emodb").exists()


def test_a_disk_that_fills_while_unpacking_leaves_no_half_corpus(
    server, get, emodb_zip, emodb_files, tmp_path, monkeypatch
):
    server.body = emodb_zip
    extract, done = zipfile.ZipFile.extract, []

    def fills(self, member, path):
        done.append(member)
        if len(done) == 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return extract(self, member, path)

    with monkeypatch.context() as patch, pytest.raises(InputError, match="is full.*EmoDB 150 MB: make room"):
        patch.setattr(zipfile.ZipFile, "extract", fills)
        get()
    assert left_in(tmp_path / "data") == ["archives/emodb.zip"]
    assert files_of(get()) == emodb_files and len(server.asked) == 1


def test_a_disk_that_fills_while_downloading_keeps_what_came(
    server, get, emodb_zip, emodb_files, tmp_path, monkeypatch
):
    server.body = emodb_zip

    def fills(self, response, have, total):
        with open(self.part, "wb") as file:
            file.write(next(response.iter_content(10_000)))
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(InputError, match="is full"):
        patch.setattr(fetch.ResumingDownloader, "_append", fills)
        get()
    assert files_of(get()) == emodb_files
    assert server.asked[-1]["Range"] == "bytes=10000-"


def test_a_folder_that_holds_something_else_is_left_alone(server, get, emodb_zip, tmp_path):
    server.body = emodb_zip
    notes = tmp_path / "data" / "emodb" / "notes.txt"
    notes.parent.mkdir(parents=True)
    notes.write_text("mine")
    with pytest.raises(InputError, match="535 missing"):
        get()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        fetch.fetch("emodb", tmp_path / "file", url="http://127.0.0.1:9/", progress=False)
    assert server.asked == [] and left_in(tmp_path) == ["data/emodb/notes.txt", "file"]


@pytest.mark.parametrize(
    ("name", "words"), [("iemocap", "licence.*https://sail.usc.edu/iemocap/"), ("timit", "choose from ravdess, emodb")]
)
def test_what_cannot_be_fetched(name, words, tmp_path):
    with pytest.raises(InputError, match=words):
        fetch.fetch(name, tmp_path)
    assert left_in(tmp_path) == []
