import doctest

import numpy as np
import pytest
import scipy.stats

from common.evaluation import intervals, metrics
from common.evaluation.intervals import NotComputableError
from tests.support import simulate_statistics
from tests.support.simulate_statistics import CLASSES, counts

METRICS = ("wa", "ua", "macro_f1")


@pytest.fixture(scope="module")
def data():
    """labels (N,), decisions of two systems (2, N), speakers (N,): 24 speakers with 60 utterances each."""
    return simulate_statistics.draw(np.random.default_rng(7), num_speakers=24)


def interval(metric, labels, decisions, groups, classes=CLASSES, **options):
    cells = metrics.confusion_by_group(labels, decisions, groups, num_classes=len(classes))
    return intervals.interval(metrics.by_name(metric, classes), cells, **options)


def pooled(metric, labels, decisions):
    return metrics.by_name(metric, CLASSES)(metrics.confusion_matrix(labels, decisions, num_classes=len(CLASSES)))


def test_examples_in_the_docstrings():
    tested = doctest.testmod(intervals)
    assert tested.failed == 0 and tested.attempted >= 1


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("clusters", ["speakers", "utterances"])
def test_the_estimate_is_the_pooled_metric(data, metric, clusters):
    labels, (decisions, _), groups = data
    groups = groups if clusters == "speakers" else np.arange(labels.size)
    estimate = interval(metric, labels, decisions, groups, about=clusters, replicates=200)
    assert estimate.value == pytest.approx(pooled(metric, labels, decisions))
    assert estimate.low < estimate.value < estimate.high and estimate.about == clusters


@pytest.mark.parametrize("metric", METRICS)
def test_replicates_equal_a_naive_loop_over_resampled_utterances(data, metric, monkeypatch):
    labels, decisions, groups = (array[..., :600] for array in data)  # ten speakers
    monkeypatch.setattr(intervals, "CHUNK", 1_000)  # some resamplings at a time
    by_name = metrics.by_name(metric, CLASSES)
    replicates = intervals.resample(by_name, counts(labels, decisions, groups), replicates=20, seed=5)
    weights = np.random.default_rng(5).multinomial(10, np.full(10, 0.1), size=20)
    for value, drawn in zip(replicates, weights, strict=True):
        rows = np.concatenate([np.tile(np.flatnonzero(groups == g), n) for g, n in enumerate(drawn)])
        by_hand = [pooled(metric, labels[rows], run[rows]) for run in decisions]
        assert value == pytest.approx(np.mean(by_hand))


def test_the_standard_error_equals_scipys_bootstrap_and_the_closed_form(data):
    labels, (decisions, _), groups = data
    estimate = interval("wa", labels, decisions, groups)
    per_speaker = (decisions == labels).reshape(24, 60).mean(axis=1)  # equal sizes: WA is their mean
    closed_form = per_speaker.std(ddof=1) / np.sqrt(24)
    assert estimate.standard_error == pytest.approx(closed_form, rel=0.03)
    by_scipy = scipy.stats.bootstrap((per_speaker,), np.mean, n_resamples=9_999, rng=np.random.default_rng(0))
    assert estimate.standard_error == pytest.approx(by_scipy.standard_error * np.sqrt(24 / 23), rel=0.03)
    on_logits = estimate.standard_error / (estimate.value * (1 - estimate.value))
    low, high = scipy.stats.t.interval(0.95, 23, scipy.special.logit(estimate.value), on_logits)
    assert scipy.special.logit([estimate.low, estimate.high]) == pytest.approx([low, high])


def test_independent_utterances_have_the_binomial_standard_error(data):
    labels, (decisions, _), groups = data
    estimate = interval("wa", labels, decisions, np.arange(labels.size), about="utterances", replicates=4_000)
    p = estimate.value
    assert estimate.standard_error == pytest.approx(np.sqrt(p * (1 - p) / 1439), rel=0.05)


def test_several_seeds_average_the_metric_and_share_the_resampled_speakers(data):
    labels, decisions, groups = data
    both = interval("ua", labels, decisions, groups)
    assert both.value == pytest.approx(np.mean([pooled("ua", labels, run) for run in decisions]))
    twice = interval("ua", labels, np.stack([decisions[0]] * 2), groups)
    once = interval("ua", labels, decisions[0], groups)
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))


def test_the_order_of_utterances_and_the_names_of_speakers_do_not_matter(data):
    labels, (decisions, _), groups = data
    order = np.random.default_rng(0).permutation(labels.size)
    names = np.array([f"actor {g:02d}" for g in groups])
    first = interval("ua", labels, decisions, groups, replicates=500)
    assert interval("ua", labels[order], decisions[order], names[order], replicates=500) == first


