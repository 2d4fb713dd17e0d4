"""Time one system on a 3-second recording, front end and network apart. Keras makes the network, LiteRT runs it."""

import dataclasses
import json
import statistics
import tempfile
import time
from importlib import metadata
from pathlib import Path

import numpy as np
import threadpoolctl

from common.errors import InputError
from common.features import speech_synthesis
from common.learning import backend
from common.utterance import LABEL_SETS, Utterance
from experiments import catalog
from experiments.evidence.latencies import SECONDS
from experiments.runs import train_fold
from experiments.saved_models import litert

CLASSES = LABEL_SETS["4hap"]
TEXT = "and then we went along the river to see the old bridge by the water, before it was dark"
UNTIMED = 2  # calls before those that count: a network is compiled in its first
TRAINING = 8  # synthetic sentences of each class, of which a classifier that is no network is made
PACKAGES = {"LiteRT": "ai-edge-litert", "scikit-learn": "scikit-learn"}
MACHINE = ("processor", "threads", "runtime")


def measure(name, variant, *, repeat) -> dict:
    """What one system takes at preset `paper`, with four classes, on one thread.

    `features_ms` is the front end with all that it holds, a frozen network included. `network_ms` is all of the paper's
    `predict`: the network in LiteRT, averages or votes, the two-step rule, decoding by every rule. Not counted: the
    start of the process, and noise, which a test adds and no listener. The networks have random initial weights.

    Args:
        name: of the paper.
        variant: of its systems.
        repeat: timed calls, of which the median is taken.

    Raises:
        InputError: the front end lacks something, or LiteRT cannot run the network.
    """
    backend.start()
    paper, recipe = catalog.paper(name), catalog.recipe(name, variant, "paper")
    front_end = _without_download(recipe.front_end)
    rate = front_end.sample_rate_hz
    waveform = speech("neutral", rate)
    with threadpoolctl.threadpool_limits(1):
        heard = _part([paper.features(waveform, rate, front_end)], ["neutral"])
        features_ms = _milliseconds(lambda: paper.features(waveform, rate, front_end), repeat)
        system = _system(paper, recipe, front_end)
        network_ms = _milliseconds(lambda: paper.predict(system, heard, recipe), repeat)
    runtime = "LiteRT" if isinstance(system.model, Watched) else "scikit-learn"
    environment = train_fold.environment() | {"runtime": f"{runtime} {metadata.version(PACKAGES[runtime])}"}
    return {
        "features_ms": round(features_ms, 3),
        "network_ms": round(network_ms, 3),
        "real_time_factor": round((features_ms + network_ms) / 1000 / SECONDS, 6),
        "multiply_accumulates": _operations(paper, recipe, system.model),
        "parameters": getattr(system.model, "parameters", 0),
        "repeat": repeat,
        "front_end": json.loads(json.dumps(dataclasses.asdict(recipe.front_end))),
        "machine": {key: environment.get(key) for key in MACHINE},
    }


def speech(emotion, sample_rate_hz, seed=0):
    """Three seconds of synthetic speech, `(N,)`."""
    speaker = speech_synthesis.make_speaker("latency", "female", seed=seed)
    waveform = speech_synthesis.speak(emotion, speaker, TEXT, sample_rate_hz=sample_rate_hz)
    return waveform[: round(SECONDS * sample_rate_hz)]


def _without_download(front_end):
    """A pretrained front end with random weights, which take as long."""
    return dataclasses.replace(front_end, weights="none") if getattr(front_end, "pretrained", False) else front_end


def _part(arrays, emotions):
    from common.learning.batching import Subset

    said = [Utterance(id=str(i), path="", emotion=emotion, speaker="latency") for i, emotion in enumerate(emotions)]
    return Subset(said, arrays, CLASSES)


def _milliseconds(function, repeat) -> float:
    """Median over the calls that count."""
    seconds = []
    for _call in range(UNTIMED + repeat):
        begin = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begin)
    return 1000 * statistics.median(seconds[UNTIMED:])


class Watched:
    """A network in LiteRT that keeps the shape of the features that it saw last."""

    def __init__(self, network, parameters):
        self.network, self.parameters, self.shape = network, parameters, None

    def predict(self, batches, verbose=0):
        """As a Keras network's."""
        self.shape = np.shape(batches[0][0]["features"])
        return self.network.predict(batches)


def in_litert(network) -> litert.Network:
    """A Keras network, run by LiteRT. Raises InputError where LiteRT cannot."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # Windows keeps what is mapped
        if why := litert.write(network, path := Path(folder, f"network{litert.SUFFIX}")):
            raise InputError(f"LiteRT does not run it: {why}")
        return litert.Network(path)


def _system(paper, recipe, front_end):
    """What `predict` takes: an untrained network, or a classifier grown on a few synthetic sentences."""
    from common.learning.training import Fitted, trained_parameters

    network = paper.head(recipe, len(CLASSES))
    if hasattr(network, "predict_on_batch"):
        deployed = paper.deployed(network, recipe, len(CLASSES))
        return Fitted(Watched(in_litert(deployed), trained_parameters(network)), {})
    emotions = [emotion for emotion in CLASSES for _sentence in range(TRAINING)]
    rate = front_end.sample_rate_hz
    said = [speech(emotion, rate, seed=1 + i) for i, emotion in enumerate(emotions)]
    train = _part([paper.features(waveform, rate, front_end) for waveform in said], emotions)
    return paper.fit(recipe, train, train, seed=0)


def _operations(paper, recipe, model):
    """Multiply-accumulates of the whole network, frozen layers included; None where there is no network."""
    if not isinstance(model, Watched):
        return None
    from common.learning import diagnostics

    whole = paper.build(recipe, len(CLASSES))
    examples, steps = model.shape[:2]
    return diagnostics.multiply_accumulates(whole, examples=examples, steps=steps)
