"""The human reference: how well 20 listeners recognised EmoDB's recordings (the corpus's erkennung.txt)."""

import numpy as np

from common.errors import InputError


def expected_recall(utterances) -> dict[str, float]:
    """Per emotion the mean share of listeners who recognised it: the recall of one listener, in expectation.

    An upper bound, not an average human: EmoDB keeps 535 of 816 recordings, those that four in five recognised.
    The listeners had heard other recordings of the same speakers, as a random split lets a network do.

    Args:
        utterances: EmoDB utterances, whole corpus or the part that a table is about.

    Returns:
        A dict from each emotion that occurs, sorted, to its recall in [0, 1]. Its mean over emotions is the UA.

    Raises:
        InputError: an utterance has no recognition rate.
    """
    if without := [u.id for u in utterances if u.recognition is None]:
        raise InputError(
            f"{len(without)} of {len(utterances)} utterances have no recognition rate, {without[0]} for one; EmoDB's "
            "erkennung.txt has them: put it into the corpus's root, or leave the human row out"
        )
    emotions = sorted({u.emotion for u in utterances})
    return {name: float(np.mean([u.recognition for u in utterances if u.emotion == name])) for name in emotions}


def expected_accuracy(utterances) -> float:
    """The WA of one listener, in expectation: the mean recognition rate over utterances, in [0, 1]."""
    recalls = expected_recall(utterances)
    counts = [sum(u.emotion == name for u in utterances) for name in recalls]
    return float(np.average(list(recalls.values()), weights=counts))
