"""Our numbers: (system, metric, aggregation, part, rule) -> value and 95 % interval, from records alone.

`pooled` adds the folds' counts before the metric is taken, `fold_mean` averages the folds' values. Several seeds: the
mean over seeds where all seeds test the same utterances, else (random splits) the counts of all seeds are added.
Intervals resample speakers (common/evaluation/resampling). Training parts are stored without speakers and slices'
losses without
utterances: their interval says where one more seed would fall (`intervals.next_seed`).
"""

import numpy as np

from common.evaluation import metrics, resampling
from common.evaluation.intervals import REPLICATES, NotComputableError, Number, next_seed, speaker_interval

BOOTSTRAPPED = {
    "wa": "wa",
    "ua": "ua",
    "macro_recall": "ua",
    "macro_f1": "macro_f1",
}  # ours -> common/evaluation/resampling
HISTORY = {
    ("slice_cross_entropy", "train"): "loss",
    ("slice_cross_entropy", "valid"): "val_loss",
    ("slice_wa", "train"): "accuracy",
}
SLICE_RULE = "slice_votes"


def measure(system, metric, *, aggregation="pooled", part="test", rule=None) -> Number:
    """A metric of a system, named as in common/evaluation/reported_results.

    Raises:
        NotComputableError: records do not tell it, or it is undefined on these utterances.
    """
    key = metric, aggregation, part, rule or system.rules[0]
    if key not in system.measured:
        system.measured[key] = _measure(system, metric, aggregation, part, rule)
    return system.measured[key]


def _measure(system, metric, aggregation, part, rule) -> Number:
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
    if base in SPREADS:
        return SPREADS[base](system, metric.partition(":")[2], rule)
    of_confusion = statistic(metric, system.classes)
    if part == "train":
        return next_seed(_per_seed(system, of_confusion, aggregation, part, rule), rate=True)
    if aggregation == "fold_mean":
        return _fold_mean(system, of_confusion, part, rule)
    return _pooled(system, metric, of_confusion, part, rule)


def _require(system, part, rule):
    if rule and rule not in system.rules:
        raise NotComputableError(f"the records have no rule {rule}")
    if any(part not in record.parts for record in system.used):
        raise NotComputableError(f"the records have no part {part}")


def margins(confusions) -> np.ndarray:
    """All that the metrics need of confusion matrices: (..., K, K+1) -> (..., 3, K), hits, support and decided."""
    confusions = np.asarray(confusions, dtype=float)
    hits = np.diagonal(confusions, axis1=-2, axis2=-1)
    return np.stack([hits, confusions.sum(-1), confusions[..., :-1].sum(-2)], axis=-2)


def statistic(metric, classes):
    """Function of margins (..., 3, K) -> (...); NaN where a class that counts never occurs.

    Raises:
        NotComputableError: no such metric, or a class that the system does not have.
    """
    base, _, which = metric.partition(":")
    functions = {
        "wa": lambda h, s, d: h.sum(-1) / s.sum(-1),
        "ua": lambda h, s, d: (h / s).mean(-1),
        "macro_recall": lambda h, s, d: (h / s).mean(-1),
        "macro_precision": lambda h, s, d: np.where((s > 0).all(-1), _precision(h, d).mean(-1), np.nan),
        "macro_f1": lambda h, s, d: np.where((s > 0).all(-1), (2 * h / (s + d)).mean(-1), np.nan),
        "recall": lambda h, s, d: h / s,
        "precision": lambda h, s, d: _precision(h, d),
        "f1": lambda h, s, d: np.where(s > 0, 2 * h / (s + d), np.nan),
    }
    if base not in functions or (bool(which) != (base in ("recall", "precision", "f1"))):
        raise NotComputableError(f"the records do not tell {metric}")
    if which and which not in classes:
        raise NotComputableError(f"the system has no class {which}")

    def of(counts):
        with np.errstate(invalid="ignore", divide="ignore"):
            values = functions[base](*np.moveaxis(counts, -2, 0))
        return values[..., list(classes).index(which)] if which else values

    return of


def _precision(hits, decided):
    return np.where(
        decided > 0, hits / np.where(decided > 0, decided, 1), 0.0
    )  # as common/evaluation/metrics.per_class


def fold_values(system, metric, rule=None) -> np.ndarray:
    """One value per fold and seed.

    Raises:
        NotComputableError: a class is absent from a fold; the message says which and where.
    """
    of = statistic(metric, system.classes)
    values = of(margins(system.confusions(rule)))  # (F,)
    if np.isnan(values).any():
        record = system.used[int(np.flatnonzero(np.isnan(values))[0])]
        raise NotComputableError(f"{_absent(system, [record], 'test')} in {record.fold} of seed {record.seed}")
    return values


def _spread(system, metric, rule) -> Number:
    """Standard deviation over the folds of all seeds."""
    values, seeds = fold_values(system, metric, rule), np.array([record.seed for record in system.used])
    if len(values) < 2:
        raise NotComputableError("one fold has no spread")
    by_seed = tuple(float(values[seeds == seed].std(ddof=1)) for seed in system.seeds if sum(seeds == seed) > 1)
    return Number(float(values.std(ddof=1)), why_none="a spread over folds has no interval here", by_seed=by_seed)


