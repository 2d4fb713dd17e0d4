"""Bench: the arithmetic of its figures, what is timed, what is kept, and the table. No time is asserted anywhere."""

import json
import types

import numpy as np
import pytest
from click.testing import CliRunner

from common import corpora, records
from common.errors import InputError
from common.folds import splits
from experiments import catalog
from experiments.__main__ import main
from experiments.benchmark import latency, measurements, peers, prediction, processes, timing, training
from experiments.evidence import benchmarks
from experiments.tables import all_tables, evidence
from papers.emmert import benchmark as of_emmert
from tests.support.records_by_hand import many

CONDITIONS = {
    "processor": "a processor",
    "keras": "3.15.1",
    "cores": 2,
    "date": "2026-11-21",
    "load_average": 0.1,
    "rehearsal": False,
}
FIGURES = [
    benchmarks.figure("peak", 1234.5, "MiB", note="of all its processes"),
    benchmarks.figure("training: speed", 0.93, "times", at_least=0.95),
    benchmarks.figure("predict: time", 0.9, "s", at_most=1.5),
    benchmarks.figure("speed over a peer", None, "times", note="not measured: it is not installed"),
]
MOST_ROWS = 12  # of a table that a user reads


def invoke(*arguments):
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


# arithmetic


@pytest.mark.parametrize(
    ("value", "target", "shown", "met"),
    [
        (3.0, {"at_least": 3}, "≥ 3", True),
        (2.99, {"at_least": 3}, "≥ 3", False),
        (1.15, {"at_most": 1.15}, "≤ 1.15", True),
        (1.16, {"at_most": 1.15}, "≤ 1.15", False),
        (0, {"at_most": 0}, "≤ 0", True),
        (None, {"at_least": 3}, "≥ 3", None),
        (3.0, {}, None, None),
    ],
)
def test_a_target_is_met_on_its_side(value, target, shown, met):
    entry = benchmarks.figure("f", value, "times", **target)
    assert (entry["target"], entry["met"]) == (shown, met)


def test_functions_take_turns_and_the_first_round_does_not_count(monkeypatch):
    ticks = iter([0.0, 50.0, 50.0, 90.0, 100.0, 101.0, 101.0, 103.0, 110.0, 114.0, 114.0, 115.0])
    monkeypatch.setattr(timing, "time", types.SimpleNamespace(perf_counter=lambda: next(ticks)))
    called = []
    functions = {"a": lambda: called.append("a"), "b": lambda: called.append("b")}
    seconds = timing.in_turns(functions, 2)
    assert "".join(called) == "ababab"
    assert seconds == {"a": [1.0, 4.0], "b": [2.0, 1.0]}
    assert timing.speed_up(seconds["b"], seconds["a"]) == (2 + 0.25) / 2


def test_what_cannot_be_measured_says_why():
    def fails():
        raise InputError("it is not installed")

    entry = timing.attempted("speed", "times", fails, at_least=2)
    assert (entry["value"], entry["met"], entry["note"]) == (None, None, "not measured: it is not installed")


# what is timed


def test_the_network_that_is_timed_is_the_one_that_the_paper_trains(tmp_path):
    paper, recipe = catalog.paper("emmert"), catalog.recipe("emmert", "mfcc", "quick")
    part = training.synthetic_part(paper, recipe, 2, tmp_path)
    network, batches = paper.prepare(recipe, part, seed=0)
    assert len(batches) == 2 and len(batches.utterance_of) == 2 * recipe.batch_size
    assert batches.batch_size == recipe.batch_size and batches.seed is not None
    assert float(np.asarray(network.optimizer.learning_rate)) == pytest.approx(recipe.learning_rate)
    inputs, labels, weights = training.in_memory(batches)
    stored = np.concatenate([np.asarray(array) for array in part.features])  # both rows of every recording
    np.testing.assert_array_equal(inputs["features"], stored)
    assert inputs["features"].dtype == np.float32 and type(inputs["features"]) is np.ndarray
    assert labels.tolist() == np.repeat(part.labels, 2).tolist() and weights.tolist() == [1.0] * len(labels)


