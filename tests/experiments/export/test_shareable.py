"""An archive of records says what they say, without ids on request, and goes into another results folder as it is."""

import dataclasses
import zipfile

import pytest
from click.testing import CliRunner

from common import records
from experiments.__main__ import main
from tests.support.records_by_hand import part, record


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture
def results(tmp_path):
    ids = [f"Ses01F_impro01_F{k:03}" for k in range(4)]
    tested = part([0, 1, 0, 1], [0, 1, 1, -1], speakers=["Ses01_F"] * 4, ids=ids)
    same = {"corpus": "iemocap", "corpus_variant": "iemocap/improvised/4hap"}
    for variant in ("mfcc", "own_cnn"):
        records.write(
            record(tested, variant=variant, warnings=[f"{ids[0]} is quiet"], audit=[f"{ids[1]}: Ses01_F"], **same),
            root=tmp_path / "ours",
        )
    records.write(record(tested), root=tmp_path / "ours")
    (tmp_path / "ours" / "human").mkdir()
    (tmp_path / "ours" / "human" / "raters_iemocap.json").write_text("{}")
    return tmp_path / "ours"


def unpacked(results, archive, *options):
    done = run("export", "--results", results, "--shareable", archive, *options)
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(archive.with_suffix(""))
    return records.read_all(archive.with_suffix(""))


def test_an_archive_holds_the_records_of_the_corpora_named_and_nothing_else(results, tmp_path):
    packed = unpacked(results, tmp_path / "a.zip", "--corpus", "iemocap")
    assert packed == [r for r in records.read_all(results) if r.corpus == "iemocap"] and len(packed) == 2
    assert {path.parts[0] for path in map(_relative(tmp_path / "a"), (tmp_path / "a").rglob("*.json"))} == {"runs"}
    assert len(unpacked(results, tmp_path / "b.zip")) == 3


def _relative(root):
    return lambda path: path.relative_to(root)


def test_hashed_ids_cannot_be_read_stay_comparable_and_change_no_decision(results, tmp_path):
    plain = unpacked(results, tmp_path / "a.zip", "--corpus", "iemocap")
    hashed = unpacked(results, tmp_path / "b.zip", "--corpus", "iemocap", "--hash-ids")
    text = "".join(path.read_text() for path in (tmp_path / "b").rglob("*.json"))
    assert "Ses01F" not in text and "Ses01_F" not in text
    for one, other in zip(plain, hashed, strict=True):
        assert other.parts["test"]["scores"] == one.parts["test"]["scores"]
        assert one.corpus_fingerprint != other.corpus_fingerprint
        assert len(set(other.parts["test"]["utterances"])) == 4 and len(set(other.parts["test"]["speakers"])) == 1
    assert len({tuple(r.parts["test"]["utterances"]) for r in hashed}) == 1  # the two systems can be paired
    other_recordings = [dataclasses.replace(r, corpus_fingerprint="other") for r in plain]
    for r in other_recordings:
        records.write(r, root=tmp_path / "theirs")
    foreign = unpacked(tmp_path / "theirs", tmp_path / "c.zip", "--hash-ids")
    assert foreign[0].parts["test"]["utterances"] != hashed[0].parts["test"]["utterances"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--shareable", "a.zip", "--corpus", "emodb"), "no record of emodb"),
        ((), "either a folder"),
        (("--into", "x", "--shareable", "a.zip"), "either a folder"),
        (("--into", "x", "--hash-ids"), "--shareable"),
    ],
)
def test_what_cannot_be_packed_is_one_sentence(arguments, said, results, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("export", "--results", results, *arguments)
    assert done.exit_code == 2 and said in done.output and "Traceback" not in done.output
    assert not (tmp_path / "a.zip").exists()
