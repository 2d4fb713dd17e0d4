import doctest

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from common.evaluation import intervals, metrics
from common.evaluation.intervals import Counts, NotComputableError, mean_over_seeds
from tests.support import simulate_statistics
from tests.support.simulate_statistics import CLASSES, counts

METRICS = ("wa", "ua", "macro_f1")


@pytest.fixture(scope="module")
def data():
    """labels (N,), decisions of two systems under three seeds (2, 3, N), speakers (N,), folds (3, 24)."""
    return simulate_statistics.draw(np.random.default_rng(7), num_speakers=24, num_seeds=3, training=0.3)


def interval(metric, counted, classes=CLASSES, **options):
    return intervals.interval(mean_over_seeds(metrics.by_name(metric, classes)), counted, **options)


def one_network(labels, decisions, groups, num_classes):
    cells = metrics.confusion_by_group(labels, decisions, groups, num_classes=num_classes)  # (G, 1, K, K+1)
    return Counts(cells, np.array([0]))


def pooled(metric, labels, decisions):
    return metrics.by_name(metric, CLASSES)(metrics.confusion_matrix(labels, decisions, num_classes=len(CLASSES)))


def test_examples_in_the_docstrings():
    tested = doctest.testmod(intervals)
    assert tested.failed == 0 and tested.attempted >= 1


@pytest.mark.parametrize("metric", METRICS)
def test_the_value_is_the_mean_over_seeds_of_the_pooled_metric(data, metric):
    labels, (decisions, _), groups, folds = data
    estimate = interval(metric, counts(labels, decisions, groups, folds))
    assert estimate.value == pytest.approx(np.mean([pooled(metric, labels, run) for run in decisions]))
    assert estimate.low < estimate.value < estimate.high and estimate.about == "speakers and trainings"


def test_one_seed_has_the_students_interval_over_folds(data):
    """Equal folds: their WA is a sample of six."""
    labels, (decisions, _), groups, folds = data
    estimate = interval("wa", counts(labels, decisions[:1], groups, folds[:1]))
    per_fold = [np.mean((decisions[0] == labels)[folds[0][groups] == f]) for f in range(6)]
    assert estimate.standard_error == pytest.approx(scipy.stats.sem(per_fold))
    on_logits = estimate.standard_error / (estimate.value * (1 - estimate.value))
    low, high = scipy.stats.t.interval(0.95, 5, scipy.special.logit(estimate.value), on_logits)
    assert scipy.special.logit([estimate.low, estimate.high]) == pytest.approx([low, high])


def test_one_network_has_the_students_interval_over_speakers_and_says_what_it_leaves_out(data):
    labels, (decisions, _), groups, _ = data
    estimate = interval("wa", one_network(labels, decisions[0], groups, len(CLASSES)))
    per_speaker = (decisions[0] == labels).reshape(24, 60).mean(axis=1)
    assert estimate.standard_error == pytest.approx(scipy.stats.sem(per_speaker))
    assert estimate.about == "speakers, this training only"


def test_the_variance_of_several_seeds_is_that_of_both_ways_of_clustering(data):
    """By sums of residuals, for WA of equal speakers: by speaker, by network, less by both."""
    labels, (decisions, _), groups, folds = data
    estimate = interval("wa", counts(labels, decisions, groups, folds))
    hits = (decisions == labels).reshape(3, 24, 60).mean(axis=2)  # (S, G)
    speakers = np.var(hits.mean(axis=0), ddof=1) / 24
    by_fold = [[hits[s][folds[s] == f].mean() for f in range(6)] for s in range(3)]
    networks = sum(np.var(row, ddof=1) / 6 for row in by_fold) / 9
    both = sum(np.var(row, ddof=1) / 24 for row in hits) / 9
    assert estimate.standard_error == pytest.approx(np.sqrt(networks + speakers - both))


def test_a_seed_again_adds_nothing_that_its_trainings_did_not_vary():
    """Three equal seeds: what speakers alone explain stays, networks of equal folds are no new evidence for less."""
    labels, (decisions, _), groups, folds = simulate_statistics.draw(np.random.default_rng(3), num_speakers=24)
    once = interval("wa", counts(labels, decisions, groups, folds))
    again = interval("wa", counts(labels, np.repeat(decisions, 3, axis=0), groups, np.repeat(folds, 3, axis=0)))
    assert again.value == pytest.approx(once.value)
    per_speaker = (decisions[0] == labels).reshape(24, 60).mean(axis=1)
    assert again.standard_error > 0.6 * scipy.stats.sem(per_speaker)


def test_independent_utterances_have_the_binomial_standard_error(data):
    labels, (decisions, _), _, _ = data
    cells = metrics.confusion_by_group(labels, decisions[0], np.arange(labels.size), num_classes=len(CLASSES))
    estimate = intervals.interval_over(metrics.by_name("wa", CLASSES), cells, about="utterances")
    p = estimate.value
    assert estimate.standard_error == pytest.approx(np.sqrt(p * (1 - p) / 1439)) and estimate.about == "utterances"


def test_the_order_of_speakers_and_networks_does_not_matter(data):
    labels, (decisions, _), groups, folds = data
    counted, rng = counts(labels, decisions, groups, folds), np.random.default_rng(0)
    speakers, networks = rng.permutation(24), rng.permutation(18)
    mixed = Counts(counted.cells[speakers][:, networks], counted.seeds[networks])
    one, other = interval("ua", counted), interval("ua", mixed)
    assert (other.low, other.high) == pytest.approx((one.low, one.high))


