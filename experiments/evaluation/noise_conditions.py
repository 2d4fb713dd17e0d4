"""Systems whose test part is heard again in noise: one row per system and condition, and means over conditions.

A record of such a system holds parts `test:<condition>` beside `test`; its recipe says in `test_front_ends` which
signal each condition adds, at which level. The part `test:*` is all of them together: every condition counts once, and
the interval resamples the same speakers in all, since all are the same recordings.
"""

import numpy as np

from common.evaluation.intervals import NotComputableError, Number, speaker_interval
from experiments.evaluation import scores

EVERY = "test:*"
CLEAN = "clean"
KINDS = {"music-like": ("ambient", "pop", "rock", "music"), "crowd-like": ("crowd",)}  # by how a signal's name begins


def measure(system, metric, *, aggregation="pooled", part="test", rule=None) -> Number:
    """As `scores.measure`, which does not know `test:*`.

    Raises:
        NotComputableError: records do not tell it, or were made with different signals or levels.
    """
    if part != EVERY:
        return scores.measure(system, metric, aggregation=aggregation, part=part, rule=rule)
    if aggregation != "pooled":
        raise NotComputableError("a mean over conditions is computed of pooled folds only")
    if not (conditions := of(system)):
        raise NotComputableError("the records have no test part in noise")
    return mean(system, metric, conditions, rule=rule)


def of(system) -> dict[str, tuple[str, float]]:
    """Condition -> (signal, SNR in dB), in the order of the records; empty where nothing was heard in noise.

    Raises:
        NotComputableError: the records differ in them, so that no number of theirs can be pooled.
    """
    found = [
        {
            name: (front_end["noise"], front_end["snr_db"])
            for name, front_end in record.recipe.get("test_front_ends", ())
        }
        for record in system.used
    ]
    if any(conditions != found[0] for conditions in found):
        raise NotComputableError("records with different background signals or levels are not pooled")
    return found[0]


def mean(system, metric, conditions, *, rule=None) -> Number:
    """Mean of a metric over conditions, folds pooled.

    Raises:
        NotComputableError: the metric is undefined on these utterances, or not of utterances.
    """
    of_margins = scores.statistic(metric, system.classes)
    each = [scores.measure(system, metric, part=f"test:{name}", rule=rule) for name in conditions]
    tested = [system.tested(rule, f"test:{name}") for name in conditions]
    speakers = np.unique(tested[0].speakers)
    cells = [scores.speaker_margins(part, speakers, len(system.classes)) for part in tested]  # C x (G, S, 3, K)
    value = float(np.mean([number.value for number in each]))
    by_seed = tuple(np.mean([number.by_seed for number in each], axis=0).tolist())
    try:
        _, low, high = speaker_interval(
            np.stack(cells, axis=2),  # (G, S, C, 3, K)
            lambda sums: of_margins(sums).mean(axis=(-2, -1)),
            rate=True,
        )
    except NotComputableError as error:
        return Number(value, why_none=str(error), by_seed=by_seed)
    return Number(value, low, high, "speakers", by_seed=by_seed)


def unlike(number, system) -> str:
    """Why a published number in noise has no verdict although ours can be computed; "" for every other number."""
    if number.part != EVERY:
        return ""
    return f"other background signals than the paper's, {describe(of(system))}"


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
