"""Our systems: headline numbers, classes, cost. One table per corpus variant, so that label sets never mix."""

import dataclasses
import statistics as descriptive

import numpy as np

from common.evaluation import intervals, metrics
from common.evaluation.intervals import Estimate
from common.utterance import slug
from experiments.evaluation import plausible_ranges, scores
from experiments.evaluation.system_results import ranges
from experiments.tables import formats
from experiments.tables.formats import NONE, Row, Sheet, Table, fraction, per_cent
from experiments.tables.layout import attempt, by_corpus, caption, commands, identity, surroundings

TRAINING_NOTE = (
    "UA, training: of the fitted systems on what they were trained on. Where it is low, a training ended, or was held "
    "back, before even that was learnt, and a longer one may change the order."
)


def systems_sheet(corpus, systems) -> Sheet:
    """Headline numbers, one row per system and decision rule."""
    made = [_system_row(system, rule) for system in systems for rule in system.rules]
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
    if not any(row.data["no_decision"] for row in made):
        made = [dataclasses.replace(row, shown=_without(row.shown, "no decision")) for row in made]
    table = Table(caption("Systems", corpus, systems), made, commands(systems), notes)
    return Sheet(f"systems_{slug(corpus)}", f"Systems on {corpus}", (table,))


def _without(cells, heading) -> dict:
    return {name: cell for name, cell in cells.items() if name != heading}


@dataclasses.dataclass(frozen=True)
class _Headline:
    """The numbers of one system under one rule; None with a reason in `reasons` where there is none."""

    wa: Estimate | None
    ua: Estimate | None
    ua_utterances: Estimate | None  # utterances resampled
    macro_f1: Estimate | None
    ua_train: Estimate | None  # what is recorded of the training part follows from the first rule
    slice_wa: Estimate | None
    wa_folds: np.ndarray | None
    ua_folds: np.ndarray | None
    no_decision: float  # the share of utterances
    reasons: list[str]


def _headline(system, rule) -> _Headline:
    wa, _ = attempt(scores.measure, system, "wa", rule=rule)
    ua, no_ua = attempt(scores.measure, system, "ua", rule=rule)
    slices = (scores.measure, system, "slice_wa") if rule == scores.SLICE_RULE else None
    ua_folds, no_fold_mean = attempt(scores.fold_values, system, "ua", rule)
    reasons = [f"no UA: {no_ua}"] if no_ua else [f"no UA fold mean: {no_fold_mean}"] if no_fold_mean else []
    reasons += [f"no interval: {ua.why_none}"] if ua and ua.why_none else []
    counts = np.sum(system.confusions(rule), axis=0)  # (K, K+1)
    return _Headline(
        wa=wa,
        ua=ua,
        ua_utterances=attempt(_over_utterances, system, rule)[0],
        macro_f1=attempt(scores.measure, system, "macro_f1", rule=rule)[0],
        ua_train=training_ua(system) if rule == system.rules[0] else None,
        slice_wa=attempt(*slices)[0] if slices else None,
        wa_folds=attempt(scores.fold_values, system, "wa", rule)[0],
        ua_folds=ua_folds,
        no_decision=counts[:, -1].sum() / counts.sum(),
        reasons=reasons,
    )


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


def _system_row(system, rule) -> Row:
    found = _headline(system, rule)
    flags = "; ".join(_band(band, getattr(found, band.metric), system) for band in plausible_ranges.of(system))
    notes = "; ".join([*system.caveats, *found.reasons])
    counted = {"n": system.n, **_counted(system)}
    shown = {
        "system": system.name,
        "protocol": system.protocol,
        "preset": system.preset,
        "rule": rule,
        "UA pooled": formats.with_interval(found.ua),
        "WA pooled": formats.with_interval(found.wa),
        **counted,
        "UA, utterances": formats.with_interval(found.ua_utterances),
        "majority WA": formats.per_cent(system.majority),
        "UA fold mean": _mean_and_sd(found.ua_folds),
        "WA fold mean": _mean_and_sd(found.wa_folds),
        "macro F1": formats.per_cent(found.macro_f1 and found.macro_f1.value),
        "UA, training": formats.per_cent(found.ua_train and found.ua_train.value),
        "slice WA": formats.per_cent(found.slice_wa and found.slice_wa.value),
        "no decision": formats.per_cent(found.no_decision),
        "band": flags or "none known",
        "notes": notes or formats.NONE,
    }
    data = {
        **identity(system, rule),
        **counted,
        **surroundings(system),
        **formats.interval_fields("wa_pooled", found.wa),
        **_mean_and_sd_fields("wa_fold", found.wa_folds),
        **formats.interval_fields("ua_pooled", found.ua),
        **formats.interval_fields("ua_utterances", found.ua_utterances),
        **_mean_and_sd_fields("ua_fold", found.ua_folds),
        **formats.interval_fields("macro_f1", found.macro_f1),
        "ua_training": formats.fraction(found.ua_train and found.ua_train.value),
        **formats.interval_fields("slice_wa", found.slice_wa),
        "no_decision": formats.fraction(found.no_decision),
        **{"band": flags, "notes": notes},
    }
    return Row(shown, data)


