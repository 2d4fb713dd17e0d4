"""Random oversampling of the training part, by utterance: classes become equal, and nobody is left out."""

import numpy as np

from common.errors import InputError


def equalise(part, generator):
    """Repeat utterances, drawn at random with replacement, until every class has as many as the largest.

    Args:
        part: a Subset; all its utterances come first in the result, the repeated ones follow class by class.
        generator: a numpy Generator of its own, so that the order of the batches does not depend on this draw.

    Raises:
        InputError: a class has no utterance that could be repeated.
    """
    counts = np.bincount(part.labels, minlength=len(part.classes))  # (K,)
    if not counts.all():
        raise InputError(
            f"{part.classes[int(counts.argmin())]} has no training utterance to repeat; leave the class out"
        )
    drawn = [
        generator.choice(np.flatnonzero(part.labels == k), size=counts.max() - count) for k, count in enumerate(counts)
    ]
    return part.take(np.concatenate([np.arange(len(part)), *drawn]))
