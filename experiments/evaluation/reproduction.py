"""Paper against reproduction: one row per published number, with a verdict by the rule below.

**The rule**; results/README.md states it for readers, with what of it is older than the first run.

A published number is compared with the runs of its own variant that have its corpus variant, its protocol, the preset
"paper", recordings and not synthetic speech, no caveat such as random weights, and at least one seed with all folds.
Ours is the same metric in the same aggregation ("unknown" is read as pooled) under the same decision rule, with its
95 % interval: over speakers; for training parts and losses over slices, over seeds (where one more seed falls; three
seeds or more); for a number of parameters the number itself; for a share that belongs to the corpus and not to a system
(`share:considered ...`), counted over all its utterances, what rounds to the paper's digits. The published number has
no interval: papers give one value.

* "within the interval": the published number lies in our interval, ends included.
* "above": ours is above, the published number lies below our interval. "below": the reverse.
* "not comparable: why": there are runs on the number's corpus, none of which is of the same kind, or the records do not
  tell the number, or the number belongs to no system of ours.
* "not run: command": there is no run of the variant on that corpus, or on synthetic speech alone; "needs ..." where
  recordings under licence or weights are missing.

"built to match it (D...)" behind a verdict: our reconstruction was chosen to meet the number, so it proves nothing.
"within the range of our single seeds" behind "above" or "below": a paper's single run could have been one of them.

The number of parameters is compared wherever the variant was built for as many classes, at whatever preset.
"""

import contextlib
import dataclasses
import decimal

from common.evaluation.intervals import Estimate, NotComputableError
from common.utterance import SYNTHETIC
from experiments.evaluation import noise_conditions, scores
from experiments.evaluation.system_results import command_not_run, ranges

NEEDS = {"iemocap": "needs IEMOCAP", "resnet50": "needs ImageNet weights"}  # by corpus or variant
WITHIN, ABOVE, BELOW = "within the interval", "above", "below"
SINGLE_SEEDS = "within the range of our single seeds"
BUILT, NO_SYSTEM = "built to match", "of no system of ours"
KINDS = (WITHIN, ABOVE, BELOW, BUILT, "not comparable", "not run", NO_SYSTEM)  # as they are counted
COUNTS = ("parameters",)
CONSIDERED = "share:considered "  # Chernykh 2018, Table 2, row 1
ROUNDING = "rounding"
CUT = "-2s"  # EmoDB's copy of 2.0 s
NEAR_PRESETS = ("paper", "quick")  # smoke shows machinery
ONLY_SYNTHETIC = "only synthetic speech, which checks the machinery"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A published number beside ours; `system` and `ours` are None where there is none of the same kind.

    `nearest` and `there` are then a run that differs in what the verdict says, and its number.
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
        systems: all of ours.
        raters: corpus variant -> annotations.Annotations; needed by shares alone.
    """
    raters = raters or {}
    if number.metric.startswith(CONSIDERED):
        return _of_the_corpus(number, raters)
    if not number.variant:
        return Outcome(number, "not comparable: the number of no system of ours")
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
    if why := ours.why_none or noise_conditions.why_not_comparable(number, system):
        return Outcome(number, f"not comparable: {why}", system, ours)
    return Outcome(number, verdict(number.value, ours) + _reservations(number, ours), system, ours)


def _reservations(number, ours) -> str:
    """What takes weight from a verdict: the number was aimed at, or single runs of ours scatter to both its sides."""
    if number.built_to_match:
        return f"; {BUILT} it ({number.built_to_match})"
    scattered = ours.by_seed and min(ours.by_seed) <= number.value <= max(ours.by_seed)
    return f"; {SINGLE_SEEDS}" if scattered and verdict(number.value, ours) != WITHIN else ""


def _not_run(number, elsewhere) -> str:
    """What is missing, where else the variant was run, and the command."""
    needed = [words for name, words in NEEDS.items() if name in (number.corpus.partition("/")[0], number.variant)]
    others = sorted({s.corpus_variant for s in elsewhere if not s.synthetic})
    ran = f"ran on {', '.join(others)} alone" if others else ""
    return f"not run: {'; '.join(filter(None, [*needed, ran, command_not_run(number)]))}"


def _measured(number, system, raters) -> Estimate:
    options = {"part": number.part, "rule": number.rule or None}
    base, _, share = number.metric.partition(":")
    if base == "share":
        return scores.share(system, share, raters.get(system.corpus_variant), **options)
    aggregation = "fold_mean" if number.aggregation == "fold_mean" else "pooled"
    return noise_conditions.measure(system, number.metric, aggregation=aggregation, **options)


def _nearest(number, systems, raters) -> tuple:
    """A real run under the number's own protocol, of its corpus or of the copy that is cut, with its number."""
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
    """A share that the raters' answers tell alone."""
    if number.corpus not in raters:
        if any(name.replace(SYNTHETIC, "", 1) == number.corpus for name in raters):
            return Outcome(number, f"not comparable: {ONLY_SYNTHETIC}")
        needs = "needs IEMOCAP; " if number.corpus.startswith("iemocap") else ""
        return Outcome(number, f"not run: {needs}any run on {number.corpus} keeps its raters' answers")
    from experiments.evaluation import error_shares

    try:
        value = error_shares.considered_share(number.metric.removeprefix(CONSIDERED), raters[number.corpus])
    except NotComputableError as error:
        return Outcome(number, f"not comparable: {error}")
    digits = max(2, -decimal.Decimal(repr(number.value)).as_tuple().exponent)  # whole per cents at least
    half = 0.5 * 10**-digits
    ours = Estimate(value, value - half, value + half, ROUNDING)
    return Outcome(number, verdict(number.value, ours), None, ours)


def verdict(published, ours) -> str:
    """Where our number stands to the published one, by our interval."""
    if ours.low <= published <= ours.high:
        return WITHIN
    return ABOVE if published < ours.low else BELOW


def kind(comparison) -> str:
    """One of KINDS, without reasons and commands."""
    if not comparison.number.variant and not comparison.number.metric.startswith(CONSIDERED):
        return NO_SYSTEM
    if BUILT in comparison.verdict:
        return BUILT
    return next(name for name in KINDS if comparison.verdict.startswith(name))


def _of_the_same_kind(number, systems) -> tuple[list, str]:
    """The systems that may be compared, or why there is none: the first condition that leaves nothing."""
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
            lambda left: _only("under protocol", {s.protocol for s in left}, number.protocol),
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
