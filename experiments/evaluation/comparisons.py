"""System against system on identical test utterances: all pairs, the contrasts written down before the runs, groups."""

import dataclasses
import itertools
import string

import numpy as np

from common.evaluation import intervals, metrics, significance
from experiments.evaluation import noise_conditions, scores
from experiments.evaluation.system_results import common_seeds

NOT_DIFFERENT = "not significantly different"


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
    mcnemar: significance.McNemar

    @property
    def pvalue(self) -> float | None:
        """Of "no difference in UA"; of WA where a class is absent and there is no UA."""
        tested = self.ua or self.wa
        return tested and tested.pvalue


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
    differences, why = {}, ""
    for metric in ("ua", "wa"):
        try:
            differences[metric] = difference(first, second, metric, seeds=seeds, rules=rules)
        except ValueError as error:
            differences[metric] = None
            why = f"no {metric.upper()}: {error}; UA p is of WA" if metric == "ua" else str(error)
    lowest = [system.tested(rule, seeds=seeds[:1]) for system, rule in ruled]
    return Pair(
        first,
        second,
        seeds,
        len(lowest[0].labels),
        **differences,
        why_none=why,
        mcnemar=significance.mcnemar(lowest[0].labels, *(tested.decisions[0] for tested in lowest)),
    )


def difference(first, second, metric, *, parts=("test",), seeds=None, rules=(None, None)) -> intervals.Estimate:
    """A pooled metric of the first system minus that of the second, which tested the same speakers, or some of them.

    Their utterances may differ, as those of one system under two protocols do. Where both tested the same utterances
    in the same folds of the same seeds, networks are paired as well.

    Args:
        first, second: SystemResults.
        metric: a name of `metrics.by_name`.
        parts: whose mean the metric is, all of the same recordings.
        seeds: those that count; None is all of each system's.
        rules: decision rules, by default the papers' own.

    Raises:
        NotComputableError: the metric or its interval does not exist.
    """
    ruled = list(zip((first, second), rules, strict=True))
    speakers = np.unique(np.concatenate([s.speakers(parts[0], rule=rule, seeds=seeds) for s, rule in ruled]))
    counts = [system.counts(parts, rule=rule, seeds=seeds, speakers=speakers) for system, rule in ruled]
    common = common_seeds(first, second)
    paired = set(seeds) <= set(common) if seeds else first.seeds == second.seeds == common
    return intervals.difference(metrics.by_name(metric, first.classes), *counts, paired=paired)


def is_trivial(system) -> bool:
    """Whether it decides every utterance for one class: it belongs to no family of tests."""
    return len(np.unique(system.tested().decisions)) == 1


def pairs_of(systems) -> list[Pair]:
    """Every two of these systems that tested the same utterances."""
    return [pair for two in itertools.combinations(systems, 2) if (pair := compare(*two))]


def adjusted(pairs) -> list[float | None]:
    """P after Holm's correction over the pairs without a trivial system; None for those, and where there is no p."""
    counted = [
        k
        for k, pair in enumerate(pairs)
        if pair.pvalue is not None and not (is_trivial(pair.first) or is_trivial(pair.second))
    ]
    values = [None] * len(pairs)
    for k, p in zip(counted, significance.holm([pairs[k].pvalue for k in counted]).tolist(), strict=True):
        values[k] = p
    return values


def letters(systems, level=0.05) -> dict:
    """System -> letters: two systems without a letter in common differ significantly, all others do not.

    By Holm's correction over all pairs; a pair that cannot be tested does not differ. Trivial systems have none. The
    sets are found by inserting each significant pair and absorbing what is contained in another (Piepho 2004, Journal
    of Computational and Graphical Statistics 13(2)).

    Args:
        systems: SystemResults, in the order of the table.
        level: of the tests.
    """
    tested = [system for system in systems if not is_trivial(system)]
    pairs = pairs_of(tested)
    columns = [frozenset(range(len(tested)))]
    for pair, p in zip(pairs, adjusted(pairs), strict=True):
        if p is None or p >= level:
            continue
        one, other = (next(k for k, s in enumerate(tested) if s is each) for each in (pair.first, pair.second))
        split = [c - {left} if {one, other} <= c else c for c in columns for left in ((one, other))]
        distinct = list(dict.fromkeys(split))
        columns = [c for c in distinct if not any(c < larger for larger in distinct)]
    ordered = sorted(columns, key=sorted)
    return {
        system: "".join(string.ascii_lowercase[n] for n, c in enumerate(ordered) if k in c)
        for k, system in enumerate(tested)
    }


@dataclasses.dataclass(frozen=True)
class ContrastResult:
    """A contrast written down before the runs, and how it came out.

    Args:
        contrast: a reported_results.Contrast.
        first, second: the systems compared, None where none is there.
        difference: of UA, None where it is not run or cannot be computed.
        seeds: that both have.
        p_holm: after Holm's correction over all contrasts of the table, those not run counted.
        verdict: "first higher", "second higher", "not significantly different", "not run: what is missing".
    """

    contrast: object
    first: object
    second: object
    difference: intervals.Estimate | None
    seeds: list[int]
    p_holm: float | None
    verdict: str


def contrasts(known, members, level=0.05) -> list[ContrastResult]:
    """The contrasts among the systems of one group, under each paper's own decision rule.

    Args:
        known: Contrasts of all papers.
        members: SystemResults of one group.
        level: of the tests.
    """
    tested_contrasts = [_contrast(contrast, members) for contrast in known]
    run = [k for k, tested in enumerate(tested_contrasts) if tested.difference]
    pvalues = np.ones(len(tested_contrasts))
    pvalues[run] = [tested_contrasts[k].difference.pvalue for k in run]
    for k, p in zip(run, significance.holm(pvalues)[run].tolist(), strict=True):
        higher = "first higher" if tested_contrasts[k].difference.value > 0 else "second higher"
        verdict = higher if p < level else NOT_DIFFERENT
        tested_contrasts[k] = dataclasses.replace(tested_contrasts[k], p_holm=p, verdict=verdict)
    return tested_contrasts


def _contrast(contrast, members) -> ContrastResult:
    sides = []
    for names in (contrast.first, contrast.second):
        names = [name if "/" in name else f"{contrast.paper}/{name}" for name in names]
        sides.append(max((s for s in members if s.name in names and s.complete), key=_ua, default=None))
    first, second = sides
    if missing := [side for side, system in (("first", first), ("second", second)) if system is None]:
        words = "both" if len(missing) == 2 else missing[0]
        return ContrastResult(contrast, first, second, None, [], None, f"not run: {words}")
    seeds = common_seeds(first, second)
    try:
        parts = ["test"]
        if contrast.part == noise_conditions.ALL_CONDITIONS:
            parts = _heard_by_both(first, second)
        if not seeds:
            return ContrastResult(contrast, first, second, None, [], None, "not run: a seed that both have")
        estimate = difference(first, second, "ua", parts=parts, seeds=seeds)
    except ValueError as error:
        return ContrastResult(contrast, first, second, None, seeds, None, f"not comparable: {error}")
    return ContrastResult(contrast, first, second, estimate, seeds, None, "")


def _heard_by_both(first, second) -> list[str]:
    heard = noise_conditions.conditions_of(first)
    if not heard or heard != noise_conditions.conditions_of(second):
        raise intervals.NotComputableError("they heard different noises")
    return [f"test:{name}" for name in heard]


def _ua(system) -> float:
    try:
        return scores.measure(system, "ua").value
    except ValueError:
        return -1.0
