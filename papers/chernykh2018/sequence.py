"""The sequence of emotions in one recording with times, which only CTC can provide (sections 1.2 and 5)."""

import dataclasses

import numpy as np

from papers.chernykh2018 import ctc
from papers.chernykh2018.features import frames


@dataclasses.dataclass(frozen=True)
class Span:
    """One emotion of the decoded sequence.

    Args:
        emotion: the class.
        start_s, end_s: start of the first and end of the last frame with this symbol, in the recording. CTC may output
            an emotion in a single frame of a long passage; the blanks between two spans do not mean "neutral".
        posterior: largest probability of the emotion in these frames.
    """

    emotion: str
    start_s: float
    end_s: float
    posterior: float


def emotions(network, waveform, sample_rate_hz, recipe, classes, *, rule="beam"):
    """The sequence of emotions in a recording of any length.

    Args:
        network: a trained `ctc` network, `deployed`.
        waveform: mono, at the recipe's sample rate, `(N,)`.
        sample_rate_hz: of the waveform.
        recipe: the network's recipe.
        classes: the names of its outputs.
        rule: "beam" or "best_path", the decoding of the sequence.

    Returns:
        list of `Span` in chronological order.
    """
    values, numbers = frames(waveform, sample_rate_hz, recipe.front_end)  # (T, 34), (T,)
    trained_on = max(recipe.max_steps or 0, recipe.garbage_steps + 1)  # shorter ones had zeros behind them
    padding = max(0, trained_on - len(values))
    inputs = {
        "features": np.pad(values, ((0, padding), (0, 0)))[None].astype("float32"),  # (1, T, 34)
        "length": np.array([len(values)], "int32"),
    }
    logits = network.predict(inputs, verbose=0)["logits"][0]  # (T, K + 1)
    numbers = numbers[recipe.garbage_steps :] if len(numbers) > recipe.garbage_steps else numbers[-1:]
    return spans(logits[: len(numbers)], numbers, recipe, classes, rule=rule)


def spans(logits, numbers, recipe, classes, *, rule):
    """Decode one sequence: logits `(T, K + 1)`, numbers of the frames `(T,)` -> list of `Span`."""
    length = np.array([len(logits)], "int32")
    if rule == "beam":
        decoded = ctc.beam_search(logits[None], length, width=recipe.beam_width)[0]
    else:
        decoded = ctc.best_path(logits[None], length)[0]
    labelling = decoded[decoded >= 0]  # (L,)
    path = ctc.align(logits, labelling)  # (T,)
    posteriors = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))  # (T, K + 1)
    front_end = recipe.front_end
    spans_found = []
    for place, label in enumerate(labelling):
        named = np.flatnonzero(path == place)
        begin, end = numbers[named[0]] * front_end.hop_s, numbers[named[-1]] * front_end.hop_s + front_end.frame_s
        times = (round(float(seconds), 6) for seconds in (begin, end))  # 0.3, not 0.30000000000000004
        spans_found.append(Span(classes[label], *times, float(posteriors[named, label].max())))
    return spans_found
