"""Benchmark of training: GFLOP/s of the papers' main networks, relative to the machine's peak and to plain `model.fit`.

Like the folds of a run, networks are trained in parallel, in one single-threaded process per core.
"""

import concurrent.futures
import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.errors import InputError
from common.features import feature_store
from common.learning import backend
from common.processes import end_with
from common.utterance import LABEL_SETS, Utterance
from experiments import catalog
from experiments.benchmark import latency
from experiments.evidence.benchmarks import SHARE, figure

CLASSES = LABEL_SETS["4hap"]
NOT_SCORED = {"loss": 0.0, "ua": 0.0, "largest_share": 0.0}  # only the epoch itself is timed
LEAST_OF_PLAIN = 0.95  # our whole pipeline loses at most 5 %
MATRIX, PRODUCTS = 2048, 4  # size and number of the matrix products that determine the peak
OPERATIONS = (
    3 * 2
)  # of training per multiply-accumulate of a prediction: the backward pass costs twice the forward pass
PATIENCE_S = 600.0  # timeout of a process that waits for the others


def networks() -> list[tuple]:
    """(paper, variant, batches of a timed epoch, target share of the peak) for all networks in `BENCHED`."""
    papers = map(catalog.paper, catalog.NAMES)
    return [(paper.name, variant, *wanted) for paper in papers for variant, wanted in paper.BENCHED.items()]


class Size(NamedTuple):
    """Size of the measurement."""

    first: int | None = None  # number of networks; None is all
    batches: int | None = None  # of a timed epoch; None uses the paper's number
    rounds: int = 3
    processes: int = os.cpu_count() or 1
    matrix: int = MATRIX


SMALLEST = Size(first=1, batches=2, rounds=1, processes=1, matrix=64)


def measure(size):
    """Yield figures for every network, then for the peak."""
    context = multiprocessing.get_context("spawn")  # TensorFlow's threads do not survive a fork
    barrier = context.Barrier(size.processes)
    peaks = []
    with concurrent.futures.ProcessPoolExecutor(size.processes, context, _begin_worker, (barrier, os.getpid())) as pool:
        for paper, variant, steps, share in networks()[: size.first]:
            own = (paper, variant, size.batches or steps, size)
            tasks = [pool.submit(_time_network, *own) for _ in range(size.processes)]
            try:
                timings = [task.result() for task in tasks]
            except concurrent.futures.process.BrokenProcessPool as error:
                raise InputError(
                    f"a process training {paper}/{variant} died (out of memory?); free some and measure again"
                ) from error
            yield from figures(f"{paper}/{variant}", timings, share)
            peaks.append(_together(timings, "peak"))
    note = f"of float32, {size.matrix} x {size.matrix}, TensorFlow, {size.processes} processes of one thread"
    yield figure("peak of matrix products", statistics.median(peaks), "GFLOP/s", note=note)


def figures(name, timings, share) -> list[dict]:
    """The figures of one network, from the timings of its processes.

    Args:
        name: `paper/variant`.
        timings: for each process: `multiply_accumulates` of predicting one example, `examples` in an epoch, seconds of
            the timed epochs with our loop (`ours`) and with plain `model.fit` (`plain`), and `peak` in GFLOP/s of each
            round.
        share: target share of the peak.
    """
    rate = sum(gigaflops(f["multiply_accumulates"], f["examples"], statistics.median(f["ours"])) for f in timings)
    pairs = [(plain, ours) for f in timings for plain, ours in zip(f["plain"], f["ours"], strict=True)]
    examples = timings[0]["examples"]
    return [
        figure(f"{name}: training", rate, "GFLOP/s", note=f"epochs of {examples} examples in {len(timings)} processes"),
        figure(f"{name}: of the peak in the same rounds", rate / _together(timings, "peak"), SHARE, at_least=share),
        figure(
            f"{name}: speed over model.fit on arrays in memory",
            statistics.median(plain / ours for plain, ours in pairs),
            "times",
            at_least=LEAST_OF_PLAIN,
            note="neither validates nor saves",
        ),
    ]


def gigaflops(multiply_accumulates, examples, seconds) -> float:
    """10^9 operations per second in training, which takes three times the operations of a prediction."""
    return OPERATIONS * multiply_accumulates * examples / seconds / 1e9


def _together(timings, quantity) -> float:
    return sum(statistics.median(f[quantity]) for f in timings)


_barrier = None


def _begin_worker(barrier, parent):
    global _barrier
    _barrier = barrier
    end_with(parent)
    backend.start()


def _time_network(name, variant, steps, size) -> dict:
    """The timings of one network in one of several processes, see `figures`."""
    import keras

    try:
        with tempfile.TemporaryDirectory() as folder:
            return _rounds(*_prepared(name, variant, steps, folder), size)
    except BaseException:
        _barrier.abort()  # the other processes would wait forever
        raise
    finally:
        keras.utils.clear_session()  # frees memory for the next network


def _prepared(name, variant, steps, folder):
    """The compiled network, its batches, and the multiply-accumulates of one example."""
    from common.learning import diagnostics

    paper, recipe = catalog.paper(name), catalog.recipe(name, variant, "quick")
    part = synthetic_part(paper, recipe, steps, folder)
    network, batches = paper.prepare(recipe, part, seed=0)
    counted = diagnostics.multiply_accumulates(network, examples=1, steps=part.features[0].shape[1])
    return network, batches, counted


def _rounds(network, batches, multiply_accumulates, size) -> dict:
    """Our loop, plain `model.fit` and the peak, alternating; each starts simultaneously in all processes."""
    arrays = in_memory(batches)
    timed = {
        "ours": lambda: _our_epoch(network, batches),
        "plain": lambda: _plain_epoch(network, *arrays, batches.batch_size),
        "peak": lambda: peak_gigaflops(size.matrix),
    }
    measured = {name: [] for name in timed}
    for _round in range(1 + size.rounds):
        for name, function in timed.items():
            _barrier.wait(PATIENCE_S)
            measured[name].append(function())
    warm = {name: values[1:] for name, values in measured.items()}  # the first round compiles
    return {"multiply_accumulates": multiply_accumulates, "examples": len(batches.utterance_of), **warm}


def synthetic_part(paper, recipe, steps, folder):
    """A Subset that fills `steps` batches with stored features of 3 s of synthetic speech, varied by 1 %."""
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
    """Seconds from the beginning to the end of an epoch, measured as in common/learning/training."""
    import keras

    times = []
    timer = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: times.append(time.monotonic()), on_epoch_end=lambda *_: times.append(time.monotonic())
    )
    network.fit(inputs, labels, sample_weight=weights, batch_size=batch_size, epochs=1, verbose=0, callbacks=[timer])
    return times[1] - times[0]


def peak_gigaflops(size) -> float:
    """GFLOP/s of float32 matrix products: the median of a few after a warm-up, in TensorFlow with any Keras backend."""
    import tensorflow

    generator = np.random.default_rng(0)
    a, b = (tensorflow.constant(generator.normal(size=(size, size)), dtype="float32") for _ in range(2))
    seconds = []
    for _product in range(1 + PRODUCTS):
        begin = time.perf_counter()
        tensorflow.linalg.matmul(a, b).numpy()
        seconds.append(time.perf_counter() - begin)
    return 2 * size**3 / statistics.median(seconds[1:]) / 1e9
