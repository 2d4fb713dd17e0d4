import dataclasses
import json
import os
import sys

import pytest

from common import records
from common.errors import InputError


def record(**changes):
    fields = {
        "paper": "emmert",
        "variant": "mfcc",
        "preset": "smoke",
        "corpus": "ravdess",
        "corpus_variant": "ravdess/strong",
        "synthetic": False,
        "limits": "",
        "protocol": "paper",
        "seed": 3,
        "fold": "fold_1",
        "num_folds": 1,
        "notes": [],
        "classes": ["anger", "calm"],
        "counts": {"train": {"anger": 1}, "valid": {}, "test": {"anger": 1, "calm": 1}},
        "recipe": {"l2": 0.001},
        "parts": {
            "train": {"confusion": [[1, 0, 0], [0, 0, 0]], "cross_entropy": 0.25},
            "valid": {
                "utterances": [],
                "speakers": [],
                "labels": [],
                "scores": {"mean": [], "votes": []},
                "confusion": [[0, 0, 0], [0, 0, 0]],
                "cross_entropy": None,
            },
            "test": {
                "utterances": ["a", "b"],
                "speakers": ["s", "s"],
                "labels": [0, 1],
                "scores": {"mean": [[0.75, 0.25], [0.1, 0.9]], "votes": [[1, 2], [0, 3]]},
                "confusion": [[1, 0, 0], [0, 1, 0]],
                "cross_entropy": None,
            },
        },
        "history": {"loss": [1.5]},
        "best_epoch": 0,
        "regularisation": 0.0,
        "corpus_fingerprint": "c",
        "fold_fingerprint": "f",
        "environment": {},
        "cost": {"seconds_fit": 2.0, "peak_memory_mib": None, "parameters": 100},
    }
    return records.RunRecord(**{**fields, **changes})


def test_what_is_written_is_read(tmp_path):
    path = records.write(record(), root=tmp_path)
    assert path == tmp_path / "runs/emmert/mfcc/ravdess-strong/paper-smoke/seed_3/fold_1.json"
    assert records.read(path) == record()
    assert records.read_all(tmp_path) == [record()]


def test_the_first_rule_is_the_headline():
    assert record().scores().argmax(axis=1).tolist() == [0, 1]
    assert record().scores(rule="votes").argmax(axis=1).tolist() == [1, 1]


def test_a_record_is_never_overwritten(tmp_path):
    path = records.write(record(), root=tmp_path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="exists already and is not overwritten"):
        records.write(record(best_epoch=1), root=tmp_path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["fold_1.json"]


@pytest.mark.parametrize("change", ["paper", "variant", "corpus_variant", "protocol", "preset", "fold"])
def test_every_part_of_the_key_has_its_own_file(tmp_path, change):
    first = records.write(record(), root=tmp_path)
    second = records.write(record(**{change: "other"}), root=tmp_path)
    assert first != second


def test_a_newer_record_says_what_to_do(tmp_path):
    path = records.write(record(), root=tmp_path)
    tree = json.loads(path.read_text())
    path.write_text(json.dumps({**tree, "schema": records.SCHEMA + 1, "surprise": 1}))
    with pytest.raises(InputError, match="schema 2, this version reads up to 1; update"):
        records.read_all(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"schema": 1}', '{"schema": "one"}', "\x00\x01"])
def test_a_damaged_record_is_named(tmp_path, content):
    path = tmp_path / "runs" / "x.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(InputError, match="x.json"):
        records.read_all(tmp_path)


def test_numbers_that_json_cannot_hold_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        records.write(record(regularisation=float("nan")), root=tmp_path)
    assert records.read_all(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_is_one_sentence(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"):
        records.write(record(), root=tmp_path)


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(InputError, match="cannot be written .*--results"):
        records.write(record(), root=tmp_path)


def test_fields_are_plain_data():
    assert json.loads(json.dumps(dataclasses.asdict(record()))) == dataclasses.asdict(record())
