"""Decision rules of a file, from the posteriors of its slices."""

from common.learning import batching


def predict(fitted, part, recipe):
    """Scores by rule, each `(N, K)`.

    `mean` is the mean posterior of a file's slices (D19); `slice_votes` counts the slices classified as each class.
    The MFCC system has one example per file and only `mean`.
    """
    batches = batching.Batches(as_tested(part, recipe), batch_size=128)
    posteriors = batching.predict_examples(fitted.model, batches)
    scores = {"mean": batching.mean_by_utterance(posteriors, batches)}
    if recipe.network != "mfcc":
        scores["slice_votes"] = batching.votes_by_utterance(posteriors, batches)
    return scores


def as_tested(part, recipe):
    """A part without the noisy copies, the second of a file's two MFCC examples."""
    return part.first_examples(1) if recipe.network == "mfcc" else part
