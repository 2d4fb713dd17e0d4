"""Shares that Chernykh 2018 publishes in section 4.5, from records and annotators' answers."""

import numpy as np

from common.evaluation import agreement
from common.evaluation.intervals import NotComputableError

AGREE = "right where all raters agree"


# --- shares that papers publish


def share_terms(tested, share, classes, raters) -> tuple[np.ndarray, np.ndarray]:
    """The decisions that a published share is of.

    Args:
        tested: a system_results.Predictions.
        share: "right where all raters agree" (4.5) or "matching <emotion>" (Table 2, row 2).
        classes: K names.
        raters: an annotations.Annotations, None where there is none.

    Returns:
        (S, N) decisions that are so, and (S, N) those that are counted.

    Raises:
        NotComputableError: there are no votes, or `share` is no such share.
    """
    kind, _, emotion = share.rpartition(" ")
    if share != AGREE and (kind != "matching" or emotion not in classes):
        raise NotComputableError(f"the records do not tell share:{share}")
    against = agreement.dissents(_voters(tested, classes, raters), classes, merged=raters.merged)
    if share == AGREE:
        agreed = np.broadcast_to(against.raters == 0, tested.decisions.shape)
        return agreed & (tested.decisions == tested.labels), agreed
    counted, matching = agreement.matching_errors(tested.labels, tested.decisions, against)
    own = tested.labels == list(classes).index(emotion)
    return matching & own, counted & own


def _voters(tested, classes, raters):
    if raters is None or not raters.voted:
        raise NotComputableError("results/human has no votes of its raters; the run's command, repeated, writes them")
    return raters.annotated(tested.ids, [classes[k] for k in tested.labels])


def considered_share(emotion, raters) -> float:
    """Table 2, row 1, of a whole corpus variant: it belongs to no system.

    Raises:
        NotComputableError: no such emotion, no votes, or nobody dissents.
    """
    if not raters.voted or emotion not in raters.classes:
        raise NotComputableError(f"{raters.corpus_variant} has no votes on {emotion}")
    own = [u for u in raters.utterances.values() if u.emotion == emotion]
    against = agreement.dissents(own, raters.classes, merged=raters.merged)
    if not against.answers.any():
        raise NotComputableError(f"no rater of {raters.corpus_variant} dissents from {emotion}")
    return float(against.considered.sum() / against.answers.sum())