def test_the_synthetic_features_have_the_shape_of_three_seconds_of_speech(tmp_path):
    paper, recipe = catalog.paper("lim2016"), catalog.recipe("lim2016", "lstm", "quick")
    part = training.synthetic_part(paper, recipe, 1, tmp_path)
    frames = (48_000 - 256) // 128 + 1
    assert part.features[0].shape == ((frames - 128) // recipe.front_end.stride + 1, 128, 128)
    assert np.bincount(part.labels).tolist() == [len(part) // 4] * 4
    assert not np.array_equal(part.features[0], part.features[1])


def test_a_network_of_each_of_the_five_papers_is_trained():
    assert {name for name, _ in training.networks()} == {"emmert", "satt2017", "lim2016", "ma2018", "chernykh2018"}


def test_librosa_computes_the_features_that_it_is_timed_with():
    front_end = catalog.recipe("emmert", "mfcc", "paper").front_end
    ways = of_emmert.ways([latency.speech("anger", front_end.sample_rate_hz)], front_end)
    np.testing.assert_allclose(*(way()[0] for way in ways.values()), atol=1e-3)  # of about 500 dB


# fresh processes


def test_the_peak_holds_the_memory_of_children():
    grandchild = "import time; x = bytearray(200 * 2**20); x[::4096] = b'1' * len(x[::4096]); time.sleep(0.5)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}]); print('done')"
    measured = timing.child(["-c", code])
    assert 200 < measured.peak_mib < 400
    assert measured.output.strip() == "done"
    assert measured.wall_s >= 0.5 and (measured.cpu_s is None or measured.cpu_s > 0)


def test_a_command_that_fails_is_one_sentence():
    with pytest.raises(InputError, match=r"ended with status 3: the reason$"):
        timing.child(["-c", "print('first'); print('the reason'); raise SystemExit(3)"])


@pytest.fixture
def children(monkeypatch):
    """The commands of all children, none of which is started: a comparison leaves two trainings of two seconds."""
    commands = []

    def child(arguments, environment=None):
        arguments = [str(argument) for argument in arguments]
        commands.append(arguments)
        if "compare" not in arguments:
            return timing.Child(0.4, 0.5, 100.0, "")
        if commands.count(arguments) > 1:
            return timing.Child(3.0, 3.0, 100.0, "")
        for fold in ("fold_1", "fold_2"):
            records.write(many(2, fold=fold, num_folds=2), root=arguments[arguments.index("--results") + 1])
        return timing.Child(5.0, 5.0, 100.0, "")

    for module in (processes, prediction, peers):
        monkeypatch.setattr(module, "child", child)
    return commands


def test_the_comparison_is_held_against_the_sum_of_its_trainings(children, tmp_path):
    ratio, again, tabulated = processes.overhead(tmp_path, smallest=True)
    assert ratio["value"] == 1.25 and ratio["met"] is False and "4 s of 5" in ratio["note"]
    assert again["value"] == 3.0 and tabulated["value"] == 0.5


def test_many_records_are_ours_under_other_seeds(monkeypatch, tmp_path):
    for fold in ("fold_1", "fold_2"):
        records.write(many(2, fold=fold, num_folds=2), root=tmp_path / "ours")
    monkeypatch.setattr(processes, "child", lambda arguments: timing.Child(3.0, 0.5, 100.0, ""))
    processes.tables_of_many(5, tmp_path / "many", source=tmp_path / "ours")
    seeds_and_folds = {(record.seed, record.fold) for record in records.read_all(tmp_path / "many")}
    assert seeds_and_folds == {(0, "fold_1"), (0, "fold_2"), (1, "fold_1"), (1, "fold_2"), (2, "fold_1")}


def test_the_growth_of_memory_is_of_manifests_that_can_be_run(monkeypatch, tmp_path):
    def child(arguments, environment=None):
        (name,) = [argument for argument in map(str, arguments) if argument.startswith("manifest:")]
        corpus = corpora.load(name)
        sizes.append(len(corpus.utterances))
        assert len({u.path for u in corpus.utterances}) == sizes[-1] and len(corpus.classes) == 4
        fold = splits.folds(corpus, "speaker_independent", 0)[0]
        voices = [{u.path.read_bytes() for u in part} for part in fold.parts.values()]
        assert not voices[0] & voices[1] and not voices[0] & voices[2]  # nothing for the leakage audit to drop
        return timing.Child(1.0, 1.0, 100.0 + 20 * len(sizes), "")

    sizes = []
    monkeypatch.setattr(processes, "child", child)
    few, many_more = processes.memory(tmp_path, (48, 96))
    assert sizes == [48, 96]
    assert few["value"] == 120 and few["target"] is None
    assert many_more["value"] == 140 and many_more["target"] == "≤ 132" and many_more["met"] is False


def test_the_slowest_of_the_shipped_systems_counts(monkeypatch, tmp_path):
    seconds = {"emmert-mfcc": 1.0, "chernykh2018-ctc": 2.0}

    def child(arguments):
        spent = seconds.get(arguments[3].name, 0.5)
        return timing.Child(spent, spent, 100 * spent, "")

    monkeypatch.setattr(prediction, "child", child)
    monkeypatch.setattr(prediction, "_milliseconds", lambda system, *_: 10 * seconds.get(system.name, 0.5))
    started, held, more = prediction.measure(tmp_path)
    assert [entry["value"] for entry in (started, held, more)] == [2.0, 200.0, 20.0]
    assert "emmert-mfcc 1.00" in started["note"] and started["met"] is False and held["met"] and more["met"]


@pytest.mark.parametrize(
    ("python", "why"), [(None, "names no Python that has nkululeko"), ("/nowhere/python", "cannot be started")]
)
def test_without_the_peer_its_row_says_why(monkeypatch, tmp_path, python, why):
    monkeypatch.delenv("NKULULEKO_PYTHON", raising=False)
    if python:
        monkeypatch.setenv("NKULULEKO_PYTHON", python)
    monkeypatch.setattr(peers, "child", lambda *_, **__: timing.Child(1.0, 1.0, 1.0, ""))
    (entry,) = peers.measure(tmp_path, smallest=True)
    assert entry["value"] is None and why in entry["note"]


# the verb


def test_a_rehearsal_measures_at_most_twelve_figures_and_keeps_them_where_it_is_told(children, tmp_path):
    result = invoke("--smallest", "--results", tmp_path)
    assert result.exit_code == 0, result.output
    measured = benchmarks.read(tmp_path)
    assert measured["conditions"]["rehearsal"] is True and measured["conditions"]["keras"]
    assert 10 <= len(measured["figures"]) <= MOST_ROWS
    (missing,) = [entry["note"] for entry in measured["figures"] if not entry["value"]]
    assert "nkululeko" in missing


def test_a_rehearsal_writes_only_where_it_is_told_to(tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "conditions", lambda rehearsal: CONDITIONS | {"rehearsal": rehearsal})
    monkeypatch.setattr(measurements, "measure", lambda **_: iter(FIGURES))
    monkeypatch.chdir(tmp_path)
    result = invoke("--smallest")
    assert result.exit_code == 0 and "nothing is written" in result.output
    assert "predict: time: 0.9 s (target ≤ 1.5: met)" in result.output
    assert "speed over a peer: not measured: it is not installed" in result.output
    assert not list(tmp_path.iterdir())
    assert invoke().exit_code == 0
    assert benchmarks.read("results") == {"conditions": CONDITIONS, "figures": FIGURES}


# keeping and tables


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"schema": 2, "figures": [], "conditions": {}}', "is damaged"),
        (json.dumps({"schema": 2, "figures": [{}], "conditions": CONDITIONS}), "missing required field"),
        ('{"schema": 1, "sections": {}}', "has schema 1"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path, text, expected):
    (tmp_path / "bench.json").write_text(text)
    with pytest.raises(InputError, match=expected):
        benchmarks.read(tmp_path)


def test_the_table_says_what_was_measured_where_and_what_was_not(tmp_path):
    papers = tmp_path / "papers"
    papers.mkdir()
    all_tables.update(tmp_path, papers=papers)
    assert not list(tmp_path.rglob("bench*"))  # nothing measured, no table
    benchmarks.keep(tmp_path, CONDITIONS | {"rehearsal": True}, FIGURES)
    assert {path.name for path in all_tables.update(tmp_path, papers=papers)} >= {"bench.md", "bench.csv", "bench.tex"}
    assert all_tables.update(tmp_path, check=True, papers=papers) == []
    text = (tmp_path / "tables" / "bench.md").read_text()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    assert ["peak", "1,234", "MiB", "—", "—", "of all its processes"] in cells
    assert ["training: speed", "0.93", "times", "≥ 0.95", "no", "—"] in cells
    assert ["predict: time", "0.9", "s", "≤ 1.5", "yes", "—"] in cells
    assert ["speed over a peer", "—", "times", "—", "—", "not measured: it is not installed"] in cells
    assert "`python -m experiments bench`" in (tmp_path / "COMMANDS.md").read_text()
    (caption,) = [line for line in text.splitlines() if line.startswith("**")]
    assert "a processor, 2 cores; 2026-11-21, load average 0.1" in caption and evidence.REHEARSAL in caption
    assert "1234.5" in (tmp_path / "tables" / "bench.csv").read_text()


def test_the_table_needs_neither_keras_nor_audio(tmp_path):
    benchmarks.keep(tmp_path, CONDITIONS, FIGURES)
    code = (
        "import sys; from experiments.evidence import benchmarks; from experiments.tables import evidence\n"
        "assert evidence.speed_sheet(benchmarks.read(sys.argv[1])).tables\n"
        "assert not {'tensorflow', 'keras', 'librosa', 'psutil'} & sys.modules.keys()"
    )
    timing.child(["-c", code, tmp_path])
