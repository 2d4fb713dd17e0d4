"""Tables of our systems: results, classes, cost. One table per corpus variant, so that label sets are never mixed."""

import statistics

import pandas as pd

from common.evaluation import metrics
from common.records import CROSS_CORPUS
from common.utterance import slug
from experiments.evaluation import results
from experiments.tables import formats, layout
from experiments.tables.formats import Column, Sheet, Table

SYSTEM_COLUMNS = (
    layout.system_name("system, rule", rules=True),
    layout.PLACE,
    formats.estimate("UA [95 %]", "ua_pooled"),
    formats.estimate("WA [95 %]", "wa_pooled"),
    layout.CONVERGED,
    layout.SEEDS,
    layout.NOTES,
)


def systems_sheet(corpus, systems) -> Sheet:
    """Main results, one row per system and decision rule."""
    rows = _rows(systems)
    notes = (
        "Per cent, folds pooled, mean over seeds; intervals over speakers and trainings, for a single network over "
        "speakers only. More columns in the CSV; terms in results/README.md.",
    )
    title, columns = layout.without_constant_place("Systems", SYSTEM_COLUMNS, systems)
    table = Table(layout.caption(title, corpus, systems), rows, columns, layout.commands(systems), notes)
    return Sheet(f"systems_{slug(corpus)}", f"Systems on {corpus}", (table,))


FULL = "paper"  # the preset with full training
REDUCED_COLUMNS = (
    layout.system_name("system, rule", rules=True),
    formats.text("protocol", "protocol"),
    formats.text("epochs kept / limit", "epochs", none=formats.NONE),
    formats.estimate("UA [95 %]", "ua_pooled"),
    formats.rate("WA", "wa_pooled"),
    layout.SEEDS,
    layout.NOTES,
)
REDUCED_NOTE = (
    "Trainings were limited to these epochs: the rows compare training budgets, not methods. Epochs: median over folds."
)


def reduced_sheet(corpus, systems) -> Sheet:
    """Systems at reduced presets, one row per system and decision rule."""
    rows = _rows(systems)
    rows["epochs"] = [epochs_kept_and_limit(system) for system in systems for _ in system.rules]
    caption = layout.caption("Reduced trainings", corpus, systems)
    table = Table(caption, rows, REDUCED_COLUMNS, layout.commands(systems), (REDUCED_NOTE,))
    return Sheet(f"reduced_{slug(corpus)}", f"Reduced trainings on {corpus}", (table,))


def sheets(corpus, systems) -> list[Sheet]:
    """Full trainings, then those at reduced presets."""
    full = [system for system in systems if system.preset == FULL]
    reduced = [system for system in systems if system.preset != FULL]
    of_corpus = [systems_sheet(corpus, full)] if full else []
    return of_corpus + ([reduced_sheet(corpus, reduced)] if reduced else [])


NUMBERS = {
    "wa_pooled": results.WA,
    "wa_fold_mean": ("wa", "test", "fold_mean"),
    "wa_fold_sd": ("sd:wa", "test", "fold_mean"),
    "ua_pooled": results.UA,
    "ua_utterances": ("ua_utterances", "test", "pooled"),
    "ua_fold_mean": ("ua", "test", "fold_mean"),
    "ua_fold_sd": ("sd:ua", "test", "fold_mean"),
    "macro_f1": ("macro_f1", "test", "pooled"),
    "ua_training": ("ua", "train", "pooled"),
    "slice_wa": ("slice_wa", "test", "pooled"),
    "no_decision": ("no_decision", "test", "pooled"),
}
FIELDS = [  # of the CSV
    *(*results.KEY, "command", "n", "folds", "seeds", "num_classes", "chance_ua", "majority_wa", "limits"),
    *(*formats.interval_fields("wa_pooled"), "wa_fold_mean", "wa_fold_sd"),
    *(*formats.interval_fields("ua_pooled"), *formats.interval_fields("ua_utterances"), "ua_fold_mean", "ua_fold_sd"),
    *(*formats.interval_fields("macro_f1"), "ua_training", "converged", *formats.interval_fields("slice_wa")),
    *("no_decision", "band", "notes"),
]


