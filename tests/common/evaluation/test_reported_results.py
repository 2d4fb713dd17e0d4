import dataclasses
import re

import pytest

from common.errors import InputError
from common.evaluation import reported_results

HEAD = """
[paper]
title = "T"
authors = ["A"]
corpus = "ravdess"
classes = ["anger", "sadness"]
"""
NUMBER = """
[[published]]
id = "T1"
variant = "mfcc"
metric = "wa"
value = 0.5
corpus = "ravdess"
where = "Table 1"
"""


def read(tmp_path, text):
    path = tmp_path / "papers" / "someone2000" / "paper.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return reported_results.read_file(path)


def test_a_number_gets_the_defaults_of_its_kind(tmp_path):
    paper = read(tmp_path, HEAD + NUMBER)
    assert (paper.name, paper.authors, paper.year) == ("someone2000", ("A",), None)
    (number,) = paper.published
    assert dataclasses.asdict(number) == {
        "paper": "someone2000",
        "id": "T1",
        "variant": "mfcc",
        "metric": "wa",
        "value": 0.5,
        "half_digit": 0.005,
        "corpus": "ravdess",
        "where": "Table 1",
        "aggregation": "unknown",
        "part": "test",
        "protocol": "paper",
        "rule": "",
        "note": "",
        "approximate": False,
        "headline": False,
        "built_to_match": "",
        "needs": "",
        "seeds": "0",
    }
    assert reported_results.read("someone2000", tmp_path / "papers") == paper.published
    assert reported_results.read("nobody", tmp_path / "papers") == ()


