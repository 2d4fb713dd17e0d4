"""Metrics of our systems: (system, metric, aggregation, part, rule) -> value and 95 % interval, from records.

`pooled` adds the folds' counts before the metric is computed, `fold_mean` averages the folds' values. Several seeds are
averaged. Intervals are over speakers and trainings (common/evaluation/intervals). Training parts are stored without
speakers, and losses of slices without utterances; they get the prediction interval of one more seed
(`intervals.next_seed`).
"""

import dataclasses

import numpy as np

from common.evaluation import intervals, metrics
from common.evaluation.intervals import Estimate, NotComputableError, mean_over_seeds, next_seed

HISTORY = {
    ("slice_cross_entropy", "train"): "loss",
    ("slice_cross_entropy", "valid"): "val_loss",
    ("slice_wa", "train"): "accuracy",
}
SLICE_RULE = "slice_votes"


def measure(system, metric, *, aggregation="pooled", part="test", rule=None, interval=True) -> Estimate:
    """A metric of a system.

    Args:
        system: SystemResults.
        metric: named as in common/evaluation/reported_results.
        aggregation: "pooled" or "fold_mean".
        part: of the records, e.g. "test".
        rule: decision rule; None is the paper's.
        interval: whether to compute the interval of a metric of counts, which takes time.

    Raises:
        NotComputableError: it cannot be computed from the records, or is undefined on these utterances.
    """
    key = metric, aggregation, part, rule or system.rules[0], interval
    if key not in system.measured:
        system.measured[key] = _measure(system, metric, aggregation, part, rule, interval)
    return system.measured[key]


def _measure(system, metric, aggregation, part, rule, interval) -> Estimate:
    base = metric.partition(":")[0]
    if metric == "parameters":
        return _parameters(system)
    _require(system, part, rule)
    if (base, part) in HISTORY:
        return _from_history(system, HISTORY[base, part], rate=base == "slice_wa")
    if base == "cross_entropy" and part == "train":
        return _train_cross_entropy(system)
    if base in ("cross_entropy", "slice_wa"):
        terms = _losses if base == "cross_entropy" else _slices
        return _ratio(system, lambda r: terms(r, part, rule), part, aggregation, rate=base == "slice_wa")
    if base == "ua_utterances":
        return _ua_over_utterances(system, part, rule)
    if base in SPREADS:
        return SPREADS[base](system, metric.partition(":")[2], rule)
    of_confusion = metric_of(metric, system.classes)
    if part == "train":
        return next_seed(_per_seed(system, of_confusion, aggregation, part, rule), rate=True)
    if aggregation == "fold_mean":
        return _fold_mean(system, of_confusion, part, rule, interval)
    return _pooled(system, metric, of_confusion, part, rule, interval)


def _require(system, part, rule):
    if rule and rule not in system.rules:
        raise NotComputableError(f"the records have no rule {rule}")
    if any(part not in record.parts for record in system.records_used):
        raise NotComputableError(f"the records have no part {part}")


def metric_of(name, classes):
    """`metrics.by_name`, with another error.

    Raises:
        NotComputableError: the metric is unknown, or the system does not have its class.
    """
    try:
        return metrics.by_name(name, classes)
    except ValueError as error:
        raise NotComputableError(f"{name} cannot be computed from the records: {error}") from error


def fold_values(system, metric, rule=None) -> np.ndarray:
    """(F,) the value of a metric in each fold of each seed.

    Raises:
        NotComputableError: a class is absent from a fold; the message names both.
    """
    values = metric_of(metric, system.classes)(np.stack(system.confusions(rule)))  # (F,)
    if np.isnan(values).any():
        record = system.records_used[int(np.flatnonzero(np.isnan(values))[0])]
        raise NotComputableError(f"{_absent(system, [record], 'test')} in {record.fold} of seed {record.seed}")
    return values


def _spread(system, metric, rule) -> Estimate:
    """Standard deviation over the folds of all seeds."""
    values, seeds = fold_values(system, metric, rule), np.array([record.seed for record in system.records_used])
    if len(values) < 2:
        raise NotComputableError("one fold has no spread")
    by_seed = tuple(float(values[seeds == seed].std(ddof=1)) for seed in system.seeds if sum(seeds == seed) > 1)
    return Estimate(float(values.std(ddof=1)), why_none="a spread over folds has no interval here", by_seed=by_seed)


