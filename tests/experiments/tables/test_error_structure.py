"""Where systems err, from records and raters' answers: tables and published shares counted by hand."""

import pytest

from common.evaluation import reported_results
from common.evaluation.intervals import NotComputableError
from common.utterance import Corpus
from experiments.evaluation import error_shares, reproduction, scores
from experiments.evidence import annotations
from experiments.tables import all_tables, error_structure, paper_vs_ours, systems
from tests.support.annotations_by_hand import ANGER, CLASSES, HEARD, NEUTRAL, PAPER_S, corpus, group, listened, recorded
from tests.support.records_by_hand import part, record
from tests.support.table_rows import rows


@pytest.fixture
def rated(tmp_path):
    annotations.write(corpus(), tmp_path)
    return annotations.read_all(tmp_path)


# --- the tables, by hand


def shown(table, *headings):
    return [tuple(row.shown[heading] for heading in headings) for row in rows(table)]


def test_figure_6b_table_2_and_figure_6a_of_two_seeds(rated):
    members = group(recorded(0), recorded(1))
    sheet = error_structure.errors_sheet("iemocap/all/4exc", members, rated["iemocap/all/4exc"], {"chernykh2018"})
    by_agreement, residual, confusion = sheet.tables
    assert shown(by_agreement, "emotion", "all", "0 dissenting", "1 dissenting") == [
        ("anger", "62.5 (5/8)", "25.0 (1/4)", "100.0 (4/4)"),
        ("excitement", "75.0 (3/4)", "—", "75.0 (3/4)"),
        ("neutral", "50.0 (2/4)", "0.0 (0/2)", "100.0 (2/2)"),
        ("sadness", "25.0 (1/4)", "25.0 (1/4)", "—"),
        ("all emotions: accuracy", "45.0 (9/20)", "80.0 (8/10)", "10.0 (1/10)"),
    ]
    external, with_self = "external", "external and the actors themselves"
    assert shown(residual, "raters", "emotion", "considered", "model accuracy") == [
        (external, "anger", "50.0 (1/2)", "100.0 (2/2)"),
        (external, "excitement", "50.0 (1/2)", "0.0 (0/2)"),
        (external, "neutral", "100.0 (1/1)", "50.0 (1/2)"),
        (external, "sadness", "—", "—"),
        (with_self, "anger", "66.7 (2/3)", "100.0 (3/3)"),
        (with_self, "excitement", "50.0 (1/2)", "0.0 (0/2)"),
        (with_self, "neutral", "100.0 (1/1)", "50.0 (1/2)"),
        (with_self, "sadness", "—", "—"),
    ]
    assert {row.shown["chance"] for row in rows(residual)} == {"33.3"}
    assert shown(confusion, "truth", *CLASSES, "no decision", "n") == [
        ("anger", "37.5", "0.0", "37.5", "12.5", "12.5", "8"),
        ("excitement", "25.0", "25.0", "25.0", "0.0", "25.0", "4"),
        ("neutral", "25.0", "0.0", "50.0", "25.0", "0.0", "4"),
        ("sadness", "0.0", "0.0", "0.0", "75.0", "25.0", "4"),
    ]


def test_a_merged_emotion_is_no_dissent_in_the_tables(tmp_path):
    variant = "iemocap/all/4hap+exc"
    heard = [("happiness", ["happiness", "excitement", "excitement"], [], 0, 0), ("anger", ["anger"] * 3, [], 1, 1)]
    annotations.write(corpus("iemocap", variant, heard), tmp_path)
    test = part([1, 0], [0, 0], classes=("anger", "happiness"))
    results = group(record(test, **(PAPER_S | {"corpus_variant": variant, "classes": ["anger", "happiness"]})))
    answers = annotations.read_all(tmp_path)[variant]
    table = error_structure.errors_sheet(variant, results, answers).tables[0]
    assert "1 dissenting" not in table.shown.columns and rows(table)[1].shown["0 dissenting"] == "100.0 (1/1)"
    assert scores.share(*results, error_shares.AGREE, answers).value == 1 / 2
    assert "A rater's excitement counts as happiness, as in the labels." in table.notes


