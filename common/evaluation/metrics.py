"""Metrics as pure functions of counts.

**Conventions.** Labels are class indices 0 .. K-1. A decision is a class index, or -1 for "no decision" (a CTC decoder
that emitted nothing); -1 is never dropped and always counts as an error. A confusion matrix has the true class in its
row, the decided class in its column, and "no decision" in the last column: (K, K+1) counts. Metrics are fractions in
[0, 1]; tables print per cent.

**Names.** `wa` is weighted accuracy, elsewhere called accuracy or WAR; `ua` is unweighted accuracy, elsewhere UAR,
macro recall or balanced accuracy. "Pooled" adds the folds' counts first, `ua(pooled(folds))`; "fold mean" averages the
folds' values, `ua(folds).mean()`. Papers mean one or the other, and the two differ.

**Absent classes.** A class without any true utterance raises an error. scikit-learn's balanced accuracy drops such a
class with a warning, and audmetric counts its recall as 0; both change the meaning of UA.
"""

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
    """The decision of each row: (N, K) -> (N,). An all-zero row gives no decision (-1); ties go to the first class.

    Raises:
        ValueError: the scores are not (N, K) or not all finite.

    >>> decide([[0.2, 0.8], [0.5, 0.5], [0.0, 0.0]])
    array([ 1,  0, -1])
    """
    scores = _rows(scores, "scores")
    return np.where(scores.any(axis=1), scores.argmax(axis=1), NO_DECISION)


def confusion_by_group(labels, decisions, groups, *, num_classes, names=None) -> np.ndarray:
    """A confusion matrix for each group and seed: (N,), (S, N), (N,) -> (G, S, K, K+1) int64; S = 1 for (N,) decisions.

    Args:
        labels: (N,) class indices.
        decisions: (S, N) or (N,) class indices, -1 for no decision.
        groups: (N,) names, e.g. speakers.
        num_classes: K.
        names: (G,) sorted names of all groups, including those without utterances; by default those that occur.

    Raises:
        ValueError: lengths differ, no utterance, or an index lies outside its range.
    """
    labels, groups, decisions = np.asarray(labels), np.asarray(groups), np.atleast_2d(decisions)
    if not labels.size or not labels.shape == groups.shape == decisions.shape[1:]:
        shapes = [labels.shape, groups.shape, decisions.shape[1:]]
        raise ValueError(f"labels, groups and decisions of {shapes} utterances; expected the same number, > 0")
    names = np.unique(groups) if names is None else np.asarray(names)
    index = np.searchsorted(names, groups)
    for run in decisions:
        confusion_matrix(labels, run, num_classes=num_classes)  # raises where an index is out of range
    columns = np.where(decisions == NO_DECISION, num_classes, decisions)  # (S, N)
    shape = (len(names), len(decisions), num_classes, num_classes + 1)
    cells = np.ravel_multi_index((index, np.arange(len(decisions))[:, None], labels, columns), shape)
    return np.bincount(cells.ravel(), minlength=np.prod(shape)).reshape(shape)


# Metrics of confusion counts. Leading axes are kept: (S, K, K+1) counts of S seeds give (S,) values. An undefined value
# raises an error, or is NaN with `undefined="nan"`, which resampled counts need.


def wa(confusion, *, undefined="raise"):
    """Weighted accuracy: the share of correctly classified utterances, sum_k n_kk / n.

    Args:
        confusion: (..., K, K+1) counts.
        undefined: "raise", or "nan" for NaN if there is no utterance.

    Returns:
        (...) fractions.

    >>> wa([[1, 1, 0], [0, 1, 1]])
    0.5
    >>> wa([[[1, 1, 0], [0, 1, 1]], [[1, 0, 0], [0, 1, 0]]])
    array([0.5, 1. ])
    """
    confusion = _counts(confusion)
    total = confusion.sum(axis=(-2, -1))
    if undefined == "raise" and not np.all(total):
        raise ValueError("the confusion matrix is empty; a metric needs at least one utterance")
    return _plain(_ratio(_hits(confusion).sum(axis=-1), total))