def _rows(systems) -> pd.DataFrame:
    rows = layout.rows(systems, NUMBERS, own_rule=False)
    fields = rows.to_dict("records")
    rows["band"] = ["; ".join(filter(None, (row["ua_pooled_band"], row["wa_pooled_band"]))) for row in fields]
    rows["notes"] = ["; ".join(filter(None, (row["notes"], *_reasons(row)))) for row in fields]
    return rows[FIELDS]


def _reasons(row):
    """Yield the reasons for missing values, and the share of utterances without a decision."""
    if row["no_decision"]:
        yield f"no decision on {formats.per_cent(row['no_decision'])} % of the utterances"
    if formats.is_missing(row["ua_pooled"]):
        yield f"no UA: {row['ua_pooled_why_none']}"
        return
    if formats.is_missing(row["ua_fold_mean"]):
        yield f"no UA fold mean: {row['ua_fold_mean_why_none']}"
    if row["ua_pooled_why_none"]:
        yield f"no interval: {row['ua_pooled_why_none']}"


GRID_COLUMNS = (
    layout.system_name(),
    Column("corpus (training to test)", "corpus_variant", lambda row, field: _corpora(row["trained_on"], row[field])),
    Column("protocol", "protocol", lambda row, field: CROSS_CORPUS if row["trained_on"] else row[field]),
    formats.estimate("UA [95 %]", "ua_pooled"),
    formats.rate("WA", "wa_pooled"),
    layout.SEEDS,
    layout.NOTES,
)


def grid_sheet(name, systems) -> Sheet:
    """The systems of a grid on all its corpora and protocols, highest UA first within each."""
    rows = layout.rows(systems, NUMBERS).assign(trained_on=[system.trained_on for system in systems])
    order = ["corpus_variant", "trained_on", "protocol", "ua_pooled"]
    ranked = rows.sort_values(order, ascending=[True, True, True, False], kind="stable")
    corpora = "; ".join(
        f"{corpus}: n = {members[0].num_test}, {len(members[0].classes)} classes, "
        f"majority WA {formats.per_cent(members[0].majority)} %"
        for corpus, members in layout.by_corpus(systems)
    )
    notes = ("Per cent, the papers' own decision rules, folds pooled, mean over seeds.",)
    table = Table(f"{name}: {corpora}", ranked, GRID_COLUMNS, layout.commands(systems), notes)
    return Sheet(name, f"Comparison {name}", (table,))


def _corpora(trained_on, tested_on) -> str:
    return " to ".join(filter(None, (trained_on, tested_on)))


CLASS_COLUMNS = (
    layout.system_name("system, rule", rules=True),
    layout.PLACE,
    formats.text("class", "class"),
    formats.rate("precision", "precision"),
    formats.rate("recall", "recall"),
    formats.rate("f1", "f1"),
    formats.text("utterances", "support"),
)


CLASS_FIELDS = [  # of the CSV
    *(*results.KEY, "command", "class", "folds", "seeds", "precision", "recall", "f1", "support", "decided", "n"),
    *("num_classes", "chance_ua", "majority_wa", "limits"),
]
CLASS_NOTES = ("Per cent, folds pooled, as in the table of systems; utterances: total over all seeds.",)


def per_class_sheet(corpus, systems) -> Sheet:
    """Precision, recall and F1 of every class, folds pooled."""
    numbers = {metric: (metric, "test", "pooled") for metric in ("precision", "recall", "f1")}
    rows = layout.rows(systems, numbers, own_rule=False, intervals=False)
    rows = rows.merge(pd.DataFrame(_class_counts(systems)), on=[*results.KEY, "class"])
    title, columns = layout.without_constant_place("Classes", CLASS_COLUMNS, systems)
    caption, commands = layout.caption(title, corpus, systems), layout.commands(systems)
    table = Table(caption, rows[CLASS_FIELDS], columns, commands, CLASS_NOTES)
    return Sheet(f"per_class_{slug(corpus)}", f"Classes on {corpus}", (table,))


