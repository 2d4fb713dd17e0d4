"""Compare published numbers with our runs; each gets a verdict by the rule below.

**The rule** (results/README.md states it for readers).

A published number is compared with runs of the same variant, corpus variant and protocol, at preset "paper", on real
recordings, without caveats such as random weights, and with three or more complete seeds. The verdict states whether
the paper's run could be another seed of ours: the published number is compared with the 95 % prediction interval of one
more seed (`intervals.next_seed`). If the protocol draws its split at random, each seed draws another one, so that the
interval includes the choice of test recordings. Metric, part, aggregation ("unknown" is taken as pooled) and decision
rule are the same. The published number represents the interval of values that round to it; a count such as 11/15 is
exact.

* "reproduced": the two intervals overlap.
* "ours higher", "ours lower": they do not.
* "not comparable: reason": there are runs on the same corpus, but none fulfils the conditions; or the number cannot be
  computed from records; or it is not of a rebuilt system.
* "not run: missing runs or seeds"; "needs ..." if licensed recordings or weights are missing.

"built to match it (D...)" after a verdict: our reconstruction was chosen to match the number, so agreement is no
evidence.

Numbers of parameters are compared directly, for any run with the same number of classes and at any preset. Shares of a
corpus that do not depend on a system (`share:considered ...`) are computed over all its utterances and compared at the
paper's precision.
"""

import contextlib
import dataclasses
from collections import Counter

import numpy as np

from common.evaluation import metrics
from common.evaluation.intervals import Estimate, NotComputableError, interval, mean_over_seeds, next_seed
from common.folds import leakage
from common.utterance import SYNTHETIC
from experiments.evaluation import comparisons, noise_conditions, scores
from experiments.evaluation.system_results import command_not_run, common_seeds, ranges, seeds_in_words

LICENSED = "iemocap"  # the corpus that needs a licence
COMPARED = REPRODUCED, HIGHER, LOWER = "reproduced", "ours higher", "ours lower"
BUILT, NO_SYSTEM = "built to match", "not of a rebuilt system"
KINDS = (*COMPARED, BUILT, "not comparable", "not run", NO_SYSTEM)  # in the order of the tables
MIN_SEEDS = 3
COUNTS = ("parameters",)
CONSIDERED = "share:considered "  # Chernykh 2018, Table 2, row 1
CUT = "-2s"  # EmoDB's copy of 2.0 s
NEAR_PRESETS = ("paper", "quick")  # smoke only tests the software
ONLY_SYNTHETIC = "only synthetic speech"
AGREES, CONTRADICTS, UNDECIDED = "agrees", "contradicts", "undecided"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The comparison of a published number with ours.

    Args:
        number: a reported_results.ReportedResult.
        verdict: see the module's docstring.
        system, ours: the comparable system and its number; None if there is none.
        nearest, there: else the most similar run and its number, if any; the verdict states the difference.
    """

    number: object
    verdict: str
    system: object = None
    ours: Estimate | None = None
    nearest: object = None
    there: Estimate | None = None


def compare(number, systems, raters=None) -> Outcome:
    """The verdict on one published number.

    Args:
        number: a reported_results.ReportedResult.
        systems: SystemResults of all our systems.
        raters: corpus variant -> annotations.Annotations; needed only for shares.
    """
    raters = raters or {}
    if number.metric.startswith(CONSIDERED):
        return _of_the_corpus(number, raters)
    if not number.variant:
        return Outcome(number, "not comparable: not of a rebuilt system (quoted from another paper, or human)")
    own = [s for s in systems if (s.paper, s.variant) == (number.paper, number.variant)]
    if not any(layout_of(s) == number.corpus for s in own):
        return Outcome(number, _not_run(number, own), None, None, *_nearest(number, own, raters))
    comparable, why = _of_the_same_kind(number, own)
    if why:
        return Outcome(number, f"not comparable: {why}", None, None, *_nearest(number, own, raters))
    system = comparable[0]
    try:
        ours = _measured(number, system, raters)
    except ValueError as error:
        return Outcome(number, f"not comparable: {error}", system)
    if why := noise_conditions.why_not_comparable(number, system):
        return Outcome(number, f"not comparable: {why}", system, ours)
    if ours.low is None and not ours.by_seed:
        return Outcome(number, f"not comparable: {ours.why_none}", system, ours)
    if ours.low is None:
        missing = (
            f"a verdict needs {MIN_SEEDS} seeds, there {'is' if len(ours.by_seed) == 1 else 'are'} {len(ours.by_seed)}"
        )
        return Outcome(number, f"not run: {missing}; {command_not_run(number)}", system, ours)
    built = f"; {BUILT} it ({number.built_to_match})" if number.built_to_match else ""
    return Outcome(number, verdict(number, ours) + built, system, ours)


def held_out(outcomes) -> tuple[int, int]:
    """Check of the rule on our own seeds: each seed is compared with the interval from the other seeds of its system.

    Returns:
        (reproduced, total) over all seeds of the numbers with a verdict and four or more seeds.
    """
    hits, total = 0, 0
    for outcome in outcomes:
        values = outcome.ours.by_seed if outcome.ours and outcome.system else ()
        if len(values) <= MIN_SEEDS or kind(outcome) not in (*COMPARED, BUILT):
            continue
        for held in range(len(values)):
            others = next_seed(np.delete(values, held), rate=outcome.number.is_rate)
            hits += others.low <= values[held] <= others.high
            total += 1
    return hits, total


def _not_run(number, elsewhere) -> str:
    """The verdict "not run", with missing requirements, other corpora of the variant's runs, and the command."""
    needed = ["needs IEMOCAP"] if number.corpus.partition("/")[0] == LICENSED else []
    needed += [f"needs {number.needs}"] if number.needs else []
    others = sorted({s.corpus_variant for s in elsewhere if not s.synthetic})
    ran = f"ran only on {', '.join(others)}" if others else ""
    return f"not run: {'; '.join(filter(None, [*needed, ran, command_not_run(number)]))}"