def recall(confusion, classes=None, *, undefined="raise"):
    """Recall of each class, n_kk / n_k.: (..., K, K+1) -> (..., K).

    Args:
        confusion: (..., K, K+1) counts.
        classes: the K names in the order of the rows, for the message.
        undefined: "raise", or "nan" for NaN if a class has no true utterance.

    Raises:
        ValueError: a class has no true utterance.

    >>> recall([[3, 1, 0], [0, 0, 2]])
    array([0.75, 0.  ])
    """
    confusion, support = _with_support(confusion, classes, undefined)
    return _ratio(_hits(confusion), support)


def precision(confusion):
    """Precision of each class, n_kk / n_.k: (..., K, K+1) -> (..., K).

    The precision of a class that was never predicted is 0/0; it is set to 0.0, as with scikit-learn's
    `zero_division=0` and audmetric's default.

    >>> precision([[3, 1, 0], [0, 0, 2]])
    array([1., 0.])
    """
    confusion = _counts(confusion)
    return np.nan_to_num(_ratio(_hits(confusion), decided(confusion)))


def f1(confusion, classes=None, *, undefined="raise"):
    """F1 of each class, 2 n_kk / (n_k. + n_.k): (..., K, K+1) -> (..., K); arguments and errors as `recall`.

    The formula itself gives 0 for a class that was never predicted.

    >>> f1([[1, 1, 0], [0, 1, 0]])
    array([0.66666667, 0.66666667])
    """
    confusion, support = _with_support(confusion, classes, undefined)
    return _ratio(2 * _hits(confusion), np.where(support > 0, support + decided(confusion), 0))


def ua(confusion, classes=None, *, undefined="raise"):
    """Unweighted accuracy: mean recall, 1/K * sum_k n_kk / n_k.: (..., K, K+1) -> (...).

    Arguments and errors as `recall`.

    >>> ua([[1, 1, 0], [0, 4, 0]], ["anger", "sadness"])
    0.75
    """
    return _plain(recall(confusion, classes, undefined=undefined).mean(axis=-1))


def macro_precision(confusion, classes=None, *, undefined="raise"):
    """Mean of the classes' precisions: (..., K, K+1) -> (...); arguments and errors as `recall`.

    >>> macro_precision([[3, 1, 0], [0, 0, 2]])
    0.5
    """
    _, support = _with_support(confusion, classes, undefined)
    return _plain(np.where(np.all(support > 0, axis=-1), precision(confusion).mean(axis=-1), np.nan))


def macro_f1(confusion, classes=None, *, undefined="raise"):
    """Mean of the classes' F1 (not the F1 of mean precision and mean recall, which is also called macro F1).

    (..., K, K+1) -> (...); arguments and errors as `recall`.

    >>> round(macro_f1([[1, 1, 0], [0, 1, 0]]), 6)
    0.666667
    """
    return _plain(f1(confusion, classes, undefined=undefined).mean(axis=-1))


def no_decision(confusion):
    """The share of utterances without a decision: (..., K, K+1) -> (...); NaN where there is no utterance.

    >>> no_decision([[1, 1, 0], [0, 1, 1]])
    0.25
    """
    confusion = _counts(confusion)
    return _plain(_ratio(confusion[..., -1].sum(axis=-1), confusion.sum(axis=(-2, -1))))


BY_NAME = {  # the name in paper.toml and in tables -> the function; those of a class are written `recall:anger`
    "wa": "wa",
    "ua": "ua",
    "macro_recall": "ua",
    "macro_precision": "macro_precision",
    "macro_f1": "macro_f1",
    "no_decision": "no_decision",
    "recall": "recall",
    "precision": "precision",
    "f1": "f1",
}
OF_CLASSES = ("recall", "precision", "f1")


def by_name(name, classes):
    """The metric of this name, as a function (..., K, K+1) -> (...) that returns NaN for undefined values.

    Args:
        name: a key of `BY_NAME`; with a class, `recall:anger`, for those of `OF_CLASSES`.
        classes: the K names.

    Raises:
        ValueError: no such metric or no such class.

    >>> by_name("recall:sadness", ["anger", "sadness"])([[3, 1, 0], [0, 1, 3]])
    0.25
    """
    base, _, emotion = name.partition(":")
    if base not in BY_NAME or bool(emotion) != (base in OF_CLASSES):
        raise ValueError(f"no metric {name}; expected one of {', '.join(BY_NAME)}, with a class for the last three")
    if emotion and emotion not in classes:
        raise ValueError(f"no class {emotion}; expected one of {', '.join(classes)}")
    function = globals()[BY_NAME[base]]
    options = {} if base in ("precision", "no_decision") else {"undefined": "nan"}
    if not emotion:
        return lambda confusion: function(confusion, **options)
    k = list(classes).index(emotion)
    return lambda confusion: _plain(function(confusion, **options)[..., k])


