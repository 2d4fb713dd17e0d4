"""Our systems: headline numbers, classes, cost. One table per corpus variant, so that label sets never mix."""

import statistics as descriptive

import pandas as pd

from common.evaluation import metrics
from common.utterance import slug
from experiments.evaluation import results
from experiments.tables import formats, layout
from experiments.tables.formats import Column, Sheet, Table

TRAINING_NOTE = (
    "UA, training: of the fitted systems on their training parts; a low value means underfitting. Trained out: "
    "networks whose training was finished, by the rule in results/README.md; — for systems without networks and for "
    "older records."
)


def _mean_and_sd(row, field) -> str:
    sd = row.get(f"{field}_sd")
    spread = "" if formats.is_missing(sd) else f" ± {formats.per_cent(sd)}"
    return formats.per_cent(row.get(f"{field}_mean")) + spread


NO_DECISION = formats.rate("no decision", "no_decision")
SYSTEM_COLUMNS = (
    layout.system_name(),
    *layout.PROTOCOL_AND_PRESET,
    layout.RULE,
    formats.estimate("UA pooled", "ua_pooled"),
    formats.estimate("WA pooled", "wa_pooled"),
    *layout.COUNTED,
    formats.estimate("UA, utterances", "ua_utterances"),
    formats.rate("majority WA", "majority_wa"),
    Column("UA fold mean", "ua_fold", _mean_and_sd),
    Column("WA fold mean", "wa_fold", _mean_and_sd),
    formats.rate("macro F1", "macro_f1"),
    formats.rate("UA, training", "ua_training"),
    layout.TRAINED_OUT,
    formats.rate("slice WA", "slice_wa"),
    NO_DECISION,
    formats.text("band", "band", none="none known"),
    layout.NOTES,
)


def systems_sheet(corpus, systems) -> Sheet:
    """Headline numbers, one row per system and decision rule."""
    rows = _rows(systems)
    notes = (
        "WA and UA in per cent; pooled: the folds' counts are added first; several seeds: mean over seeds, or, where "
        "each seed tests other utterances, all seeds pooled. Intervals: 95 %, speakers resampled.",
        "± is the standard deviation over folds and seeds. Band: what is plausible for a network trained from scratch "
        "(experiments/evaluation/plausible_ranges.toml).",
        "UA, utterances: the interval that takes utterances as independent, which those of one speaker are not; for "
        "comparison with papers that report this interval.",
        TRAINING_NOTE,
    )
    sources = rows[["ua_pooled_band_source", "wa_pooled_band_source"]].to_numpy().ravel()
    notes += tuple(f"Band judged from: {source}." for source in dict.fromkeys(sources) if source)
    has_empty = rows["no_decision"].any()
    columns = tuple(column for column in SYSTEM_COLUMNS if has_empty or column is not NO_DECISION)
    table = Table(layout.caption("Systems", corpus, systems), rows[FIELDS], columns, layout.commands(systems), notes)
    return Sheet(f"systems_{slug(corpus)}", f"Systems on {corpus}", (table,))


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
    *(*formats.interval_fields("macro_f1"), "ua_training", "trained_out", *formats.interval_fields("slice_wa")),
    *("no_decision", "band", "notes"),
]


def _rows(systems) -> pd.DataFrame:
    rows = layout.rows(systems, NUMBERS, own_rule=False)
    fields = rows.to_dict("records")
    rows["band"] = ["; ".join(filter(None, (row["ua_pooled_band"], row["wa_pooled_band"]))) for row in fields]
    rows["notes"] = ["; ".join(filter(None, (row["notes"], *_reasons(row)))) for row in fields]
    return rows


def _reasons(row):
    """Why the row lacks a UA, its mean over folds or its interval."""
    if formats.is_missing(row["ua_pooled"]):
        yield f"no UA: {row['ua_pooled_why_none']}"
        return
    if formats.is_missing(row["ua_fold_mean"]):
        yield f"no UA fold mean: {row['ua_fold_mean_why_none']}"
    if row["ua_pooled_why_none"]:
        yield f"no interval: {row['ua_pooled_why_none']}"


CLASS_COLUMNS = (
    layout.system_name(),
    *layout.PROTOCOL_AND_PRESET,
    layout.RULE,
    formats.text("class", "class"),
    formats.rate("precision", "precision"),
    formats.rate("recall", "recall"),
    formats.rate("f1", "f1"),
    formats.text("in truth", "support"),
    formats.text("decided", "decided"),
    *layout.FOLDS_AND_SEEDS,
)


