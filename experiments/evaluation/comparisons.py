"""Compare systems on identical test utterances: all pairs, contrasts registered before the runs, homogeneous groups."""

import dataclasses
import functools
import itertools
import string

import numpy as np

from common.evaluation import intervals, metrics, significance
from experiments.evaluation import noise_conditions, scores
from experiments.evaluation.system_results import common_seeds

NOT_DIFFERENT = "not significantly different"


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two systems on the same utterances.

    Args:
        first, second: SystemResults.
        seeds: complete seeds of both systems with the same folds.
        num_utterances: tested in each seed.
        ua, wa: difference, first minus second; None if it cannot be computed.
        why_none: the reason for a missing difference.
        rules: decision rules of the two systems; None is the paper's.
    """

    first: object
    second: object
    seeds: list[int]
    num_utterances: int
    ua: intervals.Estimate | None
    wa: intervals.Estimate | None
    why_none: str
    rules: tuple

    @functools.cached_property
    def mcnemar(self) -> significance.McNemar:
        """McNemar's test for the lowest seed."""
        ruled = zip((self.first, self.second), self.rules, strict=True)
        lowest = [system.tested(rule, seeds=self.seeds[:1]) for system, rule in ruled]
        return significance.mcnemar(lowest[0].labels, *(tested.decisions[0] for tested in lowest))

    @property
    def pvalue(self) -> float | None:
        """Of the hypothesis "no difference in UA", or in WA if UA is undefined because a class is absent."""
        tested = self.ua or self.wa
        return tested and tested.pvalue


def distinct_systems(members, ablations) -> tuple[list, list[str]]:
    """(systems of a group to be compared with each other, sentences on the excluded ones).

    Args:
        members: SystemResults of one group.
        ablations: names of systems that only differ from another in an open choice.
    """
    methods, changed, repeated = [], [], []
    for system in members:
        twin = next((other for other in methods if _same_decisions(system, other)), None)
        if system.name in ablations:
            changed.append(system.name)
        elif twin:
            repeated.append(f"{system.name} makes the same decisions as {twin.name} and is not compared again.")
        else:
            methods.append(system)
    if changed:
        repeated.append(f"Alternative choices, compared in their papers' ledgers: {', '.join(changed)}.")
    return methods, repeated


def _same_decisions(one, other) -> bool:
    if one.test_folds != other.test_folds or one.classes != other.classes:
        return False
    return np.array_equal(one.tested().decisions, other.tested().decisions)


def compare(first, second, rules=(None, None)) -> Pair | None:
    """The paired comparison of two systems with the given decision rules, by default those of their papers.

    None if the systems tested different utterances.
    """
    seeds = common_seeds(first, second)
    if not seeds or first.classes != second.classes:
        return None
    differences, why = {}, ""
    for metric in ("ua", "wa"):
        try:
            differences[metric] = difference(first, second, metric, seeds=seeds, rules=rules)
        except ValueError as error:
            differences[metric] = None
            why = f"no {metric.upper()}: {error}; p is for WA" if metric == "ua" else str(error)
    num_utterances = len(first.tested(rules[0], seeds=seeds[:1]).labels)
    return Pair(first, second, seeds, num_utterances, **differences, why_none=why, rules=rules)


def difference(first, second, metric, *, parts=("test",), seeds=None, rules=(None, None)) -> intervals.Estimate:
    """A pooled metric of the first system minus that of the second, on the same or overlapping speakers.

    Their utterances may differ, for example for one system with two protocols. If both tested the same utterances in
    the same folds of the same seeds, networks are paired as well.

    Args:
        first, second: SystemResults.
        metric: a name for `metrics.by_name`.
        parts: parts of the same recordings over which the metric is averaged.
        seeds: seeds to use; None uses all seeds of each system.
        rules: decision rules, by default those of the papers.

    Raises:
        NotComputableError: the metric or its interval is undefined.
    """
    rules = tuple(rule or system.rules[0] for system, rule in zip((first, second), rules, strict=True))
    key = second, metric, tuple(parts), tuple(seeds or ()), rules
    if key not in first.differences:
        first.differences[key] = _difference(first, second, metric, parts, seeds, rules)
    return first.differences[key]


def _difference(first, second, metric, parts, seeds, rules):
    ruled = list(zip((first, second), rules, strict=True))
    speakers = np.unique(np.concatenate([s.speakers(parts[0], rule=rule, seeds=seeds) for s, rule in ruled]))
    counts = [system.counts(parts, rule=rule, seeds=seeds, speakers=speakers) for system, rule in ruled]
    common = common_seeds(first, second)
    paired = set(seeds) <= set(common) if seeds else first.seeds == second.seeds == common
    return intervals.difference(metrics.by_name(metric, first.classes), *counts, paired=paired)


def is_trivial(system) -> bool:
    """Whether a system predicts a single class for all utterances; it is then excluded from tests."""
    return len(np.unique(system.tested().decisions)) == 1


def pairs_of(systems) -> list[Pair]:
    """All pairs of these systems that tested the same utterances."""
    return [pair for two in itertools.combinations(systems, 2) if (pair := compare(*two))]


def adjusted(pairs) -> list[float | None]:
    """P-values after Holm's correction over the pairs without trivial systems; None for other pairs or without a p."""
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
    """{system: letters}: two systems differ significantly if and only if they have no letter in common.

    P-values are Holm-corrected over all pairs; pairs that cannot be tested count as not different. Trivial systems have
    no letters. The algorithm inserts each significant pair and absorbs redundant columns (Piepho 2004, Journal of
    Computational and Graphical Statistics 13(2)).

    Args:
        systems: SystemResults, in the order of the table.
        level: significance level.
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
    """The outcome of a contrast that was registered before the runs.

    Args:
        contrast: a reported_results.Contrast.
        first, second: the systems compared, None if not run.
        difference: of UA, None if not run or not computable.
        seeds: common seeds of both systems.
        p_holm: after Holm's correction over all contrasts of the table, including those not run.
        verdict: "first higher", "second higher", "not significantly different", "not run: ...", "not comparable: ...".
    """

    contrast: object
    first: object
    second: object
    difference: intervals.Estimate | None
    seeds: list[int]
    p_holm: float | None
    verdict: str


def contrasts(known, members, level=0.05) -> list[ContrastResult]:
    """The contrasts among the systems of one group, with each paper's decision rule.

    Args:
        known: Contrasts of all papers.
        members: SystemResults of one group.
        level: significance level.
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
            parts = _shared_noise_parts(first, second)
        if not seeds:
            return ContrastResult(contrast, first, second, None, [], None, "not run: no common seed")
        estimate = difference(first, second, "ua", parts=parts, seeds=seeds)
    except ValueError as error:
        return ContrastResult(contrast, first, second, None, seeds, None, f"not comparable: {error}")
    return ContrastResult(contrast, first, second, estimate, seeds, None, "")


def _shared_noise_parts(first, second) -> list[str]:
    conditions = noise_conditions.conditions_of(first)
    if not conditions or conditions != noise_conditions.conditions_of(second):
        raise intervals.NotComputableError("they were tested in different noises")
    return [f"test:{name}" for name in conditions]


def _ua(system) -> float:
    try:
        return scores.measure(system, "ua").value
    except ValueError:
        return -1.0
