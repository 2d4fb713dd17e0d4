"""The structure of a system's errors (Chernykh 2018, section 4.5: Figures 6a and 6b, Table 2). No Keras.

Utterances need the fields `id`, `emotion`, `votes`, `self_votes` and `recognition` of common.utterance.Utterance.
Decisions are class indices, (N,), or (S, N) for S seeds, whose counts are added; -1 is "no decision" and counts as an
error. A rater dissents if none of the rater's answers is the utterance's emotion (D17 of papers/chernykh2018). By
default only external raters count; the authors' parser also counts the actors' ratings of themselves, see `with_self`.
"""

import dataclasses

import numpy as np

from common.errors import InputError
from common.evaluation import metrics

RECOGNITION_EDGES = (0.0, 0.8, 0.9, 1.0)  # EmoDB's published files all reach 0.8 of its 20 listeners


@dataclasses.dataclass(frozen=True)
class ErrorTable:
    """Errors by emotion and by human agreement.

    Args:
        classes: K names, the rows.
        columns: C names.
        errors, counts: `(K, C)` numbers of errors and of utterances.
    """

    classes: tuple[str, ...]
    columns: tuple[str, ...]
    errors: np.ndarray
    counts: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Error rates, `(K, C)`; NaN for cells without utterances."""
        return share(self.errors, self.counts)

    @property
    def accuracies(self) -> np.ndarray:
        """Accuracy over all emotions, `(C,)`; the first column has full agreement (section 4.5: "65 %")."""
        return 1 - share(self.errors.sum(axis=0), self.counts.sum(axis=0))


@dataclasses.dataclass(frozen=True)
class Residual:
    """Counts behind one column of Table 2, for the utterances of one emotion.

    Args:
        dissenting: answers that differ from the label.
        considered: dissenting answers that are one of the K emotions.
        errors: misclassified utterances with at least one considered answer.
        matching: errors in which the system's decision is one of the considered answers.
    """

    dissenting: int
    considered: int
    errors: int
    matching: int

    @property
    def considered_ratio(self) -> float:
        """Row 1 of Table 2; NaN if no rater dissents."""
        return float(share(self.considered, self.dissenting))

    @property
    def model_accuracy(self) -> float:
        """Row 2 of Table 2; chance is 1 / (K - 1). NaN if there is no such error."""
        return float(share(self.matching, self.errors))


@dataclasses.dataclass(frozen=True)
class Dissents:
    """Dissenting raters and their answers for N utterances.

    Args:
        raters: (N,) numbers of dissenting raters.
        answers: (N,) numbers of their answers; a rater may give several.
        considered: (N, K) numbers of these answers by emotion, for the K emotions.
    """

    raters: np.ndarray
    answers: np.ndarray
    considered: np.ndarray


def share(chosen, counted) -> np.ndarray:
    """`chosen / counted`, element by element; NaN where `counted` is 0."""
    chosen, counted = np.asarray(chosen, dtype=float), np.asarray(counted)
    return np.divide(chosen, counted, out=np.full(counted.shape, np.nan), where=counted > 0)


def confusion(utterances, decisions, classes) -> np.ndarray:
    """Figure 6a: `(K, K + 1)` confusion matrix with rows that sum to 1; the last column is "no decision"."""
    decisions = np.asarray(decisions)
    labels = np.broadcast_to(class_indices(utterances, classes), decisions.shape)
    counts = metrics.confusion_matrix(labels.ravel(), decisions.ravel(), num_classes=len(classes))
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def dissenting_answers(utterance, *, merged=None, with_self=False) -> list[tuple[str, ...]]:
    """The answers of each dissenting rater.

    Args:
        utterance: with votes.
        merged: emotions that the corpus variant merges, e.g. `{"excitement": "happiness"}`.
        with_self: also count the actors' ratings of themselves, as the authors' code does.

    Raises:
        InputError: the utterance has no votes.
    """
    votes = utterance.votes + (utterance.self_votes if with_self else ())
    if not votes:
        raise InputError(f"{utterance.id} has no raters; take a corpus with votes, such as IEMOCAP")
    renamed = [tuple((merged or {}).get(answer, answer) for answer in vote) for vote in votes]
    return [vote for vote in renamed if utterance.emotion not in vote]


def dissents(utterances, classes, *, merged=None, with_self=False) -> Dissents:
    """Counts of `dissenting_answers` for all utterances; arguments and errors as there."""
    against = [dissenting_answers(u, merged=merged, with_self=with_self) for u in utterances]
    answers = [[answer for vote in votes for answer in vote] for votes in against]
    return Dissents(
        raters=np.array([len(votes) for votes in against], dtype=int),
        answers=np.array([len(given) for given in answers], dtype=int),
        considered=np.array([[given.count(name) for name in classes] for given in answers]).reshape(-1, len(classes)),
    )


def error_by_dissent(utterances, decisions, classes, *, merged=None, with_self=False) -> ErrorTable:
    """Figure 6b: errors by emotion and number of dissenting raters; arguments as for `dissenting_answers`."""
    columns = dissents(utterances, classes, merged=merged, with_self=with_self).raters
    names = tuple(str(number) for number in range(columns.max(initial=0) + 1))
    return _error_table(utterances, decisions, classes, columns, names)


def error_by_recognition(utterances, decisions, classes) -> ErrorTable:
    """Figure 6b with EmoDB's recognition rates in place of rater agreement, in columns from high to low rates."""
    return _error_table(utterances, decisions, classes, *recognition_columns(utterances))