def _measured(number, system, raters) -> Estimate:
    """Our number with the prediction interval of one more seed; a number of parameters has none."""
    if number.metric in COUNTS:
        return scores.measure(system, number.metric)
    estimate = _of_seeds(number, system, raters)
    return next_seed(estimate.by_seed, rate=number.is_rate) if estimate.by_seed else estimate


def _of_seeds(number, system, raters) -> Estimate:
    options = {"part": number.part, "rule": number.rule or None}
    base, _, share = number.metric.partition(":")
    if base == "share":
        return scores.share(system, share, raters.get(system.corpus_variant), **options)
    aggregation = "fold_mean" if number.aggregation == "fold_mean" else "pooled"
    return noise_conditions.measure(system, number.metric, aggregation=aggregation, interval=False, **options)


def _nearest(number, systems, raters) -> tuple:
    """A run on recordings with the number's protocol, on its corpus or the truncated copy, and its number."""
    name, slash, rest = number.corpus.partition("/")
    alike = [
        s
        for s in systems
        if s.corpus_variant in (number.corpus, f"{name}{CUT}{slash}{rest}")
        and (s.protocol, s.synthetic) == (number.protocol, False)
        and s.preset in NEAR_PRESETS
        and s.complete
    ]
    for system in sorted(alike, key=lambda s: (s.corpus_variant != number.corpus, NEAR_PRESETS.index(s.preset))):
        with contextlib.suppress(ValueError):
            return system, _measured(number, system, raters)
    return None, None


def _of_the_corpus(number, raters) -> Outcome:
    """The outcome for a share that only depends on the raters' answers."""
    if number.corpus not in raters:
        if any(name.replace(SYNTHETIC, "", 1) == number.corpus for name in raters):
            return Outcome(number, f"not comparable: {ONLY_SYNTHETIC}")
        needs = "needs IEMOCAP; " if number.corpus.startswith("iemocap") else ""
        return Outcome(number, f"not run: {needs}any run on {number.corpus} stores its raters' answers")
    from experiments.evaluation import error_shares

    try:
        value = error_shares.considered_share(number.metric.removeprefix(CONSIDERED), raters[number.corpus])
    except NotComputableError as error:
        return Outcome(number, f"not comparable: {error}")
    ours = Estimate(value, value, value, "count")
    return Outcome(number, verdict(number, ours), None, ours)


def verdict(number, ours) -> str:
    """The verdict on a published number, from our interval and the paper's precision."""
    if ours.low > number.value + number.half_digit:
        return HIGHER
    return LOWER if ours.high < number.value - number.half_digit else REPRODUCED


def counted(outcomes) -> tuple[int, str]:
    """(number of compared published numbers, "5 reproduced, 4 ours higher, 1 ours lower")."""
    kinds = Counter(map(kind, outcomes))
    return sum(kinds[name] for name in COMPARED), ", ".join(f"{kinds[name]} {name}" for name in COMPARED)


def kind(comparison) -> str:
    """The verdict without reasons and commands, one of KINDS."""
    if not comparison.number.variant and not comparison.number.metric.startswith(CONSIDERED):
        return NO_SYSTEM
    if BUILT in comparison.verdict:
        return BUILT
    return next(name for name in KINDS if comparison.verdict.startswith(name))


def _of_the_same_kind(number, systems) -> tuple[list, str]:
    """(comparable systems, reason if there is none: the first condition that no system fulfils)."""
    if number.metric in COUNTS:
        kind = [s for s in systems if layout_of(s) == number.corpus]
        return kind, "" if kind else _only("on", {s.corpus_variant for s in systems}, number.corpus)
    conditions = (
        (lambda s: not s.synthetic, lambda left: ONLY_SYNTHETIC),
        (
            lambda s: s.corpus_variant == number.corpus,
            lambda left: _only("on", {s.corpus_variant for s in left}, number.corpus),
        ),
        (
            lambda s: s.protocol == number.protocol,
            lambda left: _only("with protocol", {s.protocol for s in left}, number.protocol),
        ),
        (lambda s: s.preset == "paper", lambda left: _only("at preset", {s.preset for s in left}, "paper")),
        (lambda s: s.complete, lambda left: f"only {left[0].folds} folds of seed {ranges(left[0].seeds)}"),
        (lambda s: not s.inconsistencies, lambda left: "; ".join(left[0].inconsistencies)),
        (lambda s: not s.notes, lambda left: "; ".join(left[0].notes)),
    )
    for holds, why in conditions:
        left = [system for system in systems if holds(system)]
        if not left:
            return [], why(systems)
        systems = left
    return systems, ""


