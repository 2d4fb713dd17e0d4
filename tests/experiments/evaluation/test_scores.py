"""Numbers, intervals and verdicts against values computed by hand."""

import math

import numpy as np
import pytest

from common.errors import InputError
from common.evaluation import intervals, metrics
from experiments.evaluation import comparisons, plausible_ranges, scores, system_results
from experiments.tables import pairs
from tests.support.records_by_hand import CLASSES, many, part, record, unbalanced


def system(*runs):
    (only,) = system_results.group(runs)
    return only


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("wa", 4 / 6),
        ("ua", (3 / 4 + 1 / 2) / 2),
        ("macro_recall", 5 / 8),
        ("macro_precision", (3 / 4 + 1 / 2) / 2),
        ("macro_f1", (6 / 8 + 2 / 4) / 2),
        ("recall:anger", 3 / 4),
        ("precision:sadness", 1 / 2),
        ("f1:anger", 6 / 8),
    ],
)
@pytest.mark.parametrize("aggregation", ["pooled", "fold_mean"])
def test_metrics_of_one_fold_by_hand(metric, value, aggregation):
    number = scores.measure(system(unbalanced()), metric, aggregation=aggregation)
    assert number.value == pytest.approx(value)
    assert number.by_seed == (pytest.approx(value),)


def test_folds_are_pooled_or_averaged_never_one_for_the_other():
    first = record(part([0, 0, 0, 1], [0, 0, 0, 0], ids="abcd"), num_folds=2)
    second = record(part([0, 1], [0, 1], ids="ef"), num_folds=2, fold="fold_2")
    two = system(first, second)
    assert scores.measure(two, "ua").value == pytest.approx((4 / 4 + 1 / 2) / 2)
    assert scores.measure(two, "ua", aggregation="fold_mean").value == pytest.approx((1 / 2 + 1) / 2)
    assert scores.measure(two, "wa").value == pytest.approx(5 / 6)
    assert scores.measure(two, "wa", aggregation="fold_mean").value == pytest.approx((3 / 4 + 1) / 2)


def test_a_class_absent_from_a_fold_has_a_pooled_ua_and_no_fold_mean():
    first = record(part([0, 0, 1], [0, 1, 1], ids="abc"), num_folds=2)
    second = record(part([0, 0], [0, 0], ids="de"), num_folds=2, fold="fold_2")
    two = system(first, second)
    assert scores.measure(two, "ua").value == pytest.approx((3 / 4 + 1) / 2)
    with pytest.raises(ValueError, match="sadness never occurs in fold_2"):
        scores.measure(two, "ua", aggregation="fold_mean")
    with pytest.raises(ValueError, match="sadness never occurs in fold_2 of seed 0"):
        scores.fold_values(two, "ua")
    with pytest.raises(ValueError, match="sadness never occurs"):
        scores.measure(system(second), "ua")


def test_no_decision_is_an_error_and_never_dropped():
    undecided = system(record(part([0, 0, 1, 1], [0, -1, 1, 1])))
    assert scores.measure(undecided, "wa").value == 3 / 4
    assert scores.measure(undecided, "precision:anger").value == 1
    assert scores.measure(undecided, "recall:anger").value == 1 / 2


def test_seeds_on_the_same_utterances_are_averaged():
    seeds = system(*(many(right, seed=seed) for seed, right in enumerate([1, 2, 4])))
    number = scores.measure(seeds, "wa")
    assert number.value == pytest.approx((1 / 4 + 2 / 4 + 1) / 3)
    assert number.by_seed == (0.25, 0.5, 1)


def test_seeds_on_other_utterances_are_averaged_as_well():
    first = record(part([0, 1], [0, 0], ids="ab"), seed=0)
    second = record(part([0, 0, 0, 1], [0, 0, 0, 1], ids="cdef"), seed=1)
    assert scores.measure(system(first, second), "wa").value == pytest.approx((1 / 2 + 1) / 2)


def test_incomplete_seeds_are_left_out_where_another_is_complete():
    whole = [many(4, fold=f"fold_{k}", num_folds=2) for k in (1, 2)]
    torn = many(1, seed=1, num_folds=2)
    assert scores.measure(system(*whole, torn), "wa").value == 1
    assert system(*whole, torn).caveats == ["seed 1 left out, incomplete"]
    assert scores.measure(system(torn), "wa").value == 0.25
    assert system(torn).caveats == ["seed 1 incomplete"]
    assert (system(*whole, torn).folds, system(torn).folds) == ("2/2", "1/2")


def test_the_interval_is_that_of_common_evaluation():
    right = np.arange(8) % 4 + 1
    results = system(many(right))
    tested = results.tested()
    cells = metrics.confusion_by_group(tested.labels, tested.decisions, tested.speakers, num_classes=len(CLASSES))
    counts = intervals.Counts(cells, np.array([0]))
    expected = intervals.interval(intervals.mean_over_seeds(metrics.by_name("wa", CLASSES)), counts)
    number = scores.measure(results, "wa")
    assert (number.low, number.high, number.about) == (expected.low, expected.high, "speakers, this training only")
    assert number.value == expected.value


