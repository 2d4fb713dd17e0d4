"""System against system on identical test utterances: difference with its interval, and paired tests."""

import dataclasses

import numpy as np

from common.evaluation import intervals, metrics, significance
from experiments.evaluation.system_results import common_seeds


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two systems on the same utterances, differences are first minus second."""

    first: object
    second: object
    seeds: list[int]
    num_utterances: int
    ua: intervals.Estimate | None
    wa: intervals.Estimate | None
    why_none: str
    permutation: significance.PairedTest
    mcnemar: significance.McNemar


def distinct_systems(members, ablations) -> tuple[list, list[str]]:
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
    cells = [system.tested(rule, seeds=seeds).by_speaker(len(first.classes)) for system, rule in ruled]
    differences, why = {"ua": None, "wa": None}, ""
    for metric in differences:
        try:
            differences[metric] = intervals.difference(metrics.by_name(metric, first.classes), *cells)
        except ValueError as error:
            why = f"no {metric.upper()}: {error}; UA p is of WA" if metric == "ua" else str(error)
    lowest = [system.tested(rule, seeds=seeds[:1]) for system, rule in ruled]
    return Pair(
        first,
        second,
        seeds,
        len(lowest[0].labels),
        **differences,
        why_none=why,
        permutation=_permutation(*cells),
        mcnemar=significance.mcnemar(lowest[0].labels, *(tested.decisions[0] for tested in lowest)),
    )


def _permutation(*cells) -> significance.PairedTest:
    """Of UA; of WA where a class is absent and there is no UA."""
    try:
        return significance.paired_permutation(metrics.ua, *cells)
    except ValueError:
        return significance.paired_permutation(metrics.wa, *cells)


def difference(first, second, metric, *, parts=("test",), seeds=None) -> intervals.Estimate:
    """A pooled metric of the first system minus that of the second, which tested the same speakers, or some of them.

    Their utterances may differ, as those of one system under two protocols do; the same speakers are resampled for
    both.

    Args:
        first, second: SystemResults.
        metric: a name of `metrics.by_name`.
        parts: whose mean the metric is, all of the same recordings.
        seeds: those that count; None is all of each system's.
    """
    speakers = np.unique(np.concatenate([system.tested(seeds=seeds).speakers for system in (first, second)]))
    cells = [system.by_speaker(parts, seeds=seeds, speakers=speakers) for system in (first, second)]
    return intervals.difference(metrics.by_name(metric, first.classes), *cells)