def test_the_listening_test_s_columns_make_figure_6b_and_no_table_2(tmp_path):
    utterances = listened(1.0, 0.95, 0.85, 0.99, 0.9, 0.85)
    annotations.write(Corpus(name="emodb", variant="emodb", utterances=utterances), tmp_path)
    test = part([0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 0, -1], classes=("anger", "fear"))
    results = group(record(test, corpus_variant="emodb", classes=["anger", "fear"]))
    (table,) = error_structure.errors_sheet("emodb", results, annotations.read_all(tmp_path)["emodb"]).tables
    columns = "recognised 1", "recognised 0.9 to 1", "recognised 0.8 to 0.9"
    assert shown(table, "emotion", *columns) == [
        ("anger", "0.0 (0/1)", "0.0 (0/1)", "100.0 (1/1)"),
        ("fear", "—", "50.0 (1/2)", "100.0 (1/1)"),
        ("all emotions: accuracy", "100.0 (1/1)", "66.7 (2/3)", "0.0 (0/2)"),
    ]
    assert "recognised 0 to 0.8" not in table.shown.columns  # nobody fell into it


def test_a_system_on_other_utterances_is_left_out_by_name(rated):
    answers = rated["iemocap/all/4exc"]
    more = [*HEARD, ("anger", [], [], ANGER, ANGER)]
    sheet = error_structure.errors_sheet("c", group(recorded(0), recorded(0, more, variant="one_label")), answers)
    assert {row.data["variant"] for table in sheet.tables for row in rows(table)} == {"ctc"}
    assert "Left out: chernykh2018/one_label, paper, preset paper: utterance u010 has no label in the raters' file" in (
        " ".join(sheet.tables[0].notes)
    )
    leaky = recorded(0, variant="one_label", protocol="leaky_segments")
    sheet = error_structure.errors_sheet("c", group(recorded(0), leaky), answers)
    assert any(note.endswith("it classifies segments, which have no ratings.") for note in sheet.tables[0].notes)
    incomplete = recorded(0, variant="one_label", num_folds=2)
    for table in error_structure.errors_sheet("c", group(incomplete), answers).tables:
        assert table.notes[-1] == "chernykh2018/one_label, paper, preset paper: seed 0 incomplete."
    relabelled = [("sadness", *HEARD[0][1:]), *HEARD[1:]]
    assert error_structure.errors_sheet("c", group(recorded(0, relabelled)), answers) is None


def test_a_row_with_empty_decodings_says_how_many():
    undecided, decided = recorded(1), recorded(0, variant="one_label")
    (table,) = systems.systems_sheet("c", group(undecided, decided)).tables
    assert [row.data["no_decision"] for row in rows(table)] == [0.3, 0]
    assert ["no decision on 30.0 %" in row.shown["notes"] for row in rows(table)] == [True, False]
    people = [{"source": "s", "corpus_variant": "c", "wa": 0.5, "ua": 0.5, "n": 4}]
    sheet = all_tables.with_people(systems.systems_sheet("c", group(undecided)), people, "c")
    assert rows(sheet.tables[0])[-1].shown["notes"] == "s"


# --- published shares


def published_numbers():
    (paper,) = [paper for paper in reported_results.read_all() if paper.name == "chernykh2018"]
    return {n.id: n for n in paper.published if n.metric.startswith("share:")}


