"""Benchmark of training: an epoch of ours against `model.fit`, for the main network of each paper."""

import statistics
import time
from pathlib import Path

import numpy as np

from common.features import feature_store
from common.learning import backend
from common.utterance import LABEL_SETS, Utterance
from experiments import catalog
from experiments.benchmark import latency
from experiments.benchmark.timing import in_turns, speed_up
from experiments.evidence.benchmarks import figure
from experiments.runs import compare

CLASSES = LABEL_SETS["4hap"]
NOT_SCORED = {"loss": 0.0, "ua": 0.0, "largest_share": 0.0}  # only the epoch itself is timed
LEAST_OF_PLAIN = 0.95  # the whole pipeline loses at most 5 %
EPOCH_S = 1.0  # about as long as a timed epoch
MOST_BATCHES = 80
ROUNDS = 5


def networks() -> list[tuple[str, str]]:
    """(paper, variant) of the main system of each paper, where it is a network."""
    pairs = compare.first_systems()
    return [pair for pair in pairs if catalog.recipe(*pair, "paper").num_parameters]


def measure(folder, *, smallest=False):
    """Yield the speed of our epochs over `model.fit` on arrays in memory: the lowest of all networks.

    Args:
        folder: an empty one.
        smallest: one network, two batches, one round.
    """
    import keras

    backend.start()
    speeds = {}
    for name, variant in networks()[: 1 if smallest else None]:
        network, batches = prepared(name, variant, folder, 2 if smallest else None)
        arrays = in_memory(batches)
        ways = {
            "ours": lambda n=network, b=batches: _our_epoch(n, b),
            "plain": lambda n=network, a=arrays, b=batches: _plain_epoch(n, *a, b.batch_size),
        }
        seconds = in_turns(ways, 1 if smallest else ROUNDS)
        speeds[f"{name}/{variant}"] = speed_up(seconds["plain"], seconds["ours"])
        keras.utils.clear_session()  # the next network needs the memory
    yield figure(
        "training: speed over model.fit on arrays in memory, the least of these networks",
        min(speeds.values()),
        "times",
        at_least=LEAST_OF_PLAIN,
        note=", ".join(f"{name} {speed:.2f}" for name, speed in speeds.items()) + "; neither validates nor saves",
    )


def prepared(name, variant, folder, steps=None):
    """The compiled network of a system and its batches: `steps` of them, or as many as take about a second."""
    paper, recipe = catalog.paper(name), catalog.recipe(name, variant, "quick")
    if steps is None:
        network, batches = prepared(name, variant, folder, 2)
        seconds = in_turns({"batch": lambda: _train(network, batches[0])}, 3)["batch"]
        steps = int(np.clip(EPOCH_S / statistics.median(seconds), 2, MOST_BATCHES))
    return paper.prepare(
        recipe, synthetic_part(paper, recipe, steps, Path(folder, f"{name}-{variant}-{steps}")), seed=0
    )


def _train(network, batch):
    inputs, labels, weights = batch
    network.train_on_batch(inputs, labels, sample_weight=weights)


def synthetic_part(paper, recipe, steps, folder):
    """As many stored examples as fill that many batches: the features of 3 s of synthetic speech, varied by 1 %."""
    from common.learning.batching import Subset

    rate = recipe.front_end.sample_rate_hz
    spoken = paper.features(latency.speech("neutral", rate), rate, recipe.front_end)  # (S, T, F)
    count = -(-steps * recipe.batch_size // len(spoken))
    count += -count % len(CLASSES)  # classes of one size: nothing is drawn twice to balance them
    generator = np.random.default_rng(0)
    entries = []
    for number in range(count):
        varied = (spoken * generator.uniform(0.99, 1.01, spoken.shape)).astype("float32")
        entries.append(feature_store.write(Path(folder, f"{number}.npy"), varied))
    said = [Utterance(id=str(i), path="", emotion=CLASSES[i % len(CLASSES)], speaker="bench") for i in range(count)]
    return Subset(said, feature_store.StoredFeatures(entries), CLASSES)


def in_memory(batches):
    """All examples as arrays for `model.fit`: inputs by name, labels, weights."""
    from common.learning.batching import Batches

    whole = Batches(batches.part, batch_size=len(batches.utterance_of), inputs=batches.inputs)
    inputs, labels, _ = whole[0]
    return inputs, labels, batches.weights


def _our_epoch(network, batches) -> float:
    from common.learning import training

    return training.fit(network, batches, score=lambda *_: NOT_SCORED, max_epochs=1).history["seconds"][0]


def _plain_epoch(network, inputs, labels, weights, batch_size) -> float:
    """Seconds from the beginning to the end of an epoch, as measured in common/learning/training."""
    import keras

    times = []
    timer = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: times.append(time.monotonic()), on_epoch_end=lambda *_: times.append(time.monotonic())
    )
    network.fit(inputs, labels, sample_weight=weights, batch_size=batch_size, epochs=1, verbose=0, callbacks=[timer])
    return times[1] - times[0]
