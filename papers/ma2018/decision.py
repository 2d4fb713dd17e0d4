"""How a sentence is decided, and its batches (sections 3.1 and 4.2)."""

from common.learning import batching


def predict(fitted, part, recipe):
    """Scores by rule: `mean`, `(N, K)`, the mean posterior of a sentence's parts (3.1); a whole sentence is one part.

    Batches are padded here too: the masks make that the same as no padding (4.2; D12).
    """
    padded = batches(part, recipe)
    return {"mean": batching.mean_by_utterance(batching.predict_examples(fitted.model, padded), padded)}


def batches(part, recipe, **kwargs):
    """Sentences of similar length together (4.1; D8); parts of fixed length in any order."""
    similar = {} if recipe.fixed_frames else {"by_length": True, "min_share": recipe.min_share}
    return batching.Batches(
        part,
        batch_size=recipe.batch_size,
        max_frames=recipe.max_frames,
        inputs=("features", "length"),
        **similar,
        **kwargs,
    )
