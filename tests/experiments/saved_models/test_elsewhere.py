"""Saved systems without this suite: in plain Keras, and as the Hugging Face hub's own library reads them."""

import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
import yaml

from experiments.saved_models import models, standalone
from tests.support import hostile

ALONE = ("emmert/mfcc", "lim2016/lstm", "satt2017/cnn3_lstm_20hz", "ma2018/variable_length_20hz", "chernykh2018/ctc")
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


def test_plain_keras_runs_the_code_of_the_card_and_answers_as_the_suite_does(untrained, tmp_path):
    import keras

    networks, folders = {}, {}
    for system in (*ALONE, *WITH_DEFINITIONS):
        folder, networks[system] = untrained(system)
        folders[system] = shutil.copytree(folder, tmp_path / system)
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


class Hub(http.server.ThreadingHTTPServer):
    """The files of a folder as those of the repository USER/NAME, as the hub's library asks for them."""

    revision = "0" * 40

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), HubHandler)
        listed = [
            {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": models.digest(path)[:40]}
            for path in folder.iterdir()
        ]
        self.answers = {
            f"/USER/NAME/resolve/{self.revision}/{path.name}": path.read_bytes() for path in folder.iterdir()
        }
        for place, answer in {
            "revision/main": {"id": "USER/NAME", "sha": self.revision, "siblings": []},
            f"tree/{self.revision}": listed,
        }.items():
            self.answers[f"/api/models/USER/NAME/{place}"] = json.dumps(answer).encode()


class HubHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.answers.get(self.path.partition("?")[0])
        self.send_response(404 if body is None else 200)
        body = body or b""
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", self.server.revision)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_HEAD(self):
        self.do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(trained):
    folder = trained[0]["ctc"]
    with Hub(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_the_call_on_the_card_loads_the_network_from_the_hub(hub, trained, tmp_path):
    import keras

    pytest.importorskip("huggingface_hub", reason="no huggingface_hub: install requirements-exports.txt")
    here, call = re.search(r'(folder = "\."  #.*: )(huggingface_hub.*)', code := code_of(trained[0]["ctc"])).groups()
    (tmp_path / "example.py").write_text(code.replace(here + call, f"import huggingface_hub\nfolder = {call}"))
    places = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-P", "-c", SCRIPT, tmp_path]
    done = subprocess.run(command, env=os.environ | places, capture_output=True, text=True, timeout=240, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    network = keras.saving.load_model(trained[0]["ctc"] / "network.keras")
    ours = network.predict(eval(standalone.example(network), {"np": np}), verbose=0)
    np.testing.assert_allclose(np.load(tmp_path / "outputs.npz")["logits"], ours["logits"], atol=1e-6)


def test_the_hub_s_library_reads_the_card(trained):
    hub = pytest.importorskip("huggingface_hub", reason="no huggingface_hub: install requirements-exports.txt")
    folders, written, _ = trained
    card = hub.ModelCard.load(folders["ctc"] / "README.md")
    named = (card.data.library_name, card.data.pipeline_tag, card.data.license)
    assert named == ("keras", "audio-classification", "mit")
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
