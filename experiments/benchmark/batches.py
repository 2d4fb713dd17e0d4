"""Benchmark of batches of similar length, as in recipes with `max_frames`, against padding to the longest sentence."""

import statistics
from typing import NamedTuple

import numpy as np

from common.learning import backend
from common.utterance import LABEL_SETS, Utterance
from experiments import catalog
from experiments.benchmark import latency
from experiments.benchmark.timing import in_turns, speed_up
from experiments.benchmark.training import networks
from experiments.evidence.benchmarks import SHARE, figure

CLASSES = LABEL_SETS["4hap"]
MEDIAN_S, SPREAD, SHORTEST_S, LONGEST_S = 3.6, 0.6, 0.7, 20.0  # log-normal with a mean of 4.3 s


class Size(NamedTuple):
    """Size of the measurement."""

    preset: str = "quick"
    sentences: int = 2000  # in the epoch whose time is estimated; only a few of its batches are trained
    batches: int = 4
    rounds: int = 2


SMALLEST = Size(preset="smoke", sentences=64, batches=1, rounds=1)


def measure(size):
    """Yield figures for every network that batches by length: times of an epoch, estimated from a few batches."""
    backend.start()
    for name, variant, *_ in networks():
        recipe = catalog.recipe(name, variant, size.preset)
        if hasattr(recipe, "max_frames"):
            yield from _of_network(catalog.paper(name), variant, recipe, size)


def _of_network(paper, variant, recipe, size) -> list[dict]:
    frames = lengths(size.sentences, recipe.front_end.hop_s)
    network, similar, any_order = both_ways(paper, recipe, frames)
    trained = {
        "similar": [similar[i] for i in range(size.batches)],
        "longest": [padded(any_order[i], frames.max()) for i in range(size.batches)],
    }
    seconds = in_turns({way: lambda b=b: _train(network, b) for way, b in trained.items()}, size.rounds)
    whole = {"similar": frames.sum() / similar.valid_share, "longest": len(frames) * frames.max()}
    factor = {way: whole[way] / sum(_padded_frames(batch) for batch in trained[way]) for way in whole}
    epoch_s = {way: [factor[way] * value for value in seconds[way]] for way in whole}
    note = (
        f"{len(frames)} sentences, synthetic lengths: median {MEDIAN_S} s, longest {LONGEST_S:g} s; one thread; "
        f"estimated from {size.batches} of its batches"
    )
    name = f"{paper.name}/{variant}"
    return [
        figure(f"{name}: valid frames, batches of similar length", similar.valid_share, SHARE, note=note),
        figure(f"{name}: valid frames, all padded to the longest", frames.sum() / whole["longest"], SHARE),
        figure(f"{name}: epoch, batches of similar length", statistics.median(epoch_s["similar"]), "s"),
        figure(f"{name}: epoch, all padded to the longest", statistics.median(epoch_s["longest"]), "s"),
        figure(f"{name}: speed over padding to the longest", speed_up(epoch_s["longest"], epoch_s["similar"]), "times"),
    ]


def lengths(count, hop_s):
    """Numbers of frames, `(count,)`, of sentences with log-normally distributed durations."""
    seconds = np.exp(np.random.default_rng(0).normal(np.log(MEDIAN_S), SPREAD, count))
    return np.round(np.clip(seconds, SHORTEST_S, LONGEST_S) / hop_s).astype(int)


def both_ways(paper, recipe, frames):
    """The network, its batches, and batches in any order with at most as many frames, padded to the longest sentence.

    Args:
        paper: a catalog.Method.
        recipe: with `max_frames`.
        frames: (N,) number of frames of each sentence.
    """
    from common.learning.batching import Batches, Subset

    rate = recipe.front_end.sample_rate_hz
    shape = paper.features(latency.speech("neutral", rate), rate, recipe.front_end).shape[2:]
    said = [Utterance(id=str(i), path="", emotion=CLASSES[i % len(CLASSES)], speaker="") for i in range(len(frames))]
    arrays = [np.broadcast_to(np.float32(0), (1, n, *shape)) for n in frames]  # takes no memory
    part = Subset(said, arrays, CLASSES)
    network, similar = paper.prepare(recipe, part, seed=0)
    fitting = min(recipe.batch_size, recipe.max_frames // int(frames.max()))
    return network, similar, Batches(part, batch_size=fitting, seed=0, inputs=similar.inputs)


def padded(batch, steps):
    """The batch with all examples padded to `steps` frames."""
    inputs, labels, weights = batch
    missing = steps - inputs["features"].shape[1]
    features = np.pad(inputs["features"], ((0, 0), (0, missing), (0, 0)))
    return inputs | {"features": features}, labels, weights


def _train(network, batches):
    for inputs, labels, weights in batches:
        network.train_on_batch(inputs, labels, sample_weight=weights)


def _padded_frames(batch) -> int:
    return int(np.prod(batch[0]["features"].shape[:2]))
