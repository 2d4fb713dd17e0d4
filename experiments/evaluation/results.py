"""All results of all systems as one DataFrame with one row per value, for the tables and for Python users.

A value is identified by (metric, part, aggregation), the arguments of `noise_conditions.measure`.
"""

import itertools

import pandas as pd

from common.evaluation import metrics
from experiments.evaluation import noise_conditions, plausible_ranges, scores
from experiments.evaluation.system_results import ranges

KEY = ["corpus_variant", "protocol", "preset", "paper", "variant", "rule"]
ABOUT = ["n", "folds", "seeds", "converged", "notes"]
SEEDS = ["lowest_seed", "highest_seed"]
BAND = ["band", "band_source"]
VALUE = ["estimate", "low", "high", *SEEDS, "why_none", *BAND]
AGGREGATIONS = ("pooled", "fold_mean")
COLUMNS = [*KEY, "part", "metric", "class", "aggregation", *VALUE, *ABOUT]

UA, WA = ("ua", "test", "pooled"), ("wa", "test", "pooled")
NUMBERS = (
    *itertools.product(("wa", "ua", "macro_f1"), ("test",), ("pooled", "fold_mean")),
    ("ua_utterances", "test", "pooled"),
    *((f"sd:{metric}", "test", "fold_mean") for metric in ("wa", "ua")),
    *((metric, "test", "pooled") for metric in ("no_decision", "cross_entropy", "slice_wa", *metrics.OF_CLASSES)),
    *((metric, "train", "pooled") for metric in ("wa", "ua", "cross_entropy")),
)


def frame(systems, numbers=NUMBERS, *, own_rule=False) -> pd.DataFrame:
    """One row per system, decision rule and value.

    Args:
        systems: SystemResults; computed values are cached in them.
        numbers: tuples (metric, part, aggregation); `recall`, `precision` and `f1` give a row per class.
        own_rule: whether to include only the paper's decision rule.

    Returns:
        A DataFrame with `COLUMNS`. `estimate`, `low` and `high` are NaN if there is no value or no interval; `why_none`
        then has the reason. Rates are fractions. `lowest_seed` and `highest_seed` are values of single seeds, NaN if
        there is only one. `band` states the position in the plausible range, "" if unknown, and `band_source` its
        source. `class` is "" for metrics of all classes; `notes` has the system's caveats. Values that do not depend on
        the rule have a single row: training parts at the paper's rule, slices at the rule of slice votes.
    """
    rows = _rows(systems, numbers, own_rule, AGGREGATIONS)
    values = {name: "float64" for name in ["estimate", "low", "high", *SEEDS]}
    return pd.DataFrame(rows, columns=COLUMNS).astype(values)


def _rows(systems, numbers, own_rule, with_interval):
    """The rows of `frame` as dicts; `with_interval` lists the aggregations for which intervals are computed."""
    for system in systems:
        about = {"n": system.num_test, "folds": system.folds, "seeds": ranges(system.seeds)}
        about |= {"converged": system.converged, "notes": "; ".join(system.caveats)}
        for rule in system.rules[:1] if own_rule else system.rules:
            key = {name: getattr(system, name) for name in KEY[:-1]} | {"rule": rule}
            for number in _numbers(system, rule, numbers, with_interval):
                yield key | number | about


def _numbers(system, rule, numbers, with_interval):
    for metric, part, aggregation in numbers:
        if (part == "train" and rule != system.rules[0]) or (metric == "slice_wa" and rule != scores.SLICE_RULE):
            continue
        for emotion in system.classes if metric in metrics.OF_CLASSES else [""]:
            name = f"{metric}:{emotion}" if emotion else metric
            number = {"part": part, "metric": metric, "class": emotion, "aggregation": aggregation}
            options = {"part": part, "rule": rule, "interval": aggregation in with_interval}
            try:
                number |= _value(noise_conditions.measure(system, name, aggregation=aggregation, **options))
            except ValueError as error:
                number["why_none"] = str(error)
            is_headline = (part, aggregation) == ("test", "pooled")
            band = plausible_ranges.range_of(system, metric) if is_headline else None
            words = (band.in_words(number.get("estimate"), system.corpus_variant), band.source) if band else ("", "")
            yield number | dict(zip(BAND, words, strict=True))


def _value(estimate) -> dict:
    ends = (min(estimate.by_seed), max(estimate.by_seed)) if len(estimate.by_seed) > 1 else (None, None)
    value = {"estimate": estimate.value, "low": estimate.low, "high": estimate.high, "why_none": estimate.why_none}
    return value | dict(zip(SEEDS, ends, strict=True))


def wide(systems, names, *, own_rule=True, intervals=True) -> pd.DataFrame:
    """One row per system, rule and class, with the columns `KEY`, `class`, `ABOUT` and those of all values.

    Args:
        systems: SystemResults.
        names: {column: (metric, part, aggregation)}. A column `ua` also gives `ua_low`, `ua_why_none` and all other
            fields of `VALUE`.
        own_rule: whether to include only the paper's decision rule.
        intervals: whether to compute intervals of pooled metrics of counts; means over folds get none.
    """
    rows, about = {}, [*KEY, "class", *ABOUT]
    for row in _rows(systems, dict.fromkeys(names.values()), own_rule, ("pooled",) if intervals else ()):
        fields = rows.setdefault(tuple(row[name] for name in [*KEY, "class"]), {name: row[name] for name in about})
        for name, number in names.items():
            if number == (row["metric"], row["part"], row["aggregation"]):
                fields |= {name if field == "estimate" else f"{name}_{field}": row.get(field) for field in VALUE}
    columns = about + [name if field == "estimate" else f"{name}_{field}" for name in names for field in VALUE]
    return pd.DataFrame(list(rows.values()), columns=columns, dtype=object)


def predictions(records) -> pd.DataFrame:
    """One row per record, part with scores, decision rule and utterance.

    Returns:
        A DataFrame with the record's `KEY`, `seed`, `fold`, `part`, `utterance`, `speaker`, `label`, `rule`,
        `prediction` (missing for "no decision") and `score` (of the predicted class).
    """
    frames = []
    for record in records:
        job = {name: getattr(record, name) for name in (*KEY[:-1], "seed", "fold")}
        for name, part in record.parts.items():
            for rule in part.get("scores", {}):
                frames.append(pd.DataFrame(job | {"part": name} | _decided(record, name, rule)))
    first = [*KEY[:-1], "seed", "fold", "part", "utterance", "speaker", "label", "rule", "prediction", "score"]
    return pd.concat(frames, ignore_index=True)[first] if frames else pd.DataFrame(columns=first)


def _decided(record, part, rule) -> dict:
    values = record.scores(part, rule)  # (N, K)
    decisions = metrics.decide(values)  # (N,)
    names = [*record.classes, None]  # -1, no decision, is the last
    return {
        "utterance": record.parts[part]["utterances"],
        "speaker": record.parts[part]["speakers"],
        "label": [record.classes[k] for k in record.labels(part)],
        "rule": rule,
        "prediction": [names[k] for k in decisions],
        "score": pd.Series(values.max(axis=1)).where(decisions != metrics.NO_DECISION),
    }
