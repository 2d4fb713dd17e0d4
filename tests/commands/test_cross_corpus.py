"""`--protocol cross_corpus` from the command to the table: two corpora whose speakers have the same names."""

import csv
import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner

from common import records
from experiments.__main__ import main
from experiments.evaluation import system_results
from experiments.tables import all_tables
from tests.support.records_by_hand import unbalanced
from tests.support.small_corpora import EMOTIONS, write_corpus

PROTOCOL = "cross_corpus-manifest-near"


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Name -> --corpus: two at different sampling rates, one with a class of its own, the second one louder."""
    folder = tmp_path_factory.mktemp("two")
    return {
        "near": write_corpus(folder, "near", 16_000, 6),
        "far": write_corpus(folder, "far", 22_050, 3, emotions=(*EMOTIONS, "surprise")),
        "loud": write_corpus(folder, "loud", 22_050, 3, loudness=4.0),
    }


@pytest.fixture(scope="module")
def arguments(corpora, tmp_path_factory):
    """Function: further options -> those of a run, results in one folder."""
    folder = tmp_path_factory.mktemp("across")

    def of(*more, corpus="near", test="far"):
        common = ("--workers", 1, "--results", folder / "results", "--store", folder / "store")
        return (
            "--corpus",
            corpora[corpus],
            "--test-corpus",
            corpora[test],
            "--protocol",
            "cross_corpus",
            *common,
            *more,
        )

    of.results, of.models = folder / "results", folder / "models"
    return of


@pytest.fixture(scope="module")
def recorded(arguments, tmp_path_factory):
    """The record of an SVM that was trained on `near` and tested on `far`, and what the command printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SER_CACHE", str(tmp_path_factory.mktemp("cache")))
        systems = ("--variant", "mfcc_svm", "--models", arguments.models)
        done = run("run", "baseline", *systems, *arguments())
        assert done.exit_code == 0, done.output
        within = ("--corpus", arguments()[3], "--emotions", "4hap", "--protocol", "speaker_independent")
        own = run("run", "baseline", "--variant", "mfcc_svm", *within, *arguments()[6:])
        assert own.exit_code == 0, own.output
        for verb in ("tabulate", "report"):
            assert run(verb, "--results", arguments.results).exit_code == 0
    (record,) = (r for r in records.read_all(arguments.results) if r.trained_on)
    return record, done.output


def test_a_record_names_both_corpora_and_counts_those_that_were_tested(recorded):
    record, output = recorded
    assert (record.corpus_variant, record.trained_on, record.protocol) == (
        "manifest:far/4hap",
        "manifest:near",
        PROTOCOL,
    )
    assert (record.fold, record.num_folds) == ("fold_1", 1)
    assert {name: sum(counts.values()) for name, counts in record.counts.items()} == {
        "train": 20,
        "valid": 4,
        "test": 12,
    }
    assert record.classes == list(EMOTIONS) and "manifest:far: baseline leaves out surprise (3 of 15" in output
    assert set(record.parts["test"]["speakers"]) == {"s0", "s1", "s2"}
    (validating,) = set(record.parts["valid"]["speakers"])
    assert validating.startswith("manifest:near/s")
    (system,) = system_results.group([record])
    assert (system.num_test, system.majority) == ("12", 0.25)
    assert system.command == (
        "python -m experiments run baseline --variant mfcc_svm --corpus manifest:FILE --test-corpus manifest:FILE "
        "--emotions 4hap --protocol cross_corpus --preset paper --seeds 0"
    )


