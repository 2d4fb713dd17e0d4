"""Make saved networks loadable without this suite: by Keras alone, or with a file of custom definitions."""

import inspect

import numpy as np

TRIED_FRAMES = 100  # in examples for a network that accepts any number
TOLERANCE = 1e-5  # between the outputs of Keras and another runtime: absolute below 1, else relative to the largest
DEFINITIONS = "layers.py"
HEADER = '''"""Custom definitions used by the network. Import this file, then load the network."""

import keras
import numpy as np
from keras import layers, ops
'''


def plain(network):
    """A network without optimizer, loss and custom training class. A subclassed model is returned unchanged."""
    import keras

    try:
        inputs, outputs = network.input, network.output
    except AttributeError:
        return network
    return keras.Model(inputs, outputs, name=network.name)


def definitions(network) -> str:
    """Python source of the registered custom objects that a network uses; "" if there are none."""
    import keras

    registered = map(keras.saving.get_registered_object, sorted(set(_texts(network.get_config()))))
    sources = [inspect.getsource(thing) for thing in registered if thing is not None]
    return "\n\n".join([HEADER, *sources]) if sources else ""


def _texts(config):
    """Yield all texts in a configuration, including names of registered classes and functions."""
    if isinstance(config, str):
        yield config
    elif isinstance(config, (dict, list, tuple)):
        for member in config.values() if isinstance(config, dict) else config:
            yield from _texts(member)


def signature(network) -> list:
    """Input signature for `keras.Model.export`: named inputs with one example per call."""
    import keras

    shapes = {tensor.name: (1, *tensor.shape[1:]) for tensor in network.inputs}
    return [{t.name: keras.InputSpec(shape=shapes[t.name], dtype=t.dtype, name=t.name) for t in network.inputs}]


def noise(network) -> dict:
    """{name of an input: a random example}, always the same; without padding."""
    generator = np.random.default_rng(0)
    shapes = {tensor.name: [size or TRIED_FRAMES for size in (1, *tensor.shape[1:])] for tensor in network.inputs}
    inputs = {name: generator.normal(size=shape) for name, shape in shapes.items()}
    inputs |= {name: np.full(shape, TRIED_FRAMES) for name, shape in shapes.items() if len(shape) == 1}
    return {tensor.name: inputs[tensor.name].astype(tensor.dtype) for tensor in network.inputs}


def difference(ours, theirs) -> float:
    """The largest difference between two lists of outputs, relative to the largest output of each if that exceeds 1."""
    pairs = [(np.asarray(one), np.asarray(other)) for one, other in zip(ours, theirs, strict=True)]
    return max(float(np.abs(one - other).max() / max(1.0, np.abs(one).max())) for one, other in pairs)


def has_blank(network, num_classes) -> bool:
    """Whether an output of the network has one symbol more than there are classes, as CTC needs."""
    return any(tensor.shape[-1] == num_classes + 1 for tensor in network.outputs if tensor.ndim > 1)


def example(network) -> str:
    """Python code of an example of zeros for each input of a network, with 100 frames if it accepts any length."""
    shapes = {tensor.name: tuple(size or TRIED_FRAMES for size in (1, *tensor.shape[1:])) for tensor in network.inputs}
    arrays = {
        tensor.name: f'np.zeros({shapes[tensor.name]}, "{tensor.dtype}")'
        if tensor.ndim > 1
        else f'np.full({shapes[tensor.name]}, {TRIED_FRAMES}, "{tensor.dtype}")'
        for tensor in network.inputs
    }
    return "{" + ", ".join(f'"{name}": {code}' for name, code in arrays.items()) + "}"
