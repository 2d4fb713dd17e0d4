"""Systems whose test part is heard again in noise: one row per system and condition, and means over conditions.

A record of such a system holds parts `test:<condition>` beside `test`; its recipe says in `test_front_ends` which
signal each condition adds, at which level. The part `test:*` is all of them together: every condition counts once, and
the interval resamples the same speakers in all, since all are the same recordings.
"""

import numpy as np

from common.evaluation import intervals
from common.evaluation.intervals import Estimate, NotComputableError
from experiments.evaluation import scores
from experiments.evaluation.system_results import common_seeds

ALL_CONDITIONS = "test:*"
CLEAN = "clean"
KINDS = {"music-like": ("ambient", "pop", "rock", "music"), "crowd-like": ("crowd",)}  # by how a signal's name begins


def measure(system, metric, *, aggregation="pooled", part="test", rule=None) -> Estimate:
    """As `scores.measure`, which does not know `test:*`.

    Raises:
        NotComputableError: records do not tell it, or were made with different signals or levels.
    """
    if part != ALL_CONDITIONS:
        return scores.measure(system, metric, aggregation=aggregation, part=part, rule=rule)
    if aggregation != "pooled":
        raise NotComputableError("a mean over conditions is computed of pooled folds only")
    if not (conditions := conditions_of(system)):
        raise NotComputableError("the records have no test part in noise")
    return mean(system, metric, conditions, rule=rule)


def conditions_of(system) -> dict[str, tuple[str, float]]:
    """Condition -> (signal, SNR in dB), in the order of the records; empty where nothing was heard in noise.

    Raises:
        NotComputableError: the records differ in them, so that no number of theirs can be pooled.
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


def mean(system, metric, conditions, *, rule=None) -> Estimate:
    """Mean of a metric over conditions, folds pooled.

    Raises:
        NotComputableError: the metric is undefined on these utterances, or not of utterances.
    """
    of_confusion = scores.metric_of(metric, system.classes)
    each = [scores.measure(system, metric, part=f"test:{name}", rule=rule) for name in conditions]
    value = float(np.mean([estimate.value for estimate in each]))
    by_seed = tuple(np.mean([estimate.by_seed for estimate in each], axis=0).tolist())
    try:
        estimate = intervals.interval(of_confusion, cells(system, [f"test:{name}" for name in conditions], rule=rule))
    except NotComputableError as error:
        return Estimate(value, why_none=str(error), by_seed=by_seed)
    return Estimate(value, estimate.low, estimate.high, "speakers", by_seed=by_seed)


def cells(system, parts, *, rule=None, seeds=None) -> np.ndarray:
    """(G, S, C, K, K+1) confusion counts of C test parts by speaker; all parts are the same recordings."""
    tested = [system.tested(rule, part, seeds) for part in parts]
    return np.stack([part.by_speaker(len(system.classes), np.unique(tested[0].speakers)) for part in tested], axis=2)


def difference(first, second, metric, parts) -> Estimate:
    """Mean of a metric over parts of the test, first system minus second, the same speakers resampled for both."""
    seeds = common_seeds(first, second)
    return intervals.difference(
        scores.metric_of(metric, first.classes), *(cells(system, parts, seeds=seeds) for system in (first, second))
    )


def why_not_comparable(number, system) -> str:
    """Why a published number in noise has no verdict although ours can be computed; "" for every other number."""
    if number.part != ALL_CONDITIONS:
        return ""
    return f"other background signals than the paper's, {describe(conditions_of(system))}"


def describe(conditions) -> str:
    """`the built-in ambient, pop, made by code, at 0 dB`."""
    origins = {
        "the built-in {}, made by code": [noise for noise, _ in conditions.values() if not _is_users(noise)],
        "the user's own {}": [noise for noise, _ in conditions.values() if _is_users(noise)],
    }
    signals = [words.format(", ".join(map(stem, noises))) for words, noises in origins.items() if noises]
    levels = ", ".join(f"{level:g} dB" for level in sorted({level for _, level in conditions.values()}))
    return f"{' and '.join(signals)}, at {levels}"


def _is_users(noise) -> bool:
    return "@" in noise  # name and hash of a recording, see papers/satt2017/noise.py


def stem(noise) -> str:
    return noise.partition("@")[0]


def means_of(conditions):
    """(words, conditions) of the means over like signals and over all."""
    for kind, beginnings in KINDS.items():
        alike = {name: heard for name, heard in conditions.items() if heard[0].startswith(beginnings)}
        if 1 < len(alike) < len(conditions):
            yield f"mean of {len(alike)} {kind}", alike
    if len(conditions) > 1:
        yield f"mean of all {len(conditions)}", conditions
