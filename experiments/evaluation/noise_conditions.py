"""Metrics of systems that are also tested in noise: for each condition, and averaged over conditions.

A record of such a system has parts `test:<condition>` besides `test`; `test_front_ends` in its recipe gives the signal
and level of each condition. The part `test:*` is the mean over all conditions, `test:music-like` that over similar
signals. Conditions are weighted equally. The interval keeps a speaker's recordings in all conditions together, since
they are the same recordings.
"""

import numpy as np

from common.evaluation.intervals import Estimate, NotComputableError, mean_over_seeds
from experiments.evaluation import scores

ALL_CONDITIONS = "test:*"
CLEAN = "clean"
LIKE_SIGNALS = {  # part -> prefixes of its signals' names
    "test:music-like": ("ambient", "pop", "rock", "music"),
    "test:crowd-like": ("crowd",),
}


def measure(system, metric, *, aggregation="pooled", part="test", rule=None, interval=True) -> Estimate:
    """`scores.measure`, also for parts that are means over conditions; arguments as there.

    Raises:
        NotComputableError: the records lack the metric, or have different signals or levels.
    """
    if part != ALL_CONDITIONS and part not in LIKE_SIGNALS:
        return scores.measure(system, metric, aggregation=aggregation, part=part, rule=rule, interval=interval)
    if aggregation != "pooled":
        raise NotComputableError("means over conditions are only computed for pooled folds")
    if not (conditions := _conditions_in(part, conditions_of(system))):
        raise NotComputableError("the records have no test part in noise")
    return _mean(system, metric, conditions, rule=rule)


def conditions_of(system) -> dict[str, tuple[str, float]]:
    """{condition: (signal, SNR in dB)}, in the order of the records; empty for systems not tested in noise.

    Raises:
        NotComputableError: the records have different conditions and cannot be pooled.
    """
    by_record = [
        {
            name: (front_end["noise"], front_end["snr_db"])
            for name, front_end in record.recipe.get("test_front_ends", ())
        }
        for record in system.records_used
    ]
    if any(conditions != by_record[0] for conditions in by_record):
        raise NotComputableError("records with different background signals or levels are not pooled")
    return by_record[0]


def _conditions_in(part, conditions) -> dict:
    beginnings = LIKE_SIGNALS.get(part, "")
    return {name: added for name, added in conditions.items() if added[0].startswith(beginnings)}


def parts_of(conditions) -> dict[str, tuple[str, dict]]:
    """{label: (part for `measure`, its conditions)}: each condition, means over similar signals, the mean over all."""
    parts = {name: (f"test:{name}", {name: added}) for name, added in conditions.items()}
    for part in LIKE_SIGNALS:
        alike = _conditions_in(part, conditions)
        if 1 < len(alike) < len(conditions):
            parts[f"mean of {len(alike)} {part.removeprefix('test:')}"] = part, alike
    if len(conditions) > 1:
        parts[f"mean of all {len(conditions)}"] = ALL_CONDITIONS, conditions
    return parts


def _mean(system, metric, conditions, *, rule) -> Estimate:
    """Mean of a metric over conditions, folds pooled; NotComputableError if it is undefined in one of them."""
    of_confusion = scores.metric_of(metric, system.classes)
    each = [scores.measure(system, metric, part=f"test:{name}", rule=rule, interval=False) for name in conditions]
    by_seed = tuple(np.mean([estimate.by_seed for estimate in each], axis=0).tolist())
    counts = system.counts([f"test:{name}" for name in conditions], rule=rule)
    return scores.with_interval(by_seed, mean_over_seeds(of_confusion), counts)


def why_not_comparable(number, system) -> str:
    """Why a published number in noise is not comparable although ours can be computed; "" for other numbers."""
    if number.part != ALL_CONDITIONS:
        return ""
    return f"other background signals than the paper's, {describe(conditions_of(system))}"


def describe(conditions) -> str:
    """`the built-in synthetic ambient, pop, at 0 dB`."""
    origins = {
        "the built-in synthetic {}": [noise for noise, _ in conditions.values() if not _is_users(noise)],
        "the user's own {}": [noise for noise, _ in conditions.values() if _is_users(noise)],
    }
    signals = [words.format(", ".join(map(stem, noises))) for words, noises in origins.items() if noises]
    levels = ", ".join(f"{level:g} dB" for level in sorted({level for _, level in conditions.values()}))
    return f"{' and '.join(signals)}, at {levels}"


def _is_users(noise) -> bool:
    return "@" in noise  # name and hash of a recording, see papers/satt2017/noise.py


def stem(noise) -> str:
    return noise.partition("@")[0]