CLASS_FIELDS = [  # of the CSV
    *(*results.KEY, "command", "class", "folds", "seeds", "precision", "recall", "f1", "support", "decided", "n"),
    *("num_classes", "chance_ua", "majority_wa", "limits"),
]
CLASSES = (
    "In per cent, folds pooled; several seeds: mean over seeds, or, where each seed tests other utterances, all seeds "
    "pooled. In truth, decided: utterances, of all seeds together.",
)


def per_class_sheet(corpus, systems) -> Sheet:
    """Precision, recall and F1 of every class, folds pooled."""
    numbers = {metric: (metric, "test", "pooled") for metric in ("precision", "recall", "f1")}
    rows = layout.rows(systems, numbers, own_rule=False, intervals=False)
    rows = rows.merge(pd.DataFrame(_class_counts(systems)), on=[*results.KEY, "class"])
    table = Table(
        layout.caption("Classes", corpus, systems), rows[CLASS_FIELDS], CLASS_COLUMNS, layout.commands(systems), CLASSES
    )
    return Sheet(f"per_class_{slug(corpus)}", f"Classes on {corpus}", (table,))


def _class_counts(systems):
    """How often each class occurs in truth and was decided, all folds and seeds added."""
    for system in systems:
        for rule in system.rules:
            pooled = metrics.pooled(system.confusions(rule))
            counts = zip(system.classes, metrics.support(pooled), metrics.decided(pooled), strict=True)
            key = {name: getattr(system, name) for name in results.KEY[:-1]} | {"rule": rule}
            yield from (key | dict(zip(("class", "support", "decided"), each, strict=True)) for each in counts)


def epochs(system) -> float:
    """Median over folds."""
    return descriptive.median(max(map(len, record.history.values()), default=0) for record in system.records)


def epochs_kept_and_run(system) -> str:
    """`kept / run`, each the median over the folds that numbers are taken from; "" for a system without epochs."""
    run = [len(record.history.get("loss", ())) for record in system.records_used]
    kept = [
        count if record.best_epoch is None else record.best_epoch + 1
        for record, count in zip(system.records_used, run, strict=True)
    ]
    return f"{descriptive.median(kept):g} / {descriptive.median(run):g}" if any(run) else ""


def _number(heading, field, form) -> Column:
    def show(row, field):
        return formats.NONE if formats.is_missing(row[field]) else format(row[field], form)

    return Column(heading, field, show)


COST_COLUMNS = (
    layout.system_name(),
    formats.text("corpus", "corpus_variant"),
    *layout.PROTOCOL_AND_PRESET,
    _number("parameters", "parameters", ",.0f"),
    *layout.FOLDS_AND_SEEDS,
    _number("epochs", "epochs", "g"),
    _number("seconds a fold", "seconds_fit", ".1f"),
    _number("peak MiB", "peak_memory_mib", ",.0f"),
    formats.text("machine", "machine"),
)


COST_FIELDS = [  # of the CSV
    *(*results.KEY, "command", "folds", "seeds", "parameters", "epochs", "seconds_fit", "peak_memory_mib"),
    *("folds_measured", "machine"),
]


def cost_sheet(systems) -> Sheet:
    """Parameters, seconds and memory; all corpora in one table, since no accuracy stands in it."""
    notes = (
        "Epochs and seconds: medians over the folds of all seeds; of several networks their sum. Memory: the largest "
        "resident size of the process up to the end of the training, what it trained before included: an upper bound, "
        "not to be compared between systems.",
        "Seconds passed on a machine that did other work too: the same training has taken up to three times as long. "
        "A training that systems share is counted with each. Compare epochs and operations; bench measures speed.",
    )
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
        "seconds_fit": descriptive.median(record.cost["seconds_fit"] for record in system.records),
        "peak_memory_mib": max(memory) if memory else None,
        "folds_measured": len(system.records),
        "machine": "; ".join(sorted({_machine(record.environment) for record in system.records})),
    }


def _machine(environment) -> str:
    threads = environment.get("threads")
    return ", ".join(filter(None, [environment.get("processor"), threads and f"{threads} thread"]))


def human_row(human) -> dict:
    """A row for the systems table."""
    return {
        "corpus_variant": human["corpus_variant"],
        "paper": "human",
        "n": human["n"],
        "wa_pooled": human["wa"],
        "ua_pooled": human["ua"],
        "notes": human["source"],
    }
