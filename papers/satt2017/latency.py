"""What the paper is about: how long after the end of a 3-second part its posterior is there."""

import time

import numpy as np

from common.corpora import voice
from papers.satt2017.features import features

TEXT = "and then we went along the river to see the old bridge by the water, before it was dark"


def latency_ms(recipe, model, *, repeats=20):
    """Median milliseconds from the waveform of a 3-second part to its posterior, by stage, on this machine.

    The two-step predictor is timed with all its networks: what it takes where the first one says neutral.

    Args:
        recipe: a recipe of this paper; noise is mixed in by the test, not by a listener, and is not counted.
        model: its network, trained or not.
        repeats: timed runs, after one that is not.

    Returns:
        {"features": ms, "network": ms, "total": ms}.
    """
    front_end = recipe.front_end
    rate = front_end.sample_rate_hz
    speaker = voice.make_speaker("latency", "female")
    waveform = voice.speak("neutral", speaker, TEXT, sample_rate_hz=rate)[: round(front_end.part_s * rate)]
    stages = np.array([_one(waveform, front_end, model) for _run in range(repeats + 1)])[1:]  # (repeats, 2) seconds
    medians = 1000.0 * np.median(np.column_stack([stages, stages.sum(axis=1)]), axis=0)
    return dict(zip(("features", "network", "total"), medians.tolist(), strict=True))


def _one(waveform, front_end, model):
    begin = time.perf_counter()
    spectrogram = features(waveform, front_end.sample_rate_hz, front_end)  # (1, 300, M)
    middle = time.perf_counter()
    np.asarray(model.predict_on_batch({"features": spectrogram}))
    return middle - begin, time.perf_counter() - middle
