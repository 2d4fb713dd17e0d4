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
    ours = metrics.precision(counts), metrics.recall(counts), metrics.f1(counts), metrics.support(counts)
    np.testing.assert_allclose(ours, expected)
    averages = sklearn.metrics.precision_recall_fscore_support(labels, decisions, average="macro", **options)
    macro = metrics.macro_precision(counts), metrics.ua(counts), metrics.macro_f1(counts)
    np.testing.assert_allclose(macro, averages[:3])
    assert metrics.wa(counts) == pytest.approx(sklearn.metrics.accuracy_score(labels, decisions))
    assert counts[:, -1].sum() == np.sum(decisions == -1)


def test_a_class_never_decided_has_precision_0_by_statement_and_f1_0_by_formula():
    counts = [[0, 2, 0], [0, 3, 0]]
    np.testing.assert_allclose(metrics.precision(counts), [0, 3 / 5])
    np.testing.assert_allclose(metrics.f1(counts), [0, 2 * 0.6 * 1 / 1.6])
    assert metrics.macro_f1(counts) == pytest.approx(0.375)
    assert metrics.decided(counts).tolist() == [0, 5] and metrics.support(counts).tolist() == [2, 3]


def test_two_by_two_by_hand():
    #          decided  anger sadness none
    counts = [[3, 1, 0], [2, 2, 4]]
    assert metrics.wa(counts) == 5 / 12
    assert metrics.ua(counts, ("anger", "sadness")) == (3 / 4 + 2 / 8) / 2
    assert metrics.precision(counts).tolist() == [3 / 5, 2 / 3]


@pytest.mark.parametrize("name", ["wa", "ua", "macro_precision", "macro_f1", "recall:b", "precision:b", "f1:b"])
def test_leading_axes_are_so_many_matrices(name):
    """Of whole and of fractional counts, and in any memory layout."""
    counts = np.random.default_rng(0).integers(0, 9, (2, 5, 3, 4)) + np.eye(3, 4, dtype=int)
    metric = metrics.by_name(name, "abc")
    one_by_one = [[metric(matrix) for matrix in row] for row in counts]
    np.testing.assert_allclose(metric(counts), one_by_one)
    np.testing.assert_allclose(metric(counts / 2), one_by_one)
    np.testing.assert_allclose(metric(np.asfortranarray(counts)), one_by_one)


@pytest.mark.parametrize("metric", [metrics.ua, metrics.macro_f1, metrics.macro_precision, metrics.recall, metrics.f1])
def test_a_class_that_the_truth_lacks_is_an_error_with_advice_or_nan(metric):
    counts = [[3, 1, 0], [0, 0, 0]]
    with pytest.raises(ValueError, match="sadness never occurs in the truth.*pool folds first"):
        metric(counts, ("anger", "sadness"))
    with pytest.raises(ValueError, match="class 1 never occurs"):
        metric([[[3, 1, 0], [0, 1, 0]], counts])
    values = np.atleast_1d(metric([counts, [[1, 0, 0], [0, 1, 0]]], undefined="nan"))
    assert np.isnan(values[0].ravel()[-1]) and (values[1] == 1).all()


def test_no_utterance_has_no_accuracy():
    with pytest.raises(ValueError, match="at least one"):
        metrics.wa(np.zeros((2, 3)))
    assert np.isnan(metrics.wa(np.zeros((2, 3)), undefined="nan"))


def test_pooled_and_fold_mean_are_two_numbers():
    folds = np.array([[[1, 0, 0], [0, 1, 0]], [[0, 3, 0], [1, 4, 1]]])
    assert metrics.wa(metrics.pooled(folds)) == 6 / 11
    assert metrics.wa(folds).mean() == (1 + 4 / 9) / 2
    assert metrics.ua(metrics.pooled(folds)) == pytest.approx((1 / 4 + 5 / 7) / 2)
    assert metrics.ua(folds).mean() == pytest.approx((1 + (0 / 3 + 4 / 6) / 2) / 2)
    with pytest.raises(ValueError, match="same classes"):
        metrics.pooled([np.zeros((2, 3)), np.zeros((3, 4))])


def test_metrics_are_found_by_the_names_that_papers_use():
    counts = [[3, 1, 0], [2, 2, 4]]
    assert metrics.by_name("macro_recall", ["a", "b"])(counts) == metrics.ua(counts)
    for name, message in (
        ("uar", "no metric uar; expected one of wa"),
        ("recall", "no metric"),
        ("f1:c", "no class c"),
    ):
        with pytest.raises(ValueError, match=message):
            metrics.by_name(name, ["a", "b"])


def test_counts_by_group_are_the_matrix_of_each_groups_utterances(answers):
    labels, decisions = answers
    groups = np.array(["b", "a", "d", "a"] * 50)
    cells = metrics.confusion_by_group(labels, [decisions, labels], groups, num_classes=5, names=["a", "b", "c", "d"])
    assert cells.shape == (4, 2, 5, 6) and not cells[2].any()
    for g, name in enumerate("abcd"):
        own = groups == name
        np.testing.assert_array_equal(cells[g, 0], confusion(labels[own], decisions[own]))
    assert metrics.wa(cells.sum(axis=0))[1] == 1
    with pytest.raises(ValueError, match="the same number"):
        metrics.confusion_by_group(labels, decisions, groups[1:], num_classes=5)
    with pytest.raises(ValueError, match="decisions run from"):
        metrics.confusion_by_group(labels, decisions + 1, groups, num_classes=5)


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
