"""What tests/support/kill_loop.py calls a violation: each one made by hand."""

import subprocess
import sys

import pytest

from common import records
from tests.support import kill_loop
from tests.support.records_by_hand import part, record


@pytest.fixture
def place(tmp_path):
    """What an undisturbed run leaves: two records, a log of three epochs of each, no checkpoint."""
    for fold in ("fold_1", "fold_2"):
        records.write(record(part([0, 1], [0, 1]), fold=fold), root=tmp_path / "results")
    lines = [f"emmert/mfcc/{fold} {step}" for fold in ("fold_1", "fold_2") for step in (1, 2, 3, "record")]
    (tmp_path / "log").write_text("\n".join(lines) + "\n")
    (tmp_path / "output").write_text("")
    (tmp_path / "cache" / "checkpoints").mkdir(parents=True)
    return tmp_path


def file_of(place, fold):
    (path,) = place.rglob(f"{fold}.json")
    return path


def rewrite(path):
    content = path.read_bytes()
    path.unlink()
    path.with_name("other").write_bytes(content)
    path.with_name("other").rename(path)


def other_predictions(place):
    file_of(place, "fold_2").unlink()
    records.write(record(part([0, 1], [1, 1]), fold="fold_2"), root=place / "results")


def append(path, text):
    with open(path, "a") as file:
        file.write(text)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda place: None, []),
        (lambda place: file_of(place, "fold_2").unlink(), ["missing"]),
        (lambda place: append(file_of(place, "fold_2"), "{"), ["damaged"]),
        (other_predictions, ["different"]),
        (lambda place: rewrite(file_of(place, "fold_1")), ["rewritten"]),
        (lambda place: records.write(record(part([0], [0]), fold="fold_3"), root=place / "results"), ["unexpected"]),
        (lambda place: append(place / "log", "emmert/mfcc/fold_1 3\n"), ["trained twice"]),
        (lambda place: (place / "cache" / "checkpoints" / "a.npz").touch(), ["left over"]),
        (lambda place: file_of(place, "fold_1").with_suffix(".12.tmp").touch(), ["left over"]),
        (lambda place: append(place / "output", "Traceback\nValueError: x\n"), ["a traceback"]),
    ],
)
def test_every_violation_is_seen(place, damage, said):
    reference = kill_loop.evidence(place)
    before = {path: identity for path, identity in kill_loop.identities(place).items() if path.stem == "fold_1"}
    damage(place)
    sentences = kill_loop.violations(place, reference, before, [])
    assert [sentence.split(":")[0] for sentence in sentences] == said
    assert set(said) <= set(kill_loop.VIOLATIONS)


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX")
def test_an_orphan_is_seen(place, monkeypatch):
    monkeypatch.setattr(kill_loop, "ORPHAN_S", 1)
    orphan = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        sentences = kill_loop.violations(place, kill_loop.evidence(place), {}, [orphan.pid])
        assert [sentence.split(":")[0] for sentence in sentences] == ["orphan"]
    finally:
        orphan.communicate(b"\n")
    assert kill_loop.violations(place, kill_loop.evidence(place), {}, [orphan.pid]) == []
