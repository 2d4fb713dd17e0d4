"""Our systems: headline numbers, classes, cost, and one system under several protocols. One table per corpus variant."""

import itertools
import statistics as descriptive

import numpy as np

from common import metrics
from experiments import bands, scores, tables
from experiments.intervals import speaker_interval
from experiments.systems import ranges
from experiments.tables import Row, Sheet, Table

BLIND = ("random", "paper", "leaky_segments")  # protocols of which a speaker-independent one is the honest counterpart
INDEPENDENT = ("speaker_independent", "leave_one_speaker_out", "leave_one_session_out", "sessions", "emobox")


def attempt(function, *arguments, **options):
    """(result, "") or (None, why there is none)."""
    try:
        return function(*arguments, **options), ""
    except ValueError as error:
        return None, str(error)


def by_corpus(systems):
    """[(corpus variant, its systems)]."""
    ordered = sorted(systems, key=lambda s: (s.corpus_variant, s.protocol, s.preset, s.paper, s.variant))
    return [(name, list(members)) for name, members in itertools.groupby(ordered, key=lambda s: s.corpus_variant)]


def caption(what, corpus, systems) -> str:
    """What stands in the table, the corpus variant, n, the label set, chance and the corpus's limits."""
    classes = systems[0].classes
    sizes = sorted({s.n for s in systems}, key=lambda n: [int(part) for part in n.split("–")])
    words = [
        f"{what} on {corpus}",
        f"n = {', '.join(sizes)} test utterances a seed",
        f"{len(classes)} classes ({', '.join(classes)}), chance UA {tables.per_cent(1 / len(classes))} %",
        systems[0].limits,
    ]
    return "; ".join(filter(None, words))


def commands(systems) -> tuple[tuple[str, str], ...]:
    return tuple((f"{s.name}, {s.protocol}, preset {s.preset}", s.command) for s in systems)


def identity(system, rule="") -> dict:
    """The fields that say whose row it is."""
    return {
        "corpus_variant": system.corpus_variant,
        "protocol": system.protocol,
        "preset": system.preset,
        "paper": system.paper,
        "variant": system.variant,
        "rule": rule or system.rules[0],
    }


def systems_sheet(corpus, systems) -> Sheet:
    """Headline numbers, one row per system and decision rule."""
    made = [_system_row(system, rule) for system in systems for rule in system.rules]
    notes = (
        "WA and UA in per cent; pooled: the folds' counts are added first; several seeds: mean over seeds, or, where "
        "each seed tests other utterances, all seeds pooled. Intervals: 95 %, speakers resampled.",
        "± is the standard deviation over folds and seeds. Band: what is plausible for a network trained from scratch "
        "(common/plausible.toml).",
    )
    table = Table(caption("Systems", corpus, systems), made, commands(systems), notes)
    return Sheet(f"systems_{slug(corpus)}", f"Systems on {corpus}", (table,))


def slug(corpus) -> str:
    return "".join(character if character.isalnum() or character in "._+-" else "-" for character in corpus)


