"""The verdict on a published number, each reason why there is none, and what stands beside a number without one."""

import math
from pathlib import Path

import numpy as np
import pytest

from common import records
from common.errors import InputError
from common.evaluation import intervals, reported_results
from common.evaluation.reported_results import ReportedResult
from experiments.evaluation import reproduction, system_results
from experiments.tables import paper_vs_ours
from tests.support.records_by_hand import many
from tests.support.table_rows import rows


def system(*runs):
    (only,) = system_results.group(runs)
    return only


def published(value=0.5, metric="wa", **changes):
    fields = {"paper": "emmert", "id": "n", "variant": "mfcc", "corpus": "ravdess/strong", "where": "V-C"}
    return ReportedResult(**(fields | {"metric": metric, "value": value} | changes))


HALF = [1, 2, 3, 2, 1, 2, 3, 2]
SEEDS = [many(right, seed=seed) for seed, right in enumerate([HALF, [1] + HALF[1:7] + [3], [2] + HALF[1:]])]


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.5, "reproduced"), (0.42, "ours higher"), (0.62, "ours lower"), (0.431, "ours higher"), (0.4314, "reproduced")],
)
def test_the_verdict_asks_whether_the_papers_run_could_be_one_more_of_ours(value, verdict):
    """WA of three seeds: 16, 17 and 17 of 32; mean -/+ 4.302653 sd sqrt(4/3), Student's t with 2 degrees of freedom."""
    comparison = reproduction.compare(published(value), [system(*SEEDS)])
    wa = [16 / 32, 17 / 32, 17 / 32]
    half = 4.302653 * np.std(wa, ddof=1) * math.sqrt(4 / 3)
    assert comparison.ours.value == pytest.approx(np.mean(wa))
    assert comparison.ours.low == pytest.approx(np.mean(wa) - half)
    assert comparison.verdict == verdict


def test_the_published_number_stands_for_all_that_its_last_digit_rounds():
    ours = intervals.Estimate(0.5, 0.4, 0.6)
    assert reproduction.verdict(published(0.6), ours) == reproduction.verdict(published(0.4), ours) == "reproduced"
    assert reproduction.verdict(published(0.604, half_digit=0.005), ours) == "reproduced"
    assert reproduction.verdict(published(0.606, half_digit=0.005), ours) == "ours lower"


def test_our_own_seeds_are_held_against_each_other():
    """Of 0, 0, 0, 0 and 1 the last is none of the others, whose interval has no width; 1 widens that of each 0."""
    results = system(*(many(right, seed=seed) for seed, right in enumerate([0, 0, 0, 0, 4])))
    assert reproduction.held_out([reproduction.compare(published(0.2), [results])]) == (4, 5)


def test_nine_in_ten_of_the_committed_seeds_are_reproduced_by_the_others():
    root = Path(__file__).parents[3] / "results"
    results = system_results.group(records.read_all(root))
    outcomes = [reproduction.compare(n, results) for paper in reported_results.read_all() for n in paper.published]
    hits, total = reproduction.held_out(outcomes)
    assert total >= 100 and hits >= 0.9 * total


@pytest.mark.parametrize(
    ("runs", "number", "expected"),
    [
        (
            [],
            {},
            "not run: python -m experiments run emmert --variant mfcc --protocol paper --preset paper --seeds 0",
        ),
        ([many(HALF, variant="own_cnn")], {}, "not run: "),
        (
            [many(HALF)],
            {"variant": ""},
            "not comparable: not of a rebuilt system (quoted from another paper, or human)",
        ),
        ([many(HALF, synthetic=True)], {}, "not comparable: only synthetic speech"),
        (
            [many(HALF, corpus_variant="emodb-2s")],
            {"corpus": "emodb"},
            "not run: ran only on emodb-2s; python -m experiments run emmert",
        ),
        ([many(HALF, protocol="random")], {}, "not comparable: only with protocol random, not paper"),
        ([many(HALF, preset="quick")], {}, "not comparable: only at preset quick, not paper"),
        ([many(HALF, num_folds=5)], {}, "not comparable: only 1/5 folds of seed 0"),
        (
            [many(HALF), many(HALF, seed=1, recipe={"corpus": "emodb"})],
            {},
            "not comparable: records of different recipes",
        ),
        ([SEEDS[0], SEEDS[1], many(HALF, seed=2, recipe={"corpus": "ravdess", "added": 1})], {}, "reproduced"),
        (SEEDS[:2], {}, "not run: a verdict needs 3 seeds, there are 2; python -m experiments run emmert"),
        (
            [many(HALF), many(HALF, seed=1, corpus_fingerprint="d")],
            {},
            "not comparable: records of different recordings",
        ),
        ([many(HALF, notes=["random weights"])], {}, "not comparable: random weights"),
        ([many(HALF)], {"metric": "share:kept"}, "not comparable: share:kept cannot be computed from the records"),
        ([many(HALF)], {"rule": "slice_votes"}, "not comparable: the records have no rule slice_votes"),
        ([many(HALF, preset="quick"), *SEEDS], {}, "reproduced"),
    ],
)
def test_each_reason_not_to_compare(runs, number, expected):
    comparison = reproduction.compare(published(**number), system_results.group(runs))
    assert comparison.verdict.startswith(expected)


