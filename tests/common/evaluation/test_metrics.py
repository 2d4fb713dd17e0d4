import doctest

import audmetric
import numpy as np
import pytest
import sklearn.metrics

from common.evaluation import metrics

CLASSES = ("anger", "fear", "happiness", "neutral", "sadness")


@pytest.fixture(params=range(5))
def answers(request):
    """labels and decisions of 200 utterances; every class occurs, decisions are right about half of the time."""
    rng = np.random.default_rng(request.param)
    labels = rng.permutation(np.arange(200) % len(CLASSES))
    decisions = np.where(rng.random(200) < 0.5, labels, rng.integers(0, len(CLASSES), 200))
    return labels, decisions


def confusion(labels, decisions):
    return metrics.confusion_matrix(labels, decisions, num_classes=len(CLASSES))


def test_examples_in_the_docstrings():
    tested = doctest.testmod(metrics)
    assert tested.failed == 0 and tested.attempted >= 9


def test_accuracies_equal_audmetric(answers):
    labels, decisions = answers
    counts = confusion(labels, decisions)
    options = {"labels": list(range(len(CLASSES)))}
    assert metrics.wa(counts) == pytest.approx(audmetric.accuracy(labels, decisions, **options))
    assert metrics.ua(counts, CLASSES) == pytest.approx(
        audmetric.unweighted_average_recall(labels, decisions, **options)
    )
    assert metrics.macro_f1(counts, CLASSES) == pytest.approx(
        audmetric.unweighted_average_fscore(labels, decisions, **options)
    )
    np.testing.assert_array_equal(counts[:, :-1], audmetric.confusion_matrix(labels, decisions, **options))


def test_no_decision_is_an_error_as_in_sklearn_with_a_further_class(answers):
    labels, decisions = answers
    decisions = np.where(np.arange(200) % 7 == 0, metrics.NO_DECISION, decisions)
    counts = confusion(labels, decisions)
    options = {"labels": range(len(CLASSES)), "zero_division": 0}
    expected = sklearn.metrics.precision_recall_fscore_support(labels, decisions, **options)
    scores = metrics.per_class(counts, CLASSES).values()
    found = [
        [s.precision for s in scores],
        [s.recall for s in scores],
        [s.f1 for s in scores],
        [s.support for s in scores],
    ]
    np.testing.assert_allclose(found, expected)
    assert metrics.wa(counts) == pytest.approx(sklearn.metrics.accuracy_score(labels, decisions))
    assert counts[:, -1].sum() == np.sum(decisions == -1)


def test_a_class_never_decided_has_precision_0_by_statement_and_f1_0_by_formula():
    scores = metrics.per_class([[0, 2, 0], [0, 3, 0]], ("anger", "sadness"))
    assert scores["anger"] == metrics.ClassScores(precision=0.0, recall=0.0, f1=0.0, support=2, decided=0)
    assert scores["sadness"].precision == 3 / 5
    assert scores["sadness"].f1 == pytest.approx(2 * 0.6 * 1 / 1.6)
    assert metrics.macro_f1([[0, 2, 0], [0, 3, 0]], ("anger", "sadness")) == pytest.approx(0.375)


def test_two_by_two_by_hand():
    #          decided  anger sadness none
    counts = [[3, 1, 0], [2, 2, 4]]
    assert metrics.wa(counts) == 5 / 12
    assert metrics.ua(counts, ("anger", "sadness")) == (3 / 4 + 2 / 8) / 2
    scores = metrics.per_class(counts, ("anger", "sadness"))
    assert scores["anger"].precision == 3 / 5 and scores["sadness"].precision == 2 / 3


@pytest.mark.parametrize("metric", [metrics.ua, metrics.macro_f1, metrics.per_class])
def test_a_class_that_the_truth_lacks_is_an_error_with_advice(metric):
    with pytest.raises(ValueError, match="sadness never occurs in the truth.*pool folds first"):
        metric([[3, 1, 0], [0, 0, 0]], ("anger", "sadness"))


def test_pooled_and_fold_mean_are_two_numbers():
    first, second = [[1, 0, 0], [0, 1, 0]], [[0, 3, 0], [1, 4, 1]]
    classes = ("anger", "sadness")
    assert metrics.wa_pooled([first, second]) == 6 / 11
    assert metrics.wa_fold_mean([first, second]) == (1 + 4 / 9) / 2
    assert metrics.ua_pooled([first, second], classes) == pytest.approx((1 / 4 + 5 / 7) / 2)
    assert metrics.ua_fold_mean([first, second], classes) == pytest.approx((1 + (0 / 3 + 4 / 6) / 2) / 2)