def test_clusters_of_equal_counts_are_put_together_without_another_result(data, monkeypatch):
    labels, (decisions, _), _ = data
    each = np.arange(labels.size)
    together = interval("ua", labels, decisions, each, about="utterances")
    monkeypatch.setattr(intervals, "MANY", labels.size)
    one_by_one = interval("ua", labels, decisions, each, about="utterances", replicates=2_000)
    assert together.standard_error == pytest.approx(one_by_one.standard_error, rel=0.06)


def test_a_perfect_system_is_not_certain():
    labels = np.tile([0, 1], 30)
    groups = np.repeat(np.arange(10), 6)
    best = interval("ua", labels, labels, groups, "ab", replicates=100)
    assert best.high == 1 and best.low == pytest.approx(0.025**0.1)
    assert best.low == pytest.approx(scipy.stats.binomtest(10, 10).proportion_ci(0.95).low)  # Clopper-Pearson
    worst = interval("wa", labels, 1 - labels, groups, "ab", replicates=100)
    assert (worst.low, worst.high) == (0, pytest.approx(1 - 0.025**0.1))


def test_replicates_that_lost_a_class_are_left_out():
    labels = np.array([0, 0, 1] * 2 + [0, 0, 0] * 3)  # class 1 only at two of five speakers
    groups = np.repeat(np.arange(5), 3)
    decisions = np.where(np.arange(15) % 4 == 0, -1, labels)
    assert interval("ua", labels, decisions, groups, "ab").undefined == pytest.approx(0.6**5, abs=0.02)
    assert interval("wa", labels, decisions, groups, "ab").undefined == 0


def test_what_cannot_have_an_interval_is_refused():
    labels, groups = np.array([0, 1, 0, 1]), np.array(["a", "a", "b", "b"])
    with pytest.raises(NotComputableError, match="2 speakers; an interval needs 3 or more"):
        interval("ua", labels, labels, groups, "xy")
    with pytest.raises(NotComputableError, match="undefined on these utterances"):
        interval("ua", labels, labels, np.arange(4), "xyz")
    rare = np.array([1] + [0] * 8 + [2])
    with pytest.raises(NotComputableError, match="undefined in more than half of the resamplings of speakers"):
        interval("ua", rare, rare, np.arange(10), "xyz")
    with pytest.raises(ValueError, match="level=95"):
        interval("wa", labels, labels, np.arange(4), "xy", level=95)


def test_a_number_that_is_no_rate_has_the_students_interval_of_its_clusters():
    """Mean of values of equal clusters, which may lie outside [0, 1]."""
    values = np.random.default_rng(0).normal(3, 2, 12)
    cells = np.stack([values, np.ones(12)], axis=1)
    estimate = intervals.interval(lambda sums: sums[..., 0] / sums[..., 1], cells, rate=False)
    half = scipy.stats.t.ppf(0.975, 11) * values.std(ddof=1) / np.sqrt(12)
    assert estimate.value == pytest.approx(values.mean())
    assert [estimate.low, estimate.high] == pytest.approx([values.mean() - half, values.mean() + half], rel=0.03)


def test_the_difference_is_that_of_the_metrics_and_its_error_that_of_paired_speakers(data):
    labels, (first, second), groups = data
    one, other = counts(labels, first, groups), counts(labels, second, groups)
    estimate = intervals.difference(metrics.by_name("wa", CLASSES), one, other)
    per_speaker = (1.0 * (first == labels) - (second == labels)).reshape(24, 60).mean(axis=1)
    assert estimate.value == pytest.approx(per_speaker.mean())
    assert estimate.standard_error == pytest.approx(per_speaker.std(ddof=1) / np.sqrt(24), rel=0.03)
    same = intervals.difference(metrics.by_name("ua", CLASSES), one, np.concatenate([one, one], axis=1))
    assert (same.value, same.low, same.high) == pytest.approx((0, 0, 0), abs=1e-12)


# In full: `python -m tests.support.simulate_statistics`; 250 data sets leave a standard error of 1.4 points.


def test_the_interval_covers_what_it_says_where_the_percentile_interval_does_not():
    ours, _, _ = simulate_statistics.coverage(num_sets=250)
    assert 0.91 <= ours <= 0.99
    ours, percentile, _ = simulate_statistics.coverage(num_sets=250, num_speakers=5)
    assert 0.91 <= ours <= 0.99 and percentile < 0.90


def test_the_interval_of_a_difference_covers_no_difference():
    assert 0.91 <= simulate_statistics.difference_coverage(num_sets=250) <= 0.99
