"""Bench: the arithmetic of its figures, what is timed, what is kept, and the table. No time is asserted anywhere."""

import json
import types

import numpy as np
import pytest
from click.testing import CliRunner

from common import records
from common.errors import InputError
from experiments import catalog
from experiments.__main__ import main
from experiments.benchmark import batches as benchmark_batches
from experiments.benchmark import features, processes, sections, timing, training
from experiments.evidence import benchmarks
from experiments.tables import all_tables, evidence
from tests.support.records_by_hand import many

SECTIONS = tuple(benchmarks.TITLES)
CONDITIONS = {
    "processor": "a processor",
    "keras": "3.15.1",
    "cores": 2,
    "date": "2026-11-21",
    "load_average": 0.1,
    "rehearsal": False,
    "command": "python -m experiments bench --only this --corpus ravdess",
}
BY_HAND = {
    "memory": {
        "conditions": CONDITIONS,
        "figures": [
            benchmarks.figure("growth of the peak", 0.034, benchmarks.SHARE, at_most=0.1),
            benchmarks.figure("peak", 1234.5, "MiB", note="of all its processes"),
        ],
    },
    "prediction": {
        "conditions": CONDITIONS | {"rehearsal": True},
        "figures": [
            benchmarks.figure("emmert/mfcc: LiteRT", 1.5, "times", at_least=2),
            benchmarks.figure("emmert/mfcc: ONNX", None, "times", at_least=2, note="not measured: needs onnxruntime"),
        ],
    },
}


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


def test_gigaflops_of_a_dense_layer_by_hand():
    # 4 inputs and 3 units: 12 multiply-accumulates, 24 operations, three times that in training; 5e8 examples in 4 s
    assert training.gigaflops(12, 5e8, 4.0) == pytest.approx(9.0)


def test_the_figures_of_a_network_by_hand():
    one = {"multiply_accumulates": 10**9, "examples": 10, "ours": [2.0, 1.0, 9.0], "plain": [1.9, 0.9, 9.9]}
    two = one | {"ours": [1.0, 1.0, 1.0], "plain": [1.0, 1.0, 0.8]}
    timings = [one | {"peak": [90.0, 100.0, 110.0]}, two | {"peak": [20.0, 20.0, 500.0]}]
    rate, share, over = training.figures("lim2016/cnn", timings, 0.3)
    assert rate["value"] == 60 * 1 / 2 + 60 * 1 / 1  # 6 GFLOP an example, 10 examples, medians 2 s and 1 s
    assert share["value"] == 90 / 120 and share["target"] == "≥ 30" and share["met"]
    # plain over ours: 0.95, 0.9, 1.1, 1, 1, 0.8
    assert over["value"] == pytest.approx((0.95 + 1) / 2) and over["met"]


def test_functions_take_turns_and_the_first_round_does_not_count(monkeypatch):
    ticks = iter([0.0, 50.0, 50.0, 90.0, 100.0, 101.0, 101.0, 103.0, 110.0, 114.0, 114.0, 115.0])
    monkeypatch.setattr(timing, "time", types.SimpleNamespace(perf_counter=lambda: next(ticks)))
    called = []
    functions = {"a": lambda: called.append("a"), "b": lambda: called.append("b")}
    seconds = timing.in_turns(functions, 2)
    assert "".join(called) == "ababab"
    assert seconds == {"a": [1.0, 4.0], "b": [2.0, 1.0]}
    assert timing.speed_up(seconds["b"], seconds["a"]) == (2 + 0.25) / 2


def test_modules_are_counted_in_what_python_says_of_its_imports():
    said = (
        "import time:       120 |        120 |   tensorflow.python\n"
        "import time:        99 |       1200 | tensorflow\n"
        "import time:        99 |       1200 |     keras.layers\n"
        "import time:         1 |          1 | tensorflow_of_another_name\n"
        "papers that name tensorflow | keras\n"
    )
    assert processes.heavy_modules(said) == 3


# what is timed


def test_what_is_timed_is_what_the_paper_trains(tmp_path):
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


def test_both_ways_of_batching_hold_the_same_sentences_in_batches_of_the_same_bound():
    paper, recipe = catalog.paper("ma2018"), catalog.recipe("ma2018", "variable_length", "quick")
    frames = benchmark_batches.lengths(200, recipe.front_end.hop_s)
    assert 70 <= frames.min() and frames.max() <= 2000 and 300 < np.median(frames) < 420
    _, similar, any_order = benchmark_batches.both_ways(paper, recipe, frames)
    for batches in (similar, any_order):
        assert sorted(np.concatenate(batches.batches).tolist()) == list(range(200))
    widest = max(len(batch) for batch in any_order.batches) * frames.max()
    assert 0 < widest <= recipe.max_frames
    inputs, _, _ = benchmark_batches.padded(any_order[0], frames.max())
    assert inputs["features"].shape == (len(any_order.batches[0]), frames.max(), 400)
    assert inputs["length"].tolist() == frames[any_order.batches[0]].tolist()


# fresh processes


# the verb


