"""Damaged descriptions of saved systems: each is refused in one sentence, none is loaded as another system."""

import copy
import dataclasses
import json
import random
from importlib import metadata
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from sklearn.ensemble import RandomForestClassifier

from common.errors import InputError
from common.learning.training import Fitted
from common.utterance import Fold, Utterance
from experiments import catalog
from experiments.__main__ import main
from experiments.saved_models import models, predict
from tests.support import damage
from tests.support.records_by_hand import part, record

OWN = {
    "front_end_code": [*damage.TEXT, "", "0" * 64],
    "networks": [None, "network", {}, [], [1], ["other"], ["network"] * 2, ["../network"], ["network", "other"]],
    "speakers": [None, 1, "x", [], {"train": -1}, {"train": "1"}, {"train": None}],
}
MAY_LACK = {"speakers", "recipe.protocols", "counts.*.*"}  # first form; no setting; nobody of this class
OF_OTHER_TYPES = {
    bool: ["x", 1, [], {}],
    int: ["x", True, 0.5, [], {}],
    float: ["x", True, [], {}],
    str: [1, True, None, [], {}],
    list: [1, "x", {}],
    dict: [1, "x", []],
}


@pytest.fixture(scope="module")
def saved_once(tmp_path_factory):
    """A forest that decides between two classes, saved: its folder and its description."""
    recipe = json.loads(json.dumps(dataclasses.asdict(catalog.recipe("chernykh2018", "framewise", "smoke"))))
    forest = RandomForestClassifier(2, random_state=0).fit(np.eye(4), [0, 1, 0, 1])
    run = record(
        part([0, 1], [0, 1]),
        paper="chernykh2018",
        variant="framewise",
        recipe=recipe,
        environment={"scikit-learn": metadata.version("scikit-learn")},
        cost={"seconds_fit": 1.0, "peak_memory_mib": None, "parameters": 0},
    )
    someone = (Utterance(id="u0", path="u0.wav", emotion="anger", speaker="s"),)
    folder = models.save(
        Fitted(forest, {}), run, Fold("fold_1", someone, someone, someone), tmp_path_factory.mktemp("saved") / "fold_1"
    )
    return folder, json.loads((folder / models.DESCRIPTION).read_text())


@pytest.fixture
def saved(saved_once):
    folder, described = saved_once
    (folder / models.DESCRIPTION).write_text(json.dumps(described))
    return saved_once


def of_recipe(described):
    recipe = described["recipe"]
    for path in [*damage.paths(recipe, "*"), *damage.paths(recipe["front_end"], "*")]:
        path = ("recipe", *path) if path[0] in recipe else ("recipe", "front_end", *path)
        value = described
        for name in path:
            value = value[name]
        if value is not None:
            yield ".".join(path), OF_OTHER_TYPES[type(value)]


def mutants(described, rng):
    wrong = damage.DESCRIPTION | OWN | dict(of_recipe(described))
    trees = damage.of_fields(described, wrong, MAY_LACK)
    cases = [(name, json.dumps(tree).encode()) for name, tree in trees]
    for name, change in {
        "a class less": lambda tree: tree["classes"].pop(),
        "classes reversed": lambda tree: tree["classes"].reverse(),
        "variant and corpus swapped": lambda tree: tree.update(corpus=tree["variant"], variant=tree["corpus"]),
        "an unknown field": lambda tree: tree.update(accuracy=0.9),
        "an unknown setting": lambda tree: tree["recipe"].update(num_spoons=3),
        "an unknown paper": lambda tree: tree.update(paper="nobody2019"),
        "evidence": lambda tree: tree.update(history={}),
    }.items():
        tree = copy.deepcopy(described)
        change(tree)
        cases.append((name, json.dumps(tree).encode()))
    return [*cases, *damage.of_bytes(described, rng)]


def test_no_damage_is_accepted_and_none_ends_in_a_traceback(saved):
    folder, described = saved
    original = models.load(folder)
    assert original.differs == ()
    cases = mutants(described, random.Random(0))
    assert len(cases) > 120
    accepted, raised = [], []
    for name, content in cases:
        (folder / models.DESCRIPTION).write_bytes(content)
        try:
            models.load(folder)
            accepted.append(name)
        except InputError as error:
            assert str(folder) in str(error) or "unknown paper" in str(error), name
            assert "\n" not in str(error), name
        except Exception as error:
            raised.append((name, repr(error)))
    assert (accepted, raised) == ([], [])


def test_what_means_the_same_is_loaded(saved):
    folder, described = saved
    less = {name: value for name, value in reversed(described.items()) if name != "speakers"}
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
    with pytest.raises(InputError, match="do not fit its 2 classes"):
        predict.predictor(loaded)(tmp_path / "a.wav")
