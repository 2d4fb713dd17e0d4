"""Diagnose a network: activations and gradients at the start, loss over the first steps, dead units, and the number of
operations.
"""

import dataclasses
import math

import keras
import numpy as np
from keras import layers

from common.learning import batching

GATES = {layers.LSTM: 4, layers.GRU: 3}
CONVOLUTIONS = (layers.Conv1D, layers.Conv2D)


@dataclasses.dataclass(frozen=True)
class LayerDiagnosis:
    """One layer with weights, on the probe batch.

    Args:
        name: of the layer.
        activation_rms: root mean square of its outputs before training.
        gradient_share: root mean square of its kernel's gradient over that of the kernel, before training.
        dead_before, dead_after: share of its units (last axis) whose output is 0 everywhere, before and after the
            steps; None for activations other than ReLU.
    """

    name: str
    activation_rms: float
    gradient_share: float
    dead_before: float | None
    dead_after: float | None


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """Layers in the order of the network; loss on the probe batch by number of steps, without dropout."""

    layers: list[LayerDiagnosis]
    losses: dict[int, float]


def diagnose(network, batches, *, steps=(10, 25, 50, 100), probe_size=64) -> Diagnosis:
    """Train a compiled network for a few steps and measure layers and loss; TensorFlow only.

    Args:
        network: compiled, as returned by a paper's `prepare`.
        batches: Batches with a seed.
        steps: numbers of training steps after which the loss is measured.
        probe_size: examples in the probe batch, drawn from the training part.
    """
    probe = next_batch(batches, probe_size)
    watched = [layer for layer in network.layers if layer.trainable_variables]
    outputs = keras.Model(network.inputs, [_output(layer) for layer in watched])
    before = outputs(probe[0], training=False)
    gradients = _gradients(network, probe)
    losses = {0: _loss(network, probe)}
    batches.begin_epoch(0)
    for step in range(max(steps)):
        if step and step % len(batches) == 0:
            batches.begin_epoch(step // len(batches))
        network.train_on_batch(*batches[step % len(batches)])
        if step + 1 in steps:
            losses[step + 1] = _loss(network, probe)
    after = outputs(probe[0], training=False)
    diagnoses = [
        LayerDiagnosis(
            layer.name, _rms(first), gradients[id(layer)], _dead(layer, first, probe), _dead(layer, last, probe)
        )
        for layer, first, last in zip(watched, _list(before), _list(after), strict=True)
    ]
    return Diagnosis(diagnoses, losses)


def next_batch(batches, size):
    """`size` examples of a part as one batch with weights 1, spread over the part."""
    chosen = np.random.default_rng(0).choice(len(batches.part), min(size, len(batches.part)), replace=False)
    few = batching.Batches(batches.part.take(np.sort(chosen)).first_examples(1), batch_size=size, inputs=batches.inputs)
    return few[0]


def _output(layer):
    return layer.output[0] if isinstance(layer.output, list | tuple) else layer.output


def _list(outputs):
    return outputs if isinstance(outputs, list | tuple) else [outputs]


def _rms(values) -> float:
    return float(np.sqrt(np.mean(np.square(np.asarray(values, dtype="float64")))))


def _loss(network, batch) -> float:
    inputs, labels, weights = batch
    return float(network.compute_loss(inputs, labels, network(inputs, training=False), weights, training=False))


def _gradients(network, batch) -> dict[int, float]:
    import tensorflow

    inputs, labels, weights = batch
    with tensorflow.GradientTape() as tape:
        loss = network.compute_loss(inputs, labels, network(inputs, training=False), weights, training=False)
    gradients = tape.gradient(loss, [variable.value for variable in network.trainable_variables])
    by_variable = {id(v): g for v, g in zip(network.trainable_variables, gradients, strict=True)}
    shares = {}
    for layer in network.layers:
        if layer.trainable_variables:
            kernel = max(layer.trainable_variables, key=lambda variable: np.prod(variable.shape))
            shares[id(layer)] = _rms(by_variable[id(kernel)]) / max(_rms(kernel), 1e-12)
    return shares


def _dead(layer, outputs, batch) -> float | None:
    if getattr(layer, "activation", None) is not keras.activations.relu:
        return None
    values = np.asarray(outputs)
    return float(np.mean(np.all(values.reshape(-1, values.shape[-1]) == 0, axis=0)))


def multiply_accumulates(model, *, examples=1, steps=None) -> int:
    """Multiply-accumulate operations of one prediction, from the shapes and sizes of the layers.

    Convolutions, dense layers, LSTM and GRU are counted. Biases, activations, pooling, normalisation and products of
    two activations (attention) are left out: in these networks they are some per cent of the total. Zero padding counts
    like any other value. One multiply-accumulate is two floating-point operations.

    Args:
        model: a functional model.
        examples: batch size.
        steps: length of inputs without a fixed length.

    Raises:
        ValueError: an input has no fixed length, and `steps` is None.
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
    """(input shape, output shape) of each layer for a batch of such inputs, without running the model."""
    given = {
        tensor.name: keras.KerasTensor(_closed(tensor.shape, examples, steps), dtype=tensor.dtype)
        for tensor in model.inputs
    }
    ends = [[keras.tree.flatten(layer.input)[0], layer.output] for layer in counted]  # a mask would come second
    probe = keras.Model({tensor.name: tensor for tensor in model.inputs}, ends)
    return [tuple(tensor.shape for tensor in pair) for pair in probe.compute_output_spec(given)]


def _closed(shape, examples, steps):
    if None in shape[1:] and steps is None:
        raise ValueError(f"an input {shape} has no fixed length; give the number of steps")
    return examples, *(steps if size is None else size for size in shape[1:])


def _of_layer(layer, inputs, outputs) -> int:
    """Multiply-accumulates of one layer, from the shapes of its input and output."""
    if isinstance(layer, layers.Bidirectional):
        return sum(_of_layer(each, inputs, outputs) for each in (layer.forward_layer, layer.backward_layer))
    if isinstance(layer, layers.Dense):
        return math.prod(outputs) * inputs[-1]
    if isinstance(layer, CONVOLUTIONS):
        return math.prod(outputs) * math.prod(layer.kernel_size) * (inputs[-1] // layer.groups)
    batch, steps, width = inputs
    gates = next(gates for kind, gates in GATES.items() if isinstance(layer, kind))
    return batch * steps * gates * layer.units * (width + layer.units)
