"""The benchmark's front ends, and what it makes of whole commands."""

import pytest

from common import records
from common.errors import InputError
from experiments import catalog
from experiments.benchmark import features, processes, timing
from tests.support.records_by_hand import many


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