def recognition_columns(utterances) -> tuple[np.ndarray, tuple[str, ...]]:
    """The column index of each utterance, (N,), and the column names: `1`, `0.9 to 1`, ...

    The columns are the bins between `RECOGNITION_EDGES`, lower edge included, in descending order.

    Raises:
        InputError: an utterance has no recognition rate.
    """
    if unknown := [u.id for u in utterances if u.recognition is None]:
        raise InputError(f"{unknown[0]} has no recognition rate; take EmoDB with erkennung.txt in its root")
    edges = RECOGNITION_EDGES
    recognition = np.array([u.recognition for u in utterances])
    columns = len(edges) - np.searchsorted(np.array(edges) - 1e-9, recognition, side="right")
    between = [f"{low:g} to {high:g}" for low, high in zip(edges[:-1], edges[1:], strict=True)]
    return columns, (f"{edges[-1]:g}", *reversed(between))


def _error_table(utterances, decisions, classes, columns, names):
    labels = class_indices(utterances, classes)
    shape = len(classes), len(names)
    counts, errors = np.zeros(shape, dtype=int), np.zeros(shape, dtype=int)
    for decided in np.atleast_2d(decisions):
        wrong = labels != decided
        np.add.at(counts, (labels, columns), 1)
        np.add.at(errors, (labels[wrong], columns[wrong]), 1)
    return ErrorTable(tuple(classes), names, errors, counts)


def residual_accuracy(utterances, decisions, classes, *, merged=None, with_self=False) -> dict[str, Residual]:
    """Table 2: how often dissenting raters name one of the K emotions, and how often the system's error matches them.

    The second rate is relative to the system's errors, since only then chance is the 33 % stated in the paper
    (D18 of papers/chernykh2018).
    """
    labels = class_indices(utterances, classes)
    against = dissents(utterances, classes, merged=merged, with_self=with_self)
    counted, matching = matching_errors(labels, np.atleast_2d(decisions), against)
    columns = {}
    for k, name in enumerate(classes):
        own = labels == k
        columns[name] = Residual(
            dissenting=int(against.answers[own].sum()),
            considered=int(against.considered[own].sum()),
            errors=int(counted[:, own].sum()),
            matching=int(matching[:, own].sum()),
        )
    return columns


def matching_errors(labels, decisions, against) -> tuple[np.ndarray, np.ndarray]:
    """Row 2 of Table 2 for each single decision.

    Args:
        labels: (N,) class indices.
        decisions: (S, N).
        against: the Dissents of the N utterances.

    Returns:
        Two masks (S, N): errors on utterances with a considered answer, and errors that match such an answer.
    """
    named = np.pad(against.considered > 0, ((0, 0), (0, 1)))  # (N, K+1): -1, no decision, matches nobody
    errors = (decisions != labels) & named.any(axis=1)
    return errors, errors & named[np.arange(len(labels)), decisions]


def class_indices(utterances, classes) -> np.ndarray:
    """(N,) class indices of the labels."""
    index = {name: k for k, name in enumerate(classes)}
    return np.array([index[u.emotion] for u in utterances], dtype=int)
