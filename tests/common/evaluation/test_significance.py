import doctest

import numpy as np
import pytest
import scipy.stats

from common.evaluation import significance


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


def test_labels_and_decisions_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"shapes .*\(2,\).* expected \(N,\)"):
        significance.mcnemar([0, 1, 1], [0, 1], [0, 1, 1])


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
