"""McNemar's test of two systems on the same utterances, and Holm's adjustment of several p-values.

To test a difference for new speakers and trainings, use the interval in `intervals.difference`.
"""

import dataclasses
import gc

import numpy as np


@dataclasses.dataclass(frozen=True)
class McNemar:
    """McNemar's exact test; `only_first`, `only_second` count utterances that only this system classifies correctly."""

    pvalue: float
    only_first: int
    only_second: int


def mcnemar(labels, first, second) -> McNemar:
    """McNemar's exact test of equal accuracy.

        p = min(1, 2 P(X <= min(b, c))),  X ~ Binomial(b + c, 1/2)

    b and c are the numbers of utterances that only the first, or only the second, system classifies correctly
    (McNemar 1947, Psychometrika 12(2)).

    The test assumes independent utterances. This is appropriate for the question whether two systems differ on these
    speakers, but not for new speakers: if each system suits some speakers better than others, the test has an inflated
    false-positive rate (results/simulations.csv). For new speakers use `intervals.difference`.

    Args:
        labels: (N,) class indices.
        first, second: (N,) decisions of one run each.

    Raises:
        ValueError: the shapes are not (N,) with N > 0, for example because there are several seeds.
    """
    from statsmodels.stats import contingency_tables  # imported here because its import is slow

    labels, first, second = np.asarray(labels), np.asarray(first), np.asarray(second)
    if not labels.shape == first.shape == second.shape or labels.ndim != 1 or not labels.size:
        shapes = (labels.shape, first.shape, second.shape)
        raise ValueError(f"labels and decisions of shapes {shapes}; expected (N,), N > 0, one run of each system")
    right, also = first == labels, second == labels
    b, c = int(np.sum(right & ~also)), int(np.sum(~right & also))
    table = [[int(np.sum(right & also)), b], [c, int(np.sum(~right & ~also))]]
    return McNemar(float(contingency_tables.mcnemar(table, exact=True).pvalue), b, c)


def holm(pvalues) -> np.ndarray:
    """Holm's step-down adjustment: (M,) p-values -> (M,), in the given order.

    Rejecting adjusted values below alpha bounds the family-wise error rate by alpha under any dependence
    (Holm 1979, Scandinavian Journal of Statistics 6(2)).

    Raises:
        ValueError: a p-value is outside [0, 1], or NaN.

    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    from statsmodels.stats import multitest  # imported here because its import is slow

    pvalues = np.asarray(pvalues, dtype=float)
    if not np.all((pvalues >= 0) & (pvalues <= 1)):  # NaN is neither
        raise ValueError(f"p-values {pvalues.tolist()}; expected numbers in [0, 1]")
    if not pvalues.size:
        return pvalues
    gc.freeze()  # multipletests collects garbage: a second if thousands of records are in memory
    try:
        return multitest.multipletests(pvalues, method="holm")[1]
    finally:
        gc.unfreeze()