def test_a_method_without_a_paper_has_the_title_of_its_readme_and_no_numbers(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text("# My method\n\n# Not this\n")
    (tmp_path / "notes").mkdir()
    (method,) = reported_results.read_all(tmp_path)
    assert (method.name, method.title, method.published, method.authors) == ("mine", "My method", (), ())


def test_another_reading_of_the_system_gets_the_same_number_and_the_papers_repeats(tmp_path):
    text = HEAD.replace('title = "T"', 'title = "T"\nseeds = "0-4"') + NUMBER + 'also = ["other"]\n'
    first, second = read(tmp_path, text).published
    assert (first.id, first.variant, first.seeds) == ("T1", "mfcc", "0-4")
    assert dataclasses.replace(second, id="T1", variant="mfcc") == first
    assert (second.id, second.variant) == ("T1-other", "other")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[paper", "cannot be read as TOML"),
        (HEAD.replace('title = "T"\n', ""), "title is missing"),
        (HEAD + "[papers]\n", "unknown key papers"),
        (HEAD + NUMBER + NUMBER, "id T1 is used twice"),
        (HEAD + NUMBER + "vlaue = 1\n", "'T1': unknown key vlaue"),
        (HEAD + NUMBER.replace('where = "Table 1"\n', ""), "'T1': where is missing"),
        (HEAD + NUMBER.replace("0.5", "49.5"), "a fraction, 0.495 if per cent was meant"),
        (HEAD + NUMBER.replace('"wa"', '"recall:anger"').replace("0.5", "1.1"), "expected a fraction"),
        (HEAD + NUMBER.replace("0.5", "-0.5"), "0 or above"),
        (HEAD + NUMBER.replace("0.5", "nan"), "0 or above"),
        (HEAD + NUMBER.replace("0.5", '"0.5"'), "expected a number"),
        (HEAD + NUMBER.replace("0.5", "true"), "expected a number"),
        (HEAD + NUMBER.replace('"wa"', '"recall:rage"'), "recall:<one of anger"),
        (HEAD + NUMBER.replace('"wa"', '"recall:"'), "expected a name such as ua"),
        (HEAD + NUMBER + 'aggregation = "mean"\n', "expected one of pooled, fold_mean, unknown"),
        (HEAD + NUMBER + 'part = "dev"\n', "expected train, valid, test or test:<condition>"),
        (HEAD + NUMBER.replace('"T1"', '"T 1"'), "expected letters, digits"),
        (HEAD + NUMBER + "approximate = 1\n", "expected true or false"),
        (HEAD + NUMBER + 'also = "other"\n', "'T1': also = 'other'; expected a list"),
        (HEAD + NUMBER + "also = [1]\n", "'T1': also = [1]; expected a list"),
        (HEAD + '[[confusion]]\nid = "m"\nvariant = ""\nwhere = "W"\nclasses = ["a", "b"]\nrows = [[1.0]]\n', "square"),
        (
            HEAD + '[[confusion]]\nid = "m"\nvariant = ""\nwhere = "W"\nclasses = ["a"]\nrows = [[0.9]]\n',
            "fractions that sum to 1",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    with pytest.raises(InputError, match=re.escape(message)):
        read(tmp_path, text)


def test_losses_and_counts_have_no_upper_end(tmp_path):
    text = HEAD + NUMBER.replace('"wa"', '"cross_entropy"').replace("0.5", "1.773")
    text += NUMBER.replace("T1", "T2").replace('"wa"', '"parameters"').replace("0.5", "211075")
    loss, parameters = read(tmp_path, text).published
    assert not loss.is_rate and not parameters.is_rate


@pytest.mark.parametrize("metric", ["ua", "recall:anger", "share:kept", "sd:macro_f1", "sd_repeats:ua", "slice_wa"])
def test_rates_are_printed_in_per_cent(tmp_path, metric):
    assert read(tmp_path, HEAD + NUMBER.replace('"wa"', f'"{metric}"')).published[0].is_rate


def test_all_papers_are_read():
    papers = {paper.name: paper for paper in reported_results.read_all()}
    assert {"emmert", "lim2016", "satt2017", "ma2018", "chernykh2018", "baseline"} <= papers.keys()
    assert all(bool(paper.published) == bool(paper.authors) for paper in papers.values())


def test_the_numbers_of_emmerts_text():
    numbers = {n.id: n for n in reported_results.read("emmert")}
    counts = {"mfcc-train-wa": (464, 469), "mfcc-valid-wa": (50, 98), "mfcc-test-wa": (52, 105)}
    for name, (right, files) in counts.items():
        assert numbers[name].value == pytest.approx(
            right / files, abs=5e-6
        )  # the paper prints three decimals of per cent
    of_fifteen = {"calm": 11, "anger": 9, "surprise": 4, "sadness": 5}
    for emotion, right in of_fifteen.items():
        assert numbers[f"mfcc-recall-{emotion}"].value == pytest.approx(right / 15, abs=1e-5)
    assert numbers["mfcc-parameters"].value == 211_075
    assert {n.corpus for n in numbers.values() if n.variant == "mfcc"} == {"ravdess/strong"}


@pytest.mark.parametrize(
    ("given", "value", "half_digit"),
    [
        ('"11/15"', 11 / 15, 0),
        ("0.49524", 0.49524, 0.000005),
        ("0.70", 0.7, 0.005),
        ("0.7", 0.7, 0.005),
        ("1", 1, 0),
    ],
)
def test_a_value_keeps_its_digits_and_a_count_is_exact(tmp_path, given, value, half_digit):
    (number,) = read(tmp_path, HEAD + NUMBER.replace("0.5", given)).published
    assert (number.value, number.half_digit) == (pytest.approx(value, abs=0), pytest.approx(half_digit))


def test_a_contrast_names_recipes_on_both_sides(tmp_path):
    entry = '[[contrast]]\nid = "c"\nfirst = ["mfcc"]\nsecond = ["cnn", "baseline/svm"]\nwhere = "V"\n'
    (contrast,) = read(tmp_path, HEAD + entry).contrasts
    assert (contrast.first, contrast.second, contrast.part) == (("mfcc",), ("cnn", "baseline/svm"), "test")
    with pytest.raises(InputError, match=r"first = 'mfcc'; expected a list of recipes"):
        read(tmp_path / "again", HEAD + entry.replace('["mfcc"]', '"mfcc"'))
