"""The verdict on a published number, each reason why there is none, and what stands beside a number without one."""

import pytest

from common.evaluation import intervals
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


@pytest.mark.parametrize(("value", "verdict"), [(0.5, "within the interval"), (0.05, "above"), (0.99, "below")])
def test_the_verdict_compares_the_paper_with_our_interval(value, verdict):
    results = [system(many([1, 2, 3, 2, 1, 2, 3, 2]))]
    comparison = reproduction.compare(published(value), results)
    assert comparison.verdict == verdict
    assert comparison.ours.value == 0.5


@pytest.mark.parametrize("end", ["low", "high"])
def test_the_ends_of_the_interval_are_within(end):
    ours = intervals.Estimate(0.5, 0.4, 0.6)
    assert reproduction.verdict(getattr(ours, end), ours) == "within the interval"


HALF = [1, 2, 3, 2, 1, 2, 3, 2]


@pytest.mark.parametrize(
    ("runs", "number", "expected"),
    [
        (
            [],
            {},
            "not run: python -m experiments run emmert --variant mfcc --protocol paper --preset paper --seeds 0",
        ),
        ([many(HALF, variant="own_cnn")], {}, "not run: "),
        ([many(HALF)], {"variant": ""}, "not comparable: the number of no system of ours"),
        ([many(HALF, synthetic=True)], {}, "not comparable: only synthetic speech"),
        (
            [many(HALF, corpus_variant="emodb-2s")],
            {"corpus": "emodb"},
            "not run: ran on emodb-2s alone; python -m experiments run emmert",
        ),
        ([many(HALF, protocol="random")], {}, "not comparable: only under protocol random, not paper"),
        ([many(HALF, preset="quick")], {}, "not comparable: only at preset quick, not paper"),
        ([many(HALF, num_folds=5)], {}, "not comparable: only 1/5 folds of seed 0"),
        (
            [many(HALF), many(HALF, seed=1, recipe={"corpus": "emodb"})],
            {},
            "not comparable: records of different recipes",
        ),
        ([many(HALF), many(HALF, seed=1, recipe={"corpus": "ravdess", "added": 1})], {}, "within the interval"),
        (
            [many(HALF), many(HALF, seed=1, corpus_fingerprint="d")],
            {},
            "not comparable: records of different recordings",
        ),
        ([many(HALF, notes=["random weights"])], {}, "not comparable: random weights"),
        ([many(HALF)], {"metric": "share:kept"}, "not comparable: the records do not tell share:kept"),
        ([many(HALF)], {"rule": "slice_votes"}, "not comparable: the records have no rule slice_votes"),
        ([many(2, num_speakers=2)], {}, "not comparable: 2 speakers; an interval needs 3 or more"),
        ([many(HALF, preset="quick"), many(HALF)], {}, "within the interval"),
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
            "within the interval",
        ),
        (211_074, {}, "above"),
        (211_075, {"corpus_variant": "ravdess"}, "not run: ran on ravdess alone; python -m experiments run emmert"),
    ],
)
def test_parameters_are_compared_whatever_the_preset(value, changes, verdict):
    results = system_results.group([many(HALF, **changes)])
    assert reproduction.compare(published(value, "parameters"), results).verdict.startswith(verdict)


def test_a_number_that_the_reconstruction_was_built_to_meet_is_no_evidence():
    comparison = reproduction.compare(published(built_to_match="D7"), system_results.group([many(HALF)]))
    assert comparison.verdict.endswith("; built to match it (D7)")
    assert reproduction.kind(comparison) == "built to match"
    assert reproduction.kind(reproduction.compare(published(), system_results.group([many(HALF)]))) in (
        "within the interval",
        "above",
    )
    assert reproduction.kind(reproduction.compare(published(variant=""), [])) == "of no system of ours"


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


# --- the nearest run

NUMBER = ReportedResult(paper="lim2016", id="n", variant="cnn", corpus="emodb", where="II", metric="wa", value=0.9)
LIKE = {"paper": "lim2016", "variant": "cnn", "corpus_variant": "emodb-2s", "preset": "quick", "limits": "cut"}


def nearest_to(*changes):
    runs = [many(2, **(LIKE | change)) for change in changes]
    return reproduction.compare(NUMBER, system_results.group(runs))


def test_a_run_on_the_cut_copy_stands_beside_and_decides_nothing():
    outcome = nearest_to({})
    assert (
        outcome.verdict.startswith("not run: ran on emodb-2s alone; python -m experiments run lim2016")
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
    assert rows(table)[0].shown["nearest run"].startswith("50.0 % [50.0, 50.0] (emodb-2s, preset quick)")
    assert any("not used for verdicts" in note for note in table.notes)
    (bare,) = paper_vs_ours.sheet(Paper, []).tables
    assert "2 classes (anger, neutral), chance UA 50.0 %" in bare.caption  # told by the paper where nothing was run
    assert "nearest run" not in rows(bare)[0].shown


def test_a_modified_system_takes_no_part_in_a_verdict_whatever_its_score():
    own = {"corpus_variant": "emodb", "preset": "paper"}
    modified = own | {
        "variant": "cnn+learning_rate=0.0003",
        "notes": ["modified: learning_rate=0.0003"],
    }
    alone = nearest_to(modified)
    assert alone.verdict.startswith("not run: ") and alone.ours is None and alone.nearest is None
    assert nearest_to(own, modified).verdict == nearest_to(own).verdict
