"""Metrics as pure functions of counts.

**Conventions.** Labels are class indices 0 .. K-1. A decision is a class index, or -1 for "no decision" (a CTC decoder
that emitted nothing); -1 is never dropped and always counts as an error. A confusion matrix has the true class in its
row, the decided class in its column, and "no decision" in the last column: (K, K+1) counts. Metrics are fractions in
[0, 1]; tables print per cent.

**Names.** `wa` is weighted accuracy, elsewhere called accuracy or WAR; `ua` is unweighted accuracy, elsewhere UAR,
macro recall or balanced accuracy. How folds were put together belongs to the name: `ua_pooled` adds the folds' counts
first, `ua_fold_mean` averages the folds' values; papers mean one or the other, and the two differ.

**No silent convention.** A class that the truth never has is an error here. scikit-learn's balanced accuracy drops
such a class with a warning and audmetric counts it as recall 0: both change what UA means without saying so.
"""

import dataclasses

import numpy as np

PROBABILITY_FLOOR = 1e-7  # the epsilon to which Keras clips in its crossentropy losses

NO_DECISION = -1


def confusion_matrix(labels, decisions, *, num_classes) -> np.ndarray:
    """Counts of (true class, decision): (N,), (N,) -> (K, K+1) int64; the last column is "no decision".

    Args:
        labels: (N,) class indices 0 .. K-1.
        decisions: (N,) class indices, or -1 for no decision.
        num_classes: K.

    Raises:
        ValueError: lengths differ, or an index lies outside its range.

    >>> confusion_matrix([0, 0, 1, 1], [0, 1, 1, -1], num_classes=2)
    array([[1, 1, 0],
           [0, 1, 1]])
    """
    labels, decisions = _indices(labels, "labels"), _indices(decisions, "decisions")
    if labels.shape != decisions.shape:
        raise ValueError(f"{len(labels)} labels but {len(decisions)} decisions; expected one decision per label")
    for name, values, lowest in (("labels", labels, 0), ("decisions", decisions, NO_DECISION)):
        if values.size and not lowest <= values.min() <= values.max() < num_classes:
            raise ValueError(
                f"{name} run from {values.min()} to {values.max()}, expected {lowest} .. {num_classes - 1}"
            )
    columns = np.where(decisions == NO_DECISION, num_classes, decisions)
    cells = np.bincount(labels * (num_classes + 1) + columns, minlength=num_classes * (num_classes + 1))
    return cells.reshape(num_classes, num_classes + 1)


def decide(scores) -> np.ndarray:
    """The decision of each row: (N, K) -> (N,). An all-zero row decides nothing (-1); a tie goes to the first class.

    >>> decide([[0.2, 0.8], [0.5, 0.5], [0.0, 0.0]])
    array([ 1,  0, -1])
    """
    scores = _rows(scores, "scores")
    return np.where(scores.any(axis=1), scores.argmax(axis=1), NO_DECISION)


def wa(confusion) -> float:
    """Weighted accuracy: the share of utterances decided rightly, sum_k n_kk / n.

    Args:
        confusion: (K, K+1) counts.

    >>> wa([[1, 1, 0], [0, 1, 1]])
    0.5
    """
    confusion = _counts(confusion)
    if not confusion.any():
        raise ValueError("the confusion matrix is empty; a metric needs at least one utterance")
    return float(confusion.trace() / confusion.sum())


def ua(confusion, classes) -> float:
    """Unweighted accuracy: mean recall, 1/K * sum_k n_kk / n_k.

    Args:
        confusion: (K, K+1) counts.
        classes: the K names, in the order of the rows.

    Raises:
        ValueError: a class never occurs in the truth.

    >>> ua([[1, 1, 0], [0, 4, 0]], ["anger", "sadness"])
    0.75
    """
    confusion = _counts(confusion, classes)
    support = confusion.sum(axis=1)  # (K,)
    require_classes(support, classes)
    return float(np.mean(confusion.diagonal() / support))


@dataclasses.dataclass(frozen=True)
class ClassScores:
    """One class: fractions, and how many utterances are of it (`support`) and were decided to be of it (`decided`)."""

    precision: float
    recall: float
    f1: float
    support: int
    decided: int


def per_class(confusion, classes) -> dict[str, ClassScores]:
    """Precision n_kk / n_.k, recall n_kk / n_k. and F1 = 2 n_kk / (n_k. + n_.k) of each class.

    The precision of a class that was never decided is 0/0; it is stated as 0.0, which is scikit-learn's
    `zero_division=0` and audmetric's default. Its F1 is 0 by the formula, without any convention.

    Args:
        confusion: (K, K+1) counts.
        classes: the K names, in the order of the rows.

    Raises:
        ValueError: a class never occurs in the truth.

    >>> per_class([[3, 1, 0], [0, 0, 2]], ["anger", "sadness"])["anger"]
    ClassScores(precision=1.0, recall=0.75, f1=0.8571428571428571, support=4, decided=3)
    """
    confusion = _counts(confusion, classes)
    support = confusion.sum(axis=1)  # (K,)
    require_classes(support, classes)
    decided = confusion[:, : len(classes)].sum(axis=0)  # (K,)
    hits = confusion.diagonal()
    return {
        name: ClassScores(
            precision=float(hits[k] / decided[k]) if decided[k] else 0.0,
            recall=float(hits[k] / support[k]),
            f1=float(2 * hits[k] / (support[k] + decided[k])),
            support=int(support[k]),
            decided=int(decided[k]),
        )
        for k, name in enumerate(classes)
    }


