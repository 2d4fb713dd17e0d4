"""Damaged descriptions of saved systems: each is refused in one sentence, none is loaded as another system."""

import copy
import json
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from common.errors import InputError
from experiments import catalog
from experiments.__main__ import main
from experiments.saved_models import models, predict
from tests.support import hostile


@pytest.fixture(scope="module")
def saved_once(tmp_path_factory):
    """A forest that decides between two classes, saved: its folder and its description."""
    folder = hostile.saved_forest(tmp_path_factory.mktemp("saved"))
    return folder, json.loads((folder / models.DESCRIPTION).read_text())


@pytest.fixture
def saved(saved_once):
    folder, described = saved_once
    (folder / models.DESCRIPTION).write_text(json.dumps(described))
    return saved_once


def test_no_damage_is_accepted_and_none_ends_in_a_traceback(tmp_path):
    """Of descriptions, of networks that are not the ones that were saved, and of networks made with care."""
    assert models.load(hostile.saved_forest(tmp_path)).differs == ()
    judged = hostile.judged_systems(tmp_path)
    assert {kind: (each.accepted, each.tracebacks) for kind, each in judged.items()} == dict.fromkeys(judged, ([], []))
    assert (
        sum(len(each.refused) for each in judged.values()) > 200 and min(len(e.refused) for e in judged.values()) > 12
    )


def test_what_means_the_same_is_loaded(saved):
    folder, described = saved
    less = {name: value for name, value in reversed(described.items()) if name not in ("speakers", "sha256")}
    (folder / models.DESCRIPTION).write_text(json.dumps(less))
    assert models.load(folder).speakers == {}
    assert models.load(folder).record.recipe == described["recipe"]


def test_a_setting_that_is_newer_than_the_system_is_named(saved):
    folder, described = saved
    less = copy.deepcopy(described)
    del less["recipe"]["num_trees"], less["recipe"]["front_end"]["hop_s"]
    (folder / models.DESCRIPTION).write_text(json.dumps(less))
    with pytest.raises(InputError, match=r"a recipe without .*num_trees.* --anyway"):
        models.load(folder)
    assert models.load(folder, anyway=True).recipe.num_trees > 0


def test_the_command_line_ends_with_status_2(saved):
    folder, described = saved
    for change in ({"classes": [1]}, {"networks": ["\n"]}, {"recipe": {"front_end": 1}}):
        (folder / models.DESCRIPTION).write_text(json.dumps(described | change))
        result = CliRunner().invoke(main, ["predict", str(folder), "--recipe"])
        assert result.exit_code == 2 and result.stderr.startswith("Error: "), result.output


def test_networks_that_score_other_classes_are_one_sentence(saved, tmp_path, monkeypatch):
    loaded = models.load(saved[0])
    scores = {"mean": np.zeros((1, 3), "float32")}
    functions = {"features": lambda *_: np.zeros((1, 5)), "predict": lambda *_: scores, "timeline": lambda *_: None}
    paper = SimpleNamespace(**functions)
    monkeypatch.setattr(catalog, "paper", lambda name: paper)
    soundfile.write(tmp_path / "a.wav", np.sin(np.arange(16000) / 10), 16000)
    with pytest.raises(InputError, match="do not match its 2 classes"):
        predict.Predictor(loaded).piece(tmp_path / "a.wav")
