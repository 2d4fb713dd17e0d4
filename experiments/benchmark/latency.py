"""Time one system on a 3-second recording, its front end and its network apart. Needs Keras and the front ends."""

import dataclasses
import json
import statistics
import time

import numpy as np
import threadpoolctl

from common.features import speech_synthesis
from common.learning import backend
from common.utterance import LABEL_SETS, Utterance
from experiments import catalog
from experiments.evidence.latencies import SECONDS
from experiments.runs import train_fold

CLASSES = LABEL_SETS["4hap"]
TEXT = "and then we went along the river to see the old bridge by the water, before it was dark"
UNTIMED = 2  # calls before those that count: a network is compiled in its first
TRAINING = 8  # synthetic sentences of each class, of which a classifier that is no network is made
MACHINE = ("processor", "threads", "backend", "keras")


def measure(name, variant, *, repeat) -> dict:
    """What one system takes at preset `paper`, with four classes, on one thread.

    `features_ms` is the front end with all that it holds, a frozen network included. `network_ms` is all of the paper's
    `predict`: the network, averages or votes, the two-step rule, decoding by every rule. Not counted: the start of the
    process, and noise, which a test adds and no listener. The networks have random initial weights.

    Args:
        name: of the paper.
        variant: of its systems.
        repeat: timed calls, of which the median is taken.
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
    environment = train_fold.environment()
    return {
        "features_ms": round(features_ms, 3),
        "network_ms": round(network_ms, 3),
        "real_time_factor": round((features_ms + network_ms) / 1000 / SECONDS, 6),
        "multiply_accumulates": _operations(paper, recipe, system.model),
        "parameters": _parameters(system.model),
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


class AtOnce:
    """A network whose `predict` is one call for all batches' examples, without the loop that Keras runs around it."""

    def __init__(self, network):
        self.network = network
        self.shape = None  # of the features that it saw last

    def predict(self, batches, verbose=0):
        """The outputs of the only batch that three seconds make."""
        ((inputs, _labels, _weights),) = [batches[i] for i in range(len(batches))]
        self.shape = np.shape(inputs["features"])
        return self.network.predict_on_batch(inputs)


def _system(paper, recipe, front_end):
    """What `predict` takes: an untrained network, or a classifier grown on a few synthetic sentences."""
    from common.learning.training import Fitted

    network = paper.head(recipe, len(CLASSES))
    if hasattr(network, "predict_on_batch"):
        return Fitted(AtOnce(network), {})
    emotions = [emotion for emotion in CLASSES for _sentence in range(TRAINING)]
    rate = front_end.sample_rate_hz
    said = [speech(emotion, rate, seed=1 + i) for i, emotion in enumerate(emotions)]
    train = _part([paper.features(waveform, rate, front_end) for waveform in said], emotions)
    return paper.fit(recipe, train, train, seed=0)


def _operations(paper, recipe, model):
    """Multiply-accumulates of the whole network, frozen layers included; None where there is no network."""
    if not isinstance(model, AtOnce):
        return None
    from common.learning import diagnostics

    whole = paper.build(recipe, len(CLASSES))
    examples, steps = model.shape[:2]
    return diagnostics.multiply_accumulates(whole, examples=examples, steps=steps)


def _parameters(model):
    from common.learning.training import trained_parameters

    return trained_parameters(model.network) if isinstance(model, AtOnce) else 0
