"""Does a network learn at all: its signal and gradients at the start, its loss over the first steps, its dead units."""

import dataclasses

import keras
import numpy as np

from common.learning import batching


@dataclasses.dataclass(frozen=True)
class LayerDiagnosis:
    """One layer with weights, on the probe batch.

    Args:
        name: of the layer.
        activation_rms: root mean square of its outputs before training.
        gradient_share: root mean square of its kernel's gradient over that of the kernel, before training.
        dead_before, dead_after: share of its units (last axis) whose output is 0 everywhere, before and after the
            steps; None where the activation is no ReLU.
    """

    name: str
    activation_rms: float
    gradient_share: float
    dead_before: float | None
    dead_after: float | None


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """Layers in the order of the network; loss on the probe batch by number of steps, dropout off."""

    layers: list[LayerDiagnosis]
    losses: dict[int, float]


def diagnose(network, batches, *, steps=(10, 25, 50, 100), probe_size=64) -> Diagnosis:
    """Train a compiled network for a few steps and look at it; TensorFlow only.

    Args:
        network: compiled; what `prepare` of a paper returns.
        batches: Batches with a seed.
        steps: numbers of training steps after which the loss is taken.
        probe_size: examples of the probe batch, drawn from the training part.
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
    layers = [
        LayerDiagnosis(
            layer.name, _rms(first), gradients[id(layer)], _dead(layer, first, probe), _dead(layer, last, probe)
        )
        for layer, first, last in zip(watched, _list(before), _list(after), strict=True)
    ]
    return Diagnosis(layers, losses)


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
