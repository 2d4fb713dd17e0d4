"""Saved networks as LiteRT answer as Keras does; what cannot be written so is refused."""

import json
import types

import numpy as np
import pytest

from common.errors import InputError
from experiments import catalog
from experiments.saved_models import models
from tests.support.records_by_hand import part, record
from tests.support.trained_systems import run


def test_a_network_as_litert_answers_as_keras_does(trained, tmp_path):
    folders, runs, files = trained
    done = run("litert", folders["ctc"], tmp_path / "new" / "network")
    assert done.exit_code == 0, done.output
    described = json.loads((tmp_path / "new" / "network.json").read_text())
    assert described["classes"] == list(runs["ctc"].classes)
    assert described["synthetic"] is True
    assert described["inputs"] == {"features": [1, "any", 34], "length": [1]}

    saved = models.load(folders["ctc"])
    import keras

    from experiments.saved_models import litert

    exported = litert.reader(tmp_path / "new" / "network.tflite")
    for frames in (12, 31):
        features = np.random.default_rng(frames).normal(size=(1, frames, 34)).astype("float32")
        inputs = {"features": features, "length": np.array([frames], dtype="int32")}
        ours = sorted(keras.tree.flatten(saved.fitted.model.predict_on_batch(inputs)), key=np.ndim)
        theirs = sorted(exported(inputs).values(), key=np.ndim)
        np.testing.assert_allclose(theirs[-1], ours[-1], atol=1e-5)


def test_a_forest_and_a_place_that_cannot_be_written_are_one_sentence(trained, tmp_path):
    folders, _, _ = trained
    done = run("litert", folders["framewise"], tmp_path / "network.tflite")
    assert done.exit_code == 2
    assert "chernykh2018/framewise is no neural network" in done.output
    (tmp_path / "file").write_text("")
    done = run("litert", folders["ctc"], tmp_path / "file" / "network.tflite")
    assert done.exit_code == 2
    assert "cannot be written" in done.output


def test_a_network_that_litert_cannot_run_is_refused_and_leaves_no_file(tmp_path):
    from experiments.saved_models import litert

    network = catalog.paper("ma2018").build(catalog.recipe("ma2018", "variable_length", "smoke"), 2)
    saved = types.SimpleNamespace(record=record(part([0, 1], [0, 1])), fitted=types.SimpleNamespace(model=network))
    with pytest.raises(InputError, match="LiteRT lacks operations of emmert/mfcc .*; use predict"):
        litert.export(saved, tmp_path / "network.tflite")
    assert not list(tmp_path.iterdir())
