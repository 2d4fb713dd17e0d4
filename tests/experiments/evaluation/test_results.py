"""The frame of all numbers, predictions and paired differences by hand; the systems table is a pivot of the frame."""

import dataclasses

import numpy as np
import pytest

from common import records
from common.errors import InputError
from experiments import results as for_users
from experiments.evaluation import results, system_results
from experiments.tables import systems
from tests.support.records_by_hand import many, part, record, unbalanced
from tests.support.table_rows import rows


def one(measured, **wanted):
    """The row with the fields wanted."""
    chosen = measured
    for name, value in wanted.items():
        chosen = chosen[chosen[name] == value]
    assert len(chosen) == 1, wanted
    return chosen.iloc[0]


def with_rule(run, name, decisions):
    """The record with a second decision rule."""
    test = run.parts["test"]
    added = part(test["labels"], decisions, rule=name)["scores"]
    return dataclasses.replace(run, parts=run.parts | {"test": test | {"scores": test["scores"] | added}})


@pytest.mark.parametrize(
    ("metric", "of_class", "value"),
    [
        ("wa", "", 4 / 6),
        ("ua", "", 5 / 8),
        ("macro_f1", "", 5 / 8),
        ("recall", "anger", 3 / 4),
        ("precision", "sadness", 1 / 2),
        ("f1", "anger", 6 / 8),
    ],
)
def test_numbers_by_hand(metric, of_class, value):
    measured = results.frame(system_results.group([unbalanced(notes=["random weights"])]))
    row = one(measured, metric=metric, part="test", aggregation="pooled", **{"class": of_class})
    assert row["estimate"] == pytest.approx(value)
    assert row["low"] < value < row["high"] and row["why_none"] == ""
    assert (row["paper"], row["variant"], row["rule"]) == ("emmert", "mfcc", "mean")
    assert (row["n"], row["folds"], row["seeds"], row["notes"]) == ("6", "1/1", "0", "random weights")


def test_a_class_of_two_speakers_has_a_recall_without_interval():
    row = one(results.frame(system_results.group([unbalanced()])), metric="recall", **{"class": "sadness"})
    assert row["estimate"] == 1 / 2 and np.isnan(row["low"]) and "2 speakers" in row["why_none"]