def test_published_shares_have_numbers_where_iemocap_was_run(rated):
    results = group(recorded(0), recorded(1))
    compared = {name: reproduction.compare(n, results, rated) for name, n in published_numbers().items()}
    ours = {name: comparison.ours and comparison.ours.value for name, comparison in compared.items()}
    assert ours == {
        "consistent-wa": 8 / 10,
        "T2-considered-anger": 1 / 2,
        "T2-considered-excitement": 1 / 2,
        "T2-considered-neutral": 1.0,
        "T2-considered-sadness": None,
        "T2-matching-anger": 1.0,
        "T2-matching-excitement": 0.0,
        "T2-matching-neutral": 1 / 2,
        "T2-matching-sadness": None,
    }
    assert compared["consistent-wa"].ours.by_seed == (4 / 5, 4 / 5)
    assert compared["consistent-wa"].ours.why_none == "an interval over seeds needs 3, there is 2"
    assert compared["T2-considered-anger"].verdict == "ours higher"
    assert compared["T2-considered-sadness"].verdict.startswith("not comparable: no rater of iemocap/all/4exc dissents")
    assert compared["T2-matching-sadness"].verdict.startswith("not comparable: share:matching sadness is undefined")
    sheet = paper_vs_ours.sheet(
        next(p for p in reported_results.read_all() if p.name == "chernykh2018"), results, rated
    )
    cells = {row.data["id"]: row.shown["ours [prediction]"] for table in sheet.tables for row in rows(table)}
    assert cells["T2-considered-anger"] == "50.0 %" and cells["consistent-wa"] == "80.0 %"


def test_the_corpus_s_own_share_needs_no_system_and_is_compared_to_the_paper_s_digits(tmp_path):
    answers = ("fear other", "neutral sadness", "frustration", "other")  # a third of them considered
    heard = [("anger", ["anger", "anger", words], []) for words in answers]
    annotations.write(corpus(heard=[*heard, ("neutral", ["neutral"], []), ("sadness", ["sadness"], [])]), tmp_path)
    number = published_numbers()["T2-considered-anger"]

    def verdict(value):
        half = 0.5 * 10 ** -len(str(value).partition(".")[2])
        changed = reported_results.ReportedResult(**{**vars(number), "value": value, "half_digit": half})
        return reproduction.compare(changed, [], annotations.read_all(tmp_path)).verdict

    assert [verdict(value) for value in (0.32, 0.33, 0.34, 0.3333, 0.3334)] == [
        "ours higher",
        "reproduced",
        "ours lower",
        "reproduced",
        "ours lower",
    ]


@pytest.mark.parametrize(
    ("name", "present", "verdict"),
    [
        ("T2-considered-anger", None, "not run: needs IEMOCAP; any run on iemocap/all/4exc stores its raters' answers"),
        ("T2-considered-anger", "iemocap-synthetic", "not comparable: only synthetic speech"),
        ("T2-matching-anger", "iemocap-synthetic", "not comparable: only synthetic speech"),
        ("consistent-wa", "iemocap-synthetic", "not comparable: only synthetic speech"),
        ("consistent-wa", None, "not comparable: results/human has no raters' votes"),
    ],
)
def test_without_the_paper_s_raters_a_share_says_why(tmp_path, name, present, verdict):
    changes = {}
    if present:
        changes = {"corpus": present, "corpus_variant": f"{present}/all/4exc", "synthetic": True}
        annotations.write(corpus(present, f"{present}/all/4exc"), tmp_path)
    results = group(recorded(0, **changes))
    assert reproduction.compare(published_numbers()[name], results, annotations.read_all(tmp_path)).verdict.startswith(
        verdict
    )


def test_the_interval_of_a_share_is_that_of_the_accuracy_on_the_utterances_that_count(tmp_path):
    agreed = [("anger", ["anger"] * 3, [], k % 3 and ANGER or NEUTRAL, ANGER) for k in range(20)]
    disputed = [("neutral", ["neutral", "neutral", "fear"], [], ANGER, ANGER) for _ in range(20)]
    annotations.write(corpus(heard=agreed + disputed), tmp_path)
    answers = annotations.read_all(tmp_path)["iemocap/all/4exc"]
    number = scores.share(*group(recorded(0, agreed + disputed)), error_shares.AGREE, answers)
    alone = scores.measure(*group(recorded(0, agreed)), "wa")
    assert (number.value, number.low, number.high) == pytest.approx((alone.value, alone.low, alone.high), abs=0.01)


def test_what_is_no_share_of_ours_is_not_computed(rated):
    (system,) = group(recorded(0))
    for share in ("kept", "matching fear", "considered"):
        with pytest.raises(NotComputableError, match=f"share:{share} cannot be computed from the records"):
            scores.share(system, share, rated["iemocap/all/4exc"])
