"""Confidence intervals over speakers and trainings, and the corresponding test.

Utterances of one speaker are correlated, and so are the errors of one trained network. A system's result averages over
both: over speakers, and over the networks of its folds and seeds. The two are crossed, since each seed tests a speaker
with another network.

**Quantity.** The expected metric on other speakers from the same population after a new training. With several seeds,
the mean of the metric over seeds.

**Method.** A two-way jackknife. With theta the estimate, theta_(g) the estimate without cluster g and

    J = sum over strata of (n - 1) / n sum_g (theta_(g) - mean theta_(.))^2,

computed without one speaker (J_speaker), without one network (J_network; strata are the seeds), and without one
speaker's utterances of one network (J_both), the variance of the number is

    V = J_network + max(0, J_speaker - J_both),

which counts the variation that speakers and networks share only once (Cameron, Gelbach and Miller 2011, Journal of
Business & Economic Statistics 29(2)). The degrees of freedom follow Satterthwaite's formula with n_network - n_strata
and n_speaker - 1, and are at most n_speaker - 1. With one seed, speakers are nested in networks, and V is that of a
t interval over folds. With a single network, V = J_speaker, and the interval is for this training only
(`Estimate.about`).

**Coverage** is simulated by `python -m tests.support.simulate_statistics`; results/simulations.csv has the results.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy import special

LEVEL = 0.95
MIN_CLUSTERS = 3
CHUNK = 2**22  # numbers in the sums that are computed at a time
SPEAKERS, BOTH = "speakers, this training only", "speakers and trainings"


class NotComputableError(ValueError):
    """A value or its interval is undefined. The message is shown in tables."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A value and its interval, if it has one.

    Args:
        value: a fraction for rates, a difference of fractions for differences.
        low, high: the interval's ends, None without an interval.
        about: the source of variation: "speakers and trainings", "seeds" ...; "" without an interval.
        why_none: the reason for a missing interval.
        by_seed: the value of each single seed.
        standard_error: of the value.
        pvalue: of the two-sided test that the value is 0, None for rates.
    """

    value: float
    low: float | None = None
    high: float | None = None
    about: str = ""
    why_none: str = ""
    by_seed: tuple[float, ...] = ()
    standard_error: float | None = None
    pvalue: float | None = None


@dataclasses.dataclass(frozen=True)
class Counts:
    """Counts, such as confusion matrices, that are summed before a metric is computed.

    Args:
        cells: (G, L, ...) by speaker and network; zeros if the network did not test the speaker.
        seeds: (L,) the seed of each network.
    """

    cells: np.ndarray
    seeds: np.ndarray


def mean_over_seeds(metric) -> Callable[[np.ndarray], np.ndarray]:
    """The statistic "mean over seeds of the metric of the seed's counts": (R, S, ...) -> (R,).

    Args:
        metric: (R, S, ...) -> (R, S, ...), such as `metrics.by_name("ua", classes)`; axes after S are averaged.
    """

    def statistic(sums):
        values = np.asarray(metric(sums))
        values = values.reshape(*values.shape[:2], -1).mean(axis=2)  # (R, S)
        left = sums.reshape(*sums.shape[:2], -1).any(axis=2)  # false for a seed whose only network is left out
        return np.where(left, values, 0.0).sum(axis=1) / np.maximum(left.sum(axis=1), 1)

    return statistic


def interval(statistic, counts, *, rate=True, of="seeds", level=LEVEL, clusters="speakers") -> Estimate:
    """Confidence interval of a statistic of counts, over speakers and trainings; see the module's docstring.

        low, high = theta -/+ t_df sqrt(V)                                        a difference, a loss
        logit(low), logit(high) = logit(theta) -/+ t_df sqrt(V) / (theta (1 - theta))     a rate

    The logit keeps a rate's interval within [0, 1]. If the rate is 1, the jackknife variance is 0; the lower bound is
    then ((1 - level) / 2)^(1/G), which is valid for any distribution of G speakers' scores in [0, 1], since
    P(all G equal 1) <= E[score]^G; a rate of 0 is treated likewise.

    Args:
        statistic: (R, S, ...) -> (R,) of counts summed over speakers and over the networks of a seed, NaN where
            undefined, such as `mean_over_seeds(metrics.by_name("ua", classes))`.
        counts: a Counts.
        of: "seeds", or "networks" for a statistic (R, L, ...) -> (R,) of the sums of each network.
        rate: whether the value is in [0, 1]. Any other value is also tested against 0.
        level: nominal coverage.
        clusters: name of the first axis of the counts, for messages.

    Raises:
        NotComputableError: the value, or the value without one speaker or network, is undefined; or there are fewer
            than three speakers.
        ValueError: the level is not between 0 and 1.

    >>> from common.evaluation import metrics
    >>> cells = metrics.confusion_by_group([0, 1, 0, 1, 0, 1], [0, 1, 0, 0, 1, 1], list("aabbcc"), num_classes=2)
    >>> counts = Counts(cells[:, None], np.array([0]))
    >>> estimate = interval(mean_over_seeds(metrics.by_name("wa", ["anger", "sadness"])), counts)
    >>> round(estimate.value, 3), estimate.low < 0.5, estimate.high > 0.8, estimate.about
    (0.667, True, True, 'speakers, this training only')
    """
    if not 0 < level < 1:
        raise ValueError(f"level={level}; expected a fraction, such as 0.95")
    if np.isnan(value := value_of(statistic, counts, of=of)):
        raise NotComputableError("undefined on these utterances")
    cells = counts.cells[counts.cells.reshape(len(counts.cells), -1).any(axis=1)]
    if len(cells) < MIN_CLUSTERS:
        raise NotComputableError(f"{len(cells)} {clusters}; an interval needs {MIN_CLUSTERS} or more")
    variance, freedom, about = _variance(statistic, cells, counts.seeds, of)
    error = float(np.sqrt(variance))
    step = float(special.stdtrit(freedom, (1 + level) / 2)) * error
    if rate:
        low, high = _rate_bounds(value, step, len(cells), level)
        return Estimate(value, low, high, about, standard_error=error)
    pvalue = float(2 * special.stdtr(freedom, -abs(value) / error)) if error > 0 else float(value == 0)
    return Estimate(value, value - step, value + step, about, standard_error=error, pvalue=pvalue)


def value_of(statistic, counts, *, of="seeds") -> float:
    """The statistic of all counts; arguments as for `interval`."""
    place = _places(counts.seeds, of)
    return float(statistic(_summed(counts.cells.sum(axis=0), place, axis=0)[None])[0])


def interval_over(metric, cells, *, about, level=LEVEL) -> Estimate:
    """Interval of a rate computed from counts (G, ...) whose clusters are the only source of variation.

    Args:
        metric: (R, ...) -> (R,).
        cells: (G, ...) counts of each cluster.
        about: name of the clusters.
        level: nominal coverage.

    Raises:
        NotComputableError: as `interval`.
    """
    counts = Counts(cells[:, None], np.array([0]))
    estimate = interval(mean_over_seeds(metric), counts, level=level, clusters=about)
    return dataclasses.replace(estimate, about=about)


def difference(metric, first, second, *, paired=True) -> Estimate:
    """Interval of metric(first) - metric(second), clipped to [-1, 1], and the test that the difference is 0.

    Args:
        metric: function (..., K, K+1) -> (...) with values in [0, 1]; averaged over seeds.
        first, second: Counts of the same speakers.
        paired: whether network l has the same fold and seed in both; the two are then left out together. Otherwise
            the networks of the two systems are independent.

    Raises:
        NotComputableError: as `interval`.
    """
    mean = mean_over_seeds(metric)
    if paired:
        both = Counts(np.stack([first.cells, second.cells], axis=2), first.seeds)  # (G, L, 2, ...)
        estimate = interval(lambda sums: mean(sums[:, :, 0]) - mean(sums[:, :, 1]), both, rate=False)
    else:
        size, apart = len(set(first.seeds.tolist())), 1 + int(max(first.seeds))
        seeds = np.concatenate([first.seeds, apart + second.seeds])
        both = Counts(np.concatenate([first.cells, second.cells], axis=1), seeds)
        estimate = interval(lambda sums: mean(sums[:, :size]) - mean(sums[:, size:]), both, rate=False)
    low, high = np.clip([estimate.low, estimate.high], -1, 1).tolist()
    return dataclasses.replace(estimate, low=low, high=high)


def next_seed(values, *, rate=False) -> Estimate:
    """Mean over S seeds and the 95 % prediction interval of one more seed, for normally distributed values.

    low, high = mean -/+ t_{S-1} sd sqrt(1 + 1/S)

    Args:
        values: (S,) the value of each seed; fewer than three give no interval.
        rate: whether to clip the interval to [0, 1].
    """
    values = np.asarray(values, dtype=float)
    mean = float(values.mean())
    if values.size < 3:
        why = f"an interval over seeds needs 3, there is {values.size}"
        return Estimate(mean, why_none=why, by_seed=tuple(values.tolist()))
    half = special.stdtrit(values.size - 1, (1 + LEVEL) / 2) * values.std(ddof=1) * np.sqrt(1 + 1 / values.size)
    low, high = mean - half, mean + half
    if rate:
        low, high = max(0.0, low), min(1.0, high)
    return Estimate(mean, float(low), float(high), "seeds", by_seed=tuple(values.tolist()))


def _places(seeds, of) -> np.ndarray:
    """(L,) index of the sum to which the counts of each network are added."""
    return np.unique(seeds, return_inverse=True)[1] if of == "seeds" else np.arange(len(seeds))


def _summed(cells, place, axis) -> np.ndarray:
    """Counts with one axis summed by place."""
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(place.max() + 1))
    return np.add.reduceat(np.take(cells, order, axis=axis).astype(float), starts, axis=axis)


def _variance(statistic, cells, seeds, of) -> tuple[float, float, str]:
    """(V, degrees of freedom, source of variation)."""
    (num_speakers, num_networks), place = cells.shape[:2], _places(seeds, of)
    of_networks, of_speakers = cells.sum(axis=0), _summed(cells, place, axis=1)
    sums = of_speakers.sum(axis=0)
    speakers = _jackknife(statistic, sums, None, of_speakers, np.zeros(num_speakers))
    if num_networks == 1:
        return speakers, num_speakers - 1, SPEAKERS
    strata = seeds if np.unique(seeds, return_counts=True)[1].min() > 1 else np.zeros(num_networks)
    networks = _jackknife(statistic, sums, place, of_networks, strata)
    speaker, network = np.nonzero(cells.reshape(num_speakers, num_networks, -1).any(axis=2))  # (C,) each
    both = _jackknife(statistic, sums, place[network], cells[speaker, network], strata[network])
    apart = max(0.0, speakers - both)
    variance = networks + apart
    if variance <= 0:
        return 0.0, num_speakers - 1, BOTH
    squares = networks**2 / (num_networks - len(np.unique(strata))) + apart**2 / (num_speakers - 1)
    return variance, min(variance**2 / squares, num_speakers - 1), BOTH


def _jackknife(statistic, sums, places, removed, strata) -> float:
    """J for counts (M, ...) subtracted from `sums` one at a time, at the indices `places` (M,), or from all if None."""
    values, size = [], max(1, CHUNK // sums.size)
    for start in range(0, len(removed), size):
        chunk = slice(start, start + size)
        if places is None:
            left = sums - removed[chunk]
        else:
            left = np.repeat(sums[None], len(removed[chunk]), axis=0)
            left[np.arange(len(left)), places[chunk]] -= removed[chunk]
        values.append(statistic(left))
    values = np.concatenate(values)
    if np.isnan(values).any():
        raise NotComputableError("undefined without one of the speakers or networks")
    total = 0.0
    for name in np.unique(strata):
        of_one = values[strata == name]
        total += (len(of_one) - 1) / len(of_one) * float(((of_one - of_one.mean()) ** 2).sum())
    return total


def _rate_bounds(value, step, total, level) -> tuple[float, float]:
    if not 0 < value < 1:
        bound = ((1 - level) / 2) ** (1 / total)
        return (bound, 1.0) if value >= 1 else (0.0, 1 - bound)
    half = step / (value * (1 - value))
    return tuple(float(special.expit(special.logit(value) + sign * half)) for sign in (-1, 1))
