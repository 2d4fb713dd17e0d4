import doctest
import itertools

import numpy as np
import pytest
import scipy.stats

from common.evaluation import metrics, resampling
from tests.support import simulate_statistics

CLASSES = simulate_statistics.CLASSES


@pytest.fixture(scope="module")
def data():
    """labels (N,), decisions of two systems (2, N), speakers (N,): 24 speakers with 60 utterances each."""
    return simulate_statistics.draw(np.random.default_rng(7), num_speakers=24)


def pooled_ua(labels, decisions):
    return metrics.ua(metrics.confusion_matrix(labels, decisions, num_classes=len(CLASSES)), CLASSES)


def test_examples_in_the_docstrings():
    tested = doctest.testmod(resampling)
    assert tested.failed == 0 and tested.attempted >= 1


@pytest.mark.parametrize("metric", resampling.METRICS)
@pytest.mark.parametrize("clusters", ["speaker", "utterance"])
def test_the_estimate_is_the_pooled_metric(data, metric, clusters):
    labels, (decisions, _), groups = data
    counts = metrics.confusion_matrix(labels, decisions, num_classes=len(CLASSES))
    expected = metrics.wa(counts) if metric == "wa" else getattr(metrics, metric)(counts, CLASSES)
    interval = resampling.bootstrap_interval(
        labels, decisions, groups, metric=metric, classes=CLASSES, clusters=clusters, replicates=200
    )
    assert interval.estimate == pytest.approx(expected)
    assert interval.low < interval.estimate < interval.high
    assert interval.num_clusters == (24 if clusters == "speaker" else 1440)


@pytest.mark.parametrize("metric", resampling.METRICS)
def test_replicates_equal_a_naive_loop_over_resampled_utterances(data, metric):
    labels, decisions, groups = (array[..., :600] for array in data)  # ten speakers
    cells = resampling._Cells(labels, [decisions], groups, "speaker", CLASSES)
    _, replicates, _ = cells.resample(metric, 20, seed=5)
    weights = np.random.default_rng(5).multinomial(10, np.full(10, 0.1), size=20)
    for found, drawn in zip(replicates[0], weights, strict=True):
        rows = np.concatenate([np.tile(np.flatnonzero(groups == g), n) for g, n in enumerate(drawn)])
        counts = [metrics.confusion_matrix(labels[rows], run[rows], num_classes=8) for run in decisions]
        score = {"wa": lambda c: metrics.wa(c)}.get(metric, lambda c: getattr(metrics, metric)(c, CLASSES))
        assert found == pytest.approx(np.mean([score(c) for c in counts]))


def test_the_standard_error_equals_scipys_bootstrap_and_the_closed_form(data):
    labels, (decisions, _), groups = data
    interval = resampling.bootstrap_interval(labels, decisions, groups, metric="wa", classes=CLASSES)
    per_speaker = (decisions == labels).reshape(24, 60).mean(axis=1)  # equal sizes: WA is their mean
    closed_form = per_speaker.std(ddof=1) / np.sqrt(24)
    assert interval.standard_error == pytest.approx(closed_form, rel=0.03)
    by_scipy = scipy.stats.bootstrap((per_speaker,), np.mean, n_resamples=9_999, rng=np.random.default_rng(0))
    assert interval.standard_error == pytest.approx(by_scipy.standard_error * np.sqrt(24 / 23), rel=0.03)
    on_logits = interval.standard_error / (interval.estimate * (1 - interval.estimate))
    low, high = scipy.stats.t.interval(0.95, 23, scipy.special.logit(interval.estimate), on_logits)
    assert scipy.special.logit([interval.low, interval.high]) == pytest.approx([low, high])


def test_independent_utterances_have_the_binomial_standard_error(data):
    labels, (decisions, _), groups = data
    interval = resampling.bootstrap_interval(
        labels, decisions, groups, metric="wa", classes=CLASSES, clusters="utterance", replicates=4_000
    )
    p = interval.estimate
    assert interval.standard_error == pytest.approx(np.sqrt(p * (1 - p) / 1439), rel=0.05)


def test_several_seeds_average_the_metric_and_share_the_resampled_speakers(data):
    labels, decisions, groups = data
    settings = dict(metric="ua", classes=CLASSES)
    both = resampling.bootstrap_interval(labels, decisions, groups, **settings)
    assert both.estimate == pytest.approx(np.mean([pooled_ua(labels, d) for d in decisions]))
    twice = resampling.bootstrap_interval(labels, np.stack([decisions[0]] * 2), groups, **settings)
    once = resampling.bootstrap_interval(labels, decisions[0], groups, **settings)
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))


