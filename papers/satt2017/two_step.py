"""The two-step predictor (section 4): all classes first; if that gives neutral, neutral against each other class."""

import dataclasses

import numpy as np

from common.errors import InputError

NEUTRAL = "neutral"  # 4: "the majority class (neutral)"; neutral here on every corpus, whichever class is largest


def others(classes):
    """The emotions that have a two-class network, in the order of the classes."""
    return tuple(emotion for emotion in classes if emotion != NEUTRAL)


def pair(part, emotion):
    """The utterances of neutral and of one emotion in a part, the data of its two-class network.

    Raises:
        InputError: the part has neither.
    """
    chosen = [i for i, u in enumerate(part.utterances) if u.emotion in (NEUTRAL, emotion)]
    if not chosen:
        raise InputError(
            f"a part of a fold has neither {NEUTRAL} nor {emotion}, so that the two-step predictor has nothing to "
            "tell them apart by; take another protocol or leave the emotion out"
        )
    return dataclasses.replace(part.take(chosen), classes=(NEUTRAL, emotion))


def join(first, pairs):
    """One model of all networks, `(B, T, M) -> (B, K + 2 (K - 1))`, in which the predictor is saved.

    Its outputs are the K posteriors of the first network, followed by those of neutral and the emotion for each pair.
    """
    import keras

    decibels = keras.Input(first.inputs[0].shape[1:], name="features")
    posteriors = [network({"features": decibels}) for network in (first, *pairs)]
    return keras.Model({"features": decibels}, keras.layers.Concatenate()(posteriors))


def joined_history(first, pairs):
    """History of all networks: the others' values per epoch as `emotion:name`; the seconds of all, concatenated."""
    history = dict(first.history)
    for emotion, fitted in pairs.items():
        history |= {f"{emotion}:{name}": values for name, values in fitted.history.items() if name != "seconds"}
    seconds = [fitted.history.get("seconds", []) for fitted in (first, *pairs.values())]
    return {**history, "seconds": sum(seconds, [])}


def scores(posteriors, classes, *, first_rule):
    """Scores by rule, each `(N, K)`, from a joined model's posteriors of whole sentences `(N, K + 2 (K - 1))`.

    `largest` and `unanimous` are two readings of the paper's rule (D9); `mean` is the first network only. The first
    rule is the system's decision.
    """
    num_classes, neutral = len(classes), classes.index(NEUTRAL)
    first = posteriors[:, :num_classes]  # (N, K)
    pairs = posteriors[:, num_classes:].reshape(-1, num_classes - 1, 2)  # (N, K - 1, 2): neutral, emotion
    second = {"largest": pairs[:, :, 0].max(axis=1), "unanimous": np.full(len(pairs), 0.5, dtype="float32")}
    rules = {name: _two_steps(first, pairs[:, :, 1], for_neutral, neutral) for name, for_neutral in second.items()}
    rules["mean"] = first
    return {first_rule: rules[first_rule], **rules}


def _two_steps(first, for_others, for_neutral, neutral):
    """Rows `(N, K)` whose largest value is the decision (D9).

    "If the higher probability is assigned to a non-majority class, then this class is selected; otherwise ... the
    predicted emotion is selected to maximize the posterior probability across the three predictors": each emotion
    counts with its posterior against neutral, and neutral with its largest posterior (`largest`, the maximum over all
    six), or with one half, so that it is the decision if all pairs prefer it (`unanimous`).
    """
    second = np.insert(for_others, neutral, for_neutral, axis=1)  # (N, K)
    says_neutral = first.argmax(axis=1) == neutral
    return np.where(says_neutral[:, None], second, first)
