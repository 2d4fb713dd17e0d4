"""System against system on identical test utterances: difference with its interval, and paired tests."""

import dataclasses

import numpy as np

from common.evaluation import resampling
from common.evaluation.intervals import REPLICATES
from experiments.evaluation.system_results import common_seeds


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two systems on the same utterances, differences are first minus second."""

    first: object
    second: object
    seeds: list[int]
    num_utterances: int
    ua: resampling.Interval | None
    wa: resampling.Interval | None
    why_none: str
    permutation: resampling.PairedTest
    mcnemar: resampling.PairedTest


def methods_of(members, ablations) -> tuple[list, list[str]]:
    """Systems of one group that are compared with each other, and sentences on the others."""
    methods, changed, repeated = [], [], []
    for system in members:
        twin = next((other for other in methods if _same_decisions(system, other)), None)
        if system.name in ablations:
            changed.append(system.name)
        elif twin:
            repeated.append(f"{system.name} decides every utterance as {twin.name} does and is not compared again.")
        else:
            methods.append(system)
    if changed:
        repeated.append(f"An open choice made the other way, compared in its paper's ledger: {', '.join(changed)}.")
    return methods, repeated


def _same_decisions(one, other) -> bool:
    if one.test_folds != other.test_folds or one.classes != other.classes:
        return False
    return np.array_equal(one.tested().decisions, other.tested().decisions)


def compare(first, second, rules=(None, None)) -> Pair | None:
    """The paired comparison under the decision rules given, by default the papers' own.

    None where the systems tested different utterances.
    """
    seeds = common_seeds(first, second)
    if not seeds or first.classes != second.classes:
        return None
    ruled = tuple(zip((first, second), rules, strict=True))
    one, other = (system.tested(rule, seeds=seeds) for system, rule in ruled)
    arguments = one.labels, one.decisions, other.decisions, one.speakers
    intervals, why = {"ua": None, "wa": None}, ""
    for metric in intervals:
        try:
            intervals[metric] = resampling.difference_interval(
                *arguments, metric=metric, classes=first.classes, replicates=REPLICATES
            )
        except ValueError as error:
            why = f"no {metric.upper()}: {error}; UA p is of WA" if metric == "ua" else str(error)
    lowest = [system.tested(rule, seeds=seeds[:1]) for system, rule in ruled]
    return Pair(
        first,
        second,
        seeds,
        len(lowest[0].labels),
        **intervals,
        why_none=why,
        permutation=_permutation(arguments, first.classes),
        mcnemar=resampling.mcnemar_exact(lowest[0].labels, *(tested.decisions[0] for tested in lowest)),
    )


def _permutation(arguments, classes) -> resampling.PairedTest:
    """Of UA; of WA where a class is absent and there is no UA."""
    try:
        return resampling.paired_permutation_ua(*arguments, classes=classes)
    except ValueError:
        return resampling.paired_permutation_wa(*arguments, classes=classes)