def _system_row(system, rule) -> Row:
    wa, _ = attempt(scores.measure, system, "wa", rule=rule)
    ua, why_no_ua = attempt(scores.measure, system, "ua", rule=rule)
    f1, _ = attempt(scores.measure, system, "macro_f1", rule=rule)
    wa_folds, _ = attempt(scores.fold_values, system, "wa", rule)
    ua_folds, why_no_fold_ua = attempt(scores.fold_values, system, "ua", rule)
    slices = None
    if rule == scores.SLICE_RULE:
        slices, _ = attempt(scores.measure, system, "slice_wa", rule=rule)
    majority = metrics.majority(np.sum(system.confusions(rule), axis=0).sum(axis=1))
    found = bands.of(system)
    flags = [_band(b, {"wa": wa, "ua": ua}[b.metric]) for b in found]
    notes = [*system.caveats]
    notes += [f"no UA: {why_no_ua}"] if why_no_ua else [f"no UA fold mean: {why_no_fold_ua}"] if why_no_fold_ua else []
    notes += [f"no interval: {ua.why_none}"] if ua and ua.why_none else []
    return Row(
        {
            "system": system.name,
            "protocol": system.protocol,
            "preset": system.preset,
            "rule": rule,
            "n": system.n,
            "folds": system.folds,
            "seeds": ranges(system.seeds),
            "majority WA": tables.per_cent(majority),
            "WA pooled": tables.with_interval(wa),
            "WA fold mean": _mean_and_sd(wa_folds),
            "UA pooled": tables.with_interval(ua),
            "UA fold mean": _mean_and_sd(ua_folds),
            "macro F1": tables.with_interval(f1 and scores.Number(f1.value)),
            "slice WA": tables.with_interval(slices and scores.Number(slices.value)),
            "band": "; ".join(flags) or tables.NONE,
            "notes": "; ".join(notes) or tables.NONE,
        },
        identity(system, rule)
        | {
            "num_classes": len(system.classes),
            "n": system.n,
            "folds": system.folds,
            "seeds": ranges(system.seeds),
            "chance_ua": tables.fraction(1 / len(system.classes)),
            "majority_wa": tables.fraction(majority),
            **tables.interval_fields("wa_pooled", wa),
            **_mean_and_sd_fields("wa_fold", wa_folds),
            **tables.interval_fields("ua_pooled", ua),
            **_mean_and_sd_fields("ua_fold", ua_folds),
            **tables.interval_fields("macro_f1", f1),
            **tables.interval_fields("slice_wa", slices),
            "band": "; ".join(flags),
            "notes": "; ".join(notes),
            "limits": system.limits,
            "command": system.command,
        },
    )


def _band(band, number) -> str:
    """`UA 40–65: in the band`."""
    range_ = f"{band.metric.upper()} {100 * band.low:g}–{100 * band.high:g}"
    return f"{range_}: {band.flag(number.value)}" if number else range_


def _mean_and_sd(values) -> str:
    if values is None:
        return tables.NONE
    sd = f" ± {tables.per_cent(np.std(values, ddof=1))}" if len(values) > 1 else ""
    return tables.per_cent(np.mean(values)) + sd


def _mean_and_sd_fields(name, values) -> dict:
    mean = None if values is None else np.mean(values)
    sd = None if values is None or len(values) < 2 else np.std(values, ddof=1)
    return {f"{name}_mean": tables.fraction(mean), f"{name}_sd": tables.fraction(sd)}


def per_class_sheet(corpus, systems) -> Sheet:
    """Precision, recall and F1 of every class, folds and seeds pooled."""
    made = [row for system in systems for rule in system.rules for row in _class_rows(system, rule)]
    notes = ("In per cent; the counts of all folds and seeds are added first.",)
    table = Table(caption("Classes", corpus, systems), made, commands(systems), notes)
    return Sheet(f"per_class_{slug(corpus)}", f"Classes on {corpus}", (table,))


def _class_rows(system, rule):
    pooled = metrics.pooled(system.confusions(rule))
    support, decided, hits = pooled.sum(axis=1), pooled[:, :-1].sum(axis=0), pooled.diagonal()
    for k, name in enumerate(system.classes):
        values = {
            "precision": hits[k] / decided[k] if decided[k] else 0.0,  # the convention of common/metrics.per_class
            "recall": hits[k] / support[k] if support[k] else None,
            "f1": 2 * hits[k] / (support[k] + decided[k]) if support[k] else None,
        }
        yield Row(
            {
                "system": system.name,
                "protocol": system.protocol,
                "preset": system.preset,
                "rule": rule,
                "class": name,
                **{heading: tables.per_cent(value) for heading, value in values.items()},
                "in truth": str(support[k]),
                "decided": str(decided[k]),
            },
            identity(system, rule)
            | {"class": name}
            | {field: tables.fraction(value) for field, value in values.items()}
            | {"support": int(support[k]), "decided": int(decided[k])},
        )