@pytest.mark.parametrize(
    ("value", "changes", "verdict"),
    [
        (
            211_075,
            {"preset": "smoke", "corpus_variant": "ravdess-synthetic/strong", "synthetic": True},
            "reproduced",
        ),
        (211_074, {}, "ours higher"),
        (211_075, {"corpus_variant": "ravdess"}, "not run: ran only on ravdess; python -m experiments run emmert"),
    ],
)
def test_parameters_are_compared_whatever_the_preset(value, changes, verdict):
    results = system_results.group([many(HALF, **changes)])
    assert reproduction.compare(published(value, "parameters"), results).verdict.startswith(verdict)


def test_a_number_that_the_reconstruction_was_built_to_meet_is_no_evidence():
    comparison = reproduction.compare(published(built_to_match="D7"), system_results.group(SEEDS))
    assert comparison.verdict.endswith("; built to match it (D7)")
    assert reproduction.kind(comparison) == "built to match"
    assert reproduction.kind(reproduction.compare(published(), system_results.group(SEEDS))) == "reproduced"
    assert reproduction.kind(reproduction.compare(published(variant=""), [])) == "not of a rebuilt system"


def test_what_needs_a_licence_says_so():
    number = ReportedResult(
        paper="ma2018",
        id="x",
        variant="fixed_length",
        metric="wa",
        value=0.5,
        corpus="iemocap/improvised/4hap",
        where="T1",
    )
    assert reproduction.compare(number, []).verdict.startswith(
        "not run: needs IEMOCAP; python -m experiments run ma2018"
    )


# --- the similar run

NUMBER = ReportedResult(paper="lim2016", id="n", variant="cnn", corpus="emodb", where="II", metric="wa", value=0.9)
LIKE = {"paper": "lim2016", "variant": "cnn", "corpus_variant": "emodb-2s", "preset": "quick", "limits": "cut"}


def nearest_to(*changes):
    runs = [many(2, **(LIKE | change)) for change in changes]
    return reproduction.compare(NUMBER, system_results.group(runs))


def test_a_run_on_the_cut_copy_stands_beside_and_decides_nothing():
    outcome = nearest_to({})
    assert (
        outcome.verdict.startswith("not run: ran only on emodb-2s; python -m experiments run lim2016")
        and outcome.ours is None
    )
    assert outcome.nearest.corpus_variant == "emodb-2s" and outcome.there.value == pytest.approx(0.5)


def test_the_corpus_itself_comes_before_its_copy_and_the_papers_effort_before_less():
    outcome = nearest_to({}, {"preset": "paper"}, {"corpus_variant": "emodb"})
    assert outcome.verdict == "not comparable: only at preset quick, not paper"
    assert (outcome.nearest.corpus_variant, outcome.nearest.preset) == ("emodb", "quick")
    assert nearest_to({}, {"preset": "paper"}).nearest.preset == "paper"


@pytest.mark.parametrize(
    "change",
    [{"protocol": "random"}, {"synthetic": True}, {"preset": "smoke"}, {"corpus_variant": "ravdess"}, {"num_folds": 2}],
)
def test_what_differs_otherwise_is_not_near(change):
    outcome = nearest_to(change)
    assert (
        outcome.nearest is None and outcome.there is None and outcome.verdict.startswith(("not comparable", "not run"))
    )


def test_the_column_is_there_where_something_stands_in_it():
    class Paper:
        name, title, published = "lim2016", "T", [NUMBER]
        corpus, classes = "emodb", ("anger", "neutral")

    (table,) = paper_vs_ours.sheet(Paper, system_results.group([many(2, **LIKE)])).tables
    assert rows(table)[0].shown["similar run"].startswith("50.0 % (emodb-2s, preset quick)")
    assert any("not used for verdicts" in note for note in table.notes)
    (bare,) = paper_vs_ours.sheet(Paper, []).tables
    assert "2 classes (anger, neutral), chance UA 50.0 %" in bare.caption  # told by the paper where nothing was run
    assert "similar run" not in rows(bare)[0].shown


