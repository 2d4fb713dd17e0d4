"""A saved system's network as a LiteRT file, which small networks answer from several times as fast as from Keras."""

import json
import warnings
from pathlib import Path

import numpy as np

from common.errors import InputError

TRIED_FRAMES = 100  # of a network that takes any number


def export(saved, path) -> Path:
    """Write the network of a saved system, and what a program must know of it beside it.

    The file takes one example a call, by the names of the network's inputs: what `features` of the paper makes of a
    recording, as long as it is where the network takes any length. The description has the front end's settings, the
    classes in the order of the outputs, and on which data the system was made.

    Args:
        saved: a models.Saved.
        path: of the file, `.tflite`; the description is called the same with `.json` at its end.

    Raises:
        InputError: the system is no single Keras network, LiteRT cannot run it, or the file cannot be written.
    """
    network, path = saved.fitted.model, Path(path)
    if not hasattr(network, "export"):
        raise InputError(
            f"{saved.record.paper}/{saved.record.variant} is no neural network, all that LiteRT holds; use predict"
        )
    record = saved.record
    described = {
        "system": f"{record.paper}/{record.variant}",
        "preset": record.preset,
        "corpus": record.corpus_variant,
        "protocol": record.protocol,
        "synthetic": record.synthetic,
        "limits": record.limits,
        "classes": list(record.classes),
        "front_end": record.recipe.get("front_end", {}),
        "inputs": {tensor.name: [size or "any" for size in (1, *tensor.shape[1:])] for tensor in network.inputs},
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(network, path)
        _check(network, path, described["system"])
        path.with_suffix(".json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); name a file in a writable folder") from error
    return path


def _check(network, path, system):
    """Run the file once: only then LiteRT says whether it has all operations of the network."""
    shapes = {tensor.name: tuple(size or TRIED_FRAMES for size in (1, *tensor.shape[1:])) for tensor in network.inputs}
    tried = {tensor.name: np.full(shapes[tensor.name], TRIED_FRAMES, tensor.dtype) for tensor in network.inputs}
    try:
        reader(path)(tried)
    except (RuntimeError, ValueError) as error:
        path.unlink()
        reason = str(error).partition("\n")[0]
        raise InputError(f"LiteRT lacks operations of {system} ({reason}); use predict") from error


def write(network, path, *, examples=1):
    """A Keras network as LiteRT; `examples` is how many it takes a call."""
    import keras

    shapes = {tensor.name: (examples, *tensor.shape[1:]) for tensor in network.inputs}
    types = {tensor.name: tensor.dtype for tensor in network.inputs}
    signature = [{n: keras.InputSpec(shape=shape, dtype=types[n], name=n) for n, shape in shapes.items()}]
    path.touch()  # where that is not allowed, LiteRT's converter would say so in pages
    network.export(str(path), format="litert", verbose=False, input_signature=signature)


def reader(path):
    """A function of the inputs by name, `(1, ...)` each, giving the outputs by name; one thread."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's interpreter announces its move to another package
        import tensorflow

        runner = tensorflow.lite.Interpreter(str(path), num_threads=1).get_signature_runner()
    taken = runner.get_input_details().keys()
    return lambda inputs: runner(**{name: np.asarray(inputs[name]) for name in taken})