def test_pooled_and_fold_mean_are_two_rows():
    folds = [
        record(part([0, 0, 0, 1], [0, 0, 1, 0], ids="abcd"), num_folds=2),
        record(part([0, 1], [0, 1], ids="ef"), num_folds=2, fold="fold_2"),
    ]
    measured = results.frame(system_results.group(folds))
    by = {"metric": "ua", "part": "test"}
    assert one(measured, aggregation="pooled", **by)["estimate"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert one(measured, aggregation="fold_mean", **by)["estimate"] == pytest.approx((1 / 3 + 1) / 2)
    assert one(measured, metric="sd:ua", part="test")["estimate"] == pytest.approx(2 / 3 / np.sqrt(2))


def test_a_number_that_does_not_exist_has_a_row_with_its_reason():
    measured = results.frame(system_results.group([record(part([0, 0], [0, 1]))]))
    row = one(measured, metric="ua", part="test", aggregation="pooled")
    assert np.isnan(row["estimate"]) and np.isnan(row["low"]) and row["why_none"] == "sadness never occurs"
    alone = one(measured, metric="wa", part="test", aggregation="pooled")
    assert alone["estimate"] == 1 / 2 and np.isnan(alone["low"]) and "2 speakers" in alone["why_none"]


def test_a_row_says_what_is_plausible_and_what_single_seeds_reach():
    options = {"corpus_variant": "ravdess", "protocol": "speaker_independent"}
    measured = results.frame(system_results.group([many(1, seed=0, **options), many(3, seed=1, **options)]))
    by = {"part": "test", "aggregation": "pooled"}
    ua, f1 = (one(measured, metric=metric, **by) for metric in ("ua", "macro_f1"))
    assert (ua["lowest_seed"], ua["estimate"], ua["highest_seed"]) == (1 / 4, 1 / 2, 3 / 4)
    assert ua["band"].startswith("UA ") and ua["band"].endswith(": in the band") and ua["band_source"]
    assert (f1["band"], f1["band_source"]) == ("", "")  # nobody says


def test_intervals_cost_time_and_can_be_left_out():
    members = system_results.group([unbalanced()])
    assert results.wide(members, {"ua": results.UA})["ua_low"][0] < 5 / 8
    row = results.wide(members, {"ua": results.UA}, intervals=False).iloc[0]
    assert row["ua"] == 5 / 8 and row["ua_low"] is None


def test_every_rule_has_rows_and_what_rules_share_has_one():
    members = system_results.group([with_rule(unbalanced(), "slice_votes", [0, 0, 0, 0, 1, 1])])
    measured = results.frame(members)
    by = {"metric": "wa", "part": "test", "aggregation": "pooled"}
    assert one(measured, rule="mean", **by)["estimate"] == pytest.approx(4 / 6)
    assert one(measured, rule="slice_votes", **by)["estimate"] == 1
    assert one(measured, metric="ua", part="train")["rule"] == "mean"
    slices = one(measured, metric="slice_wa")
    assert slices["rule"] == "slice_votes" and slices["estimate"] == 1
    assert set(results.frame(members, own_rule=True)["rule"]) == {"mean"}


def test_the_systems_table_is_a_pivot_of_the_frame():
    twice_decided = with_rule(many(2), "vote", np.arange(32) % 2)
    members = system_results.group([twice_decided, many([1, 2, 3, 4] * 2, variant="a_first")])
    measured = results.frame(members)
    (table,) = systems.systems_sheet("ravdess/strong", members).tables
    assert [(r.data["variant"], r.data["rule"]) for r in rows(table)] == [
        ("a_first", "mean"),
        ("mfcc", "mean"),
        ("mfcc", "vote"),
    ]
    for row in rows(table):
        for field, metric, aggregation in (
            ("ua_pooled", "ua", "pooled"),
            ("wa_pooled", "wa", "pooled"),
            ("macro_f1", "macro_f1", "pooled"),
            ("ua_utterances", "ua_utterances", "pooled"),
        ):
            by = {"variant": row.data["variant"], "rule": row.data["rule"], "part": "test"}
            number = one(measured, metric=metric, aggregation=aggregation, **by)
            shown = [row.data[name] for name in (field, f"{field}_low", f"{field}_high")]
            np.testing.assert_array_equal(
                np.array(shown, dtype=float), number[["estimate", "low", "high"]].astype(float)
            )
    ordered = results.wide(members, {"ua": results.UA}, own_rule=False)
    assert ordered["ua"].tolist() == [row.data["ua_pooled"] for row in rows(table)]


@pytest.fixture
def root(tmp_path):
    for run in (unbalanced(), many(4, variant="all_right", seed=1)):
        records.write(run, root=tmp_path)
    return tmp_path


def test_read_gives_the_numbers_of_all_records(root):
    measured = for_users.read(root)
    by = {"metric": "wa", "part": "test", "aggregation": "pooled"}
    assert one(measured, variant="mfcc", **by)["estimate"] == pytest.approx(4 / 6)
    assert one(measured, variant="all_right", **by)["estimate"] == 1


def test_predictions_by_hand(tmp_path):
    assert for_users.predictions(tmp_path).empty
    test = part([0, 1, 1], [0, 0, -1], speakers="xyz", ids="abc")
    test["scores"]["mean"][1] = [-0.25, -1.5]  # a margin
    none = {"utterances": [], "speakers": [], "labels": [], "scores": {"mean": []}}
    parts = record(test).parts | {"valid": none | {"confusion": [[0] * 3] * 2, "cross_entropy": None}}
    records.write(record(test, parts=parts, seed=3), root=tmp_path)
    tested = for_users.predictions(tmp_path)
    assert set(tested["part"]) == {"test"}
    assert tested["utterance"].tolist() == ["a", "b", "c"] and tested["speaker"].tolist() == ["x", "y", "z"]
    assert tested["label"].tolist() == ["anger", "sadness", "sadness"]
    assert tested["prediction"].tolist()[:2] == ["anger", "anger"] and tested["prediction"].isna().tolist()[2]
    assert tested["score"].tolist()[:2] == [1, -0.25] and tested["score"].isna().tolist()[2]
    assert set(tested["seed"]) == {3} and set(tested["rule"]) == {"mean"} and set(tested["fold"]) == {"fold_1"}


def test_a_share_of_right_predictions_is_the_wa(root):
    own = for_users.predictions(root).query("part == 'test' and variant == 'mfcc'")
    assert (own["prediction"] == own["label"]).mean() == pytest.approx(4 / 6)


def test_compare_is_the_paired_difference():
    first, second = system_results.group([many([4, 3] * 4, variant="a"), many([3, 2] * 4, variant="b")])
    gap = for_users.compare(first, second, "wa")
    assert gap.value == pytest.approx(1 / 4)  # one of four utterances of every speaker: the speakers do not differ
    assert (gap.low, gap.high) == (pytest.approx(1 / 4), pytest.approx(1 / 4))
    back = for_users.compare(second, first, "recall:anger")
    assert back.value == -for_users.compare(first, second, "recall:anger").value


def test_what_cannot_be_compared_is_an_input_error():
    first, second = system_results.group([many(3), many(2, corpus_variant="ravdess/4hap")])
    with pytest.raises(InputError, match=r"is on ravdess/.*take two systems on the same one"):
        for_users.compare(first, second)
    with pytest.raises(InputError, match="no metric accuracy"):
        for_users.compare(first, first, "accuracy")
