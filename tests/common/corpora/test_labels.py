"""Names of emotions as corpora have them, and the user's own mapping."""

import pytest

from common.corpora import iemocap, labels
from common.errors import InputError
from common.utterance import EMOTIONS, Corpus, Utterance


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("anger", "anger"),
        ("Angry", "anger"),
        ("ANG", "anger"),
        ("Ärger", "anger"),
        ("happy", "happiness"),
        ("neutral state", "neutral"),
        ("Neutral-State", "neutral"),
        ("Trauer", "sadness"),
        ("Langeweile", "boredom"),
        ("pleasant_surprise", "surprise"),
        ("rude", None),
        ("", None),
        ("A", None),
    ],
)
def test_known_names(theirs, ours):
    assert labels.known(theirs) == ours


def test_iemocaps_codes_and_our_own_names_are_known():
    codes = {code: ours for code, ours in iemocap.CODES.items() if ours in EMOTIONS}
    assert {code: labels.known(code) for code in codes} == codes
    assert {name: labels.known(name) for name in EMOTIONS} == {name: name for name in EMOTIONS}


def test_emodbs_letters_count_only_together():
    ours, (warning,) = labels.translated({"W": 2, "A": 1, "F": 1})
    assert ours == {"W": "anger", "A": "fear", "F": "happiness"}
    assert "read as EmoDB's" in warning
    with pytest.raises(InputError, match=r"unknown emotion A \(1 row\), F \(1 row\), N \(1 row\)"):
        labels.translated({"A": 1, "F": 1, "N": 1})  # of SAVEE, perhaps, where A is anger


@pytest.fixture
def forms(tmp_path):
    """The same mapping in every form: option values."""
    (tmp_path / "map.csv").write_text("label,emotion\nrude,Angry\nexcitement,happiness\nxxx,\n", encoding="utf-8")
    (tmp_path / "map2.csv").write_text("rude;anger\nexcitement;happiness\nxxx;\n", encoding="utf-8-sig")
    toml = '[labels]\nrude = "anger"\nexcitement = "happiness"\nxxx = ""\n'
    (tmp_path / "map.toml").write_text(toml, encoding="utf-8")
    files = [str(tmp_path / name) for name in ("map.csv", "map2.csv", "map.toml")]
    return [*files, "rude=anger, excitement=happiness,xxx="]


def test_a_mapping_in_every_form(forms):
    for option in forms:
        mapping = labels.read(option)
        assert mapping.pairs == {"rude": "anger", "excitement": "happiness", "xxx": ""}
        assert labels.translated({"Rude": 1, "exc": 2, "sad": 1, "xxx": 9}, mapping)[0] == {
            "Rude": "anger",
            "exc": "happiness",  # by our name of it
            "sad": "sadness",
            "xxx": "",
        }
    assert [labels.read(option).name for option in forms] == [
        "labels=map",
        "labels=map2",
        "labels=map",
        "excitement=happiness+rude=anger+xxx=",
    ]


def test_labels_that_are_kept():
    assert labels.translated({"rude": 1, "angry": 1}, labels.read("keep"))[0] == {"rude": "rude", "angry": "anger"}


def test_labels_that_are_kept_have_a_name_that_no_file_has(tmp_path):
    (tmp_path / "keep.csv").write_text("rude,anger\n")
    assert labels.read("keep").name == "labels=keep"
    assert labels.read(str(tmp_path / "keep.csv")).name == "labels=keep.csv"


def test_a_pair_that_nothing_has_is_said():
    ours, (warning,) = labels.translated({"sad": 1, "ang": 2}, labels.read("exited=happiness,sad=neutral"))
    assert ours == {"sad": "neutral", "ang": "anger"}
    assert warning == "--labels maps exited, which no utterance has"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("nowhere.csv", "no such file; expected a CSV or TOML file, THEIRS=OURS, or keep"),
        ("a=b,c", "'c' is not a pair"),
        ("=b", "'' is not a pair"),
        ("", "no such file"),
    ],
)
def test_what_is_no_mapping(option, message):
    with pytest.raises(InputError, match=message):
        labels.read(option)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "one\n", "line 1: expected two columns"),
        ("a.csv", "", "no labels"),
        ("a.toml", "[label]\n", r"no table \[labels\]"),
        ("a.toml", "[labels]\nx = 1\n", r"no table \[labels\] of words"),
        ("a.toml", "[labels\n", "not TOML"),
    ],
)
def test_damaged_files(tmp_path, name, text, message):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        labels.read(str(tmp_path / name))


def corpus():
    kinds = ["anger", "excitement", "happiness", "neutral"]
    utterances = tuple(
        Utterance(id=e, path=f"{e}.wav", emotion=e, speaker="s", votes=((e, "excitement"),)) for e in kinds
    )
    return Corpus(name="ours", variant="ours/all", utterances=utterances)


def test_merging_changes_the_variants_name_and_the_raters():
    merged = labels.relabelled(corpus(), labels.read("excitement=happiness,neutral="))
    assert merged.variant == "ours/all/excitement=happiness+neutral="
    assert merged.counts == {"anger": 1, "happiness": 2}
    assert merged.utterances[1].votes == (("happiness", "happiness"),)
    assert labels.relabelled(corpus(), labels.read("keep")) == corpus()
    with pytest.raises(InputError, match="leaves no utterance"):
        labels.relabelled(corpus(), labels.read("anger=,excitement=,happiness=,neutral="))
