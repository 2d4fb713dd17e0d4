"""The human reference from EmoDB's listening test with 20 listeners (erkennung.txt)."""

import numpy as np

from common.errors import InputError


def expected_recall(utterances) -> dict[str, float]:
    """The expected recall of one listener: for each emotion, the mean share of listeners who recognised it.

    This is an upper bound of human performance: EmoDB keeps only those 535 of 816 recordings that four in five
    listeners recognised. The listeners knew other recordings of the same speakers, as in a random split.

    Args:
        utterances: EmoDB utterances, of the whole corpus or of a part.

    Returns:
        {emotion: recall in [0, 1]}, sorted by emotion. The mean over emotions is the UA.

    Raises:
        InputError: an utterance has no recognition rate.
    """
    if without := [u.id for u in utterances if u.recognition is None]:
        raise InputError(
            f"{len(without)} of {len(utterances)} utterances have no recognition rate, for example {without[0]}; put "
            "EmoDB's erkennung.txt into the corpus's root, or leave out the human reference"
        )
    emotions = sorted({u.emotion for u in utterances})
    return {name: float(np.mean([u.recognition for u in utterances if u.emotion == name])) for name in emotions}


def expected_accuracy(utterances) -> float:
    """The expected WA of one listener: the mean recognition rate over utterances, in [0, 1]."""
    recalls = expected_recall(utterances)
    counts = [sum(u.emotion == name for u in utterances) for name in recalls]
    return float(np.average(list(recalls.values()), weights=counts))
