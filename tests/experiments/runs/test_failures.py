"""What goes wrong with one fold: the others are done, the run ends with status 2, and nothing is lost."""

import concurrent.futures
import errno
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from common import corpora, recipes, records
from common.atomic_file import atomic
from common.corpora import verify
from common.errors import InputError
from experiments.__main__ import main
from experiments.runs import compare, jobs, schedule
from papers import satt2017
from tests.common.test_records import record


def job(name, tmp_path):
    return SimpleNamespace(path=tmp_path / name, system=SimpleNamespace(name="a/b"), fold=SimpleNamespace(name=name))


def test_a_failure_is_still_told_when_another_folds_process_dies(monkeypatch, tmp_path):
    pools = []

    def one_pool(remaining, workers, progress, failures):
        pools.append(sorted(job.fold.name for job in remaining.values()))
        if len(pools) == 1:
            failures.append(InputError("fold_1: no such file"))
            remaining.pop(0)
            raise concurrent.futures.process.BrokenProcessPool
        remaining.clear()

    monkeypatch.setattr(schedule, "_one_pool", one_pool)
    waiting = [job("fold_1", tmp_path), job("fold_2", tmp_path)]
    assert list(map(str, schedule._in_processes(waiting, 2, None))) == ["fold_1: no such file"]
    assert pools == [["fold_1", "fold_2"], ["fold_2"]]


def test_a_run_whose_folds_failed_shows_its_tables_and_ends_with_status_2(monkeypatch, tmp_path):
    monkeypatch.setattr(compare, "train", lambda *_, **__: ([], [], [InputError("fold_1: it diverged")]))
    result = CliRunner().invoke(main, ["run", "emmert", "--variant", "mfcc", "--results", str(tmp_path)])
    assert result.exit_code == 2
    assert f"next: python -m experiments tabulate --results {tmp_path}" in result.output
    assert (
        "Error: 1 fold failed and has no record; the records of all others are kept:\nfold_1: it diverged"
        in result.output
    )


def test_where_there_are_no_hard_links_records_are_written_and_never_overwritten(monkeypatch, tmp_path):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = records.write(record(), root=tmp_path)
    assert records.read(path) == record()
    with pytest.raises(FileExistsError), atomic(path, "w", replace=False) as file:
        file.write("another")
    assert [p.name for p in path.parent.iterdir()] == ["fold_1.json"]


@pytest.mark.parametrize(("text", "numbers"), [("0-2,1,7", (0, 1, 2, 7)), ("3", (3,)), ("4-0", None), ("1,", None)])
def test_lists_of_numbers(text, numbers, monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(compare, "train", lambda *_, seeds, **__: seen.append(seeds) or ([], [], []))
    result = CliRunner().invoke(
        main, ["run", "emmert", "--variant", "mfcc", "--seeds", text, "--results", str(tmp_path)]
    )
    assert (result.exit_code, seen) == ((0, [numbers]) if numbers else (2, []))


@pytest.mark.parametrize("place", ["nowhere", "empty"])
@pytest.mark.parametrize("verb", [["compare", "--preset", "smoke"], ["audit", "--keep", "results"]])
def test_a_folder_of_corpora_that_holds_none_is_the_users_fault(verb, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("results").mkdir()
    Path("results/audit.json").write_text("kept")
    result = CliRunner().invoke(main, [*verb, "--data", place])
    assert result.exit_code == 2
    assert "Error: no corpus " in result.output and place in result.output
    assert Path("results/audit.json").read_text() == "kept"
    assert not Path(".cache").exists()


def test_a_folder_that_may_not_be_read_holds_no_corpus(monkeypatch, tmp_path):
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "emodb" / "wav").mkdir(parents=True)
    (tmp_path / "emodb" / "wav" / "03a01Fa.wav").write_text("")
    list_all = os.listdir

    def listdir(folder):
        if Path(folder).name == "lost+found":
            raise PermissionError(errno.EACCES, "Permission denied")
        return list_all(folder)

    monkeypatch.setattr(os, "listdir", listdir)
    assert not verify.has_audio(tmp_path / "lost+found", re.compile(".*"))
    assert corpora.places.find("ravdess", tmp_path) is None
    assert corpora.places.find("emodb", tmp_path) == tmp_path / "emodb"


def test_a_setting_added_later_stands_at_its_default_in_records_wherever_it_is():
    recipe = satt2017.RECIPES["two_step_20hz"]["paper"]
    noisy = satt2017.RECIPES["noise_modified_20hz"]["paper"]
    for settings in (recipe, noisy):
        whole = recipes.plain(settings)
        older = recipes.plain(settings)
        for holder in (older, older["front_end"], *filter(None, [older["pairwise"]])):
            holder.pop("snr_db", None)
            holder.pop("learning_rate", None)
        for _, front_end in older["test_front_ends"]:
            del front_end["pitch_floor_hz"]
        assert older != whole
        assert jobs._completed(older, settings) == whole
        assert jobs._completed({**older, "gone": 1}, settings) != whole
