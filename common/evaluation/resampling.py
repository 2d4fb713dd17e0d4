"""How sure a number is: intervals and paired tests that know utterances come from speakers.

Utterances of one speaker resemble each other, so a corpus of 24 speakers and 1,440 utterances says less about the next
speaker than 1,440 independent utterances would. Intervals and tests here therefore resample or swap whole speakers;
`clusters="utterance"` gives the interval that treats utterances as independent, and carries that in its name.

**What an interval is about.** The metric that these trained systems would reach on other speakers of the same kind.
Folds are put together before the metric is taken (`ua_pooled`, `wa_pooled` in common/evaluation/metrics). With several
seeds the quantity is the mean over seeds of the metric, and every resampling takes the same speakers for all seeds; the
spread between seeds is another quantity, to be printed beside the interval. Retraining on other training speakers is
not resampled.

**Shapes.** labels (N,) class indices; decisions (N,), or (S, N) for S seeds, -1 for no decision; groups (N,) speakers.

**Checked** by `python -m tests.support.simulate_statistics`, whose figures the docstrings give: 1,000 data sets a line,
RAVDESS's design (60 utterances a speaker, 8 classes), speakers' accuracies with a standard deviation of 12 points.
"""

import dataclasses

import numpy as np
from scipy import special

from common.evaluation import metrics

METRICS = ("wa", "ua", "macro_f1")
MAX_EXACT = 30  # speakers up to which all 2^G swaps are counted; RAVDESS has 24, EmoDB and IEMOCAP 10
MIN_CLUSTERS = 3


