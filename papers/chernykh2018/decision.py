"""The decision on an utterance by the rules of each system, and emotions over time."""

import numpy as np

from common.learning import batching
from papers.chernykh2018 import ctc, framewise, sequence

INPUTS = ("features", "length")


def predict(fitted, part, recipe):
    """{rule: scores `(N, K)`}.

    `dummy` and `one_label` have the rule `posterior`, `framewise` has `majority_vote`. `ctc` has `beam` and
    `best_path`, with the probability of the decoded labelling in the column of its first emotion (an all-zero row if it
    is empty); and `one_emotion` with posteriors (D12).
    """
    if recipe.system in ("dummy", "framewise"):
        return framewise.predict(fitted.model, part, recipe)
    if not len(part):
        return {rule: np.zeros((0, len(part.classes)), "float32") for rule in rules(recipe)}
    batches = batching.Batches(part, batch_size=256, steps=recipe.max_steps, inputs=INPUTS)
    outputs = batching.outputs(fitted.model, batches)
    if recipe.system == "one_label":
        return {"posterior": outputs}
    logits, length = outputs["logits"], outputs["length"]
    beam = ctc.beam_search(logits, length, width=recipe.beam_width)
    return {
        "beam": ctc.decision_scores(logits, length, beam),
        "best_path": ctc.decision_scores(logits, length, ctc.best_path(logits, length)),
        "one_emotion": ctc.posteriors_of_one_emotion(logits, length),
    }


def rules(recipe):
    """The names of a system's decision rules, the paper's first."""
    return {"ctc": ("beam", "best_path", "one_emotion"), "framewise": ("majority_vote",)}.get(
        recipe.system, ("posterior",)
    )


def timeline(fitted, recipe, classes):
    """A function (waveform, sample rate) -> emotions over time; None for a system without CTC.

    Args:
        fitted: with a model from `deployed`, without truncation to 78 frames.
        recipe: of the training.
        classes: the names of its outputs.
    """
    if recipe.system != "ctc":
        return None
    return lambda waveform, sample_rate_hz: sequence.emotions(fitted.model, waveform, sample_rate_hz, recipe, classes)