def test_a_perfect_system_is_not_certain():
    labels = np.tile([0, 1], 30)
    groups = np.repeat(np.arange(10), 6)
    best = interval("ua", one_network(labels, labels, groups, 2), "ab")
    assert best.high == 1 and best.low == pytest.approx(0.025**0.1)
    assert best.low == pytest.approx(scipy.stats.binomtest(10, 10).proportion_ci(0.95).low)  # Clopper-Pearson
    worst = interval("wa", one_network(labels, 1 - labels, groups, 2), "ab")
    assert (worst.low, worst.high) == (0, pytest.approx(1 - 0.025**0.1))


def test_seeds_of_one_network_each_are_left_out_whole():
    """A split drawn by the seed: the mean without one seed is that of the others."""
    values = np.array([1, 2, 3, 3]) / 4  # WA of four seeds, each on the same eight speakers
    cells = np.zeros((8, 4, 2, 3))
    for seed, right in enumerate([1, 2, 3, 3]):
        cells[:, seed, 0, 0], cells[:, seed, 0, 1] = right, 4 - right
    estimate = intervals.interval(mean_over_seeds(metrics.by_name("wa", "ab")), Counts(cells, np.arange(4)))
    assert estimate.value == values.mean()
    assert estimate.standard_error == pytest.approx(scipy.stats.sem(values))  # speakers do not differ


def test_what_cannot_have_an_interval_is_refused():
    labels, groups = np.array([0, 1, 0, 1]), np.array(["a", "a", "b", "b"])
    with pytest.raises(NotComputableError, match="2 speakers; an interval needs 3 or more"):
        interval("ua", one_network(labels, labels, groups, 2), "xy")
    with pytest.raises(NotComputableError, match="undefined on these utterances"):
        interval("ua", one_network(labels, labels, np.arange(4), 3), "xyz")
    rare = np.array([1] + [0] * 8)
    with pytest.raises(NotComputableError, match="undefined without one of the speakers"):
        interval("ua", one_network(rare, rare, np.arange(9), 2), "xy")
    with pytest.raises(ValueError, match="level=95"):
        interval("wa", one_network(labels, labels, np.arange(4), 2), "xy", level=95)


def test_a_number_that_is_no_rate_has_the_students_interval_of_its_clusters():
    """Mean of values of equal clusters, which may lie outside [0, 1]."""
    values = np.random.default_rng(0).normal(3, 2, 12)
    cells = np.stack([values, np.ones(12)], axis=1)[:, None]
    statistic = mean_over_seeds(lambda sums: sums[..., 0] / sums[..., 1])
    estimate = intervals.interval(statistic, Counts(cells, np.array([0])), rate=False)
    half = scipy.stats.t.ppf(0.975, 11) * values.std(ddof=1) / np.sqrt(12)
    assert estimate.value == pytest.approx(values.mean())
    assert [estimate.low, estimate.high] == pytest.approx([values.mean() - half, values.mean() + half])
    assert estimate.pvalue == pytest.approx(scipy.stats.ttest_1samp(values, 0).pvalue)


def test_the_difference_of_one_seed_is_the_paired_t_test_over_folds(data):
    labels, (first, second), groups, folds = data
    one, other = (counts(labels, runs[:1], groups, folds[:1]) for runs in (first, second))
    estimate = intervals.difference(metrics.by_name("wa", CLASSES), one, other)
    by_fold = [[np.mean((runs[0] == labels)[folds[0][groups] == f]) for f in range(6)] for runs in (first, second)]
    expected = scipy.stats.ttest_rel(*by_fold)
    assert estimate.value == pytest.approx(np.mean(by_fold[0]) - np.mean(by_fold[1]))
    assert estimate.pvalue == pytest.approx(expected.pvalue)
    assert (estimate.low > 0 or estimate.high < 0) == (expected.pvalue < 0.05)
    same = intervals.difference(metrics.by_name("ua", CLASSES), one, one)
    assert (same.value, same.low, same.high, same.pvalue) == (0, 0, 0, 1)


def test_networks_of_other_folds_are_independent(data):
    """Where networks are not paired, their variances add."""
    labels, (first, second), groups, folds = data
    one, other = (counts(labels, runs, groups, folds) for runs in (first, second))
    estimate = intervals.difference(metrics.by_name("wa", CLASSES), one, other, paired=False)
    assert estimate.value == pytest.approx(interval("wa", one).value - interval("wa", other).value)
    assert estimate.standard_error > 0


# In full: `python -m tests.support.simulate_statistics`; 250 data sets leave a standard error of 1.4 points.


@pytest.mark.parametrize("num_seeds", [1, 3])
def test_interval_and_test_keep_their_level_where_trainings_vary_and_mcnemar_does_not(num_seeds):
    shares = simulate_statistics.simulate(250, num_seeds=num_seeds, training=0.442)
    assert 0.91 <= shares["coverage"] <= 0.99 and 0.91 <= shares["coverage_of_a_difference"] <= 0.99
    assert 0.01 <= shares["test_size"] <= 0.09 and shares["mcnemar_size"] > 0.12


def test_the_simulation_that_is_kept_shows_the_level_in_every_design():
    kept = pd.read_csv(simulate_statistics.FILE)
    designs = kept[["training_sd_points", "speakers", "seeds"]].drop_duplicates()
    assert len(kept) == len(designs) == 18 and (kept["data_sets"] >= 10_000).all()
    assert kept["coverage"].between(0.93, 0.97).all() and kept["coverage_of_a_difference"].between(0.93, 0.97).all()
    assert kept["test_size"].between(0.04, 0.06).all()
