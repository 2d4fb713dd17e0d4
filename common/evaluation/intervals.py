"""Intervals for quantities that common/evaluation/resampling does not know: any function of counts summed over
speakers.

The construction is that of common/evaluation/resampling.bootstrap_interval: speakers resampled with replacement, a
Student interval with the factor G / (G - 1), on the logit scale for rates. What is resampled is an array of counts per
speaker, so that one matrix product gives the counts of all resamplings.
"""

import dataclasses

import numpy as np
from scipy import stats

from common.evaluation import resampling

REPLICATES = 1_000  # a standard error from these is known to 2 per cent
CHUNK = 250  # resamplings at a time: cells of 10 seeds and 10 folds stay below 100 MB
LEVEL = 0.95


class NotComputableError(ValueError):
    """Why a number or its interval does not exist, as a reader of the table will see it."""


@dataclasses.dataclass(frozen=True)
class Number:
    """A value with its 95 % interval, where it has one.

    Args:
        value: a fraction for rates.
        about: what the interval is about: "speakers" or "seeds"; "" where there is none.
        why_none: why there is no interval.
        by_seed: the value of each seed alone.
    """

    value: float
    low: float | None = None
    high: float | None = None
    about: str = ""
    why_none: str = ""
    by_seed: tuple[float, ...] = ()


def speaker_interval(cells, statistic, *, rate=False):
    """Interval of `statistic(cells.sum(axis=0))`.

    Args:
        cells: (G, ...) counts per speaker.
        statistic: function of weighted sums (R, ...) giving (R,) values, NaN where undefined.
        rate: whether the value lies in [0, 1].

    Returns:
        (value, low, high).

    Raises:
        NotComputableError: the value is undefined, by itself or in half of the resamplings; fewer than three speakers.
    """
    value = float(statistic(cells.sum(axis=0)[None])[0])
    if np.isnan(value):
        raise NotComputableError("undefined on these utterances")
    total = len(cells)
    if total < resampling.MIN_CLUSTERS:
        raise NotComputableError(f"{total} speakers; an interval needs {resampling.MIN_CLUSTERS} or more")
    weights = np.random.default_rng(0).multinomial(total, np.full(total, 1 / total), size=REPLICATES).astype(float)
    flat = cells.reshape(total, -1).astype(float)
    replicated = np.concatenate(
        [statistic((weights[i : i + CHUNK] @ flat).reshape(-1, *cells.shape[1:])) for i in range(0, REPLICATES, CHUNK)]
    )
    defined = replicated[~np.isnan(replicated)]
    if defined.size < REPLICATES / 2:
        raise NotComputableError("undefined in more than half of the resamplings of speakers")
    half = stats.t.ppf((1 + LEVEL) / 2, total - 1) * np.sqrt(total / (total - 1)) * float(defined.std(ddof=1))
    if not rate:
        return value, value - half, value + half
    if not 0 < value < 1:  # no speaker differs from the others: see common/evaluation/resampling.bootstrap_interval
        bound = ((1 - LEVEL) / 2) ** (1 / total)
        return (value, bound, 1.0) if value >= 1 else (value, 0.0, 1 - bound)
    centre, step = np.log(value / (1 - value)), half / (value * (1 - value))
    low, high = (float(1 / (1 + np.exp(-(centre + sign * step)))) for sign in (-1, 1))
    return value, low, high


def next_seed(values, *, rate=False) -> Number:
    """Mean over seeds, and where the value of one more seed falls with probability 95 % if seeds scatter normally.

    low, high = mean -/+ t_{S-1} sd sqrt(1 + 1/S)
    """
    values = np.asarray(values, dtype=float)
    mean = float(values.mean())
    if values.size < 3:
        why = f"an interval over seeds needs 3, there is {values.size}"
        return Number(mean, why_none=why, by_seed=tuple(values.tolist()))
    half = stats.t.ppf((1 + LEVEL) / 2, values.size - 1) * values.std(ddof=1) * np.sqrt(1 + 1 / values.size)
    low, high = mean - half, mean + half
    if rate:
        low, high = max(0.0, low), min(1.0, high)
    return Number(mean, float(low), float(high), "seeds", by_seed=tuple(values.tolist()))
