"""What is exported, given to the programs that it is for; without one of them its test is skipped and says so."""

import configparser
import dataclasses
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.metrics import recall_score
from sklearn.model_selection import LeaveOneGroupOut

from common import corpora
from common.evaluation import metrics
from common.folds import splits
from common.utterance import Corpus
from tests.experiments.export.test_export import CLASSES, export, recorded, utterances
from tests.support.records_by_hand import part, record

RATE, SECONDS = 8000, 0.25
NKULULEKO_PYTHON = os.environ.get("NKULULEKO_PYTHON")
quietly = pytest.mark.filterwarnings("ignore:The inplace keyword")  # audformat's use of pandas


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Speaker-independent folds of a corpus at hand, with genders and lengths: folds, where they lie, recordings."""
    tmp_path = tmp_path_factory.mktemp("exported")
    data = tmp_path / "data"
    data.mkdir()
    lying = [
        dataclasses.replace(u, path=data / u.path, gender=("female", "male")[int(u.speaker[1]) % 2])
        for u in utterances()
    ]
    generator = np.random.default_rng(0)
    for u in lying:
        soundfile.write(u.path, generator.normal(scale=0.1, size=round(RATE * SECONDS)), RATE)
    folds = splits.folds(tuple(lying), "speaker_independent", 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpora.places, "find", lambda *_: data)
        patch.setattr(corpora, "load", lambda *_: Corpus(name="ravdess", variant="ravdess", utterances=tuple(lying)))
        runs = (recorded(fold, "speaker_independent", len(folds)) for fold in folds)
        export(tmp_path, *runs, options=["--data", str(data)])
    place = ("ravdess-strong", "speaker_independent", "seed_0")
    return folds, {kind.name: kind.joinpath(*place) for kind in (tmp_path / "out").iterdir()}, data


@quietly
def test_audformat_loads_the_database_with_its_splits_genders_and_durations(exported):
    audformat = pytest.importorskip("audformat", reason="no audformat: install requirements-exports.txt")
    folds, places, _ = exported
    database = audformat.Database.load(str(places["audformat"]))
    assert {name: split.type for name, split in database.splits.items()} == {n: n for n in ("train", "dev", "test")}
    for fold in folds:
        for name, members in zip(("train", "dev", "test"), (fold.train, fold.valid, fold.test), strict=True):
            table = database[f"{fold.name}.{name}"]
            assert table.split_id == name and table.split.type == name
            frame = table.df.sort_index()
            assert list(frame.index) == sorted(u.path.name for u in members)
            assert dict(zip(frame.index, frame["gender"], strict=True)) == {u.path.name: u.gender for u in members}
            assert set(frame["duration"]) == {pd.Timedelta(seconds=SECONDS)}
            assert set(frame["emotion"]) <= set(CLASSES)


@quietly
def test_the_folds_of_nkululeko_s_leave_one_group_out_are_the_folds(exported):
    """Its `_do_logo` joins all rows and gives the column `fold` to scikit-learn; its reader is audformat's."""
    folds, places, _ = exported
    frame = pd.read_csv(places["nkululeko"] / "folds.csv")
    assert set(frame.columns) == {"file", "emotion", "speaker", "gender", "duration", "fold"}
    assert set(frame["duration"]) == {SECONDS}
    splitted = list(LeaveOneGroupOut().split(frame, frame["emotion"], groups=frame["fold"]))
    assert len(splitted) == len(folds)
    tested = {frozenset(frame["file"].iloc[test]) for _, test in splitted}
    assert tested == {frozenset(u.path.name for u in fold.test) for fold in folds}
    audformat = pytest.importorskip("audformat", reason="no audformat: install requirements-exports.txt")
    read = audformat.utils.read_csv(str(places["nkululeko"] / "folds.csv"))
    assert audformat.index_type(read.index) == "filewise" and {"speaker", "gender", "fold"} <= set(read.columns)


LISTING = """
import json, sys
from nkululeko import nkululeko
from nkululeko.models import model

tested = []

class Listed(model.LeaveOneGroupOut):
    def split(self, X, y=None, groups=None):
        for train, test in super().split(X, y, groups):
            tested.append([X.iloc[part].index.get_level_values("file").tolist() for part in (train, test)])
            yield train, test

model.LeaveOneGroupOut = Listed
nkululeko.doit(sys.argv[1])
print("tested", json.dumps(tested))
"""


