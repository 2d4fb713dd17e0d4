"""Benchmark of prediction: cold start of `predict`, milliseconds per recording, and the speed of LiteRT and Keras."""

import statistics
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from common.corpora import synthetic
from common.learning import backend
from experiments import catalog
from experiments.benchmark import latency
from experiments.benchmark.timing import child, in_turns, speed_up
from experiments.benchmark.training import networks
from experiments.evidence.benchmarks import figure

NUM_CLASSES = 4


class Size(NamedTuple):
    """Size of the measurement."""

    first: int | None = None  # number of the networks that `bench` trains; None is all
    repeat: int = 10
    cold_starts: int = 3


SMALLEST = Size(first=1, repeat=1, cold_starts=1)


def measure(size):
    """Yield figures for a new process, then for every network."""
    systems = [(name, variant) for name, variant, *_ in networks()[: size.first]]
    yield from _cold_start(*systems[0], size.cold_starts)
    for name, variant in systems:
        measured = latency.measure(name, variant, repeat=size.repeat)
        parts = f"front end {measured['features_ms']:.1f} ms + network {measured['network_ms']:.1f} ms"
        spent = measured["features_ms"] + measured["network_ms"]
        yield figure(f"{name}/{variant}: recording to posteriors", spent, "ms", note=parts)
        yield _over_keras(name, variant, size.repeat)


def _cold_start(name, variant, count):
    """Total time of the verb `predict` with a newly trained system, in LiteRT and in Keras."""
    with tempfile.TemporaryDirectory() as folder:
        data = synthetic.synthesize("ravdess", Path(folder, "ravdess"), speakers=6, files=1, progress=False)
        wav = Path(folder, "speech.wav")
        soundfile.write(wav, latency.speech("neutral", 16_000), 16_000)
        training = ("run", name, "--variant", variant, "--corpus", "ravdess", "--data", data, "--preset", "smoke")
        where = ("--folds", 1, "--workers", 1, "--results", Path(folder, "results"), "--models", Path(folder, "models"))
        protocol = ("--protocol", "speaker_independent", "--emotions", "4hap")
        child(["-m", "experiments", *training, *where, *protocol], environment={"SER_CACHE": folder})
        (model,) = (path.parent for path in Path(folder, "models").rglob("config.json"))
        for runtime, option in (("LiteRT", ()), ("Keras", ("--keras",))):
            starts = [child(["-m", "experiments", "predict", model, wav, *option]) for _start in range(count)]
            note = f"{name}/{variant}, one recording, a fresh process; {_spent(starts)}"
            seconds = statistics.median(one.wall_s for one in starts)
            yield figure(f"predict: cold start to decision, {runtime}", seconds, "s", note=note)


def _spent(starts) -> str:
    """Median processor time and memory of processes, in words."""
    mib = statistics.median(one.peak_mib for one in starts)
    cpu = [one.cpu_s for one in starts if one.cpu_s is not None]
    return f"{statistics.median(cpu):.1f} s of a core, {mib:.0f} MiB" if cpu else f"{mib:.0f} MiB"


def _over_keras(name, variant, repeat) -> dict:
    """Speed of LiteRT relative to Keras's `predict_on_batch`, on the examples of 3 s of speech."""
    backend.start()
    network, inputs = _network(name, variant)
    exported = latency.in_litert(network)
    ways = {"keras": lambda: network.predict_on_batch(inputs), "litert": lambda: exported.predict(inputs)}
    seconds = in_turns(ways, 2 + repeat)
    before_ms, after_ms = (1000 * statistics.median(seconds[way]) for way in ways)
    difference = _difference(ways["keras"](), ways["litert"]())
    note = f"the network alone: {before_ms:.2f} ms by Keras, {after_ms:.2f} ms; largest difference {difference:.1g}"
    over = speed_up(seconds["keras"], seconds["litert"])
    return figure(f"{name}/{variant}: network in LiteRT, speed over Keras", over, "times", note=note)


def _network(name, variant):
    """An untrained network and its inputs for three seconds of speech."""
    paper, recipe = catalog.paper(name), catalog.recipe(name, variant, "quick")
    network = paper.build(recipe, NUM_CLASSES)
    rate = recipe.front_end.sample_rate_hz
    features = paper.features(latency.speech("neutral", rate), rate, recipe.front_end).astype("float32")
    given = {"features": features, "length": np.full(len(features), features.shape[1], dtype="int32")}
    return network, {tensor.name: given[tensor.name] for tensor in network.inputs}


def _difference(ours, theirs) -> float:
    """The largest difference between outputs of the same shape, regardless of their names."""
    import keras

    pairs = ((a, b) for a in keras.tree.flatten(ours) for b in keras.tree.flatten(theirs) if a.shape == b.shape)
    return max(float(np.abs(a - b).max()) for a, b in pairs)