def _band(band, number, system) -> str:
    """`UA 40–65: in the band`, with the band's corpus where that is the whole of what ours is cut from."""
    range_ = f"{band.metric.upper()} {100 * band.low:g}–{100 * band.high:g}"
    range_ += f" on {band.corpus}" if band.corpus != system.corpus_variant else ""
    return f"{range_}: {band.flag(number.value)}" if number else range_


def _mean_and_sd(values) -> str:
    if values is None:
        return formats.NONE
    sd = f" ± {formats.per_cent(np.std(values, ddof=1))}" if len(values) > 1 else ""
    return formats.per_cent(np.mean(values)) + sd


def _mean_and_sd_fields(name, values) -> dict:
    mean = None if values is None else np.mean(values)
    sd = None if values is None or len(values) < 2 else np.std(values, ddof=1)
    return {f"{name}_mean": formats.fraction(mean), f"{name}_sd": formats.fraction(sd)}


def per_class_sheet(corpus, systems) -> Sheet:
    """Precision, recall and F1 of every class, folds and seeds pooled."""
    made = [row for system in systems for rule in system.rules for row in _class_rows(system, rule)]
    notes = ("In per cent; the counts of all folds and seeds are added first.",)
    table = Table(caption("Classes", corpus, systems), made, commands(systems), notes)
    return Sheet(f"per_class_{slug(corpus)}", f"Classes on {corpus}", (table,))


def _class_rows(system, rule):
    pooled = metrics.pooled(system.confusions(rule))
    rates = {
        "precision": metrics.precision(pooled),
        "recall": metrics.recall(pooled, undefined="nan"),
        "f1": metrics.f1(pooled, undefined="nan"),
    }
    support, decided = metrics.support(pooled), metrics.decided(pooled)
    for k, name in enumerate(system.classes):
        values = {heading: rate[k] for heading, rate in rates.items()}
        yield Row(
            {
                "system": system.name,
                "protocol": system.protocol,
                "preset": system.preset,
                "rule": rule,
                "class": name,
                **{heading: formats.per_cent(value) for heading, value in values.items()},
                "in truth": str(support[k]),
                "decided": str(decided[k]),
                **_counted(system),
            },
            identity(system, rule)
            | {"class": name}
            | _counted(system)
            | {field: formats.fraction(value) for field, value in values.items()}
            | {"support": int(support[k]), "decided": int(decided[k]), "n": system.n}
            | surroundings(system),
        )


def _counted(system) -> dict:
    return {"folds": system.folds, "seeds": ranges(system.seeds)}


def epochs(system) -> float:
    """Median over folds."""
    return descriptive.median(max(map(len, record.history.values()), default=0) for record in system.records)


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
        f"{name} (n = {'/'.join(sorted({s.n for s in found}))}, {len(found[0].classes)} classes)"
        for name, found in by_corpus(systems)
    )
    table = Table(f"Cost of one fold; {corpora}", [_cost_row(s) for s in systems], commands(systems), notes)
    return Sheet("cost", "Cost", (table,))


def _cost_row(system) -> Row:
    parameters, _ = attempt(scores.measure, system, "parameters")
    seconds = descriptive.median(record.cost["seconds_fit"] for record in system.records)
    memory = [m for record in system.records if (m := record.cost.get("peak_memory_mib")) is not None]
    processors = sorted({_machine(record.environment) for record in system.records})
    return Row(
        {
            "system": system.name,
            "corpus": system.corpus_variant,
            "protocol": system.protocol,
            "preset": system.preset,
            "parameters": f"{parameters.value:,.0f}" if parameters else formats.NONE,
            **_counted(system),
            "epochs": f"{epochs(system):g}",
            "seconds a fold": f"{seconds:.1f}",
            "peak MiB": f"{max(memory):,.0f}" if memory else formats.NONE,
            "machine": "; ".join(processors),
        },
        identity(system)
        | _counted(system)
        | {
            "parameters": int(parameters.value) if parameters else "",
            "epochs": epochs(system),
            "seconds_fit": seconds,
            "peak_memory_mib": max(memory) if memory else "",
            "folds_measured": len(system.records),
            "machine": "; ".join(processors),
        },
    )


def _machine(environment) -> str:
    threads = environment.get("threads")
    return ", ".join(filter(None, [environment.get("processor"), threads and f"{threads} thread"]))


def human_row(human, like) -> Row:
    """A row for the systems table: the same columns as `like`, a row of a system."""
    shown = {heading: NONE for heading in like.shown} | {
        "system": "human",
        "n": str(human["n"]),
        "WA pooled": per_cent(human["wa"]),
        "UA pooled": per_cent(human["ua"]),
        "notes": human["source"],
    }
    data = {field: "" for field in like.data} | {
        "corpus_variant": human["corpus_variant"],
        "paper": "human",
        "n": human["n"],
        "wa_pooled": fraction(human["wa"]),
        "ua_pooled": fraction(human["ua"]),
        "notes": human["source"],
    }
    return Row(shown, data)
