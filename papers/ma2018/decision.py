"""Decision rule and batches of sentences (sections 3.1 and 4.2)."""

from common.learning import batching


def predict(fitted, part, recipe):
    """Scores by rule: `mean`, `(N, K)`, the mean posterior of a sentence's parts (3.1); a whole sentence is one part.

    Batches are padded here too: with masks the result is the same as without padding (4.2; D12).
    """
    padded = batches(part, recipe)
    return {"mean": batching.mean_by_utterance(batching.predict_examples(fitted.model, padded), padded)}


def batches(part, recipe, **kwargs):
    """Batches of sentences of similar length (4.1; D8), or of parts of fixed length in any order."""
    similar = {} if recipe.fixed_frames else {"by_length": True, "min_share": recipe.min_share}
    return batching.Batches(
        part,
        batch_size=recipe.batch_size,
        max_frames=recipe.max_frames,
        inputs=("features", "length"),
        **similar,
        **kwargs,
    )