def test_a_rehearsal_writes_only_where_it_is_told_to(tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "conditions", lambda rehearsal: CONDITIONS | {"rehearsal": rehearsal})
    monkeypatch.setattr(sections, "measure", lambda section, **_: iter(BY_HAND["memory"]["figures"]))
    monkeypatch.chdir(tmp_path)
    result = invoke("--smallest")
    assert result.exit_code == 0 and "nothing is written" in result.output
    assert "growth of the peak: 3.4 % (target ≤ 10 %: met)" in result.output
    assert not list(tmp_path.iterdir())
    assert invoke("--smallest", "--results", "kept").exit_code == 0
    assert [section["conditions"]["rehearsal"] for section in benchmarks.read("kept").values()] == [True] * len(
        SECTIONS
    )
    assert invoke("--only", "memory, training").exit_code == 0
    assert list(benchmarks.read("results")) == ["training", "memory"]
    assert invoke("--only", "features,batches", "--corpus", "ravdess").exit_code == 0
    commands = {name: section["conditions"]["command"] for name, section in benchmarks.read("results").items()}
    assert commands["features"].endswith("bench --only features --corpus ravdess")
    assert commands["batches"].endswith("bench --only batches") and commands["memory"].endswith("--only memory")


def test_the_processes_of_a_rehearsed_training_find_together(tmp_path):
    result = invoke("--smallest", "--only", "training", "--results", tmp_path)
    assert result.exit_code == 0, result.output
    (section,) = benchmarks.read(tmp_path).values()
    assert section["conditions"]["rehearsal"] is True and section["conditions"]["keras"]
    assert len(section["figures"]) == 4 and all(entry["value"] > 0 for entry in section["figures"])


@pytest.mark.parametrize("only", ["speed", "training,speed"])
def test_an_unknown_section_is_named_with_those_there_are(only):
    result = invoke("--only", only)
    assert result.exit_code == 2 and ", ".join(SECTIONS) in result.output.replace("\n", " ")


# keeping and tables


def test_a_section_measured_again_replaces_itself_alone(tmp_path):
    assert benchmarks.read(tmp_path) == {}
    benchmarks.keep(tmp_path, {"prediction": BY_HAND["prediction"]})
    benchmarks.keep(tmp_path, {"memory": BY_HAND["memory"]})
    again = {"conditions": CONDITIONS, "figures": BY_HAND["prediction"]["figures"][:1]}
    path = benchmarks.keep(tmp_path, {"prediction": again})
    assert benchmarks.read(tmp_path) == {"memory": BY_HAND["memory"], "prediction": again}
    assert list(benchmarks.read(tmp_path)) == ["memory", "prediction"]
    assert [p.name for p in tmp_path.iterdir()] == [path.name] == ["bench.json"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"schema": 1, "sections": {"memory": {"figures": [], "conditions": {}}}}', "is damaged"),
        (
            json.dumps({"schema": 1, "sections": {"memory": {"figures": [{}], "conditions": CONDITIONS}}}),
            "missing required field",
        ),
        ('{"schema": 2, "sections": {}}', "has schema 2"),
    ],
)
def test_a_damaged_file_is_one_sentence_before_anything_is_measured(tmp_path, text, expected):
    (tmp_path / "bench.json").write_text(text)
    with pytest.raises(InputError, match=expected):
        benchmarks.read(tmp_path)
    assert invoke("--results", tmp_path).exit_code == 2


def test_the_table_says_what_was_measured_where_and_what_was_not(tmp_path):
    papers = tmp_path / "papers"
    papers.mkdir()
    all_tables.update(tmp_path, papers=papers)
    assert not list(tmp_path.rglob("bench*"))  # nothing measured, no table
    (tmp_path / "bench.json").write_text(json.dumps({"schema": 1, "sections": BY_HAND}))
    assert {path.name for path in all_tables.update(tmp_path, papers=papers)} >= {"bench.md", "bench.csv", "bench.tex"}
    assert all_tables.update(tmp_path, check=True, papers=papers) == []
    text = (tmp_path / "tables" / "bench.md").read_text()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    assert ["growth of the peak", "3.4", "%", "≤ 10", "yes", "—"] in cells
    assert ["peak", "1,234", "MiB", "—", "—", "of all its processes"] in cells
    assert ["emmert/mfcc: LiteRT", "1.5", "times", "≥ 2", "no", "—"] in cells
    assert ["emmert/mfcc: ONNX", "—", "times", "≥ 2", "—", "not measured: needs onnxruntime"] in cells
    assert "`python -m experiments bench --only this --corpus ravdess`" in (tmp_path / "COMMANDS.md").read_text()
    captions = [line for line in text.splitlines() if line.startswith("**")]
    assert all("a processor, 2 cores; 2026-11-21, load average 0.1" in line for line in captions)
    assert [evidence.REHEARSAL in line for line in captions] == [False, True]
    assert "0.034" in (tmp_path / "tables" / "bench.csv").read_text()


def test_the_table_needs_neither_keras_nor_audio(tmp_path):
    (tmp_path / "bench.json").write_text(json.dumps({"schema": 1, "sections": BY_HAND}))
    code = (
        "import sys; from experiments.evidence import benchmarks; from experiments.tables import evidence\n"
        "assert evidence.speed_sheet(benchmarks.read(sys.argv[1])).tables\n"
        "assert not {'tensorflow', 'keras', 'librosa', 'psutil'} & sys.modules.keys()"
    )
    timing.child(["-c", code, tmp_path])