@dataclasses.dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval, fractions (differences: of fractions).

    Args:
        standard_error: of the estimate, between clusters.
        clusters: "speaker" or "utterance", what was resampled.
        redrawn: share of replicates drawn again because a class had vanished from them.
    """

    estimate: float
    low: float
    high: float
    standard_error: float
    level: float
    clusters: str
    num_clusters: int
    replicates: int
    redrawn: float


@dataclasses.dataclass(frozen=True)
class PairedTest:
    """A two-sided paired test of "no difference".

    Args:
        difference: first system minus second, a difference of fractions.
        informative: utterances on which exactly one system is right (McNemar), or speakers whose difference is not 0.
        exact: whether the p-value was counted, not sampled.
    """

    difference: float
    pvalue: float
    informative: int
    exact: bool


def bootstrap_interval(
    labels, decisions, groups, *, metric, classes, clusters="speaker", replicates=10_000, seed=0, level=0.95
) -> Interval:
    """Confidence interval of a pooled metric, speakers (or utterances) resampled with replacement.

    With m the metric, G clusters, se* the standard deviation of its replicates and logit(m) = ln(m / (1 - m)):

        logit(low), logit(high) = logit(m) -/+ t_{G-1} sqrt(G / (G-1)) se* / (m (1 - m))

    Not the percentile interval: with few clusters that is too narrow, since the plug-in variance lacks the factor
    G / (G-1) and no Student quantile enters (Hesterberg 2015, The American Statistician 69(4)). Simulated coverage of
    the nominal 95 %, percentile against this: UA of 24 speakers 92.1 / 94.2 %, of 10 speakers 89.4 / 94.9 %, of 5
    speakers 85.0 / 95.6 %; near UA 0.95 with 24 speakers 91.2 / 95.1 %. Utterances resampled as if independent: 71 %.
    The logit keeps the interval within [0, 1] and repairs the coverage of metrics near 1. Where every cluster is
    perfect (m = 1) resampling sees no variation; the bound is then ((1 - level) / 2)^(1/G), which holds for any
    distribution of a score in [0, 1], since P(all G equal 1) <= E[score]^G; m = 0 likewise.

    Replicates in which a class vanishes have no UA and no macro F1; they are drawn again (`redrawn` says how many), so
    that the interval is conditional on every class being there.

    Args:
        labels: (N,) class indices.
        decisions: (N,) or (S, N).
        groups: (N,) speaker of each utterance.
        metric: "wa", "ua" or "macro_f1".
        classes: the K names, in the order of the indices.
        clusters: "speaker" or "utterance".
        replicates, seed: of the resamplings.
        level: nominal coverage.

    Raises:
        ValueError: fewer than three clusters, a class that the truth lacks, or more than half of the replicates
            without some class.
    """
    cells = _Cells(labels, [decisions], groups, clusters, classes)
    (estimate,), replicated, redrawn = cells.resample(metric, replicates, seed)
    error, quantile = _inflated(replicated[0], cells), _student(cells, level)
    if 0 < estimate < 1:
        half = quantile * error / (estimate * (1 - estimate))
        low, high = (float(special.expit(special.logit(estimate) + step)) for step in (-half, half))
    else:
        bound = ((1 - level) / 2) ** (1 / cells.total)
        low, high = (bound, 1.0) if estimate >= 1 else (0.0, 1 - bound)
    return Interval(float(estimate), low, high, error, level, clusters, cells.total, replicates, redrawn)


def difference_interval(
    labels, first, second, groups, *, metric, classes, clusters="speaker", replicates=10_000, seed=0, level=0.95
) -> Interval:
    """Confidence interval of metric(first) - metric(second) on the same utterances, the same speakers for both.

        low, high = d -/+ t_{G-1} sqrt(G / (G-1)) se*(d), cut to [-1, 1]

    Arguments and errors as in `bootstrap_interval`. The systems may have different numbers of seeds.
    """
    cells = _Cells(labels, [first, second], groups, clusters, classes)
    (one, other), replicated, redrawn = cells.resample(metric, replicates, seed)
    error = _inflated(replicated[0] - replicated[1], cells)
    half = _student(cells, level) * error
    low, high = (float(np.clip(one - other + step, -1, 1)) for step in (-half, half))
    return Interval(float(one - other), low, high, error, level, clusters, cells.total, replicates, redrawn)


def mcnemar_exact(labels, first, second) -> PairedTest:
    """McNemar's exact test of equal accuracy: of the utterances that one system alone has right, is half the first's?

        p = min(1, 2 P(X <= min(b, c))),  X ~ Binomial(b + c, 1/2)

    b and c count the utterances that only the first, only the second has right (McNemar 1947, Psychometrika 12(2)).

    The test takes utterances as independent. That is right for the question whether two systems differ on THESE
    speakers, and wrong for speakers at large: where each system suits some speakers better than others it rejects far
    too often (simulated: a true null in 16 % of the cases at 5 %). `paired_permutation_wa` answers the latter.

    Args:
        labels: (N,) class indices.
        first, second: (N,) decisions of one run each.

    Raises:
        ValueError: several seeds; the test needs one decision per utterance.
    """
    labels, first, second = np.asarray(labels), np.asarray(first), np.asarray(second)
    if not labels.shape == first.shape == second.shape or labels.ndim != 1 or not labels.size:
        shapes = (labels.shape, first.shape, second.shape)
        raise ValueError(f"labels and decisions of shapes {shapes}; expected (N,), N > 0, one run of each system")
    right, also = first == labels, second == labels
    b, c = int(np.sum(right & ~also)), int(np.sum(~right & also))
    pvalue = min(1.0, 2 * float(special.bdtr(min(b, c), b + c, 0.5)))
    return PairedTest((b - c) / labels.size, pvalue, b + c, exact=True)


def paired_permutation_ua(labels, first, second, groups, *, classes, replicates=10_000, seed=0) -> PairedTest:
    """Paired permutation test of equal UA that swaps the two systems' decisions speaker by speaker.

    The labels, and so the counts n_k, stay when decisions are swapped, therefore the difference is a sum over speakers,

        UA_1 - UA_2 = sum_g d_g,   d_g = 1/K sum_k (hits_1[g, k] - hits_2[g, k]) / n_k,

    and swapping speaker g flips the sign of d_g. The p-value is the share of the 2^G sign patterns whose |sum| is at
    least the one observed. Up to 30 speakers every pattern is counted, in two sorted halves of 2^(G/2) sums; above, it
    is (1 + hits) / (1 + replicates) over random patterns. Hits are means over seeds, all seeds of a speaker swapped
    together. Simulated, the 5 % test rejects a true null of 24 speakers in 3.5 % of 1,000 and 5.0 % of 5,000 data sets.
    With 5 speakers or fewer no p-value is below 0.0625.

    Args:
        labels: (N,) class indices.
        first, second: (N,) or (S, N) decisions.
        groups: (N,) speaker of each utterance.
        classes: the K names.
        replicates, seed: of the random patterns above 30 speakers.

    Raises:
        ValueError: a class that the truth lacks.
    """
    cells = _Cells(labels, [first, second], groups, "speaker", classes)
    cells.require_classes()
    return _sign_flips(cells.difference(per_class=True), replicates, seed)


def paired_permutation_wa(labels, first, second, groups, *, classes, replicates=10_000, seed=0) -> PairedTest:
    """`paired_permutation_ua` for WA: d_g = (hits_1[g] - hits_2[g]) / N. Defined also where a class is absent."""
    cells = _Cells(labels, [first, second], groups, "speaker", classes)
    return _sign_flips(cells.difference(per_class=False), replicates, seed)


def holm(pvalues) -> np.ndarray:
    """Holm's step-down adjustment: (M,) p-values -> (M,), in the order given. Rejecting below a keeps the chance of any
    false rejection among the M at a, whatever their dependence (Holm 1979, Scandinavian Journal of Statistics 6(2)).

        adjusted of the i-th smallest = max over j <= i of min(1, (M - j + 1) p_(j))

    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    pvalues = np.asarray(list(pvalues), dtype=float)
    if pvalues.size and not (0 <= pvalues.min() <= pvalues.max() <= 1):  # also catches NaN
        raise ValueError(f"p-values {pvalues.tolist()}; expected numbers in [0, 1]")
    order = np.argsort(pvalues, kind="stable")
    stepped = np.maximum.accumulate(pvalues[order] * np.arange(pvalues.size, 0, -1))
    adjusted = np.empty_like(pvalues)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


