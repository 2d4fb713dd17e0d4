"""Records damaged in every way of tests/support/damage: each is refused in one sentence, none is taken for another."""

import copy
import dataclasses
import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from common import records
from common.errors import InputError
from experiments.__main__ import main
from experiments.tables import all_tables
from tests.support import damage
from tests.support.records_by_hand import part, record, unbalanced

RUNS = Path(__file__).parents[2] / "results" / "runs"
NETWORK = {"epochs": 9, "kept": 8, "stopped_by": "limit", "patience": 3}
NETWORK |= {"loss": 0.5, "ua": 0.75, "largest_share": 0.5, "num_classes": 2}


def noisy():
    """A record with every field that a record can have: networks, and the test part in noise."""
    test = part([0, 1, 1], [0, 1, -1])
    train = {"confusion": [[2, 0, 0], [0, 1, 0]], "cross_entropy": 0.25}
    front_ends = [["babble", {"noise": "babble", "snr_db": 0.0}]]
    return record(
        test,
        parts={"train": train, "valid": test, "test": test, "test:babble": test},
        recipe={"corpus": "ravdess", "front_end": {"window_s": 0.04}, "test_front_ends": front_ends},
        networks={"network": NETWORK},
    )


def smallest(paper):
    return records.read(min((RUNS / paper).rglob("*.json"), key=lambda path: (path.stat().st_size, path)))


SOURCES = {"noisy": noisy} | {
    paper: lambda paper=paper: smallest(paper) for paper in ("chernykh2018", "emmert", "lim2016")
}


def of_meaning(tree):
    """(name, tree) where every type is right and the whole is not."""

    def mutant(name, change):
        other = copy.deepcopy(tree)
        change(other, other["parts"]["test"])
        return name, other

    def swap(one, other):
        def change(_, test):
            test[one], test[other] = test[other], test[one]

        return change

    num_classes = len(tree["classes"])
    scores = list(tree["parts"]["test"]["scores"])
    yield mutant("a label too large", lambda _, test: test["labels"].__setitem__(0, num_classes))
    yield mutant("a negative label", lambda _, test: test["labels"].__setitem__(0, -1))
    yield mutant("an utterance twice", lambda _, test: test["utterances"].__setitem__(0, test["utterances"][1]))
    yield mutant("a label less", lambda _, test: test["labels"].pop())
    yield mutant("a speaker more", lambda _, test: test["speakers"].append("x"))
    yield mutant("labels and speakers swapped", swap("labels", "speakers"))
    yield mutant("scores and confusion swapped", swap("scores", "confusion"))
    for rule in scores:
        yield mutant(f"a row of {rule} too narrow", lambda _, test, rule=rule: test["scores"][rule][0].pop())
        yield mutant(f"a row of {rule} too wide", lambda _, test, rule=rule: test["scores"][rule][-1].append(0.5))
        yield mutant(f"a row of {rule} less", lambda _, test, rule=rule: test["scores"][rule].pop())
        yield mutant(f"NaN in {rule}", lambda _, test, rule=rule: test["scores"][rule][0].__setitem__(0, damage.NAN))
        yield mutant(f"{rule} huge", lambda _, test, rule=rule: test["scores"][rule][0].__setitem__(0, 1e300))
        yield mutant(f"{rule} renamed", lambda _, test, rule=rule: test["scores"].update(x=test["scores"].pop(rule)))
    yield mutant("a column less", lambda _, test: [row.pop() for row in test["confusion"]])
    yield mutant("a count more", lambda _, test: test["confusion"][0].__setitem__(0, test["confusion"][0][0] + 1))
    yield mutant("a class less", lambda other, _: other["classes"].pop())
    yield mutant("a class more", lambda other, _: other["classes"].append("zeal"))
    yield mutant("classes reversed", lambda other, _: other["classes"].reverse())
    yield mutant("a test part of train", lambda other, _: other["parts"].update(train=other["parts"]["test"]))
    yield mutant("a part more", lambda other, test: other["parts"].update({"test:wind": test}))
    yield mutant("an epoch that is not there", lambda other, _: other.update(best_epoch=4711))
    yield mutant("an unknown field", lambda other, _: other.update(accuracy=0.9))
    if len(tree["history"]) > 2:
        yield mutant("an epoch of one list less", lambda other, _: other["history"]["loss"].pop())


def mutants(source, rng):
    tree = dataclasses.asdict(source)
    trees = [*damage.of_fields(tree, damage.RECORD), *of_meaning(tree)]
    return [*((name, json.dumps(mutant).encode()) for name, mutant in trees), *damage.of_bytes(tree, rng)]


@pytest.mark.parametrize("source", SOURCES)
def test_no_damage_is_accepted_and_none_ends_in_a_traceback(tmp_path, source):
    original = SOURCES[source]()
    path = records.write(original, root=tmp_path)
    assert records.read(path) == original
    cases = mutants(original, random.Random(0))
    assert len(cases) > 200
    accepted, raised = [], []
    for name, content in cases:
        path.write_bytes(content)
        try:
            records.read_all(tmp_path)
            accepted.append(name)
        except InputError as error:
            assert str(path) in str(error) and str(error).isprintable(), name
        except Exception as error:
            raised.append((name, repr(error)))
    assert (accepted, raised) == ([], [])


def test_what_means_the_same_is_read(tmp_path):
    path = records.write(noisy(), root=tmp_path)
    tree = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(tree.items())), indent=3, ensure_ascii=False))
    assert records.read(path) == noisy()
    del tree["networks"]  # records older than the field
    path.write_text(json.dumps(tree))
    assert records.read(path) == dataclasses.replace(noisy(), networks={})


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
    assert len(records.read_all(RUNS.parent)) == len(list(RUNS.rglob("*.json")))


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
