"""Multiply-accumulate operations of a network, counted from the shapes and sizes of its layers.

Counted are convolutions, dense layers, LSTM and GRU. Left out are biases, activations, pooling, normalisation and
products of two activations (attention): hundredths of the whole in networks of these kinds. Zeros that pad an image
count like any other value. One multiply-accumulate is two floating-point operations.
"""

import math

import keras
from keras import layers

GATES = {layers.LSTM: 4, layers.GRU: 3}
CONVOLUTIONS = (layers.Conv1D, layers.Conv2D)


def multiply_accumulates(model, *, examples=1, steps=None) -> int:
    """Of one prediction.

    Args:
        model: a functional model.
        examples: in the batch.
        steps: length of the inputs whose length is open.

    Raises:
        ValueError: the length of an input is open and no `steps` are given.
    """
    kinds = (layers.Dense, *CONVOLUTIONS, *GATES, layers.Bidirectional)
    counted = [layer for layer in model.layers if isinstance(layer, kinds)]
    nested = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    total = sum(multiply_accumulates(network, examples=examples, steps=steps) for network in nested)
    if counted:
        shapes = _shapes(model, counted, examples, steps)
        total += sum(_of_layer(layer, *shape) for layer, shape in zip(counted, shapes, strict=True))
    return total


def _shapes(model, counted, examples, steps):
    """(input shape, output shape) of each layer for a batch of such inputs; nothing is computed."""
    given = {
        tensor.name: keras.KerasTensor(_closed(tensor.shape, examples, steps), dtype=tensor.dtype)
        for tensor in model.inputs
    }
    ends = [[keras.tree.flatten(layer.input)[0], layer.output] for layer in counted]  # a mask would come second
    probe = keras.Model({tensor.name: tensor for tensor in model.inputs}, ends)
    return [tuple(tensor.shape for tensor in pair) for pair in probe.compute_output_spec(given)]


def _closed(shape, examples, steps):
    if None in shape[1:] and steps is None:
        raise ValueError(f"an input {shape} has no length of its own; say how many steps it has")
    return examples, *(steps if size is None else size for size in shape[1:])


def _of_layer(layer, inputs, outputs) -> int:
    """Of one layer, from the shapes of what goes in and what comes out."""
    if isinstance(layer, layers.Bidirectional):
        return sum(_of_layer(each, inputs, outputs) for each in (layer.forward_layer, layer.backward_layer))
    if isinstance(layer, layers.Dense):
        return math.prod(outputs) * inputs[-1]
    if isinstance(layer, CONVOLUTIONS):
        return math.prod(outputs) * math.prod(layer.kernel_size) * (inputs[-1] // layer.groups)
    batch, steps, width = inputs
    gates = next(gates for kind, gates in GATES.items() if isinstance(layer, kind))
    return batch * steps * gates * layer.units * (width + layer.units)