def _spread_of_repeats(system, metric, rule) -> Estimate:
    """Standard deviation over seeds of the mean over folds."""
    values, seeds = fold_values(system, metric, rule), np.array([record.seed for record in system.records_used])
    if len(system.seeds) < 2:
        raise NotComputableError("one repeat has no spread")
    means = [values[seeds == seed].mean() for seed in system.seeds]
    return Estimate(float(np.std(means, ddof=1)), why_none="a spread over repeats has no interval here")


SPREADS = {"sd": _spread, "sd_repeats": _spread_of_repeats}


def _absent(system, records, part) -> str:
    labels = np.concatenate([record.labels(part) for record in records])
    absent = [name for k, name in enumerate(system.classes) if not (labels == k).any()]
    return f"{', '.join(absent)} never occurs"


def _parameters(system) -> Estimate:
    counts = sorted({record.cost["parameters"] for record in system.records})
    if len(counts) > 1:
        raise NotComputableError(f"records with {', '.join(map(str, counts))} parameters")
    count = float(counts[0])
    return Estimate(count, count, count, "count")


def _per_seed(system, of_confusion, aggregation, part, rule) -> tuple[float, ...]:
    """The metric of each single seed; NaN if undefined."""
    values = []
    for seed in system.seeds:
        counts = np.stack(system.confusions(rule, part, seed))  # (F, K, K+1)
        value = of_confusion(counts).mean() if aggregation == "fold_mean" else of_confusion(counts.sum(axis=0))
        values.append(float(value))
    return tuple(values)


def _pooled(system, metric, of_confusion, part, rule, interval) -> Estimate:
    by_seed = _per_seed(system, of_confusion, "pooled", part, rule)
    for seed, value in zip(system.seeds, by_seed, strict=True):
        if np.isnan(value):
            where = f" in seed {seed}" if len(system.seeds) > 1 else ""
            raise NotComputableError(f"{_absent(system, system.by_seed[seed], part)}{where}")
    if not interval:
        return Estimate(float(np.mean(by_seed)), by_seed=by_seed)
    counts = system.counts([part], rule=rule)
    base, _, emotion = metric.partition(":")
    if base == "recall":  # depends only on speakers with utterances of this class
        support = metrics.support(counts.cells)[..., list(system.classes).index(emotion)]
        counts = intervals.Counts(counts.cells[support.sum(axis=(1, 2)) > 0], counts.seeds)
    return with_interval(by_seed, mean_over_seeds(of_confusion), counts)


def _ua_over_utterances(system, part, rule) -> Estimate:
    """UA with an interval that assumes independent utterances."""
    tested = system.tested(rule, part)
    each = np.arange(len(tested.labels))
    cells = metrics.confusion_by_group(tested.labels, tested.decisions, each, num_classes=len(system.classes))
    return intervals.interval_over(metric_of("ua", system.classes), cells, about="utterances")


def with_interval(by_seed, statistic, counts, **options) -> Estimate:
    """The statistic of counts with its interval, or with the reason for a missing one."""
    try:
        return dataclasses.replace(intervals.interval(statistic, counts, **options), by_seed=by_seed)
    except NotComputableError as error:
        value = intervals.value_of(statistic, counts, of=options.get("of", "seeds"))
        return Estimate(value, why_none=str(error), by_seed=by_seed)


def _fold_mean(system, of_confusion, part, rule, interval) -> Estimate:
    """Mean over folds. If the jackknife removes a speaker, a fold's weight is its share of remaining utterances."""
    by_seed = _per_seed(system, of_confusion, "fold_mean", part, rule)
    if not interval and not np.isnan(by_seed).any():
        return Estimate(float(np.mean(by_seed)), by_seed=by_seed)
    counts = system.counts([part], rule=rule)
    counts = intervals.Counts(counts.cells[:, :, 0], counts.seeds)
    values = of_confusion(counts.cells.sum(axis=0))
    if undefined := [r for r, value in zip(system.records_used, values, strict=True) if np.isnan(value)]:
        raise NotComputableError(
            f"{_absent(system, undefined[:1], part)} in {undefined[0].fold} of seed {undefined[0].seed}"
        )
    sizes = counts.cells.sum(axis=(0, 2, 3))  # (L,)
    return _weighted_folds(counts, of_confusion, lambda sums: sums.sum(axis=(-2, -1)) / sizes, by_seed, rate=True)


def _weighted_folds(counts, of_fold, weigh, by_seed, *, rate) -> Estimate:
    """Mean over folds of `of_fold`, for counts (G, L, ...)."""

    def mean(sums):  # (R, L, ...) -> (R,)
        values, weights = of_fold(sums), weigh(sums)
        weights = np.where(np.isnan(values), 0.0, weights)
        totals = weights.sum(axis=-1)  # 0 if no fold has a value
        return (np.nan_to_num(values) * weights).sum(axis=-1) / np.where(totals > 0, totals, np.nan)

    return with_interval(by_seed, mean, counts, rate=rate, of="networks")


