"""All numbers of all systems as one DataFrame, one row a number: what the tables pivot and what Python users read.

A number is named by (metric, part, aggregation), with the words of `scores.measure`.
"""

import itertools

import pandas as pd

from common.evaluation import metrics
from experiments.evaluation import scores
from experiments.evaluation.system_results import ranges

KEY = ["corpus_variant", "protocol", "preset", "paper", "variant", "rule"]
ABOUT = ["n", "folds", "seeds", "trained_out", "notes"]
VALUE = ["estimate", "low", "high", "why_none"]
COLUMNS = [*KEY, "part", "metric", "class", "aggregation", *VALUE, *ABOUT]

UA, WA = ("ua", "test", "pooled"), ("wa", "test", "pooled")
NUMBERS = (
    *itertools.product(("wa", "ua", "macro_f1"), ("test",), ("pooled", "fold_mean")),
    ("ua_utterances", "test", "pooled"),
    *((f"sd:{metric}", "test", "fold_mean") for metric in ("wa", "ua")),
    *((metric, "test", "pooled") for metric in ("cross_entropy", "slice_wa", *metrics.OF_CLASSES)),
    *((metric, "train", "pooled") for metric in ("wa", "ua", "cross_entropy")),
)


def frame(systems, numbers=NUMBERS, *, own_rule=False) -> pd.DataFrame:
    """One row per system, decision rule and number.

    Args:
        systems: SystemResults; what is measured of one is kept with it.
        numbers: (metric, part, aggregation) each; `recall`, `precision` and `f1` are measured of every class.
        own_rule: the paper's own decision rule alone.

    Returns:
        `COLUMNS`. `estimate`, `low` and `high` are NaN where there is no number or no interval, and `why_none` then
        says why. Rates are fractions. `class` is "" for metrics of all classes; `notes` is what a reader of any number
        of the system must know. What rules share has a row at one rule: training parts at the paper's own, slices at
        the votes of slices.
    """
    rows = []
    for system in systems:
        about = {"n": system.num_test, "folds": system.folds, "seeds": ranges(system.seeds)}
        about |= {"trained_out": system.trained_out, "notes": "; ".join(system.caveats)}
        for rule in system.rules[:1] if own_rule else system.rules:
            key = {name: getattr(system, name) for name in KEY[:-1]} | {"rule": rule}
            rows += [key | number | about for number in _numbers(system, rule, numbers)]
    values = {name: "float64" for name in VALUE[:3]}
    return pd.DataFrame(rows, columns=COLUMNS).astype(values)


def _numbers(system, rule, numbers):
    for metric, part, aggregation in numbers:
        if (part == "train" and rule != system.rules[0]) or (metric == "slice_wa" and rule != scores.SLICE_RULE):
            continue
        for emotion in system.classes if metric in metrics.OF_CLASSES else [""]:
            name = f"{metric}:{emotion}" if emotion else metric
            number = {"part": part, "metric": metric, "class": emotion, "aggregation": aggregation}
            try:
                estimate = scores.measure(system, name, aggregation=aggregation, part=part, rule=rule)
                value = {"estimate": estimate.value, "low": estimate.low, "high": estimate.high}
                yield number | value | {"why_none": estimate.why_none}
            except ValueError as error:
                yield number | {"why_none": str(error)}


def wide(measured, names) -> pd.DataFrame:
    """One row per system and rule, in the order of `measured`: `KEY`, `ABOUT`, and four columns a number.

    Args:
        measured: of `frame`.
        names: column -> (metric, part, aggregation), of metrics without a class. `ua` also gives `ua_low`, `ua_high`
            and `ua_why_none`.
    """
    rows = measured[KEY + ABOUT].drop_duplicates()
    for name, number in names.items():
        chosen = (measured[["metric", "part", "aggregation"]] == list(number)).all(axis="columns")
        columns = {field: name if field == "estimate" else f"{name}_{field}" for field in VALUE}
        rows = rows.merge(measured.loc[chosen, KEY + VALUE].rename(columns=columns), on=KEY, how="left")
    return rows


def predictions(records) -> pd.DataFrame:
    """One row per record, part with scores, decision rule and utterance.

    Returns:
        The record's `KEY`, `seed`, `fold`, `part`, `utterance`, `speaker`, `label`, `rule`, `prediction` (missing where
        nothing was decided) and `score`, that of the decided class.
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