# --- front ends, and whole commands


def test_every_front_end_is_measured_once():
    front_ends = features.front_ends()
    assert len(set(front_ends.items())) == len(front_ends)
    for name in catalog.NAMES:
        of_paper = [front_end for label, front_end in front_ends.items() if label.startswith(f"{name}/")]
        assert len(of_paper) == len(set(of_paper))
        for presets in catalog.paper(name).RECIPES.values():
            front_end = presets["paper"].front_end
            assert front_end in of_paper or getattr(front_end, "pretrained", False)


def test_a_front_end_that_cannot_run_is_named_and_stops_no_other(monkeypatch):
    def of_front_end(name, *_):
        if name == "emmert/mfcc":
            raise InputError("something is not installed")
        yield {"what": name, "value": 1.0}

    monkeypatch.setattr(features, "front_ends", lambda: {"emmert/mfcc": None, "lim2016/cnn": None})
    monkeypatch.setattr(features, "_of_front_end", of_front_end)
    refused, measured = features.measure(features.Size(recordings=1))
    assert refused["value"] is None and refused["note"] == "something is not installed"
    assert measured == {"what": "lim2016/cnn", "value": 1.0}


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


def test_the_comparison_is_held_against_the_sum_of_its_fits(monkeypatch):
    def child(arguments, environment=None):
        arguments = [str(argument) for argument in arguments]
        second = "compare" in arguments and not calls.append(arguments) and len(calls) == 2
        if "compare" in arguments and not second:
            for fold in ("fold_1", "fold_2"):  # two fits of two seconds each
                records.write(many(2, fold=fold, num_folds=2), root=arguments[arguments.index("--results") + 1])
        output = "import time: 1 | 1 | keras\n" if "importtime" in arguments and "papers" in arguments else ""
        return timing.Child(3.0 if second else 5.0, 0.5, 100.0, output)

    calls = []
    monkeypatch.setattr(processes, "child", child)
    entries = {entry["what"]: entry for entry in processes.overhead(processes.SMALLEST_OVERHEAD)}
    ratio = entries["compare: wall time over the sum of its fits"]
    assert ratio["value"] == 1.25 and ratio["met"] is False and "ravdess/strong" in ratio["note"]
    assert calls[0] == calls[1]
    assert entries["compare with nothing to do: wall time"]["value"] == 3.0
    heavy = "modules of TensorFlow and Keras imported"
    assert entries[f"papers: {heavy}"]["met"] is False and entries[f"tabulate: {heavy}"]["met"] is True
    assert entries["tabulate of 20 records: processor time"]["value"] == 0.5
    assert entries["--help: wall time"]["target"] == "≤ 1" and entries["tabulate: wall time"]["target"] is None


def test_many_records_are_ours_under_other_seeds(monkeypatch, tmp_path):
    for fold in ("fold_1", "fold_2"):
        records.write(many(2, fold=fold, num_folds=2), root=tmp_path / "ours")
    monkeypatch.setattr(processes, "child", lambda arguments: timing.Child(3.0, 0.5, 100.0, ""))
    processes._tables_of_many(5, tmp_path / "many", source=tmp_path / "ours")
    seeds_and_folds = {(record.seed, record.fold) for record in records.read_all(tmp_path / "many")}
    assert seeds_and_folds == {(0, "fold_1"), (0, "fold_2"), (1, "fold_1"), (1, "fold_2"), (2, "fold_1")}
    assert processes._tables_of_many(5, tmp_path / "more", source=tmp_path / "nothing") == []


def test_the_growth_of_memory_is_of_manifests_that_can_be_run(monkeypatch):
    from common import corpora
    from common.folds import splits

    def child(arguments, environment=None):
        (name,) = [argument for argument in map(str, arguments) if argument.startswith("manifest:")]
        corpus = corpora.load(name)
        sizes.append(len(corpus.utterances))
        assert len({u.path for u in corpus.utterances}) == sizes[-1] and len(corpus.classes) == 4
        fold = splits.folds(corpus, "speaker_independent", 0)[0]
        voices = [{u.path.read_bytes() for u in part} for part in fold.parts.values()]
        assert not voices[0] & voices[1] and not voices[0] & voices[2]  # nothing for the leakage audit to drop
        return timing.Child(1.0, 1.0, 100.0 + len(sizes), "")

    sizes = []
    monkeypatch.setattr(processes, "child", child)
    entries = processes.memory(processes.SMALLEST_MEMORY)
    assert tuple(sizes) == processes.SMALLEST_MEMORY.recordings
    assert [entry["value"] for entry in entries[:3]] == [101.0, 102.0, pytest.approx(1 / 101, rel=1e-4)]
    assert entries[2]["target"] == "≤ 10"
    loaded = [f"manifest of {count} utterances: load and split" for count in ("100", "1,000")]
    assert [entry["what"] for entry in entries[3:]] == loaded
