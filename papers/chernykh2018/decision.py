"""How an utterance is decided, by the rules of each system; and the emotions over time."""

import numpy as np

from common.learning import batching
from papers.chernykh2018 import ctc, framewise, sequence

INPUTS = ("features", "length")


def predict(fitted, part, recipe):
    """Scores by rule, each `(N, K)`.

    `dummy` and `one_label` have `posterior`, `framewise` has `majority_vote`. `ctc` has `beam` and `best_path`: the
    probability of the decoded labelling in the column of its first emotion, an all-zero row where it is empty; and
    `one_emotion`, posteriors (D12).
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
    """A function of a waveform and its rate that gives the emotions of a recording; None for a system without CTC.

    Args:
        fitted: its model is `deployed`, without the cut at 78 frames.
        recipe: what it was trained with.
        classes: the names of its outputs.
    """
    if recipe.system != "ctc":
        return None
    return lambda waveform, sample_rate_hz: sequence.emotions(fitted.model, waveform, sample_rate_hz, recipe, classes)