def layout_of(system) -> str:
    return system.corpus_variant.replace(SYNTHETIC, "", 1)


def _only(preposition, names, wanted) -> str:
    return f"only {preposition} {', '.join(sorted(names))}, not {wanted}"


@dataclasses.dataclass(frozen=True)
class StatementOutcome:
    """The comparison of a paper's statement with our results.

    Args:
        statement: a reported_results.Statement.
        outcome: "agrees", "contradicts", "undecided", "not run: ..." or "not comparable: ...".
        difference: ours, with its interval: first minus second, or mean recall of the statement's classes minus that of
            the others.
        place: corpus, protocol, preset and seeds of our runs.
        failed: sentences on underfitted networks.
    """

    statement: object
    outcome: str
    difference: Estimate | None = None
    place: str = ""
    failed: tuple[str, ...] = ()


def check_statement(statement, paper, systems) -> StatementOutcome:
    """Compare a statement with the most similar runs of its systems.

    Similarity is ordered by the paper's corpus variant, then other variants of its corpus, then other corpora; then the
    paper's protocol before others, preset `paper` before `quick`, and the largest test part. Runs on synthetic speech,
    across corpora and with leaky protocols are excluded.

    Args:
        statement: a reported_results.Statement.
        paper: the reported_results.Paper that makes it.
        systems: SystemResults of all papers.
    """
    own = [s for s in systems if s.paper == paper.name and s.preset in NEAR_PRESETS and not s.synthetic]
    own = [s for s in own if not (leakage.is_leaky(s.protocol) or s.trained_on or s.notes) and s.complete]
    first = [s for s in own if s.variant == statement.first]
    sides = [(one, other) for one in first for other in own if _are_paired(statement, one, other)]
    if statement.classes:
        sides = [(one, None) for one in first if set(statement.classes) < set(one.classes)]
    if not sides:
        return StatementOutcome(statement, f"not run: {_systems_missing(statement, own)}")
    one, other = min(sides, key=lambda pair: _distance(paper, pair[0]))
    seeds = common_seeds(one, other) if other else one.complete
    try:
        difference = _difference(statement, one, other, seeds)
    except ValueError as error:
        return StatementOutcome(statement, f"not comparable: {error}")
    corpus, protocol, preset = one.group
    place = f"{corpus}, {protocol}, preset {preset}, {seeds_in_words(seeds)}"
    failed = tuple(f"{s.name} {sentence}" for s in (one, other) if s for sentence in s.underfitted)
    outcome = UNDECIDED if failed else _direction(statement.expect, difference)
    return StatementOutcome(statement, outcome, difference, place, failed)


def _are_paired(statement, one, other) -> bool:
    return other.variant == statement.second and one.group == other.group and bool(common_seeds(one, other))


def _distance(paper, system):
    corpora, protocols = ({getattr(n, field) for n in paper.published} for field in ("corpus", "protocol"))
    same_corpus = system.corpus_variant.partition("/")[0] in {corpus.partition("/")[0] for corpus in corpora}
    far = system.corpus_variant not in corpora, not same_corpus, system.protocol not in protocols
    return (*far, NEAR_PRESETS.index(system.preset), -len(system.tested().labels))


def _difference(statement, one, other, seeds) -> Estimate:
    if other:
        return comparisons.difference(one, other, statement.metric, seeds=seeds)
    chosen = [one.classes.index(name) for name in statement.classes]
    rest = [k for k in range(len(one.classes)) if k not in chosen]

    def recalls(confusion):
        """`(..., K, K + 1) -> (...)`: mean recall of the statement's classes minus that of the others."""
        of_classes = metrics.recall(confusion, undefined="nan")  # (..., K)
        return of_classes[..., chosen].mean(axis=-1) - of_classes[..., rest].mean(axis=-1)

    return interval(mean_over_seeds(recalls), one.counts(seeds=seeds), rate=False)


def _direction(expect, difference) -> str:
    """The outcome by the interval, undecided if it includes zero; "not higher" agrees only if it is below zero."""
    above, below = difference.low > 0, difference.high < 0
    if not (above or below):
        return UNDECIDED
    return AGREES if above == (expect == "higher") else CONTRADICTS


def _systems_missing(statement, own) -> str:
    there = {s.variant for s in own}
    wanted = [name for name in (statement.first, statement.second) if name and name not in there]
    return ", ".join(wanted) or "no common corpus and protocol"