def _ratio(system, terms, part, aggregation, *, rate) -> Estimate:
    """A ratio of sums over utterances: `terms(record)` gives numerators and denominators, (N,) each."""
    speakers = np.unique(np.concatenate([record.parts[part]["speakers"] for record in system.records_used]))
    cells = np.zeros((len(speakers), len(system.records_used), 2))
    for fold, record in enumerate(system.records_used):
        index = np.searchsorted(speakers, record.parts[part]["speakers"])
        for column, values in enumerate(terms(record)):
            np.add.at(cells, (index, fold, column), values)
    counts = intervals.Counts(cells, np.array([record.seed for record in system.records_used]))
    if aggregation == "pooled":
        return with_interval(_by_seed(counts), mean_over_seeds(_quotients), counts, rate=rate)
    values, totals = _quotients(cells.sum(axis=0)), cells[..., 1].sum(axis=0)
    by_seed = tuple(float(values[counts.seeds == seed].mean()) for seed in system.seeds)
    return _weighted_folds(counts, _quotients, lambda sums: sums[..., 1] / totals, by_seed, rate=rate)


def _by_seed(counts) -> tuple[float, ...]:
    """The quotient of each seed."""
    names = dict.fromkeys(counts.seeds.tolist())
    return tuple(float(_quotients(counts.cells[:, counts.seeds == seed].sum(axis=(0, 1)))) for seed in names)


def share(system, name, raters, *, part="test", rule=None) -> Estimate:
    """The metric `share:<name>`, with the decisions of all folds of a seed pooled.

    Args:
        system: SystemResults.
        name: as in error_shares.share_terms.
        raters: the annotations.Annotations of its corpus variant, None if there are none.
        part, rule: as for `measure`.

    Raises:
        NotComputableError: it cannot be computed from records and raters, or its denominator is 0.
    """
    from experiments.evaluation import error_shares

    _require(system, part, rule)
    used = system.records_used
    speakers = np.unique(np.concatenate([record.parts[part]["speakers"] for record in used]))
    cells = np.zeros((len(speakers), len(used), 2))  # (G, L, 2)
    for fold, record in enumerate(used):
        tested = system.tested_by(record, rule, part)
        index = np.searchsorted(speakers, tested.speakers)
        for column, (counted,) in enumerate(error_shares.share_terms(tested, name, system.classes, raters)):
            np.add.at(cells, (index, fold, column), counted)
    counts = intervals.Counts(cells, np.array([record.seed for record in used]))
    by_seed = _by_seed(counts)
    if np.isnan(by_seed).any():
        raise NotComputableError(f"share:{name} is undefined: there is no such decision")
    return with_interval(by_seed, mean_over_seeds(_quotients), counts)


def _quotients(cells):
    with np.errstate(invalid="ignore", divide="ignore"):
        return cells[..., 0] / cells[..., 1]


def _losses(record, part, rule):
    """-ln p(true class) of each utterance plus the network's regularisation term."""
    losses = metrics.cross_entropies(record.labels(part), record.scores(part, rule))
    return record.regularisation + losses, np.ones(losses.size)


def _slices(record, part, rule):
    """Numbers of correctly classified slices and of all slices, for each utterance."""
    if SLICE_RULE not in record.parts[part]["scores"]:
        raise NotComputableError(f"the records have no rule {SLICE_RULE}")
    votes = record.scores(part, SLICE_RULE)
    return votes[np.arange(len(votes)), record.labels(part)], votes.sum(axis=1)


def _train_cross_entropy(system) -> Estimate:
    values = []
    for seed in system.seeds:
        losses = [record.parts["train"]["cross_entropy"] for record in system.by_seed[seed]]
        if None in losses:
            raise NotComputableError("the first rule's scores are not probabilities")
        values.append(np.mean([x + r.regularisation for x, r in zip(losses, system.by_seed[seed], strict=True)]))
    return next_seed(values)


def _from_history(system, name, *, rate) -> Estimate:
    """The value in Keras's history for the epoch whose weights are kept."""
    values = []
    for seed in system.seeds:
        folds = system.by_seed[seed]
        if any(name not in record.history for record in folds):
            raise NotComputableError(f"the records' history has no {name}")
        values.append(np.mean([r.history[name][-1 if r.best_epoch is None else r.best_epoch] for r in folds]))
    return next_seed(values, rate=rate)
