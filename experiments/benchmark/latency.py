"""Latency of one system on a 3-second recording, for front end and network separately; networks run in LiteRT."""

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
UNTIMED = 2  # warm-up calls: a network is compiled in the first
TRAINING = 8  # synthetic sentences per class, to train a classifier that is not a network
PACKAGES = {"LiteRT": "ai-edge-litert", "scikit-learn": "scikit-learn"}
MACHINE = ("processor", "threads", "runtime")


def measure(name, variant, *, repeat) -> dict:
    """Latency of one system at preset `paper`, with four classes, on one thread.

    `features_ms` is the time of the front end, including a frozen network. `network_ms` is the time of the paper's
    `predict`: the network in LiteRT, averages or votes, the two-step rule, decoding by all rules. The start of the
    process and the noise added in tests are not included. The networks have random initial weights.

    Args:
        name: of the paper.
        variant: of the system.
        repeat: number of timed calls; the median is returned.

    Returns:
        The measured values and their conditions, as stored in latency.json.

    Raises:
        InputError: a package of the front end is missing, or LiteRT cannot run the network.
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
    """Three seconds of synthetic speech, `(N,)` float32."""
    speaker = speech_synthesis.make_speaker("latency", "female", seed=seed)
    waveform = speech_synthesis.speak(emotion, speaker, TEXT, sample_rate_hz=sample_rate_hz)
    return waveform[: round(SECONDS * sample_rate_hz)]


def _without_download(front_end):
    """A pretrained front end with random weights, which is as fast."""
    return dataclasses.replace(front_end, weights="none") if getattr(front_end, "pretrained", False) else front_end


def _part(arrays, emotions):
    from common.learning.batching import Subset

    said = [Utterance(id=str(i), path="", emotion=emotion, speaker="latency") for i, emotion in enumerate(emotions)]
    return Subset(said, arrays, CLASSES)


def _milliseconds(function, repeat) -> float:
    """Median over the timed calls."""
    seconds = []
    for _call in range(UNTIMED + repeat):
        begin = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begin)
    return 1000 * statistics.median(seconds[UNTIMED:])


class Watched:
    """A network in LiteRT that remembers the shape of its last input."""

    def __init__(self, network, parameters):
        self.network, self.parameters, self.shape = network, parameters, None

    def predict(self, batches, verbose=0):
        """Outputs for all batches, like `keras.Model.predict`."""
        self.shape = np.shape(batches[0][0]["features"])
        return self.network.predict(batches)


def in_litert(network) -> litert.Network:
    """A Keras network converted to LiteRT. Raises InputError if LiteRT cannot run it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # Windows locks mapped files
        if why := litert.write(network, path := Path(folder, f"network{litert.SUFFIX}")):
            raise InputError(f"LiteRT does not run it: {why}")
        return litert.Network(path)


def _system(paper, recipe, front_end):
    """A Fitted for `predict`: an untrained network, or a classifier trained on a few synthetic sentences."""
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
    """Multiply-accumulates of the whole network, including frozen layers; None without a network."""
    if not isinstance(model, Watched):
        return None
    from common.learning import diagnostics

    whole = paper.build(recipe, len(CLASSES))
    examples, steps = model.shape[:2]
    return diagnostics.multiply_accumulates(whole, examples=examples, steps=steps)
