"""What a saved network needs to be read without this suite: nothing, or the few lines that Keras lacks."""

import inspect

import numpy as np

TRIED_FRAMES = 100  # of a network that takes any number
TOLERANCE = 1e-5  # between what Keras and another program give: of posteriors, and of the largest of other outputs
DEFINITIONS = "layers.py"
HEADER = '''"""What the network has beside Keras's own layers. Import this file, then load the network."""

import keras
import numpy as np
from keras import layers, ops
'''


def plain(network):
    """A network without what only its training needs: class, optimizer, loss. A subclassed one is returned as it is."""
    import keras

    try:
        inputs, outputs = network.input, network.output
    except AttributeError:
        return network
    return keras.Model(inputs, outputs, name=network.name)


def definitions(network) -> str:
    """Python code that defines what is registered with Keras and used by a network, its own source; "" for nothing."""
    import keras

    registered = map(keras.saving.get_registered_object, sorted(set(_texts(network.get_config()))))
    sources = [inspect.getsource(thing) for thing in registered if thing is not None]
    return "\n\n".join([HEADER, *sources]) if sources else ""


def _texts(config):
    """All texts in a configuration, names of registered classes and functions among them."""
    if isinstance(config, str):
        yield config
    elif isinstance(config, (dict, list, tuple)):
        for member in config.values() if isinstance(config, dict) else config:
            yield from _texts(member)


def signature(network) -> list:
    """One example a call, by the names of the inputs, as `keras.Model.export` takes it."""
    import keras

    shapes = {tensor.name: (1, *tensor.shape[1:]) for tensor in network.inputs}
    return [{t.name: keras.InputSpec(shape=shapes[t.name], dtype=t.dtype, name=t.name) for t in network.inputs}]


def noise(network) -> dict:
    """An example by the names of the inputs, the same every time; its length is that of all frames."""
    generator = np.random.default_rng(0)
    shapes = {tensor.name: [size or TRIED_FRAMES for size in (1, *tensor.shape[1:])] for tensor in network.inputs}
    inputs = {name: generator.normal(size=shape) for name, shape in shapes.items()}
    inputs |= {name: np.full(shape, TRIED_FRAMES) for name, shape in shapes.items() if len(shape) == 1}
    return {tensor.name: inputs[tensor.name].astype(tensor.dtype) for tensor in network.inputs}


def difference(ours, theirs) -> float:
    """The largest between two lists of outputs; of outputs beyond 1, as a share of the largest."""
    pairs = [(np.asarray(one), np.asarray(other)) for one, other in zip(ours, theirs, strict=True)]
    return max(float(np.abs(one - other).max() / max(1.0, np.abs(one).max())) for one, other in pairs)


def has_blank(network, num_classes) -> bool:
    """Whether a network has an output with one symbol more than there are classes, as CTC needs."""
    return any(tensor.shape[-1] == num_classes + 1 for tensor in network.outputs if tensor.ndim > 1)


def example(network) -> str:
    """Python code of one example, zeros, for each input of a network; of 100 frames where it takes any length."""
    shapes = {tensor.name: tuple(size or TRIED_FRAMES for size in (1, *tensor.shape[1:])) for tensor in network.inputs}
    arrays = {
        tensor.name: f'np.zeros({shapes[tensor.name]}, "{tensor.dtype}")'
        if tensor.ndim > 1
        else f'np.full({shapes[tensor.name]}, {TRIED_FRAMES}, "{tensor.dtype}")'
        for tensor in network.inputs
    }
    return "{" + ", ".join(f'"{name}": {code}' for name, code in arrays.items()) + "}"