def _spread_of_repeats(system, metric, rule) -> Number:
    """Standard deviation over seeds of the mean over folds."""
    values, seeds = fold_values(system, metric, rule), np.array([record.seed for record in system.used])
    if len(system.seeds) < 2:
        raise NotComputableError("one repeat has no spread")
    means = [values[seeds == seed].mean() for seed in system.seeds]
    return Number(float(np.std(means, ddof=1)), why_none="a spread over repeats has no interval here")


SPREADS = {"sd": _spread, "sd_repeats": _spread_of_repeats}


def _absent(system, found, part) -> str:
    labels = np.concatenate([record.labels(part) for record in found])
    absent = [name for k, name in enumerate(system.classes) if not (labels == k).any()]
    return f"{', '.join(absent)} never occurs"


def _parameters(system) -> Number:
    found = sorted({record.cost["parameters"] for record in system.records})
    if len(found) > 1:
        raise NotComputableError(f"records with {', '.join(map(str, found))} parameters")
    return Number(float(found[0]), float(found[0]), float(found[0]), "count")


def _per_seed(system, of, aggregation, part, rule) -> tuple[float, ...]:
    """The metric of each seed alone; NaN where undefined."""
    values = []
    for seed in system.seeds:
        counts = margins(system.confusions(rule, part, seed))  # (F, 3, K)
        value = of(counts).mean() if aggregation == "fold_mean" else of(counts.sum(axis=0))
        values.append(float(value))
    return tuple(values)


def _pooled(system, metric, of, part, rule) -> Number:
    by_seed = _per_seed(system, of, "pooled", part, rule)
    tested = system.tested(rule, part)
    cells = speaker_margins(tested, np.unique(tested.speakers), len(system.classes))  # (G, S, 3, K)
    value = float(of(cells.sum(axis=0)).mean())
    if np.isnan(value):
        raise NotComputableError(_absent(system, system.used, part))
    base, _, which = metric.partition(":")
    try:
        if base in BOOTSTRAPPED or base == "recall":
            low, high = _bootstrapped(tested, BOOTSTRAPPED.get(base, "wa"), system.classes, which)
        else:
            _, low, high = speaker_interval(cells, lambda sums: of(sums).mean(axis=-1), rate=True)
    except ValueError as error:
        return Number(value, why_none=str(error), by_seed=by_seed)
    return Number(value, low, high, "speakers", by_seed=by_seed)


def _bootstrapped(tested, metric, classes, which):
    """Low and high; a class's recall is the WA of the utterances that are of it."""
    kept = tested.labels == list(classes).index(which) if which else np.full(tested.labels.size, True)
    interval = resampling.bootstrap_interval(
        tested.labels[kept],
        tested.decisions[:, kept],
        tested.speakers[kept],
        metric=metric,
        classes=classes,
        replicates=REPLICATES,
    )
    return interval.low, interval.high


def speaker_margins(tested, speakers, num_classes) -> np.ndarray:
    """(G, S, 3, K): the margins of each speaker and seed, for sorted speakers of which some may be missing here."""
    index = np.searchsorted(speakers, tested.speakers)
    counts = np.zeros((len(speakers), len(tested.decisions), 3, num_classes))
    for seed, decisions in enumerate(tested.decisions):
        _count(counts[:, seed], index, tested.labels, decisions)
    return counts


def _count(counts, index, labels, decisions):
    """Add utterances to margins (G, 3, K): hits, support and decided."""
    right, decided = decisions == labels, decisions != metrics.NO_DECISION
    np.add.at(counts, (index[right], 0, labels[right]), 1)
    np.add.at(counts, (index, 1, labels), 1)
    np.add.at(counts, (index[decided], 2, decisions[decided]), 1)


def _fold_mean(system, of, part, rule) -> Number:
    """A speaker drawn twice makes its folds count twice: a fold's weight is its share of drawn utterances."""
    by_seed = _per_seed(system, of, "fold_mean", part, rule)
    speakers = np.unique(np.concatenate([record.parts[part]["speakers"] for record in system.used]))
    cells = np.zeros((len(speakers), len(system.used), 3, len(system.classes)))  # (G, L, 3, K)
    for fold, record in enumerate(system.used):
        index = np.searchsorted(speakers, record.parts[part]["speakers"])
        decisions = system.decisions(record, rule or system.rules[0], part)
        _count(cells[:, fold], index, record.labels(part), decisions)
    if undefined := [r for r, v in zip(system.used, of(cells.sum(axis=0)), strict=True) if np.isnan(v)]:
        raise NotComputableError(f"{_absent(system, undefined[:1], part)} in {undefined[0].fold}")
    sizes = cells[:, :, 1].sum(axis=(0, 2))  # (L,)
    return _weighted_folds(cells, of, lambda sums: sums[..., 1, :].sum(axis=-1) / sizes, by_seed, rate=True)