class _Cells:
    """The counts that metrics need, per cluster: of each cluster's confusion matrix the diagonal and the margins.

    Sums of clusters' counts are one matrix product, so that 10,000 replicates take milliseconds. Utterances that share
    their label and every decision are one cell with a multiplicity; drawing N of the N utterances is drawing cells
    from a multinomial.

    Attributes (M systems):
        hits: M arrays (S, C, K), utterances of class k decided rightly.
        decided: M arrays (S, C, K), utterances decided to be of class k.
        support: (C, K), utterances of class k.
        multiplicity: (C,) how many clusters the cell stands for.
        total: number of clusters G.
    """

    def __init__(self, labels, systems, groups, clusters, classes):
        labels, groups = np.asarray(labels), np.asarray(groups)
        systems = [np.atleast_2d(np.asarray(decisions)) for decisions in systems]  # (S, N) each
        if clusters not in ("speaker", "utterance"):
            raise ValueError(f"clusters={clusters!r}; expected 'speaker' or 'utterance'")
        shapes = [labels.shape, groups.shape, *(s.shape[1:] for s in systems)]
        if labels.ndim != 1 or not labels.size or len(set(shapes)) > 1:
            raise ValueError(f"labels, groups and decisions of {shapes} utterances; expected the same number, > 0")
        self.classes, self.num_utterances, num_classes = classes, labels.size, len(classes)
        if clusters == "speaker":
            names, index = np.unique(groups, return_inverse=True)
            self.multiplicity = np.ones(names.size)
        else:
            rows, counts = np.unique(np.vstack([labels, *systems]), axis=1, return_counts=True)  # (1 + sum S, C)
            labels, index, self.multiplicity = rows[0], np.arange(counts.size), counts.astype(float)
            systems = np.split(rows[1:], np.cumsum([len(s) for s in systems])[:-1])
        matrices = [  # (S, C, K, K+1) per system
            np.stack([_per_cluster(labels, run, index, self.multiplicity.size, num_classes) for run in runs])
            for runs in systems
        ]
        self.hits = [m.diagonal(axis1=2, axis2=3) for m in matrices]
        self.decided = [m[..., :num_classes].sum(axis=2) for m in matrices]
        self.support = matrices[0][0].sum(axis=2)
        self.total = int(self.multiplicity.sum())

    def require_classes(self):
        """Raise ValueError where the truth lacks a class."""
        metrics.require_classes(self.multiplicity @ self.support, self.classes)

    def difference(self, *, per_class) -> np.ndarray:
        """(G,) each speaker's share in the difference of UA (per class) or WA."""
        first, second = (hits.mean(axis=0) for hits in self.hits)  # (G, K)
        if not per_class:
            return (first - second).sum(axis=1) / self.num_utterances
        return ((first - second) / self.support.sum(axis=0)).mean(axis=1)

    def scores(self, metric, weights=None) -> np.ndarray:
        """Means over seeds of the metric: (M,), or (M, R) for weights (R, C)."""
        weights = self.multiplicity if weights is None else weights
        support = weights @ self.support  # (R, K)
        if metric == "wa":
            values = [(weights @ h).sum(axis=-1) / support.sum(axis=-1) for h in self.hits]  # (S, R) each
        elif metric == "ua":
            values = [np.mean((weights @ h) / support, axis=-1) for h in self.hits]
        else:
            pairs = zip(self.hits, self.decided, strict=True)
            values = [np.mean(2 * (weights @ h) / (support + weights @ d), axis=-1) for h, d in pairs]
        return np.array([v.mean(axis=0) for v in values])

    def resample(self, metric, count, seed) -> tuple[np.ndarray, np.ndarray, float]:
        """(M,) metrics, (M, R) metrics of resampled clusters, and the share of draws that lacked a class."""
        if metric not in METRICS:
            raise ValueError(f"metric={metric!r}; expected one of {', '.join(METRICS)}")
        if self.total < MIN_CLUSTERS:
            raise ValueError(
                f"{self.total} clusters; an interval needs {MIN_CLUSTERS} speakers or more, "
                "take clusters='utterance' and name it so"
            )
        if metric != "wa":
            self.require_classes()
        rng, shares = np.random.default_rng(seed), self.multiplicity / self.total
        drawn, kept = 0, [np.empty((len(self.hits), 0))]
        while (missing := count - sum(k.shape[1] for k in kept)) > 0:
            weights = rng.multinomial(self.total, shares, size=min(missing, 2_000)).astype(float)  # (R, C)
            whole = np.all(weights @ self.support > 0, axis=1) | (metric == "wa")
            kept.append(self.scores(metric, weights[whole]))
            drawn += len(weights)
            if drawn >= 1_000 and 2 * (count - missing + whole.sum()) < drawn:
                rare = self.classes[int(np.argmin((self.support > 0).sum(axis=0)))]
                raise ValueError(
                    f"{rare} vanishes from more than half of the resamplings, it occurs in too few clusters; leave "
                    "the class out or take clusters='utterance'"
                )
        return self.scores(metric), np.concatenate(kept, axis=1), 1 - count / drawn


def _per_cluster(labels, decisions, index, num_clusters, num_classes) -> np.ndarray:
    """(C, K, K+1) one confusion matrix per cluster."""
    metrics.confusion_matrix(labels, decisions, num_classes=num_classes)  # raises where an index is out of range
    columns = np.where(decisions == metrics.NO_DECISION, num_classes, decisions)
    cells = (index * num_classes + labels) * (num_classes + 1) + columns
    shape = (num_clusters, num_classes, num_classes + 1)
    return np.bincount(cells, minlength=np.prod(shape)).reshape(shape).astype(float)


def _inflated(replicated, cells) -> float:
    """The replicates' standard deviation with the factor G / (G-1) in its square."""
    return float(replicated.std(ddof=1) * np.sqrt(cells.total / (cells.total - 1)))


def _student(cells, level) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level={level}; expected a fraction, such as 0.95")
    return float(special.stdtrit(cells.total - 1, (1 + level) / 2))


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
