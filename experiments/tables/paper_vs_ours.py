"""Published and reproduced numbers: one row per published number."""

from common.evaluation import metrics, reported_results
from experiments.evaluation.reproduction import COUNTS, compare, held_out
from experiments.evaluation.system_results import command_not_run, ranges
from experiments.tables import formats, layout
from experiments.tables.formats import Column, Sheet, Table

IN_BRACKETS = (
    "Rates in per cent, losses in nats. In brackets: 95 % prediction interval of one more seed of ours (three seeds or "
    "more); a published number inside is reproduced."
)


def sheet(paper, systems, raters=None) -> Sheet:
    """The sheet of one paper, with a table per corpus variant."""
    tables = tables_of(paper, [compare(number, systems, raters) for number in paper.published])
    return Sheet(f"paper_vs_ours_{paper.name}", f"{paper.title}: published and reproduced numbers", tuple(tables))


def tables_of(paper, comparisons) -> list[Table]:
    """A table per corpus variant, for some of the paper's numbers."""
    by_corpus = {}
    for comparison in comparisons:
        by_corpus.setdefault(comparison.number.corpus, []).append(comparison)
    return [_table(paper, corpus, members) for corpus, members in by_corpus.items()]


def _table(paper, corpus, comparisons) -> Table:
    reproduced = [c.system for c in comparisons if c.system and c.ours]
    tested = {
        f"n = {s.num_test} test utterances per seed with protocol {s.protocol}, "
        f"majority WA {formats.per_cent(s.majority)} %"
        for s in reproduced
    }
    caption = "; ".join([f"{paper.name} on {corpus}", *_label_set(paper, corpus, reproduced), *sorted(tested)])
    commands = {f"{s.name}": s.command for s in reproduced}
    notes = [IN_BRACKETS]
    hits, total = held_out(comparisons)
    if total:
        notes.append(
            f"Check of the rule: {hits} of {total} of our own seeds are reproduced by the other seeds of their system."
        )
    if near := {c.nearest.name: c.nearest for c in comparisons if c.nearest}:
        commands |= {f"{name}, {_differing(s)}": s.command for name, s in near.items()}
        notes.append(
            "Similar run: the paper's protocol on other recordings or with fewer epochs; not used for verdicts."
        )
    columns = tuple(column for column in COLUMNS if near or column is not NEAREST)
    return Table(caption, [row(c) for c in comparisons], columns, tuple(commands.items()), tuple(notes))


def _label_set(paper, corpus, reproduced):
    """Yield the classes and chance, if known from a run or the paper's own corpus."""
    classes = reproduced[0].classes if reproduced else paper.classes if corpus == paper.corpus else ()
    if classes:
        chance = formats.per_cent(metrics.chance(len(classes)))
        yield f"{len(classes)} classes ({', '.join(classes)}), chance UA {chance} %"


def _differing(system) -> str:
    return f"{system.corpus_variant}, preset {system.preset}"


def row(comparison) -> dict:
    """The fields of one published number and ours."""
    number, ours, system = comparison.number, comparison.ours, comparison.system
    by_seed = ours.by_seed if ours else ()
    measured = system if ours else None  # None also for shares of a corpus, which have no system
    return {
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
        "lowest_seed": min(by_seed, default=None),
        "highest_seed": max(by_seed, default=None),
        "n": measured.num_test if measured and number.part == "test" and number.metric not in COUNTS else "",
        "folds": measured.folds if measured else "",
        "seeds": ranges(measured.seeds) if measured else "",
        **formats.interval_fields("nearest", comparison.there),
        "nearest_run": _differing(comparison.nearest) if comparison.nearest else "",
        "verdict": comparison.verdict,
        "command": system.command if system else command_not_run(number) if number.variant else "",
    }


METRICS = {"wa": "WA", "ua": "UA", "slice_wa": "WA of slices", "macro_f1": "macro F1", "cross_entropy": "loss"}


def number_in_words(row, _) -> str:
    """`mfcc: WA, test`: variant, metric, rule, part, and "fold mean" for averages over folds."""
    base, _, of = row["metric"].partition(":")
    metric = METRICS.get(base, base.replace("_", " ")) + (f" {of}" if of else "")
    words = [f"{row['variant']}: {metric}" if row["variant"] else metric, row["rule"]]
    if base != "parameters":
        words += [row["part"].replace(":*", " in noise"), "fold mean" if row["aggregation"] == "fold_mean" else ""]
    return ", ".join(filter(None, words))


def show(metric, value) -> str:
    """A value in the unit of a published number: `49.5 %`, `1.773`, `211,075`."""
    if reported_results.is_rate(metric):
        return f"{formats.per_cent(value)} %"
    return f"{value:,.0f}" if metric.startswith("parameters") else f"{value:.3f}"


def _published(row, field) -> str:
    return ("≈ " if row["approximate"] else "") + show(row["metric"], row[field])


def _estimate(row, field) -> str:
    """Our number or that of the most similar run, with its interval."""
    metric, (value, low, high) = row["metric"], (row[name] for name in (field, f"{field}_low", f"{field}_high"))
    if formats.is_missing(value):
        return formats.NONE
    if formats.is_missing(low) or low == high == value:
        return show(metric, value)
    ends = ", ".join(show(metric, end).removesuffix(" %") for end in (low, high))
    return f"{show(metric, value)} [{ends}]"


def _nearest(row, field) -> str:
    shown = _estimate(row, field)
    return shown if shown == formats.NONE else f"{shown} ({row['nearest_run']})"


def _status(row, field) -> str:
    """The verdict without its command, which is in the CSV and results/COMMANDS.md."""
    return row[field].replace(row["command"], "").rstrip("; ").removesuffix("; :").rstrip(": ") or "not run"


NEAREST = Column("similar run", "nearest", _nearest)
PAPER = Column("paper", "published", _published)
OURS = Column("ours [prediction]", "ours", _estimate)
STATUS = Column("status", "verdict", _status)
COLUMNS = (
    formats.text("where", "where"),
    Column("published number", "variant", number_in_words),
    PAPER,
    OURS,
    NEAREST,
    layout.SEEDS,
    STATUS,
)