def _weighted_folds(cells, of, weigh, by_seed, *, rate) -> Number:
    """Mean over folds of `of`, for cells (G, L, ...)."""

    def mean(sums):  # (R, L, ...) -> (R,)
        values, weights = of(sums), weigh(sums)
        weights = np.where(np.isnan(values), 0.0, weights)
        totals = weights.sum(axis=-1)  # 0 where no fold has a value
        return (np.nan_to_num(values) * weights).sum(axis=-1) / np.where(totals > 0, totals, np.nan)

    try:
        value, low, high = speaker_interval(cells, mean, rate=rate)
    except NotComputableError as error:
        return Number(float(mean(cells.sum(axis=0)[None])[0]), why_none=str(error), by_seed=by_seed)
    return Number(value, low, high, "speakers", by_seed=by_seed)


def _ratio(system, terms, part, aggregation, *, rate) -> Number:
    """Mean of a quantity that each utterance adds to: `terms(record)` gives numerators and denominators, (N,) each."""
    speakers = np.unique(np.concatenate([record.parts[part]["speakers"] for record in system.used]))
    cells = np.zeros((len(speakers), len(system.used), 2))
    for fold, record in enumerate(system.used):
        index = np.searchsorted(speakers, record.parts[part]["speakers"])
        for column, values in enumerate(terms(record)):
            np.add.at(cells, (index, fold, column), values)
    if aggregation == "pooled":
        folds = np.array([record.seed for record in system.used])
        by_seed = tuple(_quotient(cells[:, folds == seed].sum(axis=(0, 1))) for seed in system.seeds)
        cells = cells.sum(axis=1, keepdims=True)
    else:
        values = _quotients(cells.sum(axis=0))
        by_seed = tuple(
            float(np.mean([v for v, r in zip(values, system.used, strict=True) if r.seed == seed]))
            for seed in system.seeds
        )
    totals = cells[..., 1].sum(axis=0)
    return _weighted_folds(cells, _quotients, lambda sums: sums[..., 1] / totals, by_seed, rate=rate)


def share(system, what, raters, *, part="test", rule=None) -> Number:
    """The metric `share:<what>`: a share of chosen decisions, those of all folds and seeds added.

    Args:
        system: of experiments/evaluation/system_results.
        what: as in error_shares.share_terms.
        raters: the annotations.Annotations of its corpus variant, None where there are none.
        part, rule: as for `measure`.

    Raises:
        NotComputableError: records and raters do not tell it, or there is no such decision.
    """
    from experiments.evaluation import error_shares

    _require(system, part, rule)
    tested = system.tested(rule, part)
    terms = error_shares.share_terms(tested, what, system.classes, raters)
    speakers, index = np.unique(tested.speakers, return_inverse=True)
    cells = np.zeros((len(speakers), len(tested.decisions), 2))  # (G, S, 2)
    for column, chosen in enumerate(terms):
        for seed, counted in enumerate(chosen):
            np.add.at(cells, (index, seed, column), counted)
    if not cells[..., 1].any():
        raise NotComputableError(f"there is no decision that share:{what} would count")
    by_seed = tuple(_quotients(cells.sum(axis=0)).tolist())
    total = cells[..., 1].sum()
    pooled = cells.sum(axis=1, keepdims=True)  # (G, 1, 2)
    return _weighted_folds(pooled, _quotients, lambda sums: sums[..., 1] / total, by_seed, rate=True)


def _quotients(cells):
    with np.errstate(invalid="ignore", divide="ignore"):
        return cells[..., 0] / cells[..., 1]


def _quotient(cell) -> float:
    return float(cell[0] / cell[1])


def _losses(record, part, rule):
    """-ln p(true class) of each utterance plus the network's regularisation term."""
    scores, labels = record.scores(part, rule), record.labels(part)
    metrics.cross_entropy(labels, scores)  # raises where the scores are no probabilities
    chosen = np.maximum(scores[np.arange(labels.size), labels], metrics.PROBABILITY_FLOOR)
    return record.regularisation - np.log(chosen), np.ones(labels.size)


def _slices(record, part, rule):
    """Slices decided rightly and all slices, of each utterance."""
    if SLICE_RULE not in record.parts[part]["scores"]:
        raise NotComputableError(f"the records have no rule {SLICE_RULE}")
    votes = record.scores(part, SLICE_RULE)
    return votes[np.arange(len(votes)), record.labels(part)], votes.sum(axis=1)


def _train_cross_entropy(system) -> Number:
    values = []
    for seed in system.seeds:
        losses = [record.parts["train"]["cross_entropy"] for record in system.by_seed[seed]]
        if None in losses:
            raise NotComputableError("the first rule's scores are no probabilities")
        values.append(np.mean([x + r.regularisation for x, r in zip(losses, system.by_seed[seed], strict=True)]))
    return next_seed(values)


def _from_history(system, name, *, rate) -> Number:
    """The value of the epoch whose weights are kept, as Keras printed it."""
    values = []
    for seed in system.seeds:
        folds = system.by_seed[seed]
        if any(name not in record.history for record in folds):
            raise NotComputableError(f"the records' history has no {name}")
        values.append(np.mean([r.history[name][-1 if r.best_epoch is None else r.best_epoch] for r in folds]))
    return next_seed(values, rate=rate)
