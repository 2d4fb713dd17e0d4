"""Raters' answers in a results folder: what is kept of whom, and what is not."""

import json

import pytest

from common.errors import InputError
from common.utterance import Corpus, Utterance
from experiments.evidence import annotations, human_reference
from tests.support.annotations_by_hand import CLASSES, corpus, listened


def test_raters_answers_are_kept_as_they_are_and_the_same_every_time(tmp_path):
    path = annotations.write(corpus(limits="some limits"), tmp_path)
    assert path == tmp_path / "human" / "iemocap-all-4exc-raters.json"
    first = path.read_bytes()
    annotations.write(corpus(limits="some limits"), tmp_path)
    assert path.read_bytes() == first and [p.name for p in path.parent.iterdir()] == [path.name]
    tree = json.loads(first)
    assert (tree["corpus_variant"], tree["synthetic"], tree["limits"]) == ("iemocap/all/4exc", False, "some limits")
    assert tree["classes"] == list(CLASSES) and tree["merged"] == {}
    assert tree["utterances"]["u001"] == {
        "emotion": "anger",
        "votes": [["anger"], ["anger"], ["anger"]],
        "self_votes": [["neutral"]],
    }
    assert human_reference.read(tmp_path) == []  # no human row, although it lies beside them


@pytest.mark.parametrize(
    ("variant", "merged"),
    [
        ("iemocap-synthetic/improvised/4hap+exc", {"excitement": "happiness"}),
        ("iemocap/all/4hap+exc/anger+happiness", {"excitement": "happiness"}),
        ("iemocap/all/4hap", {}),
    ],
)
def test_what_a_variant_merged_is_written_with_it(tmp_path, variant, merged):
    heard = [("happiness", ["happiness", "excitement", "neutral"], []), ("anger", ["anger"], [])]
    annotations.write(corpus(variant.split("/")[0], variant, heard), tmp_path)
    assert annotations.read_all(tmp_path)[variant].merged == merged


def test_of_a_listening_test_the_columns_are_written_and_never_a_rate(tmp_path):
    utterances = listened(1.0, 0.9512, 0.8765, 0.9, 0.80001, 0.1234)
    path = annotations.write(Corpus(name="emodb", variant="emodb", utterances=utterances), tmp_path)
    columns = [row["column"] for row in json.loads(path.read_text())["utterances"].values()]
    assert columns == ["1", "0.9 to 1", "0.8 to 0.9", "0.9 to 1", "0.8 to 0.9", "0 to 0.8"]
    assert not [digits for digits in ("9512", "8765", "80001", "1234") if digits in path.read_text()]
    back = annotations.read_all(tmp_path)["emodb"]
    assert not back.voted and [u.recognition for u in back.utterances.values()] == [1, 0.9, 0.8, 0.9, 0.8, 0]


def test_a_corpus_that_nobody_was_asked_about_has_no_file(tmp_path):
    utterances = (*listened(1.0), Utterance(id="u", path=None, emotion="fear", speaker="s"))
    assert annotations.write(Corpus(name="ravdess", variant="ravdess", utterances=utterances), tmp_path) is None
    assert not (tmp_path / "human").exists() and annotations.read_all(tmp_path) == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not a file of raters' answers"),
        ("[]", "not a file of raters"),
        ('{"schema": 9}', "schema 9.*update the suite"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path, content, words):
    (tmp_path / "human").mkdir()
    (tmp_path / "human" / "x-raters.json").write_text(content)
    with pytest.raises(InputError, match=words):
        annotations.read_all(tmp_path)
