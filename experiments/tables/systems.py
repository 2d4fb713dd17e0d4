"""Our systems: headline numbers, classes, cost. One table per corpus variant, so that label sets never mix."""

import statistics as descriptive

import numpy as np

from common.evaluation import intervals, metrics
from common.evaluation.intervals import Estimate
from common.utterance import slug
from experiments.evaluation import plausible_ranges, scores
from experiments.evaluation.system_results import ranges
from experiments.tables import formats, layout
from experiments.tables.formats import Column, Sheet, Table
from experiments.tables.layout import attempt, by_corpus, identity, surroundings

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
    rows = [_system_row(system, rule) for system in systems for rule in system.rules]
    notes = (
        "WA and UA in per cent; pooled: the folds' counts are added first; several seeds: mean over seeds, or, where "
        "each seed tests other utterances, all seeds pooled. Intervals: 95 %, speakers resampled.",
        "± is the standard deviation over folds and seeds. Band: what is plausible for a network trained from scratch "
        "(experiments/evaluation/plausible_ranges.toml).",
        "UA, utterances: the interval that takes utterances as independent, which those of one speaker are not; for "
        "comparison with papers that give such a one.",
        TRAINING_NOTE,
    )
    notes += tuple(
        dict.fromkeys(f"Band judged from: {b.source}." for system in systems for b in plausible_ranges.of(system))
    )
    has_empty = any(row["no_decision"] for row in rows)
    columns = tuple(column for column in SYSTEM_COLUMNS if has_empty or column is not NO_DECISION)
    table = Table(layout.caption("Systems", corpus, systems), rows, columns, layout.commands(systems), notes)
    return Sheet(f"systems_{slug(corpus)}", f"Systems on {corpus}", (table,))


def training_ua(system) -> Estimate | None:
    """UA on what a system was trained on, under its first rule."""
    return attempt(scores.measure, system, "ua", part="train")[0]


def _over_utterances(system, rule) -> Estimate:
    """UA with utterances resampled. It asks only which decisions are right, and how many seeds', not which seeds'."""
    tested = system.tested(rule)
    right = np.sort(tested.decisions == tested.labels, axis=0)  # (S, N)
    decisions, each = np.where(right, tested.labels, metrics.NO_DECISION), np.arange(len(tested.labels))
    cells = metrics.confusion_by_group(tested.labels, decisions, each, num_classes=len(system.classes))
    return intervals.interval(metrics.by_name("ua", system.classes), cells, about="utterances")


def _system_row(system, rule) -> dict:
    wa, _ = attempt(scores.measure, system, "wa", rule=rule)
    ua, no_ua = attempt(scores.measure, system, "ua", rule=rule)
    wa_folds, _ = attempt(scores.fold_values, system, "wa", rule)
    ua_folds, no_fold_mean = attempt(scores.fold_values, system, "ua", rule)
    slice_wa = attempt(scores.measure, system, "slice_wa")[0] if rule == scores.SLICE_RULE else None
    ua_train = training_ua(system) if rule == system.rules[0] else None  # what is recorded follows from that rule
    reasons = [f"no UA: {no_ua}"] if no_ua else [f"no UA fold mean: {no_fold_mean}"] if no_fold_mean else []
    reasons += [f"no interval: {ua.why_none}"] if ua and ua.why_none else []
    counts = metrics.pooled(system.confusions(rule))  # (K, K+1)
    bands = [_band(band, {"wa": wa, "ua": ua}[band.metric], system) for band in plausible_ranges.of(system)]
    return {
        **identity(system, rule),
        **layout.counted(system),
        **surroundings(system),
        **formats.interval_fields("wa_pooled", wa),
        **_mean_and_sd_fields("wa_fold", wa_folds),
        **formats.interval_fields("ua_pooled", ua),
        **formats.interval_fields("ua_utterances", attempt(_over_utterances, system, rule)[0]),
        **_mean_and_sd_fields("ua_fold", ua_folds),
        **formats.interval_fields("macro_f1", attempt(scores.measure, system, "macro_f1", rule=rule)[0]),
        "ua_training": ua_train and ua_train.value,
        "trained_out": system.trained_out,
        **formats.interval_fields("slice_wa", slice_wa),
        "no_decision": counts[:, -1].sum() / counts.sum(),
        "band": "; ".join(bands),
        "notes": "; ".join([*system.caveats, *reasons]),
    }


def _band(band, number, system) -> str:
    """`UA 40–65: in the band`, with the band's corpus where that is the whole of what ours is cut from."""
    range_ = f"{band.metric.upper()} {100 * band.low:g}–{100 * band.high:g}"
    range_ += f" on {band.corpus}" if band.corpus != system.corpus_variant else ""
    return f"{range_}: {band.flag(number.value)}" if number else range_


def _mean_and_sd_fields(name, values) -> dict:
    mean = None if values is None else np.mean(values)
    sd = None if values is None or len(values) < 2 else np.std(values, ddof=1)
    return {f"{name}_mean": mean, f"{name}_sd": sd}


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


def per_class_sheet(corpus, systems) -> Sheet:
    """Precision, recall and F1 of every class, folds and seeds pooled."""
    rows = [row for system in systems for rule in system.rules for row in _class_rows(system, rule)]
    notes = ("In per cent; the counts of all folds and seeds are added first.",)
    table = Table(layout.caption("Classes", corpus, systems), rows, CLASS_COLUMNS, layout.commands(systems), notes)
    return Sheet(f"per_class_{slug(corpus)}", f"Classes on {corpus}", (table,))


def _class_rows(system, rule):
    pooled = metrics.pooled(system.confusions(rule))
    fields = {
        "precision": metrics.precision(pooled),
        "recall": metrics.recall(pooled, undefined="nan"),
        "f1": metrics.f1(pooled, undefined="nan"),
        "support": metrics.support(pooled),
        "decided": metrics.decided(pooled),
    }
    counted = layout.counted(system)
    n = counted.pop("n")
    for k, name in enumerate(system.classes):
        values = {field: each[k].item() for field, each in fields.items()}
        yield identity(system, rule) | {"class": name} | counted | values | {"n": n} | surroundings(system)


def epochs(system) -> float:
    """Median over folds."""
    return descriptive.median(max(map(len, record.history.values()), default=0) for record in system.records)


def epochs_kept_and_run(system) -> str:
    """`kept / run`, each the median over the folds that numbers are taken from; "" for a system without epochs."""
    run = [len(record.history.get("loss", ())) for record in system.used]
    kept = [
        count if record.best_epoch is None else record.best_epoch + 1
        for record, count in zip(system.used, run, strict=True)
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
        f"{name} (n = {'/'.join(sorted({s.n for s in members}))}, {len(members[0].classes)} classes)"
        for name, members in by_corpus(systems)
    )
    rows = [_cost_row(system) for system in systems]
    table = Table(f"Cost of one fold; {corpora}", rows, COST_COLUMNS, layout.commands(systems), notes)
    return Sheet("cost", "Cost", (table,))


def _cost_row(system) -> dict:
    parameters, _ = attempt(scores.measure, system, "parameters")
    memory = [m for record in system.records if (m := record.cost.get("peak_memory_mib")) is not None]
    return identity(system) | {
        "folds": system.folds,
        "seeds": ranges(system.seeds),
        "parameters": int(parameters.value) if parameters else None,
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
