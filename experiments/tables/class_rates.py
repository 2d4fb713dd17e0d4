"""A paper's table of class rates in the paper's own form, with our rates beside the published ones."""

from collections import Counter

from experiments.evaluation import reproduction
from experiments.evaluation.system_results import command_not_run, seeds_in_words
from experiments.tables import formats
from experiments.tables.formats import Table

RATES = {"precision": "precision", "recall": "recall", "f1": "F1"}
AVERAGES = {
    "macro_precision": ("average", "precision"),
    "ua": ("average", "recall"),
    "macro_f1": ("average", "f1"),
    "sd:macro_f1": ("± over folds", "f1"),
    "sd_repeats:macro_f1": ("± over repeats", "f1"),
}
NEAREST = "Ours: the most similar run, whose differences the caption states; not used for verdicts."
REPEATS = "± over repeats needs two seeds or more."


def split(comparisons) -> tuple[list[list], list]:
    """(Outcomes grouped by table of class rates, all other Outcomes).

    The table is named in `where`, before the comma; it is one of class rates if it has precision, recall and F1.
    """
    groups = {}
    for comparison in comparisons:
        groups.setdefault((comparison.number.variant, _name(comparison.number)), []).append(comparison)
    whole, others = [], []
    for members in groups.values():
        rates = [c for c in members if _kind(c.number) in RATES or c.number.metric in AVERAGES]
        is_table = RATES.keys() <= {_kind(c.number) for c in rates}
        whole += [rates] if is_table else []
        others += [c for c in members if not (is_table and c in rates)]
    return whole, others


def _name(number) -> str:
    return number.where.partition(",")[0]


def _kind(number) -> str:
    return number.metric.partition(":")[0]


def table(comparisons) -> Table:
    """One table of a paper: a row per class, with the paper's rates and those of our run."""
    number = comparisons[0].number
    run = next((c.system if c.ours else c.nearest for c in comparisons if c.ours or c.there), None)
    cells = {}
    for comparison in comparisons:
        row, rate = _place(comparison.number)
        cells.setdefault(row, {})[rate] = comparison
    rows = [_row(name, by_rate, run) for name, by_rate in cells.items()]
    name = f"{number.paper}/{number.variant}"
    commands = [(f"{name} as in the paper", command_not_run(number))]
    commands += [(f"{name}, {_run_in_words(run)}", run.command)] if run else []
    notes = [_verdicts(comparisons), *([NEAREST] if any(c.there for c in comparisons) else [])]
    spread = next((c for c in comparisons if _kind(c.number) == "sd_repeats"), None)
    notes += [REPEATS] if run and spread and _of_run(spread, run) is None else []
    ran = _run_in_words(run) if run else "not run"
    beside = f"{_name(number)} of the paper ({number.corpus}) and {name} ({ran})"
    aggregation = "mean over folds" if number.aggregation == "fold_mean" else "pooled"
    return Table(f"{beside}; per cent, {aggregation}", rows, COLUMNS, tuple(commands), tuple(notes))


def _place(number) -> tuple[str, str]:
    """(row, rate) of a number."""
    if number.metric in AVERAGES:
        return AVERAGES[number.metric]
    rate, _, emotion = number.metric.partition(":")
    return emotion, rate


def _of_run(comparison, run):
    """Our number if it is from this run, since the most similar run can differ between numbers."""
    if comparison.ours:
        return comparison.ours if comparison.system is run else None
    return comparison.there if comparison.nearest is run else None


COLUMNS = (
    formats.text("class", "class"),
    *(
        column
        for rate, heading in RATES.items()
        for column in (
            formats.rate(f"{heading}, paper", rate, digits=2),
            formats.estimate(f"{heading}, ours [prediction]", f"{rate}_ours"),
        )
    ),
)


def _row(name, by_rate, run) -> dict:
    row = {"class": name}
    for rate in RATES:
        comparison = by_rate.get(rate)
        row[rate] = comparison and comparison.number.value
        row |= formats.interval_fields(f"{rate}_ours", comparison and _of_run(comparison, run))
    return row


def _run_in_words(run) -> str:
    return f"{run.corpus_variant}, protocol {run.protocol}, preset {run.preset}, {seeds_in_words(run.seeds)}"


def _verdicts(comparisons) -> str:
    counted = Counter(map(reproduction.kind, comparisons))
    words = ", ".join(f"{kind} {count}" for kind, count in counted.items())
    return f"Verdicts (details in results/tables/paper_vs_ours_{comparisons[0].number.paper}.md): {words}."