@pytest.mark.nkululeko
def test_nkululeko_trains_and_tests_on_the_folds(exported, tmp_path):
    """With the experiment of the README; a class of its own lists the files that it gives to scikit-learn."""
    if not NKULULEKO_PYTHON:
        pytest.skip("name the Python of an environment with nkululeko==1.14.1, which needs pandas < 3")
    folds, places, data = exported
    readme = Path(__file__).parents[3] / "experiments" / "README.md"
    experiment = configparser.ConfigParser()
    experiment.read_string(readme.read_text(encoding="utf-8").partition("```ini\n")[2].partition("```")[0])
    experiment["DATA"].update({"ours": str(places["nkululeko"] / "folds.csv"), "ours.audio_path": str(data)})
    with open(tmp_path / "experiment.ini", "w") as file:
        experiment.write(file)
    command = [NKULULEKO_PYTHON, "-c", LISTING, "experiment.ini"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    splitted = json.loads(done.stdout.rpartition("tested ")[2])
    assert len(splitted) == len(folds)
    for fold, (train, test) in zip(folds, splitted, strict=True):
        assert set(test) == {str(u.path) for u in fold.test} and len(test) == len(fold.test)
        assert set(train) == {str(u.path) for u in (*fold.train, *fold.valid)}
    (scores,) = (tmp_path / "results").rglob("logo_results.txt")
    assert len(json.loads(scores.read_text().partition("results: ")[2])) == len(folds)


def test_emobox_finds_its_files_and_fields(exported, monkeypatch):
    """Names and fields that the loaders of github.com/emo-box/EmoBox read: there is no package of it to install.

    EmoBox/EmoDataset.py reads JSON lines; examples/sb/dataset_prepare.py and examples/sb/speech_feature_extraction.py
    read JSON, by key. Both open `wav` as it stands. EmoBox/utils/preprocess_utils.py has all fields; its `num_frame` is
    rate times length.
    """
    folds, places, data = exported
    monkeypatch.chdir(data)
    (corpus,) = places["emobox"].iterdir()
    labels = json.loads((corpus / "label_map.json").read_text())
    lists = {corpus.name: {u for part in folds[0].parts.values() for u in part}}
    for number, fold in enumerate(folds, start=1):
        for name, members in fold.parts.items():
            lists[f"fold_{number}/{corpus.name}_{name}_fold_{number}"] = set(members)
    assert {path.relative_to(corpus).with_suffix("").as_posix() for path in corpus.rglob("*.json*")} == {
        *lists,
        "label_map",
    }
    for name, members in lists.items():
        lines = [json.loads(line) for line in (corpus / f"{name}.jsonl").read_text().splitlines()]
        assert {line["key"]: Path(line["wav"]).resolve() for line in lines} == {u.id: u.path for u in members}
        for line in lines:
            fixed = ("dataset", "type", "sample_rate", "num_frame", "task", "length", "channel")
            assert [line[key] for key in fixed] == ["ravdess", "raw", RATE, RATE * SECONDS, "category", SECONDS, 1]
            assert Path(line["wav"]).is_file() and labels[line["emo"]] in CLASSES
        assert json.loads((corpus / f"{name}.json").read_text()) == {line["key"]: line for line in lines}


def test_folds_of_which_one_is_missing_make_no_list_and_unknown_lengths_no_emobox(tmp_path):
    folds = splits.folds(utterances(), "speaker_independent", 0)
    export(tmp_path, *(recorded(fold, "speaker_independent", len(folds)) for fold in folds[1:]))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"folds", "audformat", "predictions"}


def test_recalls_from_exported_predictions_are_ours_in_audmetric_and_scikit_learn(tmp_path):
    """Three of eight decode to nothing; without them UA would be higher."""
    import audmetric

    labels, decided = [0, 0, 0, 0, 0, 1, 1, 1], [0, 0, 1, -1, -1, 1, 0, -1]
    run = record(part(labels, decided))
    export(tmp_path, run)
    (path,) = (tmp_path / "out" / "predictions").rglob("*.csv")
    frame = pd.read_csv(path)
    test = frame[frame["part"] == "test"]
    expected = metrics.ua(metrics.confusion_matrix(labels, decided, num_classes=2), CLASSES)
    assert expected == pytest.approx((2 / 5 + 1 / 3) / 2)
    truth, decision = test["emotion"].tolist(), test["decision"].tolist()
    recalls = audmetric.recall_per_class(truth, decision)
    assert np.mean([recalls[name] for name in CLASSES]) == pytest.approx(expected)
    assert recall_score(truth, decision, labels=CLASSES, average="macro") == pytest.approx(expected)