def test_the_order_of_utterances_and_the_names_of_speakers_do_not_matter(data):
    labels, (decisions, other), groups = data
    order = np.random.default_rng(0).permutation(labels.size)
    settings = dict(metric="ua", classes=CLASSES, replicates=500)
    first = resampling.bootstrap_interval(labels, decisions, groups, **settings)
    names = np.array([f"actor {g:02d}" for g in groups])
    assert resampling.bootstrap_interval(labels[order], decisions[order], names[order], **settings) == first
    test = resampling.paired_permutation_ua(labels, decisions, other, groups, classes=CLASSES)
    again = resampling.paired_permutation_ua(
        labels[order], decisions[order], other[order], names[order], classes=CLASSES
    )
    assert again.pvalue == pytest.approx(test.pvalue)


def test_a_perfect_system_is_not_certain():
    labels = np.tile([0, 1], 30)
    groups = np.repeat(np.arange(10), 6)
    interval = resampling.bootstrap_interval(labels, labels, groups, metric="ua", classes="ab", replicates=100)
    assert interval.high == 1 and interval.low == pytest.approx(0.025**0.1)
    assert interval.low == pytest.approx(scipy.stats.binomtest(10, 10).proportion_ci(0.95).low)  # Clopper-Pearson
    worst = resampling.bootstrap_interval(labels, 1 - labels, groups, metric="wa", classes="ab", replicates=100)
    assert (worst.low, worst.high) == (0, pytest.approx(1 - 0.025**0.1))


def test_replicates_that_lost_a_class_are_drawn_again():
    labels = np.array([0, 0, 1] * 2 + [0, 0, 0] * 3)  # class 1 only at two of five speakers
    groups = np.repeat(np.arange(5), 3)
    decisions = np.where(np.arange(15) % 4 == 0, -1, labels)
    interval = resampling.bootstrap_interval(labels, decisions, groups, metric="ua", classes="ab")
    assert interval.redrawn == pytest.approx(0.6**5, abs=0.02)
    assert resampling.bootstrap_interval(labels, decisions, groups, metric="wa", classes="ab").redrawn == 0


def test_what_cannot_have_an_interval_is_refused():
    labels, groups = np.array([0, 1, 0, 1]), np.array(["a", "a", "b", "b"])
    with pytest.raises(ValueError, match="2 clusters; an interval needs 3 speakers or more"):
        resampling.bootstrap_interval(labels, labels, groups, metric="ua", classes="xy")
    with pytest.raises(ValueError, match="z never occurs in the truth"):
        resampling.bootstrap_interval(labels, labels, np.arange(4), metric="ua", classes="xyz")
    rare = np.array([1] + [0] * 8)
    with pytest.raises(ValueError, match="y vanishes from more than half"):
        resampling.bootstrap_interval(
            np.append(rare, 2), np.append(rare, 2), np.arange(10), metric="ua", classes=["x", "y", "z"]
        )
    for wrong, message in (({"metric": "uar"}, "expected one of wa, ua"), ({"clusters": "actor"}, "'speaker' or")):
        with pytest.raises(ValueError, match=message):
            resampling.bootstrap_interval(labels, labels, groups, **({"metric": "wa", "classes": "xy"} | wrong))
    with pytest.raises(ValueError, match="level=95"):
        resampling.bootstrap_interval(labels, labels, np.arange(4), metric="wa", classes="xy", level=95)
    with pytest.raises(ValueError, match="the same number"):
        resampling.bootstrap_interval(labels, labels[:3], groups, metric="wa", classes="xy")


def test_the_difference_is_that_of_the_metrics_and_its_error_that_of_paired_speakers(data):
    labels, (first, second), groups = data
    interval = resampling.difference_interval(labels, first, second, groups, metric="wa", classes=CLASSES)
    per_speaker = (1.0 * (first == labels) - (second == labels)).reshape(24, 60).mean(axis=1)
    assert interval.estimate == pytest.approx(per_speaker.mean())
    assert interval.standard_error == pytest.approx(per_speaker.std(ddof=1) / np.sqrt(24), rel=0.03)
    same = resampling.difference_interval(labels, first, first, groups, metric="ua", classes=CLASSES, replicates=100)
    assert (same.estimate, same.low, same.high) == (0, 0, 0)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (3, 9), (10, 10), (40, 21), (0, 12)])
def test_mcnemar_equals_the_binomial_test(b, c):
    labels = np.zeros(100, int)
    first = np.where(np.arange(100) < c, 1, 0)  # c utterances that only the second has right
    second = np.where(np.arange(100) >= 100 - b, 1, 0)
    test = resampling.mcnemar_exact(labels, first, second)
    assert test.pvalue == pytest.approx(scipy.stats.binomtest(b, b + c).pvalue if b + c else 1.0)
    assert (test.difference, test.informative) == (pytest.approx((b - c) / 100), b + c)


def test_mcnemar_takes_one_run_of_each_system():
    with pytest.raises(ValueError, match="one run of each system"):
        resampling.mcnemar_exact([0, 1], [0, 1], [[0, 1], [0, 1]])


