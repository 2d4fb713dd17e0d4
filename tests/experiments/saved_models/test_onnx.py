"""A saved network as ONNX answers as Keras does; what cannot be written so is one sentence."""

from types import SimpleNamespace

import numpy as np
import pytest

from common.learning.layers import set_statistics
from experiments import catalog
from experiments.saved_models import onnx
from tests.support import hostile
from tests.support.records_by_hand import part, record
from tests.support.trained_systems import run


def test_onnxruntime_answers_as_keras_does(tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="no onnxruntime: install requirements-onnx.txt")
    pytest.importorskip("tf2onnx", reason="no tf2onnx: install requirements-onnx.txt")
    network = catalog.paper("emmert").build(catalog.recipe("emmert", "mfcc", "smoke"), 2)
    generator = np.random.default_rng(0)
    set_statistics(network.get_layer("standardise"), generator.normal(size=20), generator.uniform(1, 2, size=20))
    folder = hostile.saved(tmp_path, "emmert/mfcc", network, 1)
    done = run("onnx", folder, tmp_path / "new" / "mfcc")
    assert done.exit_code == 0, done.output
    session = runtime.InferenceSession(tmp_path / "new" / "mfcc.onnx")
    features = generator.normal(size=(1, 87, 20)).astype("float32")
    (theirs,) = session.run(None, {"features": features})
    np.testing.assert_allclose(theirs, network.predict({"features": features}, verbose=0), atol=1e-6)
    assert [tensor.name for tensor in session.get_inputs()] == ["features"]


def test_a_network_of_two_inputs_and_two_outputs(tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="no onnxruntime: install requirements-onnx.txt")
    pytest.importorskip("tf2onnx", reason="no tf2onnx: install requirements-onnx.txt")
    network = catalog.paper("chernykh2018").build(catalog.recipe("chernykh2018", "ctc", "smoke"), 2)
    onnx.export(SimpleNamespace(record=record(part([0, 1], [0, 1])), model=network), tmp_path / "ctc.onnx")
    features = np.random.default_rng(0).normal(size=(1, 31, 34)).astype("float32")
    inputs = {"features": features, "length": np.array([31], "int32")}
    length, logits = runtime.InferenceSession(tmp_path / "ctc.onnx").run(None, inputs)
    expected = network.predict(inputs, verbose=0)
    assert length.tolist() == [31]
    np.testing.assert_allclose(logits, expected["logits"], atol=1e-5)


def test_a_forest_is_refused_and_leaves_no_file(tmp_path):
    done = run("onnx", hostile.saved_forest(tmp_path), tmp_path / "forest.onnx")
    assert done.exit_code == 2 and "chernykh2018/framewise is no neural network" in done.output
    assert not list(tmp_path.glob("*.onnx"))
