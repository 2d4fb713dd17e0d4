"""`new` writes a method that runs as it is; `--set` changes a recipe and says so, from the record to the prediction."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common import records
from common.corpora import synthetic
from common.errors import InputError
from experiments import catalog
from experiments.cli import new

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, sys
from click.testing import CliRunner
from experiments.__main__ import main
outputs = []
for words in json.loads(sys.argv[1]):
    done = CliRunner().invoke(main, words)
    if done.exit_code:
        sys.exit(f"{words}: {done.output} {done.exception!r}")
    outputs.append(done.stdout)
print(json.dumps(outputs))
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """A copy of the code with a method `mine`, a corpus, and a function that runs a verb in it."""
    root = tmp_path_factory.mktemp("suite")
    for layer in ("common", "papers", "experiments"):
        shutil.copytree(ROOT / layer, root / layer, ignore=shutil.ignore_patterns("__pycache__"))
    synthetic.synthesize("ravdess", root / "data" / "ravdess", speakers=4, files=1, workers=1, progress=False)

    def run(*commands):
        """The outputs of some commands that one process runs."""
        environment = os.environ | {"SER_CACHE": str(root / "cache"), "PYTHONPATH": str(root)}
        words = json.dumps([list(map(str, command)) for command in commands])
        process = [sys.executable, "-c", PROGRAM, words]
        done = subprocess.run(process, cwd=root, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{commands}: {done.stdout} {done.stderr}"
        return json.loads(done.stdout)

    (said,) = run(["new", "mine"])
    assert "papers/mine/model.py written" in said
    run.root = root
    return run


def test_the_method_that_new_writes_runs_and_a_changed_one_stands_beside_it(suite):
    where = ("--results", "results", "--models", "models", "--workers", 1, "--folds", 1)
    corpus = ("--corpus", "ravdess", "--data", "data", "--preset", "smoke")
    changes = ("--set", "learning_rate=3e-4", "--set", "units=8")
    *_, audited = suite(
        ["compare", "--papers", "mine", *corpus, *where],
        ["compare", "--systems", "mine/network", *changes, *corpus, *where],
        ["tabulate", "--results", "results"],
        ["tabulate", "--results", "results", "--check"],
        ["report", "--results", "results", "--check"],
        ["audit", "--data", "data"],
    )
    assert audited.count("mine/network") >= 1
    plain, changed = records.read_all(suite.root / "results")
    assert (plain.variant, plain.notes) == ("network", [])
    assert changed.variant == "network+learning_rate=0.0003+units=8"
    assert changed.notes == ["modified: learning_rate=0.0003 instead of 0.003, units=8 instead of 32"]
    assert (changed.recipe["units"], changed.cost["parameters"]) == (8, 41 * 8 + 9 * 4)
    folder = records.record_path(suite.root / "models", changed).with_suffix("")
    heard = changed.parts["test"]["utterances"][0]
    (file,) = (suite.root / "data").rglob(f"{heard}.wav")
    (predicted,) = suite(["predict", folder, file, "--json", "--recipe"])
    outcome = json.loads(predicted)
    assert outcome["recipe"]["units"] == 8 and any("modified" in sentence for sentence in outcome["read_first"])
    scores = list(outcome["predictions"][0]["scores"]["mean"].values())
    assert scores == pytest.approx(changed.parts["test"]["scores"]["mean"][0], abs=1e-5)


@pytest.mark.parametrize("name", ["Mine", "my-method", "1st", "class", "x", "a/b", "", "emmert", "lim2016"])
def test_a_bad_or_taken_name_is_one_sentence_and_nothing_is_written(name, tmp_path):
    (tmp_path / "papers").mkdir()
    with pytest.raises(InputError, match="cannot be the name of a method|exists already"):
        new.write(name, tmp_path)
    assert not list((tmp_path / "papers").iterdir())


def test_the_line_is_added_at_the_end_of_the_list_and_a_folder_is_never_replaced(tmp_path):
    (tmp_path / "papers").mkdir()
    (tmp_path / "experiments").mkdir()
    place = tmp_path / "experiments" / "catalog.py"
    shutil.copy(ROOT / "experiments" / "catalog.py", place)
    new.write("my_method", tmp_path)
    new.write("another", tmp_path)
    names = re.search(r"(?s)^NAMES = \((.*?)\n\)", place.read_text(), re.MULTILINE)[1]
    assert re.findall(r'"(\w+)",', names) == [*catalog.NAMES, "my_method", "another"]
    with pytest.raises(InputError, match="papers/another exists already"):
        new.write("another", tmp_path)
