"""Write a saved system's network as an ONNX file, for programs that support neither Keras nor LiteRT."""

import warnings
from pathlib import Path

import numpy as np

from common.errors import InputError
from experiments.saved_models import standalone


def export(saved, path) -> Path:
    """Write the network of a saved system as ONNX, for one example per call, and compare its outputs with Keras.

    Inputs have the network's names; outputs are in alphabetical order of the network's names.

    Args:
        saved: a models.Saved, loaded with `keras=True`.
        path: of the file, `.onnx`.

    Returns:
        The path.

    Raises:
        InputError: the system is not a single Keras network, tf2onnx or onnxruntime is not installed or cannot convert
            it, or the file cannot be written.
    """
    system, network = f"{saved.record.paper}/{saved.record.variant}", saved.model
    if isinstance(network, dict):
        raise InputError(f"{system} has several networks ({', '.join(network)}), ONNX is written of one; use predict")
    if not hasattr(network, "export"):
        raise InputError(f"{system} is not a single neural network, which ONNX export needs; use predict")
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
            raise ValueError(f"its outputs differ by {difference:.1g}")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); give a file in a writable folder") from error
    except Exception as error:  # the converter raises various exceptions
        path.unlink(missing_ok=True)
        reason = str(error).strip().partition("\n")[0][:200] or type(error).__name__
        raise InputError(f"{system} cannot be written as ONNX ({reason}); use predict") from error
    return path


def _written(network, path) -> float:
    """Write the file; returns the largest difference between its outputs and Keras's for one example of noise."""
    import keras
    import onnxruntime

    signature = standalone.signature(network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # caused by Keras's adaptation of tf2onnx to NumPy 2
        _with_constants(network).export(str(path), format="onnx", verbose=False, input_signature=signature)
    inputs = standalone.noise(network)
    theirs = onnxruntime.InferenceSession(path).run(None, inputs)
    ours = keras.tree.flatten(network(inputs, training=False))
    return standalone.difference(ours, theirs)


def _with_constants(network):
    """The same network with Normalization's statistics as constants, since tf2onnx would treat them as inputs."""
    import keras

    def call(layer, *inputs, **options):
        if not isinstance(layer, keras.layers.Normalization):
            return layer(*inputs, **options)
        mean, variance = np.asarray(layer.mean), np.asarray(layer.variance)
        return (inputs[0] - mean) / np.sqrt(variance)

    listed = keras.Model(network.input, keras.tree.flatten(network.output))  # tf2onnx may confuse named outputs
    return keras.models.clone_model(listed, clone_function=lambda layer: layer, call_function=call, recursive=True)
