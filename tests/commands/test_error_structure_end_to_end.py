"""A synthetic IEMOCAP through the command line; its tables against a loop over utterances and recorded decisions."""

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from common import corpora
from common.corpora import synthetic
from experiments.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
CLASSES = ("anger", "excitement", "neutral", "sadness")
SLUG = "iemocap-synthetic-all-4exc"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Four speakers of a synthetic IEMOCAP, and the results of the first of the paper's folds."""
    place = tmp_path_factory.mktemp("iemocap")
    synthetic.synthesize("iemocap", place / "iemocap", speakers=4, files=2, workers=1, progress=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SER_CACHE", str(place / "cache"))
        train(place)
        for verb in ("tabulate", "report"):
            run(verb, "--results", place / "results")
        yield place


def run(*words):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output


def train(place):
    run(
        *("run", "chernykh2018", "--variant", "dummy,framewise,ctc", "--corpus", "iemocap/all/4exc"),
        *("--data", place, "--preset", "smoke", "--folds", "1", "--workers", "1"),
        *("--results", place / "results", "--store", place / "store"),
    )


def read(place, name):
    with open(place / "results" / "tables" / f"{name}.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def decisions(place, variant):
    """(utterance id, decided emotion or None) of every test utterance, by the first rule of the records."""
    (path,) = place.glob(f"results/runs/chernykh2018/{variant}/**/*.json")
    test = json.loads(path.read_text())["parts"]["test"]
    for name, row in zip(test["utterances"], next(iter(test["scores"].values())), strict=True):
        yield name, CLASSES[row.index(max(row))] if any(row) else None


def counted(place, variant):
    """What Table 1, Table 2 and Figures 6a and 6b count, utterance by utterance."""
    heard = {u.id: u for u in corpora.load("iemocap/all/4exc", place).utterances}
    counts = Counter()
    for name, decided in decisions(place, variant):
        truth = heard[name].emotion
        against = [vote[0] for vote in heard[name].votes if vote[0] != truth]  # a synthetic rater says one word
        considered = [word for word in against if word in CLASSES]
        counts["n"] += 1
        counts["right"] += decided == truth
        counts["n", len(against)] += 1
        counts["right", len(against)] += decided == truth
        counts[truth, "n", len(against)] += 1
        counts[truth, "wrong", len(against)] += decided != truth
        counts[truth, "decided", decided] += 1
        counts[truth, "dissenting"] += len(against)
        counts[truth, "considered"] += len(considered)
        counts[truth, "errors"] += decided != truth and bool(considered)
        counts[truth, "matching"] += decided in considered
    return counts


def same(cell, hits, total):
    """A CSV cell holds this fraction, nothing where there is nothing to count."""
    return cell == "" if not total else float(cell) == pytest.approx(hits / total, abs=1e-6)


@pytest.mark.parametrize("variant", ["dummy", "framewise", "ctc"])
def test_tables_are_what_a_loop_counts(place, variant):
    counts = counted(place, variant)
    assert counts["n"] == 28 and counts["n", 0] + counts["n", 1] == 28 and counts["n", 1] > 0
    rows = {kind: [] for kind in ("error", "accuracy", "residual", "confusion")}
    for row in read(place, f"errors_{SLUG}"):
        if row["variant"] == variant:
            rows[row["what"]].append(row)
    assert [len(of_kind) for of_kind in rows.values()] == [4, 1, 8, 4]

    for row in rows["error"]:  # Figure 6b
        truth = row["emotion"]
        for k in (0, 1):
            assert int(row[f"n_{k}_dissenting"]) == counts[truth, "n", k]
            assert same(row[f"share_{k}_dissenting"], counts[truth, "wrong", k], counts[truth, "n", k])
    for k in (0, 1):
        assert same(rows["accuracy"][0][f"share_{k}_dissenting"], counts["right", k], counts["n", k])
    for row in [row for row in rows["residual"] if row["raters"] == "external"]:  # Table 2
        dissenting, considered, errors, matching = (
            counts[row["emotion"], key] for key in ("dissenting", "considered", "errors", "matching")
        )
        assert (int(row["n_dissenting"]), int(row["n_errors"])) == (dissenting, errors)
        assert same(row["considered"], considered, dissenting) and same(row["model_accuracy"], matching, errors)
    for row in rows["confusion"]:  # Figure 6a
        truth = row["emotion"]
        total = sum(counts[truth, "decided", name] for name in (*CLASSES, None))
        for name in (*CLASSES, None):
            assert same(row[f"decided_{name or 'no_decision'}"], counts[truth, "decided", name], total)


@pytest.mark.parametrize("variant", ["dummy", "framewise", "ctc"])
def test_table_1_is_what_a_loop_counts(place, variant):
    counts = counted(place, variant)
    row = next(row for row in read(place, f"reduced_{SLUG}") if row["variant"] == variant)
    undecided = sum(counts[name, "decided", None] for name in CLASSES)
    assert same(row["wa_pooled"], counts["right"], counts["n"]) and same(row["no_decision"], undecided, counts["n"])


def test_everything_stays_labelled_synthetic_and_is_in_the_report(place):
    for form in ("md", "tex"):
        text = (place / "results" / "tables" / f"errors_{SLUG}.{form}").read_text(encoding="utf-8")
        assert text.count("synthetic speech: a software check, not a result") == 3
    page = (place / "results" / "report" / f"corpus-{SLUG}.html").read_text(encoding="utf-8")
    assert "Residual accuracy (Chernykh 2018, Table 2)" in page
    shares = [row for row in read(place, "paper_vs_ours_chernykh2018") if row["metric"].startswith("share:")]
    assert len(shares) == 9
    assert {row["verdict"] for row in shares} == {"not comparable: only synthetic speech"}


def test_the_same_command_again_writes_lost_answers_and_trains_nothing(place):
    kept = {path: path.stat().st_mtime_ns for path in place.glob("results/runs/**/*.json")}
    (lost,) = place.glob("results/human/*.json")
    before = lost.read_bytes()
    lost.unlink()
    train(place)
    assert lost.read_bytes() == before and b'"synthetic": true' in before
    assert kept == {path: path.stat().st_mtime_ns for path in place.glob("results/runs/**/*.json")}


def test_tables_of_errors_need_neither_keras_nor_audio(place):
    code = (
        "import sys; from experiments.__main__ import main\n"
        "main(['tabulate', '--check', '--results', sys.argv[1]], standalone_mode=False)\n"
        "assert 'common.evaluation.agreement' in sys.modules\n"
        "assert not {'tensorflow', 'keras', 'librosa', 'soundfile', 'sklearn'} & set(sys.modules), 'heavy'"
    )
    command = [sys.executable, "-c", code, str(place / "results")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
