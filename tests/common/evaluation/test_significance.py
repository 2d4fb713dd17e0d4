import doctest
import itertools

import numpy as np
import pytest
import scipy.stats

from common.evaluation import metrics, significance
from tests.support import simulate_statistics
from tests.support.simulate_statistics import CLASSES, counts


@pytest.fixture(scope="module")
def data():
    """labels (N,), decisions of two systems (2, N), speakers (N,): 24 speakers with 60 utterances each."""
    return simulate_statistics.draw(np.random.default_rng(7), num_speakers=24)


def permutation(metric, labels, first, second, groups, **options):
    return significance.paired_permutation(
        metric, counts(labels, first, groups), counts(labels, second, groups), **options
    )


def pooled_ua(labels, decisions):
    return metrics.ua(metrics.confusion_matrix(labels, decisions, num_classes=len(CLASSES)), CLASSES)


def test_examples_in_the_docstrings():
    tested = doctest.testmod(significance)
    assert tested.failed == 0 and tested.attempted >= 1


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (3, 9), (10, 10), (40, 21), (0, 12)])
def test_mcnemar_equals_the_binomial_test(b, c):
    labels = np.zeros(100, int)
    first = np.where(np.arange(100) < c, 1, 0)  # c utterances that only the second has right
    second = np.where(np.arange(100) >= 100 - b, 1, 0)
    test = significance.mcnemar(labels, first, second)
    assert test.pvalue == pytest.approx(scipy.stats.binomtest(b, b + c).pvalue if b + c else 1.0)
    assert (test.only_first, test.only_second) == (b, c)


def test_mcnemar_takes_one_run_of_each_system():
    with pytest.raises(ValueError, match="one run of each system"):
        significance.mcnemar([0, 1], [0, 1], [[0, 1], [0, 1]])


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
    test = permutation(metrics.ua, labels, first, second, groups)
    assert test.exact and test.difference == pytest.approx(pooled_ua(labels, first) - pooled_ua(labels, second))
    assert test.pvalue == pytest.approx(swap_every_way(labels, first, second, groups, pooled_ua))
    of_wa = permutation(metrics.wa, labels, first, second, groups)
    by_hand = swap_every_way(labels, first, second, groups, lambda y, d: np.mean(y == d))
    assert of_wa.pvalue == pytest.approx(by_hand)


def test_the_permutation_test_equals_scipys_on_speakers_shares(data):
    labels, (first, second), groups = (array[..., :720] for array in data)  # twelve speakers
    test = permutation(metrics.wa, labels, first, second, groups)
    shares = (1.0 * (first == labels) - (second == labels)).reshape(12, 60).sum(axis=1)
    by_scipy = scipy.stats.permutation_test(
        (shares,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    assert test.pvalue == pytest.approx(by_scipy.pvalue)


def test_sampled_permutations_agree_with_all_of_them(data, monkeypatch):
    labels, (first, second), groups = data
    exact = permutation(metrics.ua, labels, first, second, groups)
    monkeypatch.setattr(significance, "MAX_EXACT", 5)
    sampled = permutation(metrics.ua, labels, first, second, groups, replicates=20_000)
    assert exact.exact and not sampled.exact
    assert sampled.pvalue == pytest.approx(exact.pvalue, abs=4 * np.sqrt(0.25 / 20_000))


def test_equal_systems_have_a_p_value_of_one(data):
    labels, (first, _), groups = data
    test = permutation(metrics.ua, labels, first, first, groups)
    assert (test.pvalue, test.difference, test.informative) == (1.0, 0.0, 0)
    with pytest.raises(ValueError, match="class 1, .* never occurs"):
        permutation(metrics.ua, np.zeros(1440, int), first, first, groups)


def test_seeds_are_averaged_before_speakers_are_swapped(data):
    labels, runs, groups = data
    test = permutation(metrics.ua, labels, runs, runs[0], groups)
    by_hand = np.mean([pooled_ua(labels, run) for run in runs]) - pooled_ua(labels, runs[0])
    assert test.difference == pytest.approx(by_hand)
    assert permutation(metrics.ua, labels, runs, runs[::-1], groups).pvalue == 1


def test_the_order_of_utterances_and_the_names_of_speakers_do_not_matter(data):
    labels, (first, second), groups = data
    order = np.random.default_rng(0).permutation(labels.size)
    names = np.array([f"actor {g:02d}" for g in np.random.default_rng(1).permutation(24)])[groups]
    test = permutation(metrics.ua, labels, first, second, groups)
    again = permutation(metrics.ua, labels[order], first[order], second[order], names[order])
    assert again.pvalue == pytest.approx(test.pvalue) and again.difference == pytest.approx(test.difference)


def test_labels_and_decisions_of_different_length_are_refused(data):
    labels, (first, second), groups = data
    for wrong in ((labels, first[:-1], second, groups), (labels[:-1], first, second, groups)):
        with pytest.raises(ValueError, match="the same number"):
            permutation(metrics.ua, *wrong)
    with pytest.raises(ValueError, match=r"shapes .*\(1439,\).* expected \(N,\)"):
        significance.mcnemar(labels, first[:-1], second)


def test_holm_by_its_definition():
    rng = np.random.default_rng(0)
    for pvalues in (rng.random(7) ** 3, [0.02, 0.02, 0.5], [1.0], []):
        adjusted = significance.holm(pvalues)
        order = sorted(range(len(pvalues)), key=lambda i: pvalues[i])
        running = 0.0
        for rank, i in enumerate(order):
            running = max(running, min(1.0, (len(pvalues) - rank) * pvalues[i]))
            assert adjusted[i] == pytest.approx(running)
    for wrong in ([0.5, np.nan], [1.2], [-0.1, 0.5]):
        with pytest.raises(ValueError, match=r"expected numbers in \[0, 1\]"):
            significance.holm(wrong)


def test_the_clustered_test_keeps_its_level_where_mcnemar_does_not():
    shares = simulate_statistics.rejections(num_sets=250, seed=11)
    assert 0.01 <= shares["permutation_ua"] <= 0.09 and 0.01 <= shares["permutation_wa"] <= 0.09
    assert shares["mcnemar"] > 0.10
