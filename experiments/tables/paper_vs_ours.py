"""Paper against reproduction: one row per published number."""

from common.evaluation import metrics
from experiments.evaluation.reproduction import COUNTS, ROUNDING, compare
from experiments.evaluation.system_results import command_not_run, ranges
from experiments.tables import formats
from experiments.tables.formats import Row, Sheet, Table


def sheet(paper, systems, raters=None) -> Sheet:
    """The sheet of one paper: a table per corpus variant, so that accuracies on different label sets stand apart."""
    made = tables_of(paper, [compare(number, systems, raters) for number in paper.published])
    return Sheet(f"paper_vs_ours_{paper.name}", f"{paper.title}: the paper's numbers beside ours", tuple(made))


def tables_of(paper, comparisons) -> list[Table]:
    """A table per corpus variant of some of the paper's numbers."""
    by_corpus = {}
    for comparison in comparisons:
        by_corpus.setdefault(comparison.number.corpus, []).append(comparison)
    return [_table(paper, corpus, members) for corpus, members in by_corpus.items()]


def _table(paper, corpus, comparisons) -> Table:
    reproduced = [c.system for c in comparisons if c.system and c.ours]
    tested = {
        f"n = {s.n} test utterances a seed under protocol {s.protocol}, majority WA {formats.per_cent(s.majority)} %"
        for s in reproduced
    }
    caption = "; ".join([f"{paper.name} on {corpus}", *_label_set(paper, corpus, reproduced), *sorted(tested)])
    commands = {f"{s.name}": s.command for s in reproduced}
    notes = ["Intervals are 95 %; rates in per cent, losses in nats. “above” means that ours is above the paper's."]
    if any(c.ours and c.ours.about == "seeds" for c in comparisons):
        notes.append("† where one more seed falls; all other intervals resample speakers.")
    if near := {c.nearest.name: c.nearest for c in comparisons if c.nearest}:
        commands |= {f"{name}, {_differing(s)}": s.command for name, s in near.items()}
        notes.append("Nearest run: the paper's protocol, but not its recordings or its effort; no verdict rests on it.")
    return Table(caption, [_row(c, bool(near)) for c in comparisons], tuple(commands.items()), tuple(notes))


def _label_set(paper, corpus, reproduced):
    """The classes and chance, where a run or the paper's own corpus tells them."""
    classes = reproduced[0].classes if reproduced else paper.classes if corpus == paper.corpus else ()
    if classes:
        chance = formats.per_cent(metrics.chance(len(classes)))
        yield f"{len(classes)} classes ({', '.join(classes)}), chance UA {chance} %"


def _differing(system) -> str:
    return f"{system.corpus_variant}, preset {system.preset}"


def _show_nearest(comparison) -> str:
    if comparison.there is None:
        return formats.NONE
    return f"{_show_ours(comparison.number, comparison.there)} ({_differing(comparison.nearest)})"


def _row(comparison, with_nearest) -> Row:
    number, ours, system = comparison.number, comparison.ours, comparison.system
    approximate = "≈ " if number.approximate else ""
    by_seed = ours.by_seed if ours else ()
    measured = system if ours else None  # a share of the corpus is of no system
    counted = {
        "n": measured.n if measured and number.part == "test" and number.metric not in COUNTS else "",
        "folds": measured.folds if measured else "",
        "seeds": ranges(measured.seeds) if measured else "",
    }
    return Row(
        {
            "number": number.id,
            "what": _what(number),
            "paper": approximate + show(number, number.value),
            "where": number.where,
            "ours [95 %]": _show_ours(number, ours),
            "lowest – highest seed": _range(number, by_seed),
            **{key: value or formats.NONE for key, value in counted.items()},
            **({"nearest run": _show_nearest(comparison)} if with_nearest else {}),
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
            **formats.interval_fields("ours", ours),
            "interval_about": ours.about if ours else "",
            "lowest_seed": formats.fraction(min(by_seed, default=None)),
            "highest_seed": formats.fraction(max(by_seed, default=None)),
            **counted,
            **formats.interval_fields("nearest", comparison.there),
            "nearest_run": _differing(comparison.nearest) if comparison.nearest else "",
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
        return f"{formats.per_cent(value)} %"
    return f"{value:,.0f}" if number.metric.startswith("parameters") else f"{value:.3f}"


def _show_ours(number, ours) -> str:
    if ours is None:
        return formats.NONE
    if number.metric in COUNTS or ours.low is None or ours.about == ROUNDING:
        return show(number, ours.value)
    mark = " †" if ours.about == "seeds" else ""
    low, high = (show(number, end).removesuffix(" %") for end in (ours.low, ours.high))
    return f"{show(number, ours.value)} [{low}, {high}]{mark}"


def _range(number, by_seed) -> str:
    """Lowest and highest seed: the spread of single runs, which is what a paper's one number is drawn from."""
    if len(by_seed) < 2:
        return formats.NONE
    return f"{show(number, min(by_seed)).removesuffix(' %')} – {show(number, max(by_seed)).removesuffix(' %')}"