def test_one_fold_mean_of_speakers_is_the_students_interval_of_their_values():
    """Leave one speaker out with equal speakers: the textbook standard error of a mean."""
    values = np.array([1, 2, 2, 3, 3, 3, 4, 1]) / 4
    folds = [
        record(
            part([0, 0, 1, 1], [int(i >= 4 * v) ^ (i // 2) for i in range(4)], speakers=[f"s{k}"] * 4),
            fold=f"fold_{k}",
            num_folds=8,
        )
        for k, v in enumerate(values)
    ]
    number = scores.measure(system(*folds), "wa", aggregation="fold_mean")
    assert number.value == pytest.approx(values.mean())
    error = values.std(ddof=1) / math.sqrt(8) / (number.value * (1 - number.value))
    logit = math.log(number.value / (1 - number.value))
    low = 1 / (1 + math.exp(-(logit - 2.364624 * error)))  # Student's t, 7 degrees of freedom, 97.5 %
    assert number.low == pytest.approx(low, abs=1e-6)


def test_losses_contain_the_regularisation_term():
    test = part([0, 1, 1, 0], [0, 1, 1, 0])
    test["scores"]["mean"] = [[0.5, 0.5], [0.75, 0.25], [0.0, 1.0], [1.0, 0.0]]
    results = system(record(test))
    assert scores.measure(results, "cross_entropy").value == pytest.approx((math.log(2) + math.log(4)) / 4 + 0.5)
    train = scores.measure(results, "cross_entropy", part="train")
    assert (train.value, train.low, train.why_none) == (0.75, None, "an interval over seeds needs 3, there is 1")
    test["scores"]["mean"][0] = [5.0, 2.0]
    with pytest.raises(ValueError, match="expected probabilities"):
        scores.measure(system(record(test)), "cross_entropy")


def test_training_parts_have_the_interval_of_one_more_seed():
    runs = [unbalanced(seed=seed) for seed in range(3)]
    for run, right in zip(runs, (9, 10, 8), strict=True):
        run.parts["train"] = {"confusion": [[right, 10 - right, 0], [10 - right, right, 0]], "cross_entropy": 0.1}
    number = scores.measure(system(*runs), "wa", part="train")
    half = 4.302653 * 0.1 * math.sqrt(4 / 3)  # Student's t, 2 degrees of freedom, 97.5 %
    assert (number.value, number.about) == (pytest.approx(0.9), "seeds")
    assert (number.low, number.high) == (pytest.approx(0.9 - half, abs=1e-6), 1.0)


def test_slices_are_counted_from_their_votes():
    test = part([0, 1, 1], [0, 1, 0], speakers="abc")
    test["scores"]["slice_votes"] = [[3, 1], [0, 2], [3, 1]]
    results = system(record(test))
    assert scores.measure(results, "slice_wa").value == pytest.approx(6 / 10)
    assert scores.measure(results, "wa", rule="slice_votes").value == pytest.approx(2 / 3)
    assert scores.measure(results, "slice_wa", part="train").value == 0.9  # the history at the epoch kept
    assert scores.measure(results, "slice_cross_entropy", part="valid").value == 1.5


def test_what_records_do_not_tell_is_said():
    results = system(unbalanced())
    for metric, options in {
        "share:kept": {},
        "recall:fear": {},
        "wa": {"part": "test:noise"},
        "ua": {"rule": "vote"},
    }.items():
        with pytest.raises(ValueError, match="cannot be computed|no class fear|no part test:noise|no rule vote"):
            scores.measure(results, metric, **options)


def test_pairs_are_compared_on_identical_utterances_only():
    first, second = many(4), many(2, variant="own_cnn")
    pair = comparisons.compare(system(first), system(second))
    assert pair.ua.value == pair.wa.value == 0.5
    assert (pair.num_utterances, pair.mcnemar.only_first, pair.mcnemar.only_second) == (32, 16, 0)
    assert pair.mcnemar.pvalue == pytest.approx(2 * 0.5**16)
    assert pair.pvalue == 0  # every speaker is decided as much better by the first
    for other in (many(2, variant="own_cnn", num_speakers=7), many(2, variant="own_cnn", seed=1)):
        assert comparisons.compare(system(first), system(other)) is None
    sheet = pairs.pairs_sheet("ravdess/strong", system_results.group([first, second, many(3, variant="resnet50")]))
    assert len(sheet.evidence) == 3 and {row["majority_wa"] for row in sheet.evidence} == {0.5}


def test_every_question_about_two_systems_has_its_own_difference():
    first, second = system(many([4, 3, 4, 4, 3, 4, 4, 4])), system(many([2, 2, 1, 2, 2, 2, 1, 2], variant="own_cnn"))
    difference = comparisons.difference(first, second, "ua")
    assert comparisons.difference(second, first, "ua").value == -difference.value
    assert comparisons.difference(first, second, "recall:anger") != difference
    assert comparisons.difference(first, second, "ua", rules=("mean", "mean")) == difference
    assert comparisons.difference(first, second, "ua", seeds=[0]) == difference
    assert comparisons.difference(first, second, "ua", parts=("valid",)) == difference  # the same utterances


def test_inflation_is_the_first_protocol_minus_the_independent_one():
    random, honest = (
        system(many(4, protocol="random")),
        system(many([1, 2, 3, 2, 1, 2, 3, 2], protocol="speaker_independent")),
    )
    difference = comparisons.difference(random, honest, "ua")
    assert difference.value == pytest.approx(0.5)
    assert difference.low < 0.5 < difference.high


def test_records_that_cannot_be_one_system_are_refused():
    with pytest.raises(InputError, match="differ in their classes or their decision rules"):
        system_results.group([unbalanced(), unbalanced(seed=1, classes=["anger", "fear"])])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"corpus_variant": "ravdess/4hap"}, " --emotions 4hap"),
        ({"corpus_variant": "ravdess/anger+fear"}, " --emotions anger,fear"),
        ({"corpus": "emodb-2s", "corpus_variant": "emodb-2s/4hap"}, " --corpus emodb --emotions 4hap"),
        ({"corpus": "iemocap", "corpus_variant": "iemocap/all/4exc"}, " --corpus iemocap/all/4exc"),
        (
            {"corpus": "manifest:calls", "corpus_variant": "manifest:calls/anger+fear"},
            " --corpus manifest:FILE --emotions anger,fear",
        ),
        (
            {"corpus": "ravdess-synthetic", "corpus_variant": "ravdess-synthetic", "synthetic": True},
            " --data SYNTHETIC",
        ),
    ],
)
def test_the_command_names_corpus_and_emotions(changes, words):
    runs = [unbalanced(seed=seed, **changes) for seed in (0, 1, 2, 5)]
    expected = f"python -m experiments run emmert --variant mfcc{words} --protocol paper --preset paper --seeds 0-2,5"
    assert system(*runs).command == expected


