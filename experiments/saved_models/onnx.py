"""A saved system's network as an ONNX file, for programs that read neither Keras nor LiteRT."""

import warnings
from pathlib import Path

import numpy as np

from common.errors import InputError
from experiments.saved_models import standalone


def export(saved, path) -> Path:
    """Write the network of a saved system as ONNX, one example a call, and hold its answers against Keras's.

    Inputs have the network's names; outputs are in the alphabetical order of its.

    Args:
        saved: a models.Saved, read for Keras.
        path: of the file, `.onnx`.

    Raises:
        InputError: the system is no single Keras network, tf2onnx or onnxruntime is not installed or cannot convert it,
            or the file cannot be written.
    """
    system, network = f"{saved.record.paper}/{saved.record.variant}", saved.model
    if isinstance(network, dict):
        raise InputError(f"{system} has several networks ({', '.join(network)}), ONNX is written of one; use predict")
    if not hasattr(network, "export"):
        raise InputError(f"{system} is no neural network, all that ONNX is written of here; use predict")
    try:
        import onnxruntime  # noqa: F401
        import tf2onnx  # noqa: F401
    except ImportError as error:
        raise InputError(f"{error.name} is not installed; install requirements-onnx.txt") from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        difference = _written(network, path)
        if not difference < standalone.TOLERANCE:
            raise ValueError(f"its answers differ by {difference:.1g}")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); name a file in a writable folder") from error
    except Exception as error:  # the converter raises what it likes
        path.unlink(missing_ok=True)
        reason = str(error).strip().partition("\n")[0][:200] or type(error).__name__
        raise InputError(f"{system} cannot be written as ONNX ({reason}); use predict") from error
    return path


def _written(network, path) -> float:
    """Write the file; the largest difference between its answer and Keras's for one example of noise."""
    import keras
    import onnxruntime

    signature = standalone.signature(network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Keras, which adapts tf2onnx to NumPy 2
        _with_constants(network).export(str(path), format="onnx", verbose=False, input_signature=signature)
    inputs = standalone.noise(network)
    theirs = onnxruntime.InferenceSession(path).run(None, inputs)
    ours = keras.tree.flatten(network(inputs, training=False))
    return standalone.difference(ours, theirs)


def _with_constants(network):
    """The same network and weights, with statistics as constants: tf2onnx takes those of Normalization for inputs."""
    import keras

    def call(layer, *inputs, **options):
        if not isinstance(layer, keras.layers.Normalization):
            return layer(*inputs, **options)
        mean, variance = np.asarray(layer.mean), np.asarray(layer.variance)
        return (inputs[0] - mean) / np.sqrt(variance)

    listed = keras.Model(network.input, keras.tree.flatten(network.output))  # tf2onnx may mistake outputs by name
    return keras.models.clone_model(listed, clone_function=lambda layer: layer, call_function=call, recursive=True)