def test_the_table_has_the_same_system_within_the_tested_corpus_beside_it(recorded, arguments):
    with (arguments.results / "tables" / "cross_corpus.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["trained_on"], row["corpus_variant"], row["n"]) == ("manifest:near", "manifest:far/4hap", "12")
    record, _ = recorded
    right = np.argmax(record.scores(), axis=1) == record.labels()
    assert float(row["ua"]) == pytest.approx(right.mean())  # three of each class
    within = [r for r in records.read_all(arguments.results) if not r.trained_on]
    decided = np.concatenate([np.argmax(r.scores(), axis=1) == r.labels() for r in within])
    assert float(row["ua_beside"]) == pytest.approx(decided.mean()) and row["beside"] == "speaker_independent"
    assert float(row["ua_difference"]) == pytest.approx(float(row["ua"]) - float(row["ua_beside"]), abs=1e-6)
    systems = (arguments.results / "tables" / "systems_manifest-far-4hap.csv").read_text()
    assert "speaker_independent" in systems and "cross_corpus" not in systems
    assert 'id="across"' in (arguments.results / "report" / "index.html").read_text(encoding="utf-8")


def test_without_a_run_within_the_corpus_nothing_stands_beside():
    across = unbalanced(trained_on="emodb", protocol="cross_corpus-emodb", corpus_variant="ravdess")
    sheets = all_tables.all_sheets(system_results.group([across]), [])
    (table,) = next(sheet for sheet in sheets if sheet.name == "cross_corpus").tables
    (row,) = table.shown.to_dict("records")
    assert (row["trained on"], row["tested on"], row["within-corpus UA [95 %]"]) == ("emodb", "ravdess", "—")
    assert row["UA [95 %]"].startswith("62.5") and row["WA"] == "66.7"  # 5/8 and 4/6, see `unbalanced`
    assert "emmert/mfcc" not in str([s for s in sheets if s.name.startswith(("systems", "protocols"))])


def test_what_is_tested_changes_nothing_that_is_learnt(recorded, arguments, monkeypatch, tmp_path):
    """Moments of the features and all else come from the training part: a louder corpus is validated as the other."""
    monkeypatch.setenv("SER_CACHE", str(tmp_path))
    done = run("run", "baseline", "--variant", "mfcc_svm", *arguments(test="loud"))
    assert done.exit_code == 0, done.output
    (other,) = (r for r in records.read_all(arguments.results) if r.corpus == "manifest:loud")
    record, _ = recorded
    assert other.parts["valid"] == record.parts["valid"] and other.parts["train"] == record.parts["train"]
    assert other.scores().tolist() != record.scores().tolist()


def test_a_finished_run_is_not_repeated_and_another_pair_has_its_own_place(recorded, arguments, monkeypatch, tmp_path):
    monkeypatch.setenv("SER_CACHE", str(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in (arguments.results / "runs").rglob("*.json")}
    again = run("run", "baseline", "--variant", "mfcc_svm", *arguments())
    assert again.exit_code == 0 and "epochs" not in again.output
    assert {path: path.stat().st_mtime_ns for path in (arguments.results / "runs").rglob("*.json")} == before
    plan = run("run", "baseline", "--variant", "mfcc_svm", *arguments("--dry-run", corpus="loud"))
    assert plan.exit_code == 0, plan.output
    assert "baseline/mfcc_svm" in plan.output and "hours of one core" in plan.output


def test_a_saved_system_says_on_which_corpus_its_numbers_are(recorded, arguments):
    record, _ = recorded
    folder = records.record_path(arguments.models, record).with_suffix("")
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "fold\\_1 of 1 on manifest:near" in card or "fold_1 of 1 on manifest:near" in card
    assert "Trained on manifest:near, tested on all of manifest:far/4hap." in card
    assert "a user's own recordings (manifest:near)" in card and "| speakers, test, also in train | 0 |" in card
    assert json.loads((folder / "config.json").read_text())["trained_on"] == "manifest:near"


def test_predictions_are_exported_and_no_fold_files(recorded, arguments, tmp_path):
    done = run("export", "--results", arguments.results, "--into", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "trained on another corpus: only predictions" in done.output
    assert list((tmp_path / "out" / "predictions").rglob(f"{PROTOCOL}-paper/seed_0/fold_1.csv"))
    assert not list((tmp_path / "out" / "folds").rglob(f"*{PROTOCOL}*"))


def test_a_record_whose_protocol_is_of_another_training_is_refused(recorded, tmp_path):
    record, _ = recorded
    for changes in ({"trained_on": ""}, {"trained_on": "emodb"}, {"protocol": "random"}):
        (fault,) = records.description_faults(dataclasses.replace(record, **changes))
        assert "does not match training on" in fault


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--protocol", "cross_corpus", "--corpus", "ravdess"], "give it with --test-corpus"),
        (
            ["--protocol", "random", "--corpus", "ravdess", "--test-corpus", "emodb"],
            "--test-corpus emodb would be ignored",
        ),
        (["--protocol", "cross_corpus", "--test-corpus", "emodb"], "needs the training corpus; give it with --corpus"),
    ],
)
def test_half_a_pair_is_refused(words, sentence):
    done = run("compare", "--systems", "baseline/mfcc_svm", *words)
    assert done.exit_code == 2 and sentence in done.output, done.output


def test_one_corpus_twice_is_refused(arguments):
    done = run("run", "baseline", "--variant", "mfcc_svm", *arguments(test="near"))
    assert done.exit_code == 2 and "are both manifest:near" in done.output
