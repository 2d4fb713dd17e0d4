import os
import threading

import pytest

from common.atomic_file import atomic, atomic_folder, write_set, write_text
from common.errors import InputError


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


@pytest.mark.parametrize(("mode", "content"), [("wb", b"\x00\r\n"), ("w", "é\r\nß\n")])
def test_the_file_appears_when_the_block_ends(tmp_path, mode, content):
    path = tmp_path / "a" / "b.txt"
    with atomic(path, mode) as file:
        file.write(content)
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == (content if mode == "wb" else content.encode())
    assert names(tmp_path) == ["a", "b.txt"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("no"), KeyboardInterrupt()])
def test_whatever_is_raised_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(type(error)), atomic(path, "w") as file:
        file.write("new")
        raise error
    assert names(tmp_path) == ["a.txt"] and path.read_text() == "old"


def test_content_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (calls.append(os.fstat(number).st_size), fsync(number)))
    monkeypatch.setattr(os, "replace", lambda *places: (calls.append("renamed"), replace(*places)))
    write_text(tmp_path / "a.txt", "12345")
    assert calls == [5, "renamed"]


@pytest.mark.parametrize("has_links", [True, False])
def test_without_replacing_the_first_writer_wins(tmp_path, monkeypatch, has_links):
    if not has_links:
        monkeypatch.delattr(os, "link")
    path = tmp_path / "a.txt"
    with atomic(path, "w", replace=False) as file:
        file.write("first")
    with pytest.raises(FileExistsError), atomic(path, "w", replace=False) as file:
        file.write("second")
    assert path.read_text() == "first" and names(tmp_path) == ["a.txt"]


def test_what_a_killed_writer_left_goes_with_the_next_one(tmp_path):
    path = tmp_path / "a[1].txt"
    for left in ("a[1].txt.4711.tmp", "a1.txt.4711.tmp"):
        (tmp_path / left).write_text("half")
    write_text(path, "whole")
    assert names(tmp_path) == ["a1.txt.4711.tmp", "a[1].txt"]


def test_another_writer_that_finished_first_and_cleared_up(tmp_path):
    path = tmp_path / "a.txt"
    with atomic(path, "w") as file:
        file.write("mine")
        path.write_text("theirs")
        for left in tmp_path.glob("*.tmp"):
            left.unlink()
    assert path.read_text() == "theirs"
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "b.txt", "w"):
        for left in tmp_path.glob("*.tmp"):
            left.unlink()


def test_a_reader_never_sees_half_a_file(tmp_path):
    path, seen, done = tmp_path / "a.txt", set(), threading.Event()
    write_text(path, "0" * 10**6)

    def read():
        while not done.is_set():
            content = path.read_text()
            seen.add((len(content), len(set(content))))

    reader = threading.Thread(target=read)
    reader.start()
    for digit in "123456789":
        write_text(path, digit * 10**6)
    done.set()
    reader.join()
    assert seen == {(10**6, 1)}


def test_a_set_of_files_is_written_whole_or_not_at_all(tmp_path):
    first, second = tmp_path / "a.md", tmp_path / "b" / "a.md"
    write_set({first: "old", second: "old"})
    with pytest.raises(UnicodeEncodeError):
        write_set({first: "new", second: "new \ud800"})
    assert (first.read_text(), second.read_text()) == ("old", "old")
    assert names(tmp_path) == ["a.md", "a.md", "b"]
    write_set({first: "new", second: "new"})
    assert (first.read_text(), second.read_text()) == ("new", "new")


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    place = tmp_path / "model"
    for content in ("one", "two"):
        with atomic_folder(place) as folder:
            (folder / content).write_text(content)
        assert names(tmp_path) == sorted(["model", content])
    with pytest.raises(ValueError, match="no"), atomic_folder(place) as folder:
        (folder / "three").write_text("half")
        raise ValueError("no")
    assert names(tmp_path) == ["model", "two"]


def test_a_place_that_takes_no_file_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/a\.txt cannot be written .*; take another place"):
        write_text(tmp_path / "file" / "a.txt", "", "take another place")
