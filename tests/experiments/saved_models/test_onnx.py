"""A saved network as ONNX answers as Keras does; what cannot be written so is one sentence."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from common.errors import InputError
from experiments.saved_models import models, onnx, standalone
from tests.experiments.saved_models.test_shipped import ROOT
from tests.support import hostile
from tests.support.records_by_hand import part, record
from tests.support.trained_systems import run

FRAMES = 57  # other than those that the file is tried with
TRAINED = ROOT / "models" / "chernykh2018-ctc"  # its logits are large, and so is their rounding
UNTRAINED = ["emmert/mfcc", "lim2016/cnn", "lim2016/lstm", "satt2017/cnn3_lstm_20hz", "ma2018/variable_length_20hz"]


@pytest.fixture
def runtime():
    pytest.importorskip("tf2onnx", reason="no tf2onnx: install requirements-onnx.txt")
    return pytest.importorskip("onnxruntime", reason="no onnxruntime: install requirements-onnx.txt")


@pytest.mark.parametrize("name", [*UNTRAINED, TRAINED.name])
def test_onnxruntime_answers_as_keras_does(name, untrained, tmp_path, runtime):
    """A network of every paper, among them one with two inputs and two outputs."""
    folder = untrained(name)[0] if name in UNTRAINED else TRAINED
    done = run("onnx", folder, tmp_path / "new" / "network")
    assert done.exit_code == 0, done.output
    network, generator = models.load(folder, keras=True).model, np.random.default_rng(1)
    inputs = {}
    for tensor in network.inputs:
        values = generator.normal(size=[size or FRAMES for size in (1, *tensor.shape[1:])])
        inputs[tensor.name] = (values if tensor.ndim > 1 else np.array([FRAMES])).astype(tensor.dtype)
    session = runtime.InferenceSession(tmp_path / "new" / "network.onnx")
    assert {tensor.name for tensor in session.get_inputs()} == set(inputs)
    outputs = network.predict(inputs, verbose=0)
    ours = [outputs[key] for key in sorted(outputs)] if isinstance(outputs, dict) else [outputs]
    for one, other in zip(ours, session.run(None, inputs), strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5 * max(1.0, np.abs(one).max()))


def test_a_file_with_other_answers_is_refused_and_removed(tmp_path, runtime, monkeypatch):
    x = keras.Input((2,), name="features")
    saved = SimpleNamespace(
        record=record(part([0, 1], [0, 1])), model=keras.Model({"features": x}, keras.layers.Dense(2)(x))
    )
    monkeypatch.setattr(standalone, "TOLERANCE", 0.0)
    with pytest.raises(InputError, match="emmert/mfcc cannot be written as ONNX .its outputs differ by"):
        onnx.export(saved, tmp_path / "network.onnx")
    assert not list(tmp_path.iterdir())


def test_a_forest_is_refused_and_leaves_no_file(tmp_path):
    done = run("onnx", hostile.saved_forest(tmp_path), tmp_path / "forest.onnx")
    assert done.exit_code == 2 and "chernykh2018/framewise is not a single neural network" in done.output
    assert not list(tmp_path.glob("*.onnx"))


def test_two_networks_are_refused_by_name(tmp_path):
    saved = SimpleNamespace(record=record(part([0, 1], [0, 1])), model={"first": None, "second": None})
    with pytest.raises(InputError, match=r"several networks \(first, second\)"):
        onnx.export(saved, tmp_path / "network.onnx")
