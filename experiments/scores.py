"""Our numbers: (system, metric, aggregation, part, rule) -> value and 95 % interval, from records alone.

`pooled` adds the folds' counts before the metric is taken, `fold_mean` averages the folds' values. Several seeds: the
mean over seeds where all seeds test the same utterances, else (random splits) the counts of all seeds are added.
Intervals resample speakers (common/statistics). Training parts are stored without speakers and slices' losses without
utterances: their interval says where one more seed would fall (`intervals.next_seed`).
"""

import numpy as np

from common import metrics, statistics
from experiments.intervals import REPLICATES, NotComputableError, Number, next_seed, speaker_interval

BOOTSTRAPPED = {"wa": "wa", "ua": "ua", "macro_recall": "ua", "macro_f1": "macro_f1"}  # ours -> common/statistics
HISTORY = {
    ("slice_cross_entropy", "train"): "loss",
    ("slice_cross_entropy", "valid"): "val_loss",
    ("slice_wa", "train"): "accuracy",
}
SLICE_RULE = "slice_votes"


def measure(system, metric, *, aggregation="pooled", part="test", rule=None) -> Number:
    """A metric of a system, named as in common/published.

    Raises:
        NotComputableError: records do not tell it, or it is undefined on these utterances.
    """
    base = metric.partition(":")[0]
    if metric == "parameters":
        return _parameters(system)
    if rule and rule not in system.rules:
        raise NotComputableError(f"the records have no rule {rule}")
    if any(part not in record.parts for record in system.used):
        raise NotComputableError(f"the records have no part {part}")
    if (base, part) in HISTORY:
        return _from_history(system, HISTORY[base, part], rate=base == "slice_wa")
    if base == "cross_entropy" and part == "train":
        return _train_cross_entropy(system)
    if base in ("cross_entropy", "slice_wa"):
        terms = _losses if base == "cross_entropy" else _slices
        return _ratio(system, lambda r: terms(r, part, rule), part, aggregation, rate=base == "slice_wa")
    of_confusion = statistic(metric, system.classes)
    if part == "train":
        return next_seed(_per_seed(system, of_confusion, aggregation, part, rule), rate=True)
    if aggregation == "fold_mean":
        return _fold_mean(system, of_confusion, part, rule)
    return _pooled(system, metric, of_confusion, part, rule)


def statistic(metric, classes):
    """Function of confusion matrices (..., K, K+1) -> (...); NaN where a class that counts never occurs.

    Raises:
        NotComputableError: no such metric, or a class that the system does not have.
    """
    base, _, which = metric.partition(":")
    functions = {
        "wa": lambda h, s, d: h.sum(-1) / s.sum(-1),
        "ua": lambda h, s, d: (h / s).mean(-1),
        "macro_recall": lambda h, s, d: (h / s).mean(-1),
        "macro_precision": lambda h, s, d: _precision(h, d).mean(-1) + 0 * (h / s).sum(-1),
        "macro_f1": lambda h, s, d: (2 * h / (s + d)).mean(-1) + 0 * (h / s).sum(-1),
        "recall": lambda h, s, d: h / s,
        "precision": lambda h, s, d: _precision(h, d),
        "f1": lambda h, s, d: 2 * h / (s + d) + 0 * (h / s),
    }
    if base not in functions or (bool(which) != (base in ("recall", "precision", "f1"))):
        raise NotComputableError(f"the records do not tell {metric}")
    if which and which not in classes:
        raise NotComputableError(f"the system has no class {which}")

    def of(confusions):
        hits = np.diagonal(confusions, axis1=-2, axis2=-1).astype(float)
        support = confusions.sum(-1).astype(float)
        decided = confusions[..., :-1].sum(-2).astype(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = functions[base](hits, support, decided)
        return values[..., list(classes).index(which)] if which else values

    return of


def _precision(hits, decided):
    return np.where(decided > 0, hits / np.where(decided > 0, decided, 1), 0.0)  # as common/metrics.per_class


def fold_values(system, metric, rule=None) -> np.ndarray:
    """One value per fold and seed.

    Raises:
        NotComputableError: a class is absent from a fold; the message says which and where.
    """
    of = statistic(metric, system.classes)
    values = np.array([of(confusion) for confusion in system.confusions(rule)])
    if np.isnan(values).any():
        record = system.used[int(np.flatnonzero(np.isnan(values))[0])]
        raise NotComputableError(f"{_absent(system, [record], 'test')} in {record.fold} of seed {record.seed}")
    return values


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
        confusions = np.array(system.confusions(rule, part, seed))  # (F, K, K+1)
        value = of(confusions).mean() if aggregation == "fold_mean" else of(confusions.sum(axis=0))
        values.append(float(value))
    return tuple(values)


def _pooled(system, metric, of, part, rule) -> Number:
    by_seed = _per_seed(system, of, "pooled", part, rule)
    tested = system.tested(rule, part)
    cells = _cells(tested, len(system.classes))  # (G, S, K, K+1)
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
    interval = statistics.bootstrap_interval(
        tested.labels[kept],
        tested.decisions[:, kept],
        tested.speakers[kept],
        metric=metric,
        classes=classes,
        replicates=REPLICATES,
    )
    return interval.low, interval.high


def _cells(tested, num_classes) -> np.ndarray:
    """(G, S, K, K+1): one confusion matrix per speaker and seed."""
    return speaker_cells(tested, np.unique(tested.speakers), num_classes)


def speaker_cells(tested, speakers, num_classes) -> np.ndarray:
    """As `_cells`, for a sorted list of speakers of which some may be missing."""
    index = np.searchsorted(speakers, tested.speakers)
    shape = (len(speakers), num_classes, num_classes + 1)
    cells = []
    for decisions in tested.decisions:
        columns = np.where(decisions == metrics.NO_DECISION, num_classes, decisions)
        flat = (index * num_classes + tested.labels) * (num_classes + 1) + columns
        cells.append(np.bincount(flat, minlength=np.prod(shape)).reshape(shape))
    return np.stack(cells, axis=1)


def _fold_mean(system, of, part, rule) -> Number:
    """A speaker drawn twice makes its folds count twice: a fold's weight is its share of drawn utterances."""
    by_seed = _per_seed(system, of, "fold_mean", part, rule)
    speakers = np.unique(np.concatenate([record.parts[part]["speakers"] for record in system.used]))
    index = [np.searchsorted(speakers, record.parts[part]["speakers"]) for record in system.used]
    num_classes = len(system.classes)
    cells = np.zeros((len(speakers), len(index), num_classes, num_classes + 1))
    for fold, record in enumerate(system.used):
        decisions = system.decisions(record, rule or system.rules[0], part)
        np.add.at(cells, (index[fold], fold, record.labels(part), decisions), 1)  # -1 is the last column
    if undefined := [r for r, v in zip(system.used, of(cells.sum(axis=0)), strict=True) if np.isnan(v)]:
        raise NotComputableError(f"{_absent(system, undefined[:1], part)} in {undefined[0].fold}")
    sizes = cells.sum(axis=(0, 2, 3))  # (L,)
    return _weighted_folds(cells, of, lambda sums: sums.sum(axis=(-2, -1)) / sizes, by_seed, rate=True)


def _weighted_folds(cells, of, weigh, by_seed, *, rate) -> Number:
    """Mean over folds of `of`, for cells (G, L, ...)."""

    def mean(sums):  # (R, L, ...) -> (R,)
        values, weights = of(sums), weigh(sums)
        weights = np.where(np.isnan(values), 0.0, weights)
        return (np.nan_to_num(values) * weights).sum(axis=-1) / weights.sum(axis=-1)

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
