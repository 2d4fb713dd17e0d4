"""Ma's batches of sentences of similar length against padding every sentence to the longest (section 4.1)."""

import statistics
from typing import NamedTuple

import numpy as np

from common.learning import backend
from common.utterance import LABEL_SETS, Utterance
from experiments import catalog
from experiments.benchmark.timing import in_turns, speed_up
from experiments.evidence.benchmarks import SHARE, figure

CLASSES = LABEL_SETS["4hap"]
PAPER, VARIANT = "ma2018", "variable_length"
MEDIAN_S, SPREAD, SHORTEST_S, LONGEST_S = 3.6, 0.6, 0.7, 20.0  # log-normal with a mean of 4.3 s


class Size(NamedTuple):
    """How much is measured."""

    preset: str = "quick"
    sentences: int = 2000  # of the epoch that is reckoned with; a few of its batches are trained
    batches: int = 4
    rounds: int = 2


SMALLEST = Size(preset="smoke", sentences=64, batches=1, rounds=1)


def measure(size) -> list[dict]:
    """Figures of an epoch in both ways, from some of its batches."""
    backend.start()
    recipe = catalog.recipe(PAPER, VARIANT, size.preset)
    frames = lengths(size.sentences, recipe.front_end.hop_s)
    similar, any_order = both_ways(recipe, frames)
    trained = {
        "similar": [similar[i] for i in range(size.batches)],
        "longest": [padded(any_order[i], frames.max()) for i in range(size.batches)],
    }
    network = _compiled(recipe)
    seconds = in_turns({way: lambda b=b: _train(network, b) for way, b in trained.items()}, size.rounds)
    whole = {"similar": frames.sum() / similar.valid_share, "longest": len(frames) * frames.max()}
    factor = {way: whole[way] / sum(_padded_frames(batch) for batch in trained[way]) for way in whole}
    epoch_s = {way: [factor[way] * value for value in seconds[way]] for way in whole}
    note = (
        f"{len(frames)} sentences, synthetic lengths: median {MEDIAN_S} s, longest {LONGEST_S:g} s; one thread; "
        f"reckoned from {size.batches} of its batches"
    )
    return [
        figure("valid frames, batches of similar length", similar.valid_share, SHARE, note=note),
        figure("valid frames, all padded to the longest", frames.sum() / whole["longest"], SHARE),
        figure("epoch, batches of similar length", statistics.median(epoch_s["similar"]), "s"),
        figure("epoch, all padded to the longest", statistics.median(epoch_s["longest"]), "s"),
        figure("speed over padding to the longest", speed_up(epoch_s["longest"], epoch_s["similar"]), "times"),
    ]


def lengths(count, hop_s):
    """Frames of sentences, `(count,)`, whose seconds are distributed log-normally."""
    seconds = np.exp(np.random.default_rng(0).normal(np.log(MEDIAN_S), SPREAD, count))
    return np.round(np.clip(seconds, SHORTEST_S, LONGEST_S) / hop_s).astype(int)


def both_ways(recipe, frames):
    """The paper's batches, and batches in any order that hold no more frames than those when all are as the longest."""
    from common.learning.batching import Batches, Subset

    said = [Utterance(id=str(i), path="", emotion=CLASSES[i % len(CLASSES)], speaker="") for i in range(len(frames))]
    arrays = [np.broadcast_to(np.float32(0), (1, n, recipe.front_end.num_bins)) for n in frames]  # takes no memory
    part = Subset(said, arrays, CLASSES)
    settings = {"seed": 0, "inputs": ("features", "length")}
    bounds = {"by_length": True, "max_frames": recipe.max_frames, "min_share": recipe.min_share}
    fitting = min(recipe.batch_size, recipe.max_frames // int(frames.max()))
    return (
        Batches(part, batch_size=recipe.batch_size, **bounds, **settings),
        Batches(part, batch_size=fitting, **settings),
    )


def padded(batch, steps):
    """A batch whose examples are all as long as `steps`."""
    inputs, labels, weights = batch
    missing = steps - inputs["features"].shape[1]
    features = np.pad(inputs["features"], ((0, 0), (0, missing), (0, 0)))
    return inputs | {"features": features}, labels, weights


def _compiled(recipe):
    import keras

    network = catalog.paper(PAPER).build(recipe, len(CLASSES))
    optimizer = keras.optimizers.Adam(recipe.learning_rate, global_clipnorm=recipe.clip_norm)
    network.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")
    return network


def _train(network, batches):
    for inputs, labels, weights in batches:
        network.train_on_batch(inputs, labels, sample_weight=weights)


def _padded_frames(batch) -> int:
    return int(np.prod(batch[0]["features"].shape[:2]))
