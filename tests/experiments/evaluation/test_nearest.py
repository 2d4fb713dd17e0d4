"""A published number that no run of ours may be compared with: what stands beside it, and what does not."""

import pytest

from common.evaluation.reported_results import ReportedResult
from experiments.evaluation import reproduction, system_results
from experiments.tables import paper_vs_ours
from tests.support.records_by_hand import many
from tests.support.table_rows import rows

NUMBER = ReportedResult(paper="lim2016", id="n", variant="cnn", corpus="emodb", where="II", metric="wa", value=0.9)
LIKE = {"paper": "lim2016", "variant": "cnn", "corpus_variant": "emodb-2s", "preset": "quick", "limits": "cut"}


def compare(*changes):
    found = [many(2, **(LIKE | change)) for change in changes]
    return reproduction.compare(NUMBER, system_results.group(found))


def test_a_run_on_the_cut_copy_stands_beside_and_decides_nothing():
    found = compare({})
    assert (
        found.verdict.startswith("not run: ran on emodb-2s alone; python -m experiments run lim2016")
        and found.ours is None
    )
    assert found.nearest.corpus_variant == "emodb-2s" and found.there.value == pytest.approx(0.5)


def test_the_corpus_itself_comes_before_its_copy_and_the_papers_effort_before_less():
    found = compare({}, {"preset": "paper"}, {"corpus_variant": "emodb"})
    assert found.verdict == "not comparable: only at preset quick, not paper"
    assert (found.nearest.corpus_variant, found.nearest.preset) == ("emodb", "quick")
    assert compare({}, {"preset": "paper"}).nearest.preset == "paper"


@pytest.mark.parametrize(
    "change",
    [{"protocol": "random"}, {"synthetic": True}, {"preset": "smoke"}, {"corpus_variant": "ravdess"}, {"num_folds": 2}],
)
def test_what_differs_otherwise_is_not_near(change):
    found = compare(change)
    assert found.nearest is None and found.there is None and found.verdict.startswith(("not comparable", "not run"))


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
    alone = compare(modified)
    assert alone.verdict.startswith("not run: ") and alone.ours is None and alone.nearest is None
    assert compare(own, modified).verdict == compare(own).verdict
