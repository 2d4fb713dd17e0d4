"""Saved systems without this suite: in plain Keras, and as the Hugging Face hub's own library reads them."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
import yaml

from experiments import catalog
from experiments.saved_models import standalone
from tests.support import hostile

ALONE = ("emmert/mfcc", "lim2016/lstm", "satt2017/cnn3_lstm_20hz", "ma2018/variable_length", "chernykh2018/ctc")
WITH_DEFINITIONS = ("chernykh2018/one_label_legacy_code",)
SCRIPT = """
import os, sys
for folder in sys.argv[1:]:
    os.chdir(folder)
    sys.path.insert(0, folder)
    exec(open("example.py").read())
    np.savez("outputs.npz", **(outputs if isinstance(outputs, dict) else {"": outputs}))
assert not {"common", "papers", "experiments"} & set(sys.modules)
"""


def code_of(folder):
    """The Python code of a card."""
    return re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1]


def test_plain_keras_runs_the_code_of_the_card_and_answers_as_the_suite_does(tmp_path):
    import keras

    networks, folders = {}, {}
    for system in (*ALONE, *WITH_DEFINITIONS):
        paper, variant = system.split("/")
        networks[system] = catalog.paper(paper).build(catalog.recipe(paper, variant, "smoke"), 2)
        folders[system] = hostile.saved(tmp_path, system, networks[system], 1)
        (folders[system] / "example.py").write_text(code_of(folders[system]))
        assert (folders[system] / standalone.DEFINITIONS).exists() == (system in WITH_DEFINITIONS)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-P", "-c", SCRIPT, *folders.values()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    for system, network in networks.items():
        inputs = eval(standalone.example(network), {"np": np})
        outputs = network.predict(inputs, verbose=0)
        theirs = np.load(folders[system] / "outputs.npz")
        for name, ours in (outputs if isinstance(outputs, dict) else {"": outputs}).items():
            np.testing.assert_allclose(theirs[name], ours, atol=1e-6, err_msg=f"{system}, {keras.__version__}")


def test_the_hub_s_library_reads_the_card_and_finds_the_folder(trained, tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub", reason="no huggingface_hub: install requirements-exports.txt")
    folders, written, _ = trained
    revision = "0" * 40
    snapshot = tmp_path / "models--someone--ctc" / "snapshots" / revision  # as the hub's cache holds a repository
    snapshot.parent.mkdir(parents=True)
    os.symlink(folders["ctc"], snapshot)
    (tmp_path / "models--someone--ctc" / "refs").mkdir()
    (tmp_path / "models--someone--ctc" / "refs" / "main").write_text(revision)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    place = hub.snapshot_download("someone/ctc", cache_dir=tmp_path, local_files_only=True)
    assert {"config.json", "README.md", "network.keras"} <= set(os.listdir(place))
    card = hub.ModelCard.load(os.path.join(place, "README.md"))
    assert (card.data.library_name, card.data.pipeline_tag, card.data.license) == (
        "keras",
        "audio-classification",
        "mit",
    )
    measured = {result.metric_type: result.metric_value for result in card.data.eval_results}
    labels, decided = written["ctc"].labels("test"), written["ctc"].scores("test")
    right = (decided.argmax(axis=1) == labels) & decided.any(axis=1)
    assert measured["accuracy"] == pytest.approx(right.mean(), abs=1e-4)
    again = hub.ModelCard(str(card))
    assert again.data.to_dict() == card.data.to_dict() and again.text == card.text


def test_a_card_has_the_language_and_the_corpus_of_a_real_training_in_valid_yaml(tmp_path, monkeypatch):
    folder = hostile.saved_forest(tmp_path)  # of RAVDESS by its record
    head = yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert (head["language"], head["datasets"], head["library_name"]) == (["en"], ["ravdess"], "sklearn")
    monkeypatch.chdir(folder)
    exec(code_of(folder), scope := {})
    assert scope["network"].n_classes_ == 2
