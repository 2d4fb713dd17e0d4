"""Decision rules of an utterance, from the posteriors of its segments (sections III and IV-B)."""

import numpy as np

from common.learning import batching

PREDICTED_AT_ONCE = 32  # examples; the first convolution of 32 time-distributed ones takes 268 MB
TIE_BREAK = 0.5  # of a vote: the weight of the mean posterior, which lies below one


def predict(fitted, part, recipe):
    """Scores by rule, each `(N, K)`: the two rules that the paper states (D13).

    `majority` (IV-B): the number of an utterance's segments classified as each class; ties are broken by the mean
    posterior, which is added with less than the weight of one vote. `sum` (III): the mean posterior alone.
    """
    if not len(part):
        nothing = np.zeros((0, len(part.classes)), dtype="float32")
        return {"majority": nothing, "sum": nothing}
    batches = batching.Batches(part, batch_size=PREDICTED_AT_ONCE)
    posteriors = batching.predict_examples(fitted.model, batches)  # (M, K)
    mean = batching.mean_by_utterance(posteriors, batches)  # (N, K)
    votes = batching.votes_by_utterance(posteriors, batches)  # (N, K)
    return {"majority": votes + TIE_BREAK * mean, "sum": mean}