def support(confusion) -> np.ndarray:
    """Utterances of each true class: (..., K, K+1) -> (..., K)."""
    return _counts(confusion).sum(axis=-1)


def decided(confusion) -> np.ndarray:
    """Utterances predicted as each class: (..., K, K+1) -> (..., K)."""
    return _counts(confusion)[..., :-1].sum(axis=-2)


def pooled(confusions) -> np.ndarray:
    """The sum of the folds' confusion matrices: [(K, K+1), ...] -> (K, K+1).

    Raises:
        ValueError: there is no fold, or the shapes differ.
    """
    confusions = [_counts(confusion) for confusion in confusions]
    if not confusions:
        raise ValueError("no fold given; expected at least one confusion matrix")
    if len(shapes := sorted({c.shape for c in confusions})) > 1:
        raise ValueError(f"confusion matrices of shapes {shapes}; only folds over the same classes can be pooled")
    return np.sum(confusions, axis=0)


def cross_entropy(labels, probabilities) -> float:
    """Mean of `cross_entropies`: (N,), (N, K) -> scalar.

    >>> round(cross_entropy([0, 1], [[0.5, 0.5], [0.75, 0.25]]), 4)
    1.0397
    """
    return float(cross_entropies(labels, probabilities).mean())


def cross_entropies(labels, probabilities) -> np.ndarray:
    """-ln p(true class) of each utterance, in nats: (N,), (N, K) -> (N,).

    Probabilities are clipped to at least 1e-7, as in Keras, so that the loss is at most 16.1 nats. An all-zero row (no
    decision) has this loss, too.

    Raises:
        ValueError: the lengths differ, or a row has a negative value or sums neither to 1 nor to 0.
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
    return -np.log(np.maximum(chosen, PROBABILITY_FLOOR))


def chance(num_classes) -> float:
    """The expected UA of guessing without the utterance, for any distribution of guesses: 1 / K."""
    return 1 / num_classes


def majority(counts) -> float:
    """The WA of always predicting the most frequent class: max_k n_k / n, from the (K,) numbers of utterances.

    >>> round(majority([1099, 289, 284, 608]), 3)  # IEMOCAP, improvised, 4hap
    0.482
    """
    counts = np.asarray(list(counts))
    if not counts.sum():
        raise ValueError("no utterances; the majority class needs at least one")
    return float(counts.max() / counts.sum())


def _with_support(confusion, classes, undefined):
    """(confusion, (..., K) true utterances of each class); raises ValueError for an absent class unless "nan"."""
    confusion = _counts(confusion, classes)
    n = support(confusion)
    if undefined == "raise" and not np.all(n):
        names = classes or [f"class {k}" for k in range(n.shape[-1])]
        absent = np.any(n.reshape(-1, len(names)) == 0, axis=0)
        raise ValueError(
            f"{', '.join(name for name, gone in zip(names, absent, strict=True) if gone)} never occurs in the truth, "
            "so its recall is undefined; pool folds first, or leave the class out"
        )
    return confusion, n


def _hits(confusion) -> np.ndarray:
    return np.diagonal(confusion, axis1=-2, axis2=-1)  # (..., K)


def _ratio(numerator, denominator) -> np.ndarray:
    """NaN where the denominator, and so the numerator, is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.true_divide(numerator, denominator)


def _plain(values):
    """A float if there are no leading axes."""
    return values if np.ndim(values) else float(values)


def _counts(confusion, classes=None) -> np.ndarray:
    confusion = np.asarray(confusion)
    if confusion.ndim < 2 or confusion.shape[-1] != confusion.shape[-2] + 1:
        raise ValueError(f"confusion matrix of shape {confusion.shape}; expected (K, K+1), the last column no decision")
    if classes is not None and len(classes) != confusion.shape[-2]:
        raise ValueError(f"{len(classes)} class names for {confusion.shape[-2]} rows: {', '.join(classes)}")
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
