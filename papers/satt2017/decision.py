"""Decision rules of a sentence, from the posteriors of its parts (section 3.1)."""

from common.learning import batching
from papers.satt2017 import two_step


def predict(fitted, part, recipe):
    """Scores of whole sentences by rule, each `(N, K)`: the posteriors of a sentence's parts are averaged (3.1).

    `mean` is that average, for the two-step predictor the one of its first network; it also has `largest` and
    `unanimous`, two readings of its rule.
    """
    batches = batching.Batches(part, batch_size=32)
    posteriors = batching.mean_by_utterance(batching.predict_examples(fitted.model, batches), batches)
    if recipe.pairwise is None:
        return {"mean": posteriors}
    return two_step.scores(posteriors, part.classes, first_rule=recipe.rule)
