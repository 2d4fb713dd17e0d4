"""The shares published in Chernykh 2018, section 4.5, computed from records and annotators' answers."""

import numpy as np

from common.evaluation import agreement
from common.evaluation.intervals import NotComputableError

AGREE = "right where all raters agree"


def share_terms(tested, share, classes, raters) -> tuple[np.ndarray, np.ndarray]:
    """Numerator and denominator of a published share, for each decision.

    Args:
        tested: a system_results.Predictions.
        share: "right where all raters agree" (section 4.5) or "matching <emotion>" (Table 2, row 2).
        classes: K names.
        raters: an annotations.Annotations, None if there is none.

    Returns:
        Two masks (S, N): decisions in the numerator, and decisions in the denominator.

    Raises:
        NotComputableError: there are no votes, or the share is unknown.
    """
    kind, _, emotion = share.rpartition(" ")
    if share != AGREE and (kind != "matching" or emotion not in classes):
        raise NotComputableError(f"share:{share} cannot be computed from the records")
    against = agreement.dissents(_voters(tested, classes, raters), classes, merged=raters.merged)
    if share == AGREE:
        agreed = np.broadcast_to(against.raters == 0, tested.decisions.shape)
        return agreed & (tested.decisions == tested.labels), agreed
    counted, matching = agreement.matching_errors(tested.labels, tested.decisions, against)
    own = tested.labels == list(classes).index(emotion)
    return matching & own, counted & own


def _voters(tested, classes, raters):
    if raters is None or not raters.voted:
        raise NotComputableError("results/human has no raters' votes; repeat the run's command, which writes them")
    return raters.annotated(tested.ids, [classes[k] for k in tested.labels])


def considered_share(emotion, raters) -> float:
    """Table 2, row 1, for a whole corpus variant; it does not depend on a system.

    Raises:
        NotComputableError: the emotion is unknown, there are no votes, or no rater dissents.
    """
    if not raters.voted or emotion not in raters.classes:
        raise NotComputableError(f"{raters.corpus_variant} has no votes on {emotion}")
    own = [u for u in raters.utterances.values() if u.emotion == emotion]
    against = agreement.dissents(own, raters.classes, merged=raters.merged)
    if not against.answers.any():
        raise NotComputableError(f"no rater of {raters.corpus_variant} dissents from {emotion}")
    return float(against.considered.sum() / against.answers.sum())