def _class_counts(systems):
    """Yield the numbers of true and predicted utterances of each class, over all folds and seeds."""
    for system in systems:
        for rule in system.rules:
            pooled = metrics.pooled(system.confusions(rule))
            counts = zip(system.classes, metrics.support(pooled), metrics.decided(pooled), strict=True)
            key = {name: getattr(system, name) for name in results.KEY[:-1]} | {"rule": rule}
            yield from (key | dict(zip(("class", "support", "decided"), each, strict=True)) for each in counts)


def epochs(system) -> float:
    """Number of epochs run, median over folds."""
    return statistics.median(max(map(len, record.history.values()), default=0) for record in system.records)


def epochs_kept_and_limit(system) -> str:
    """`kept / limit`, with the median of the kept epochs over the folds used; "" for a system without epochs."""
    recipe = system.records_used[0].recipe
    limit = recipe.get("max_epochs", recipe.get("epochs"))
    run = [len(record.history.get("loss", ())) for record in system.records_used]
    kept = [
        count if record.best_epoch is None else record.best_epoch + 1
        for record, count in zip(system.records_used, run, strict=True)
    ]
    return f"{statistics.median(kept):g} / {limit or formats.NONE}" if any(run) else ""


def _number(heading, field, form) -> Column:
    def show(row, field):
        return formats.NONE if formats.is_missing(row[field]) else format(row[field], form)

    return Column(heading, field, show)


COST_COLUMNS = (
    layout.system_name(),
    formats.text("corpus", "corpus_variant"),
    layout.PLACE,
    _number("parameters", "parameters", ",.0f"),
    _number("epochs", "epochs", "g"),
    _number("seconds per fold", "seconds_fit", ".1f"),
)


COST_FIELDS = [  # of the CSV
    *(*results.KEY, "command", "folds", "seeds", "parameters", "epochs", "seconds_fit", "peak_memory_mib"),
    *("folds_measured", "machine"),
]


def cost_sheet(systems) -> Sheet:
    """Parameters, seconds and memory; all corpora in one table, since it has no accuracies."""
    notes = ("Epochs and seconds: medians over folds and seeds, sums over a system's networks; on a shared machine.",)
    corpora = ", ".join(
        f"{name} (n = {'/'.join(sorted({s.num_test for s in members}))}, {len(members[0].classes)} classes)"
        for name, members in layout.by_corpus(systems)
    )
    rows = layout.rows(systems, {"parameters": ("parameters", "test", "pooled")})
    rows["parameters"] = [None if formats.is_missing(count) else int(count) for count in rows["parameters"]]
    rows = pd.concat([rows, pd.DataFrame(map(_cost, systems), dtype=object)], axis="columns")[COST_FIELDS]
    table = Table(f"Cost of one fold; {corpora}", rows, COST_COLUMNS, layout.commands(systems), notes)
    return Sheet("cost", "Cost", (table,))


def _cost(system) -> dict:
    memory = [m for record in system.records if (m := record.cost.get("peak_memory_mib")) is not None]
    return {
        "epochs": epochs(system),
        "seconds_fit": statistics.median(record.cost["seconds_fit"] for record in system.records),
        "peak_memory_mib": max(memory) if memory else None,
        "folds_measured": len(system.records),
        "machine": "; ".join(sorted({_machine(record.environment) for record in system.records})),
    }


def _machine(environment) -> str:
    threads = environment.get("threads")
    return ", ".join(filter(None, [environment.get("processor"), threads and f"{threads} thread"]))


def human_row(human) -> dict:
    """A human reference as a row of the systems table."""
    return {
        "corpus_variant": human["corpus_variant"],
        "paper": "human",
        "n": human["n"],
        "wa_pooled": human["wa"],
        "ua_pooled": human["ua"],
        "notes": human["source"],
    }
