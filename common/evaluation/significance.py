"""McNemar's test of two systems on the same utterances, and Holm's adjustment of several p-values.

The test of a difference for speakers and trainings at large is that of its interval: `intervals.difference`.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class McNemar:
    """McNemar's exact test; `only_first` and `only_second` count the utterances that one system alone has right."""

    pvalue: float
    only_first: int
    only_second: int


def mcnemar(labels, first, second) -> McNemar:
    """McNemar's exact test of equal accuracy: of the utterances that one system alone has right, is half the first's?

        p = min(1, 2 P(X <= min(b, c))),  X ~ Binomial(b + c, 1/2)

    b and c count the utterances that only the first, only the second has right (McNemar 1947, Psychometrika 12(2)).

    The test takes utterances as independent. That is right for the question whether two systems differ on THESE
    speakers, and wrong for speakers at large: where each system suits some speakers better than others it has an
    inflated false-positive rate (results/simulations.csv). `intervals.difference` answers the latter.

    Args:
        labels: (N,) class indices.
        first, second: (N,) decisions of one run each.

    Raises:
        ValueError: several seeds; the test needs one decision per utterance.
    """
    from statsmodels.stats import contingency_tables  # here, since its import takes longer than all other tables

    labels, first, second = np.asarray(labels), np.asarray(first), np.asarray(second)
    if not labels.shape == first.shape == second.shape or labels.ndim != 1 or not labels.size:
        shapes = (labels.shape, first.shape, second.shape)
        raise ValueError(f"labels and decisions of shapes {shapes}; expected (N,), N > 0, one run of each system")
    right, also = first == labels, second == labels
    b, c = int(np.sum(right & ~also)), int(np.sum(~right & also))
    table = [[int(np.sum(right & also)), b], [c, int(np.sum(~right & ~also))]]
    return McNemar(float(contingency_tables.mcnemar(table, exact=True).pvalue), b, c)


def holm(pvalues) -> np.ndarray:
    """Holm's step-down adjustment: (M,) p-values -> (M,), in the order given. Rejecting below a keeps the chance of any
    false rejection among the M at a, whatever their dependence (Holm 1979, Scandinavian Journal of Statistics 6(2)).

    Raises:
        ValueError: a p-value is outside [0, 1], or NaN.

    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    from statsmodels.stats import multitest  # here, since its import takes longer than all other tables

    pvalues = np.asarray(pvalues, dtype=float)
    if not np.all((pvalues >= 0) & (pvalues <= 1)):  # NaN is neither
        raise ValueError(f"p-values {pvalues.tolist()}; expected numbers in [0, 1]")
    return multitest.multipletests(pvalues, method="holm")[1] if pvalues.size else pvalues