def cost_sheet(systems) -> Sheet:
    """Parameters, seconds and memory; all corpora in one table, since no accuracy stands in it."""
    notes = ("Medians over the folds of all seeds. Memory: the largest resident size of the training process.",)
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
    epochs = descriptive.median(len(next(iter(record.history.values()), ())) for record in system.records)
    processors = sorted({_machine(record.environment) for record in system.records})
    return Row(
        {
            "system": system.name,
            "corpus": system.corpus_variant,
            "protocol": system.protocol,
            "preset": system.preset,
            "parameters": f"{parameters.value:,.0f}" if parameters else tables.NONE,
            "epochs": f"{epochs:g}",
            "seconds a fold": f"{seconds:.1f}",
            "peak MiB": f"{max(memory):,.0f}" if memory else tables.NONE,
            "machine": "; ".join(processors),
        },
        identity(system)
        | {
            "parameters": int(parameters.value) if parameters else "",
            "epochs": epochs,
            "seconds_fit": seconds,
            "peak_memory_mib": max(memory) if memory else "",
            "folds_measured": len(system.records),
            "machine": "; ".join(processors),
        },
    )


def _machine(environment) -> str:
    threads = environment.get("threads")
    return ", ".join(filter(None, [environment.get("processor"), threads and f"{threads} thread"]))


def protocols_sheet(corpus, systems) -> Sheet | None:
    """One system under a speaker-blind and under speaker-independent protocols; None where no system has both."""
    made, used = [], []
    for _, members in itertools.groupby(
        sorted(systems, key=lambda s: (s.paper, s.variant, s.preset)), key=lambda s: (s.paper, s.variant, s.preset)
    ):
        found = {system.protocol: system for system in members}
        honest = next((found[name] for name in INDEPENDENT if name in found), None)
        others = [system for name, system in sorted(found.items()) if honest and system is not honest]
        made += [_protocol_row(other, honest) for other in others]
        used += [*others, honest] if others else []
    if not made:
        return None
    notes = (
        "Per cent. Difference: the first protocol's number minus the speaker-independent one, 95 % interval with the "
        "same speakers resampled for both. What is above 0 is inflation by speakers on both sides.",
    )
    table = Table(caption("Protocols side by side", corpus, used), made, commands(used), notes)
    return Sheet(f"protocols_{slug(corpus)}", f"One system under several protocols on {corpus}", (table,))


def _protocol_row(other, honest) -> Row:
    measured = {
        (metric, s.protocol): attempt(scores.measure, s, metric)[0] for metric in ("wa", "ua") for s in (other, honest)
    }
    differences = {m: attempt(protocol_difference, other, honest, m)[0] for m in ("wa", "ua")}
    shown = {
        f"{metric.upper()} {which}": tables.with_interval(measured[metric, system.protocol])
        for metric in ("ua", "wa")
        for which, system in (("first", other), ("independent", honest))
    }
    return Row(
        {
            "system": other.name,
            "preset": other.preset,
            "first": other.protocol,
            "independent": honest.protocol,
            "n": f"{other.n}; {honest.n}",
            "seeds": f"{ranges(other.seeds)}; {ranges(honest.seeds)}",
            **shown,
            "UA difference": tables.with_interval(differences["ua"], tables.signed_per_cent),
            "WA difference": tables.with_interval(differences["wa"], tables.signed_per_cent),
        },
        identity(other)
        | {"independent": honest.protocol, "n": other.n, "n_independent": honest.n}
        | {k: v for m in ("wa", "ua") for k, v in tables.interval_fields(m, measured[m, other.protocol]).items()}
        | {
            k: v
            for m in ("wa", "ua")
            for k, v in tables.interval_fields(f"{m}_independent", measured[m, honest.protocol]).items()
        }
        | {k: v for m in ("wa", "ua") for k, v in tables.interval_fields(f"{m}_difference", differences[m]).items()},
    )


def protocol_difference(first, second, metric) -> scores.Number:
    """Pooled metric under one protocol minus that under another, the same speakers resampled for both."""
    of = scores.statistic(metric, first.classes)
    tested = first.tested(), second.tested()
    speakers = np.unique(np.concatenate([t.speakers for t in tested]))
    cells = [scores.speaker_cells(t, speakers, len(first.classes)) for t in tested]
    seeds = cells[0].shape[1]

    def difference(sums):  # (R, S1 + S2, K, K+1)
        return of(sums[:, :seeds]).mean(axis=1) - of(sums[:, seeds:]).mean(axis=1)

    value, low, high = speaker_interval(np.concatenate(cells, axis=1), difference)
    return scores.Number(value, low, high, "speakers")