def test_pooling_repairs_a_fold_without_a_class_and_the_fold_mean_says_which_fold():
    folds = [[[2, 0, 0], [1, 1, 0]], [[4, 0, 0], [0, 0, 0]]]
    assert metrics.ua_pooled(folds, ("anger", "sadness")) == 0.75
    with pytest.raises(ValueError, match="fold 2 of 2: sadness never occurs"):
        metrics.ua_fold_mean(folds, ("anger", "sadness"))
    with pytest.raises(ValueError, match="same classes"):
        metrics.pooled([np.zeros((2, 3)), np.zeros((3, 4))])


@pytest.mark.parametrize("values", [[], [0.5, np.nan]])
def test_a_mean_of_nothing_or_of_nan_is_refused(values):
    with pytest.raises(ValueError, match="expected at least one, all of them finite"):
        metrics.fold_mean(values)
    with pytest.raises(ValueError, match="at least one"):
        metrics.wa(np.zeros((2, 3)))


def test_decisions():
    scores = [[0.1, 0.7, 0.2], [0.4, 0.2, 0.4], [0.0, 0.0, 0.0], [-3.0, -1.0, -2.0]]
    assert metrics.decide(scores).tolist() == [1, 0, -1, 1]
    assert metrics.decide(np.zeros((0, 3))).size == 0
    for wrong in ([[0.5, np.nan]], [0.5, 0.5]):
        with pytest.raises(ValueError, match="finite"):
            metrics.decide(wrong)


def test_cross_entropy_equals_sklearn(answers):
    labels, _ = answers
    probabilities = np.random.default_rng(0).dirichlet(np.ones(len(CLASSES)), 200)
    assert metrics.cross_entropy(labels, probabilities) == pytest.approx(
        sklearn.metrics.log_loss(labels, probabilities)
    )
    assert metrics.cross_entropy(labels, probabilities.astype("float32")) == pytest.approx(
        metrics.cross_entropy(labels, probabilities), rel=1e-5
    )


def test_a_certain_mistake_and_no_decision_cost_the_same_finite_amount():
    assert metrics.cross_entropy([0], [[0.0, 1.0]]) == pytest.approx(-np.log(1e-7))
    assert metrics.cross_entropy([0], [[0.0, 0.0]]) == pytest.approx(-np.log(1e-7))


@pytest.mark.parametrize("row", [[2.0, -1.0], [0.3, 0.3]])
def test_cross_entropy_refuses_logits(row):
    with pytest.raises(ValueError, match="row 0 is .*sum to 1, not logits"):
        metrics.cross_entropy([0], [row])


def test_levels():
    assert metrics.chance(4) == 0.25
    assert metrics.majority([96] + [192] * 7) == pytest.approx(0.1333, abs=1e-4)  # RAVDESS, FIELD 5.3
    for k in range(3):  # chance is the UA of naming one class
        counts = metrics.confusion_matrix([0, 1, 1, 2, 2, 2], [k] * 6, num_classes=3)
        assert metrics.ua(counts, "abc") == pytest.approx(metrics.chance(3))


@pytest.mark.parametrize(
    ("labels", "decisions", "message"),
    [
        ([0, 1], [0], "2 labels but 1 decisions"),
        ([0, 2], [0, 1], "labels run from 0 to 2"),
        ([0, -1], [0, 1], "labels run from -1"),
        ([0, 1], [0, -2], "decisions run from -2"),
        ([0.0, 1.0], [0, 1], "class indices"),
    ],
)
def test_wrong_indices_are_named(labels, decisions, message):
    with pytest.raises(ValueError, match=message):
        metrics.confusion_matrix(labels, decisions, num_classes=2)


def test_a_square_matrix_is_refused():
    with pytest.raises(ValueError, match=r"expected \(K, K\+1\)"):
        metrics.wa([[1, 0], [0, 1]])
    with pytest.raises(ValueError, match="3 class names for 2 rows"):
        metrics.ua([[1, 0, 0], [0, 1, 0]], "abc")
