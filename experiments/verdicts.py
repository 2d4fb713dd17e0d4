"""Paper against reproduction: one row per published number, with a verdict by the rule below.

**The rule**, fixed before any run; results/README.md states it for readers.

A published number is compared with the runs of its own variant that have its corpus variant, its protocol, the preset
"paper", recordings and not synthetic speech, no caveat such as random weights, and at least one seed with all folds.
Ours is the same metric in the same aggregation ("unknown" is read as pooled) under the same decision rule, with its
95 % interval: over speakers; for training parts and losses over slices, over seeds (where one more seed falls; three
seeds or more); for a number of parameters the number itself. The published number has no interval: papers give one
value.

* "within the interval": the published number lies in our interval, ends included.
* "above": ours is above, the published number lies below our interval. "below": the reverse.
* "not comparable: why": there are runs, none of which is of the same kind, or the records do not tell the number, or
  the number belongs to no system of ours.
* "not run: command": there is no run of the variant; "needs IEMOCAP" where the recordings are under licence.

The number of parameters is compared wherever the variant was built for as many classes, at whatever preset.
"""

import dataclasses

from experiments import scores, tables
from experiments.systems import SYNTHETIC, command_not_run, ranges
from experiments.tables import Row, Sheet, Table

WITHIN, ABOVE, BELOW = "within the interval", "above", "below"
COUNTS = ("parameters",)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A published number beside ours; `system` and `ours` are None where there is none of the same kind."""

    number: object
    verdict: str
    system: object = None
    ours: scores.Number | None = None


def compare(number, systems) -> Comparison:
    """The verdict on one published number, given all systems."""
    if not number.variant:
        return Comparison(number, "not comparable: the number of no system of ours")
    mine = [s for s in systems if (s.paper, s.variant) == (number.paper, number.variant)]
    if not mine:
        needs = "needs IEMOCAP; " if number.corpus.startswith("iemocap") else ""
        return Comparison(number, f"not run: {needs}{command_not_run(number)}")
    comparable, why = _of_the_same_kind(number, mine)
    if why:
        return Comparison(number, f"not comparable: {why}")
    system = comparable[0]
    try:
        ours = scores.measure(
            system,
            number.metric,
            aggregation="fold_mean" if number.aggregation == "fold_mean" else "pooled",
            part=number.part,
            rule=number.rule or None,
        )
    except ValueError as error:
        return Comparison(number, f"not comparable: {error}", system)
    if ours.low is None:
        return Comparison(number, f"not comparable: {ours.why_none}", system, ours)
    return Comparison(number, verdict(number.value, ours), system, ours)


def verdict(published, ours) -> str:
    """Where our number stands to the published one, by our interval."""
    if ours.low <= published <= ours.high:
        return WITHIN
    return ABOVE if published < ours.low else BELOW


def _of_the_same_kind(number, systems) -> tuple[list, str]:
    """The systems that may be compared, or why there is none: the first condition that leaves nothing."""
    if number.metric in COUNTS:
        kind = [s for s in systems if _layout(s) == number.corpus]
        return kind, "" if kind else _only("on", {s.corpus_variant for s in systems}, number.corpus)
    conditions = (
        (lambda s: not s.synthetic, lambda left: "only synthetic speech, which checks the machinery"),
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
        (lambda s: not s.mixed, lambda left: "; ".join(left[0].mixed)),
        (lambda s: not s.notes, lambda left: "; ".join(left[0].notes)),
    )
    for holds, why in conditions:
        left = [system for system in systems if holds(system)]
        if not left:
            return [], why(systems)
        systems = left
    return systems, ""


def _layout(system) -> str:
    return system.corpus_variant.replace(SYNTHETIC, "", 1)


def _only(preposition, found, wanted) -> str:
    return f"only {preposition} {', '.join(sorted(found))}, not {wanted}"


def sheet(paper, systems) -> Sheet:
    """The sheet of one paper: a table per corpus variant, so that accuracies on different label sets stand apart."""
    by_corpus = {}
    for number in paper.published:
        by_corpus.setdefault(number.corpus, []).append(compare(number, systems))
    made = [_table(paper, corpus, comparisons) for corpus, comparisons in by_corpus.items()]
    return Sheet(f"paper_vs_ours_{paper.name}", f"{paper.title}: the paper's numbers beside ours", tuple(made))


def _table(paper, corpus, comparisons) -> Table:
    reproduced = [c.system for c in comparisons if c.system and c.ours]
    classes = f"{len(reproduced[0].classes)} classes ({', '.join(reproduced[0].classes)})" if reproduced else ""
    tested = {f"n = {s.n} test utterances a seed under protocol {s.protocol}" for s in reproduced}
    caption = "; ".join([f"{paper.name} on {corpus}", *filter(None, [classes, *sorted(tested)])])
    commands = {f"{s.name}": s.command for s in reproduced}
    notes = ["Intervals are 95 %; rates in per cent, losses in nats. “above” means that ours is above the paper's."]
    if any(c.ours and c.ours.about == "seeds" for c in comparisons):
        notes.append("† where one more seed falls; all other intervals resample speakers.")
    return Table(caption, [_row(c) for c in comparisons], tuple(commands.items()), tuple(notes))


def _row(comparison) -> Row:
    number, ours, system = comparison.number, comparison.ours, comparison.system
    approximate = "≈ " if number.approximate else ""
    by_seed = ours.by_seed if ours else ()
    counted = {
        "n": system.n if ours and number.part == "test" and number.metric not in COUNTS else "",
        "folds": system.folds if ours else "",
        "seeds": ranges(system.seeds) if ours else "",
    }
    return Row(
        {
            "number": number.id,
            "what": _what(number),
            "paper": approximate + show(number, number.value),
            "where": number.where,
            "ours [95 %]": _show_ours(number, ours),
            "lowest – highest seed": _range(number, by_seed),
            **{key: value or tables.NONE for key, value in counted.items()},
            "verdict": comparison.verdict,
        },
        {
            "paper": number.paper,
            "id": number.id,
            "variant": number.variant,
            "corpus_variant": number.corpus,
            "protocol": number.protocol,
            "part": number.part,
            "metric": number.metric,
            "aggregation": number.aggregation,
            "rule": number.rule,
            "where": number.where,
            "note": number.note,
            "published": number.value,
            "approximate": number.approximate,
            **tables.interval_fields("ours", ours),
            "interval_about": ours.about if ours else "",
            "lowest_seed": tables.fraction(min(by_seed, default=None)),
            "highest_seed": tables.fraction(max(by_seed, default=None)),
            **counted,
            "verdict": comparison.verdict,
            "command": system.command if system else command_not_run(number) if number.variant else "",
        },
    )


def _what(number) -> str:
    """`mfcc, wa, pooled, test` and the note."""
    words = [number.variant, number.metric, number.rule]
    if number.metric.partition(":")[0] != "parameters":
        words += [number.part, "" if number.aggregation == "unknown" else number.aggregation.replace("_", " ")]
    words = ", ".join(filter(None, words))
    return f"{words} ({number.note})" if number.note else words


def show(number, value) -> str:
    """A value in the unit of a published number: `49.5 %`, `1.773`, `211,075`."""
    if number.is_rate:
        return f"{tables.per_cent(value)} %"
    return f"{value:,.0f}" if number.metric.startswith("parameters") else f"{value:.3f}"


def _show_ours(number, ours) -> str:
    if ours is None:
        return tables.NONE
    if number.metric in COUNTS or ours.low is None:
        return show(number, ours.value)
    mark = " †" if ours.about == "seeds" else ""
    low, high = (show(number, end).removesuffix(" %") for end in (ours.low, ours.high))
    return f"{show(number, ours.value)} [{low}, {high}]{mark}"


def _range(number, by_seed) -> str:
    """Lowest and highest seed: the spread of single runs, which is what a paper's one number is drawn from."""
    if len(by_seed) < 2:
        return tables.NONE
    return f"{show(number, min(by_seed)).removesuffix(' %')} – {show(number, max(by_seed)).removesuffix(' %')}"