def test_folds_are_sorted_by_number():
    runs = [unbalanced(fold=f"fold_{k}", num_folds=10) for k in (10, 9, 1)]
    assert [r.fold for r in system(*runs).records] == ["fold_1", "fold_9", "fold_10"]


def test_bands_belong_to_a_corpus_variant_and_a_protocol():
    def band(metric, **options):
        return plausible_ranges.range_of(system(unbalanced(**options)), metric)

    known = band("ua", corpus_variant="ravdess", protocol="speaker_independent")
    words = ["below 25: a bug?", "below the band", "in the band", "above the band", "above 75: a leak?"]
    assert [known.flag(value) for value in (0.2, 0.3, 0.5, 0.7, 0.97)] == words
    assert band("wa", corpus_variant="ravdess") and not band("ua", corpus_variant="ravdess")  # emmert's own protocol
    assert band("ua", corpus_variant="ravdess-synthetic", protocol="speaker_independent") is None
    cut = band("ua", corpus_variant="emodb-2s", protocol="leave_one_speaker_out")
    assert (cut.corpus, cut.flag(0.5)) == ("emodb", "below the band")
    assert band("ua", corpus_variant="emodb-2s/4hap", protocol="leave_one_speaker_out") is None
    assert cut.in_words(0.5, "emodb-2s").endswith(" on emodb: below the band")


def test_the_two_readings_of_a_papers_plus_minus():
    """WA of four folds: 1 and 1/2 in the first repeat, 1/2 and 0 in the second."""
    right = {(0, "fold_1"): [0, 1], (0, "fold_2"): [0, 0], (1, "fold_1"): [1, 1], (1, "fold_2"): [1, 0]}
    ids = {"fold_1": "ab", "fold_2": "cd"}
    results = system(*(record(part([0, 1], d, ids=ids[f]), seed=s, fold=f, num_folds=2) for (s, f), d in right.items()))
    over_folds, over_repeats = (scores.measure(results, f"{name}:wa") for name in ("sd", "sd_repeats"))
    assert over_folds.value == pytest.approx(np.std([1, 1 / 2, 1 / 2, 0], ddof=1))
    assert over_folds.by_seed == pytest.approx((np.sqrt(1 / 8),) * 2)
    assert over_repeats.value == pytest.approx(np.std([3 / 4, 1 / 4], ddof=1))
    with pytest.raises(intervals.NotComputableError, match="one repeat"):
        scores.measure(system(unbalanced()), "sd_repeats:wa")
