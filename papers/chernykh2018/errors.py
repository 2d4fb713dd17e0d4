"""The structure of a system's errors (section 4.5): Figures 6a and 6b, Table 2. Arrays and utterances, no Keras.

A decision is a class index, -1 for "no decision", which is an error. A rater dissents whose answer is not the
utterance's emotion; a rater who gave several dissents where none of them is (D17). Raters are the external ones; the
authors' parser also counts the actors' ratings of themselves, which `with_self` adds.
"""

import dataclasses

import numpy as np

from common import metrics
from common.errors import InputError

RECOGNITION_EDGES = (0.0, 0.8, 0.9, 1.0)  # EmoDB's published files all reach 0.8 of its 20 listeners


@dataclasses.dataclass(frozen=True)
class ErrorTable:
    """Errors by emotion and by how sure people were.

    Args:
        classes: K names, the rows.
        columns: C names.
        errors, counts: `(K, C)` utterances.
    """

    classes: tuple[str, ...]
    columns: tuple[str, ...]
    errors: np.ndarray
    counts: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Errors over utterances, `(K, C)`; NaN where there is no utterance."""
        return np.divide(self.errors, self.counts, out=np.full(self.counts.shape, np.nan), where=self.counts > 0)

    @property
    def accuracies(self) -> np.ndarray:
        """Accuracy over all emotions, `(C,)`; the first is that on the utterances people agreed on (4.5: "65 %")."""
        counts = self.counts.sum(axis=0)
        shares = np.divide(self.errors.sum(axis=0), counts, out=np.full(len(counts), np.nan), where=counts > 0)
        return 1 - shares


@dataclasses.dataclass(frozen=True)
class Residual:
    """One column of Table 2, in numbers of answers and of errors.

    Args:
        dissenting: answers that differ from the label of the utterances of this emotion.
        considered: those of them that are one of the K emotions.
        errors: utterances that the system got wrong and that have a considered answer.
        matching: those of them where the system decided for such an answer.
    """

    dissenting: int
    considered: int
    errors: int
    matching: int

    @property
    def considered_ratio(self) -> float:
        """Row 1; NaN where nobody dissents."""
        return self.considered / self.dissenting if self.dissenting else float("nan")

    @property
    def model_accuracy(self) -> float:
        """Row 2; chance is 1 / (K - 1). NaN where the system made no such error."""
        return self.matching / self.errors if self.errors else float("nan")


def confusion(utterances, decisions, classes) -> np.ndarray:
    """Figure 6a: `(K, K + 1)` shares of each true emotion's utterances, the last column being "no decision"."""
    counts = metrics.confusion_matrix(_labels(utterances, classes), np.asarray(decisions), num_classes=len(classes))
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def dissenting_answers(utterance, *, merged=None, with_self=False) -> list[tuple[str, ...]]:
    """The answers of each rater who dissents.

    Args:
        utterance: with votes.
        merged: what a corpus variant made of a rater's emotion, e.g. `{"excitement": "happiness"}`.
        with_self: count the actors' ratings of themselves too, as the authors' code does.
    """
    votes = utterance.votes + (utterance.self_votes if with_self else ())
    if not votes:
        raise InputError(f"{utterance.id} has no raters; take a corpus with votes, such as IEMOCAP")
    renamed = [tuple((merged or {}).get(answer, answer) for answer in vote) for vote in votes]
    return [vote for vote in renamed if utterance.emotion not in vote]


def error_by_dissent(utterances, decisions, classes, *, merged=None, with_self=False) -> ErrorTable:
    """Figure 6b: errors by emotion and number of dissenting raters."""
    columns = np.array([len(dissenting_answers(u, merged=merged, with_self=with_self)) for u in utterances], dtype=int)
    names = tuple(str(number) for number in range(columns.max(initial=0) + 1))
    return _error_table(utterances, decisions, classes, columns, names)


def error_by_recognition(utterances, decisions, classes, *, edges=RECOGNITION_EDGES) -> ErrorTable:
    """Figure 6b where listeners' recognition plays the part of agreement (EmoDB): columns from sure to unsure.

    Args:
        utterances: with `recognition`.
        decisions: `(N,)`.
        classes: K names.
        edges: ascending shares; a column holds the utterances from one edge up to the next, the first those at the
            last edge or above.
    """
    if unknown := [u.id for u in utterances if u.recognition is None]:
        raise InputError(f"{unknown[0]} has no recognition rate; take EmoDB with erkennung.txt in its root")
    recognition = np.array([u.recognition for u in utterances])
    columns = len(edges) - np.searchsorted(np.array(edges) - 1e-9, recognition, side="right")
    between = [f"{low:g} to {high:g}" for low, high in zip(edges[:-1], edges[1:], strict=True)]
    return _error_table(utterances, decisions, classes, columns, (f"{edges[-1]:g}", *reversed(between)))


def _error_table(utterances, decisions, classes, columns, names):
    labels = _labels(utterances, classes)
    wrong = labels != np.asarray(decisions)
    shape = len(classes), len(names)
    counts, errors = np.zeros(shape, dtype=int), np.zeros(shape, dtype=int)
    np.add.at(counts, (labels, columns), 1)
    np.add.at(errors, (labels[wrong], columns[wrong]), 1)
    return ErrorTable(tuple(classes), names, errors, counts)


def residual_accuracy(utterances, decisions, classes, *, merged=None, with_self=False) -> dict[str, Residual]:
    """Table 2: how often raters who dissent name one of the K emotions, and how often the system errs with them.

    The second is counted over the system's errors: only so is chance the 33 % that the paper names (D18).
    """
    found = {name: {"dissenting": 0, "considered": 0, "errors": 0, "matching": 0} for name in classes}
    for utterance, decision in zip(utterances, decisions, strict=True):
        dissents = dissenting_answers(utterance, merged=merged, with_self=with_self)
        answers = [answer for vote in dissents for answer in vote]
        considered = [answer for answer in answers if answer in classes]
        decided = classes[decision] if decision >= 0 else None
        counts = found[utterance.emotion]
        counts["dissenting"] += len(answers)
        counts["considered"] += len(considered)
        counts["errors"] += bool(considered) and decided != utterance.emotion
        counts["matching"] += decided in considered
    return {name: Residual(**{key: int(n) for key, n in counts.items()}) for name, counts in found.items()}


def _labels(utterances, classes):
    index = {name: k for k, name in enumerate(classes)}
    return np.array([index[u.emotion] for u in utterances], dtype=int)