def test_a_modified_system_takes_no_part_in_a_verdict_whatever_its_score():
    own = {"corpus_variant": "emodb", "preset": "paper"}
    modified = own | {
        "variant": "cnn+learning_rate=0.0003",
        "notes": ["modified: learning_rate=0.0003"],
    }
    alone = nearest_to(modified)
    assert alone.verdict.startswith("not run: ") and alone.ours is None and alone.nearest is None
    assert nearest_to(own, modified).verdict == nearest_to(own).verdict


# --- what papers say in words ---


def said(first="mfcc", expect="higher", **changes):
    fields = {"id": "s", "text": "better", "where": "V", "second": "own_cnn", "metric": "wa"}
    return reported_results.Statement(**(fields | {"first": first, "expect": expect} | changes))


def paper():
    return reported_results.Paper(name="emmert", title="", published=(published(),))


@pytest.mark.parametrize(
    ("better", "worse", "expect", "outcome"),
    [
        (3, 1, "higher", "agrees"),
        (1, 3, "higher", "contradicts"),
        (1, 3, "lower", "agrees"),
        (3, 1, "not higher", "contradicts"),
        (1, 3, "not higher", "agrees"),
    ],
)
def test_a_statement_agrees_where_the_whole_interval_lies_on_its_side(better, worse, expect, outcome):
    systems = system_results.group([many([better] * 8), many([worse] * 8, variant="own_cnn")])
    outcome_of_ours = reproduction.check_statement(said(expect=expect), paper(), systems)
    assert outcome_of_ours.outcome == outcome
    assert outcome_of_ours.difference.value == pytest.approx((better - worse) / 4)
    assert outcome_of_ours.place == "ravdess/strong, paper, preset paper, seed 0"


def test_a_statement_is_undecided_where_the_interval_holds_zero_and_not_run_where_a_system_is_missing():
    mixed = system_results.group([many([4, 0, 3, 1, 4, 0, 2, 2]), many([2] * 8, variant="own_cnn")])
    assert reproduction.check_statement(said(), paper(), mixed).outcome == "undecided"
    alone = system_results.group([many([2] * 8)])
    assert reproduction.check_statement(said(), paper(), alone).outcome == "not run: own_cnn"
    quick = system_results.group([many([3] * 8, preset="smoke"), many([1] * 8, variant="own_cnn", preset="smoke")])
    assert reproduction.check_statement(said(), paper(), quick).outcome == "not run: mfcc, own_cnn"


def test_a_statement_is_held_against_the_papers_corpus_before_longer_trainings_on_another():
    elsewhere = {"corpus": "emodb-2s", "corpus_variant": "emodb-2s"}
    near = {"corpus_variant": "ravdess/4hap", "preset": "quick"}
    runs = [
        many([k] * 8, variant=name, **where) for where in (elsewhere, near) for k, name in ((3, "mfcc"), (1, "own_cnn"))
    ]
    place = reproduction.check_statement(said(), paper(), system_results.group(runs)).place
    assert place == "ravdess/4hap, paper, preset quick, seed 0"


def test_a_statement_of_classes_compares_their_recall_with_that_of_the_others():
    (only,) = system_results.group([many([3] * 8)])
    recalls = np.diag(np.asarray(only.records[0].parts["test"]["confusion"])[:, :2]) / 16
    outcome_of_ours = reproduction.check_statement(said(second="", classes=("anger",)), paper(), [only])
    assert outcome_of_ours.difference.value == pytest.approx(recalls[0] - recalls[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expect": "better"}, "expect = 'better'; expected one of higher, lower, not higher"),
        ({"classes": ["anger"]}, "expected either second"),
        ({"second": None, "classes": ["rage"]}, "classes has rage"),
        ({"text": None}, "text is missing"),
    ],
)
def test_a_statement_is_checked_when_it_is_read(changes, message, tmp_path):
    entry = {"id": "s", "text": "better", "where": "V", "first": "mfcc", "second": "own_cnn", "expect": "higher"}
    lines = [f"{key} = {value!r}" for key, value in (entry | changes).items() if value is not None]
    head = "[paper]\ntitle = 'T'\nauthors = ['A']\ncorpus = 'c'\nclasses = ['anger']\n\n[[statement]]\n"
    (tmp_path / "paper.toml").write_text(head + "\n".join(lines) + "\n")
    with pytest.raises(InputError, match=message):
        reported_results.read_file(tmp_path / "paper.toml")
