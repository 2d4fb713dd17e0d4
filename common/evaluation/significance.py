"""Paired tests of "no difference" between two systems on the same utterances."""

import dataclasses

import numpy as np

MAX_EXACT = 30  # speakers up to which all 2^G swaps are counted; RAVDESS has 24, EmoDB and IEMOCAP 10


@dataclasses.dataclass(frozen=True)
class PairedTest:
    """A two-sided paired test of "no difference".

    Args:
        difference: first system minus second, a difference of fractions.
        informative: speakers whose difference is not 0.
        exact: whether the p-value was counted, not sampled.
    """

    difference: float
    pvalue: float
    informative: int
    exact: bool


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
    inflated false-positive rate (simulated: 16 % at 5 %). `paired_permutation` answers the latter.

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


def paired_permutation(metric, first, second, *, replicates=10_000, seed=0) -> PairedTest:
    """Paired permutation test of an equal WA or UA that swaps the two systems' decisions speaker by speaker.

    The labels stay when decisions are swapped, therefore the difference is a sum over speakers, of UA for example

        UA_1 - UA_2 = sum_g d_g,   d_g = 1/K sum_k (hits_1[g, k] - hits_2[g, k]) / n_k,

    and swapping speaker g flips the sign of d_g. The p-value is the share of the 2^G sign patterns whose |sum| is at
    least the one observed. Up to 30 speakers every pattern is counted, in two sorted halves of 2^(G/2) sums; above, it
    is (1 + hits) / (1 + replicates) over random patterns. Hits are means over seeds, all seeds of a speaker swapped
    together. Simulated, the 5 % test rejects a true null of 24 speakers in 3.5 % of 1,000 and 5.0 % of 5,000 data sets.
    With 5 speakers or fewer no p-value is below 0.0625.

    Args:
        metric: `metrics.wa` or `metrics.ua`: linear in the decisions as long as the labels stay.
        first, second: (G, S, K, K+1) counts of the same speakers and labels; the numbers of seeds may differ.
        replicates, seed: of the random patterns above 30 speakers.

    Raises:
        ValueError: the metric is undefined, UA where the truth lacks a class.
    """
    # S_1 S_2 times the mean over seeds: whole numbers, so that equal systems differ by exactly 0
    one, other = first.sum(axis=1) * second.shape[1], second.sum(axis=1) * first.shape[1]  # (G, K, K+1)
    total = one.sum(axis=0)
    return _sign_flips(metric(total) - metric(total - one + other), replicates, seed)


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


def _sign_flips(shares, replicates, seed) -> PairedTest:
    """Two-sided sign-flip test of (G,) shares whose sum is the difference."""
    difference, scale = float(shares.sum()), float(np.abs(shares).sum())
    shares = shares[np.abs(shares) > 1e-12 * scale]
    threshold = abs(difference) - 1e-9 * scale  # sums that are equal but for rounding count as equal
    exact = shares.size <= MAX_EXACT
    if threshold <= 0:
        pvalue = 1.0
    elif exact:
        left, right = (_signed_sums(half) for half in np.array_split(shares, 2))
        above = right.size - np.searchsorted(right, threshold - left, side="left")
        below = np.searchsorted(right, -threshold - left, side="right")
        pvalue = float((above.sum() + below.sum()) / (left.size * right.size))
    else:
        rng = np.random.default_rng(seed)
        signs = rng.integers(0, 2, size=(replicates, shares.size), dtype=np.int8) * 2 - 1
        pvalue = (1 + int(np.sum(np.abs(signs @ shares) >= threshold))) / (1 + replicates)
    return PairedTest(difference, pvalue, int(shares.size), exact)


def _signed_sums(values) -> np.ndarray:
    """All sums of +/- values, sorted: (n,) -> (2^n,)."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums - value, sums + value])
    return np.sort(sums)