def macro_f1(confusion, classes) -> float:
    """Mean of the classes' F1 (not the F1 of mean precision and mean recall, another quantity of the same name).

    Raises:
        ValueError: a class never occurs in the truth.

    >>> macro_f1([[1, 1, 0], [0, 1, 0]], ["anger", "sadness"])
    0.6666666666666666
    """
    return float(np.mean([scores.f1 for scores in per_class(confusion, classes).values()]))


def pooled(confusions) -> np.ndarray:
    """The sum of the folds' confusion matrices: [(K, K+1), ...] -> (K, K+1). Counts are added before any division."""
    confusions = [_counts(confusion) for confusion in confusions]
    if not confusions:
        raise ValueError("no fold given; expected at least one confusion matrix")
    if len(shapes := sorted({c.shape for c in confusions})) > 1:
        raise ValueError(f"confusion matrices of shapes {shapes}; only folds over the same classes can be pooled")
    return np.sum(confusions, axis=0)


def fold_mean(values) -> float:
    """The mean of one value per fold, each fold counting the same whatever its size."""
    values = np.asarray(list(values), dtype=float)
    if not values.size or not np.isfinite(values).all():
        raise ValueError(f"fold values {values.tolist()}; expected at least one, all of them finite")
    return float(values.mean())


def wa_pooled(confusions) -> float:
    """WA of the folds' added counts."""
    return wa(pooled(confusions))


def wa_fold_mean(confusions) -> float:
    """Mean of the folds' WA."""
    return fold_mean([wa(confusion) for confusion in confusions])


def ua_pooled(confusions, classes) -> float:
    """UA of the folds' added counts: defined even where one fold's speaker lacks a class, as EmoDB's 08 lacks disgust.

    >>> ua_pooled([[[4, 0, 0], [0, 0, 0]], [[0, 2, 0], [0, 3, 1]]], ["anger", "sadness"])
    0.7083333333333333
    """
    return ua(pooled(confusions), classes)


def ua_fold_mean(confusions, classes) -> float:
    """Mean of the folds' UA.

    Raises:
        ValueError: a class never occurs in one fold's truth; the message says in which.
    """
    values, confusions = [], list(confusions)
    for number, confusion in enumerate(confusions, start=1):
        try:
            values.append(ua(confusion, classes))
        except ValueError as error:
            raise ValueError(f"fold {number} of {len(confusions)}: {error}") from error
    return fold_mean(values)


def cross_entropy(labels, probabilities) -> float:
    """Mean of -ln p(true class) over utterances, in nats: (N,), (N, K) -> scalar.

    Probabilities below 1e-7 are raised to it, as Keras does, so that one certain mistake costs 16.1 nats and not
    infinity. An all-zero row (no decision) costs the same.

    Raises:
        ValueError: a row is negative somewhere or sums neither to 1 nor to 0.

    >>> round(cross_entropy([0, 1], [[0.5, 0.5], [0.75, 0.25]]), 4)
    1.0397
    """
    labels = _indices(labels, "labels")
    probabilities = _rows(probabilities, "probabilities").astype(float)
    if labels.shape[0] != probabilities.shape[0] or not labels.size:
        raise ValueError(f"{len(labels)} labels but {len(probabilities)} rows of probabilities; expected the same, > 0")
    if not 0 <= labels.min() <= labels.max() < probabilities.shape[1]:
        raise ValueError(f"labels run from {labels.min()} to {labels.max()} over {probabilities.shape[1]} classes")
    sums = probabilities.sum(axis=1)  # (N,)
    wrong = ((np.abs(sums - 1) > 1e-3) & (sums != 0)) | (probabilities < 0).any(axis=1)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"row {row} is {probabilities[row].tolist()}; expected probabilities that sum to 1, not logits"
        )
    chosen = probabilities[np.arange(labels.size), labels]  # (N,)
    return float(-np.log(np.maximum(chosen, PROBABILITY_FLOOR)).mean())


def chance(num_classes) -> float:
    """The UA of every guess that does not look at the utterance, always the same class included: 1 / K."""
    return 1 / num_classes


def majority(counts) -> float:
    """The WA of always naming the most frequent class: max_k n_k / n, over (K,) utterances per class.

    >>> round(majority([1099, 289, 284, 608]), 3)  # IEMOCAP, improvised, 4hap
    0.482
    """
    counts = np.asarray(list(counts))
    if not counts.sum():
        raise ValueError("no utterances; the majority class needs at least one")
    return float(counts.max() / counts.sum())


def require_classes(support, classes):
    """Raise ValueError where a class has no utterance: (K,) utterances per true class, the K names."""
    if absent := [name for name, n in zip(classes, support, strict=True) if n == 0]:
        raise ValueError(
            f"{', '.join(absent)} never occurs in the truth, so its recall is undefined; pool folds first, "
            "or leave the class out"
        )


def _counts(confusion, classes=None) -> np.ndarray:
    confusion = np.asarray(confusion)
    if confusion.ndim != 2 or confusion.shape[1] != confusion.shape[0] + 1:
        raise ValueError(f"confusion matrix of shape {confusion.shape}; expected (K, K+1), the last column no decision")
    if classes is not None and len(classes) != len(confusion):
        raise ValueError(f"{len(classes)} class names for {len(confusion)} rows: {', '.join(classes)}")
    return confusion


def _indices(values, name) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1 or (values.size and not np.issubdtype(values.dtype, np.integer)):
        raise ValueError(f"{name} of shape {values.shape} and type {values.dtype}; expected (N,) class indices")
    return values.astype(np.int64)


def _rows(values, name) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(f"{name} of shape {values.shape}, not all finite or not (N, K); expected one finite row each")
    return values
