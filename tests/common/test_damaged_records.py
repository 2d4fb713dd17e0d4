"""Records damaged in every way of tests/support/damage: each is refused in one sentence, none is taken for another."""

import copy
import dataclasses
import json

import pytest
from click.testing import CliRunner

from common import records
from common.errors import InputError
from experiments.__main__ import main
from experiments.tables import all_tables
from tests.support import hostile
from tests.support.records_by_hand import unbalanced


@pytest.mark.parametrize("source", hostile.SOURCES)
def test_no_damage_is_accepted_and_none_ends_in_a_traceback(tmp_path, source):
    original = hostile.SOURCES[source]()
    judged = hostile.judged_records(original, tmp_path)
    assert (judged.accepted, judged.tracebacks) == ([], []) and len(judged.refused) > 200


def test_what_means_the_same_is_read(tmp_path):
    path = records.write(hostile.noisy(), root=tmp_path)
    tree = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(tree.items())), indent=3, ensure_ascii=False))
    assert records.read(path) == hostile.noisy()
    del tree["networks"]  # records older than the field
    path.write_text(json.dumps(tree))
    assert records.read(path) == dataclasses.replace(hostile.noisy(), networks={})


def test_tables_of_records_with_any_recipe_environment_and_history(tmp_path):
    """What no check can know to be wrong must not end in a traceback either."""
    original = dataclasses.asdict(unbalanced())
    values = [None, True, -1, 0.5, "x", [], [None], {}, {"x": None}]
    path = records.write(unbalanced(), root=tmp_path)
    for field in ("recipe", "environment", "history", "cost", "notes"):
        for value in values:
            for name in original[field] if isinstance(original[field], dict) else [None]:
                tree = copy.deepcopy(original)
                tree[field] = value if name is None else tree[field] | {name: value}
                path.write_text(json.dumps(tree))
                try:
                    records.read_all(tmp_path)
                except InputError:
                    continue
                assert all_tables.expected(tmp_path, tmp_path / "papers"), (field, name, value)


def test_every_committed_record_is_read_and_lies_in_its_place():
    assert len(records.read_all(hostile.RUNS.parent)) == len(list(hostile.RUNS.rglob("*.json")))


def copied(path, other):
    other.parent.mkdir(parents=True, exist_ok=True)
    other.write_bytes(path.read_bytes())


def test_copies_and_moved_records_are_refused_all_at_once(tmp_path):
    paths = [records.write(unbalanced(fold=f"fold_{k}", num_folds=6), root=tmp_path) for k in range(1, 6)]
    copied(paths[0], paths[0].with_name("fold_1 (conflicted copy).json"))
    copied(paths[1], tmp_path / "runs" / "backup" / "fold_2.json")
    paths[2].rename(paths[2].with_name("fold_6.json"))
    paths[3].write_text("{")
    with pytest.raises(InputError) as raised:
        records.read_all(tmp_path)
    lines = str(raised.value).splitlines()
    assert len(lines) == 4
    job = "emmert/mfcc on ravdess/strong, seed 0"
    for words in (
        f"fold_1 (conflicted copy).json is a second record of {job}, fold_1, beside {paths[0]}",
        "runs/backup/fold_2.json is a second record of emmert/mfcc",
        f"fold_6.json is the record of {job}, fold_3, which belongs at {paths[2]}",
        f"{paths[3]} is not a run record",
    ):
        assert any(words in line for line in lines), (words, lines)


def test_a_backup_of_the_whole_folder_is_named_ten_times_and_counted(tmp_path):
    for k in range(1, 13):
        path = records.write(unbalanced(fold=f"fold_{k}", num_folds=12), root=tmp_path)
        copied(path, tmp_path / "runs" / "old" / path.relative_to(tmp_path / "runs"))
    result = CliRunner().invoke(main, ["tabulate", "--results", str(tmp_path)])
    assert result.exit_code == 2
    assert result.stderr.count("is a second record of") == 10 and "and 2 more" in result.stderr
    assert not (tmp_path / "tables").exists()


def test_what_is_no_file_is_named(tmp_path):
    (tmp_path / "runs" / "folder.json").mkdir(parents=True)
    (tmp_path / "runs" / "zero.json").symlink_to("/dev/zero")
    with pytest.raises(InputError) as raised:
        records.read_all(tmp_path)
    assert len(str(raised.value).splitlines()) == 2
