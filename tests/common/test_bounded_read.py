"""Files of a user's are read to a limit, and never from what has no end."""

import os
import threading

import pytest

from common.bounded_read import read_bytes, read_json
from common.corpora import audformat, labels, manifest
from common.errors import InputError


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="POSIX")
@pytest.mark.parametrize(
    "read",
    [
        read_bytes,
        manifest.load,
        lambda path: labels._two_columns(path),
        lambda path: labels._toml(path),
    ],
)
def test_a_device_is_refused_at_once(tmp_path, read):
    (tmp_path / "calls.csv").symlink_to("/dev/zero")
    with pytest.raises(InputError, match="a device; expected a file"):
        read(tmp_path / "calls.csv")


def test_a_file_or_pipe_that_is_too_long(tmp_path):
    path = tmp_path / "long"
    path.write_bytes(bytes(101))
    with pytest.raises(InputError, match="more than 0 MiB"):
        read_bytes(path, 100)
    assert read_bytes(path, 101) == bytes(101)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"abc",))
        writer.start()
        assert read_bytes(tmp_path / "pipe", 3) == b"abc"
        writer.join()


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 5000 + b"]" * 5000, b"NaN", b"\xff", b'{"a": 1}'])
def test_json_of_another_kind(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError):
        read_json(tmp_path / "a.json", dict[str, str])


@pytest.mark.parametrize("title", ["../x", "a/b", "a\nb"])
def test_a_table_of_a_database_is_never_a_path(tmp_path, title):
    import yaml

    (tmp_path / "db.yaml").write_text(yaml.safe_dump({"name": "db", "tables": {title: {}}}))
    with pytest.raises(InputError, match="cannot name a file"):
        audformat.load(str(tmp_path))