def swap_every_way(labels, first, second, groups, score):
    """The two-sided p-value by really swapping decisions, for every subset of the speakers."""
    names = np.unique(groups)
    observed = abs(score(labels, first) - score(labels, second))
    count = 0
    for swapped in itertools.product([False, True], repeat=names.size):
        mask = np.array(swapped)[np.searchsorted(names, groups)]
        one, other = np.where(mask, second, first), np.where(mask, first, second)
        count += abs(score(labels, one) - score(labels, other)) >= observed - 1e-12
    return count / 2**names.size


@pytest.mark.parametrize("num_speakers", [1, 3, 6])
def test_the_permutation_test_equals_swapping_every_way(num_speakers):
    rng = np.random.default_rng(num_speakers)
    labels, (first, second), groups = simulate_statistics.draw(rng, num_speakers=num_speakers)
    second = np.where(rng.random(labels.size) < 0.15, labels, second)
    test = resampling.paired_permutation_ua(labels, first, second, groups, classes=CLASSES)
    assert test.exact and test.difference == pytest.approx(pooled_ua(labels, first) - pooled_ua(labels, second))
    assert test.pvalue == pytest.approx(swap_every_way(labels, first, second, groups, pooled_ua))
    of_wa = resampling.paired_permutation_wa(labels, first, second, groups, classes=CLASSES)
    by_hand = swap_every_way(labels, first, second, groups, lambda y, d: np.mean(y == d))
    assert of_wa.pvalue == pytest.approx(by_hand)


def test_the_permutation_test_equals_scipys_on_speakers_shares(data):
    labels, (first, second), groups = (array[..., :720] for array in data)  # twelve speakers
    test = resampling.paired_permutation_wa(labels, first, second, groups, classes=CLASSES)
    shares = (1.0 * (first == labels) - (second == labels)).reshape(12, 60).sum(axis=1)
    by_scipy = scipy.stats.permutation_test(
        (shares,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    assert test.pvalue == pytest.approx(by_scipy.pvalue)


def test_sampled_permutations_agree_with_all_of_them(data, monkeypatch):
    labels, (first, second), groups = data
    exact = resampling.paired_permutation_ua(labels, first, second, groups, classes=CLASSES)
    monkeypatch.setattr(resampling, "MAX_EXACT", 5)
    sampled = resampling.paired_permutation_ua(labels, first, second, groups, classes=CLASSES, replicates=20_000)
    assert exact.exact and not sampled.exact
    assert sampled.pvalue == pytest.approx(exact.pvalue, abs=4 * np.sqrt(0.25 / 20_000))


def test_equal_systems_have_a_p_value_of_one(data):
    labels, (first, _), groups = data
    test = resampling.paired_permutation_ua(labels, first, first, groups, classes=CLASSES)
    assert (test.pvalue, test.difference, test.informative) == (1.0, 0.0, 0)
    with pytest.raises(ValueError, match="calm, .* never occurs"):
        resampling.paired_permutation_ua(np.zeros(1440, int), first, first, groups, classes=CLASSES)


def test_holm_by_its_definition():
    rng = np.random.default_rng(0)
    for pvalues in (rng.random(7) ** 3, [0.02, 0.02, 0.5], [1.0], []):
        adjusted = resampling.holm(pvalues)
        order = sorted(range(len(pvalues)), key=lambda i: pvalues[i])
        running = 0.0
        for rank, i in enumerate(order):
            running = max(running, min(1.0, (len(pvalues) - rank) * pvalues[i]))
            assert adjusted[i] == pytest.approx(running)
    for wrong in ([0.5, np.nan], [1.2]):
        with pytest.raises(ValueError, match=r"expected numbers in \[0, 1\]"):
            resampling.holm(wrong)


# In full: `python -m tests.support.simulate_statistics`; 250 data sets leave a standard error of 1.4 points.


def test_the_interval_covers_what_it_says_where_the_percentile_interval_does_not():
    ours, _, _ = simulate_statistics.coverage(num_sets=250)
    assert 0.91 <= ours <= 0.99
    ours, percentile, _ = simulate_statistics.coverage(num_sets=250, num_speakers=5)
    assert 0.91 <= ours <= 0.99 and percentile < 0.90


def test_the_interval_of_a_difference_covers_no_difference():
    assert 0.91 <= simulate_statistics.difference_coverage(num_sets=250) <= 0.99


def test_the_clustered_test_keeps_its_level_where_mcnemar_does_not():
    shares = simulate_statistics.rejections(num_sets=250, seed=11)
    assert 0.01 <= shares["permutation_ua"] <= 0.09 and 0.01 <= shares["permutation_wa"] <= 0.09
    assert shares["mcnemar"] > 0.10
