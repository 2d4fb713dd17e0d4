"""Random oversampling (IV-A), inside the training part and by utterance (D14)."""

import numpy as np


def equalise(part, seed):
    """Repeat utterances, drawn at random with replacement, until every class has as many as the largest.

    Raises:
        ValueError: a class has no utterance that could be repeated.
    """
    generator = np.random.default_rng([seed, *b"oversampling"])  # apart from the order of the batches
    counts = np.bincount(part.labels, minlength=len(part.classes))  # (K,)
    if not counts.all():
        raise ValueError(
            f"{part.classes[int(counts.argmin())]} has no training utterance to repeat; leave the class out"
        )
    drawn = [
        generator.choice(np.flatnonzero(part.labels == k), size=counts.max() - count) for k, count in enumerate(counts)
    ]
    return part.pick(np.concatenate([np.arange(len(part)), *drawn]))
