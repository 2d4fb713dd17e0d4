import csv
import time
import unicodedata

import pytest

from common import corpora
from common.corpora import manifest
from common.errors import InputError

HEADER = "file,emotion,speaker"


@pytest.fixture
def calls(tmp_path, plant):
    """Function: lines, encoding -> a CSV beside a.wav, b.wav and sub/a.wav."""
    plant(tmp_path / "a.wav", tmp_path / "b.wav", tmp_path / "sub" / "a.wav")

    def write(*lines, encoding="utf-8", end="\n"):
        path = tmp_path / "calls.csv"
        path.write_bytes(end.join([*lines, ""]).encode(encoding))
        return path

    return write


def test_rows_become_utterances(calls, tmp_path):
    path = calls(
        "speaker,file,session,emotion,gender,text_id,start,end",
        "Zoe,b.wav,2,anger,female,t1,0.5,1.25",
        "Ann,a.wav,,neutral,,,,",
    )
    corpus = corpora.load(f"manifest:{path}")
    assert corpus.name == corpus.variant == "manifest:calls"
    first, second = corpus.utterances
    assert (first.id, first.path, first.emotion, first.speaker) == ("a", tmp_path / "a.wav", "neutral", "Ann")
    assert (first.gender, first.session, first.text_id, first.start_s, first.end_s) == (None,) * 5
    assert second.id == "b@0.5-1.25"
    assert (second.gender, second.session, second.text_id, second.start_s, second.end_s) == (
        "female",
        "2",
        "t1",
        0.5,
        1.25,
    )
    assert corpora.find(f"manifest:{path}") == path
    assert corpora.find("manifest:nowhere.csv") is None


def test_absolute_paths_and_segments_of_one_file(calls, tmp_path):
    path = calls(
        f"{HEADER},start,end",
        f"{tmp_path / 'a.wav'},anger,s1,,1",
        f"{tmp_path / 'a.wav'},fear,s1,1,2.5",
        f"{tmp_path / 'a.wav'},fear,s1,2.5,",
    )
    assert [u.id for u in manifest.load(path).utterances] == ["a@0.0-1.0", "a@1.0-2.5", "a@2.5-"]
    assert manifest.load(path).utterances[0].start_s is None


def test_files_that_share_a_stem_get_ids_with_their_folder(calls):
    path = calls(HEADER, "a.wav,anger,s1", "sub/a.wav,fear,s1", "b.wav,fear,s2")
    assert [u.id for u in manifest.load(path).utterances] == ["a.wav", "b", "sub/a.wav"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_byte_order_mark_line_ends_quotes_and_foreign_names(calls, tmp_path, plant, encoding, end):
    plant(tmp_path / "Grüße, 日本.wav", tmp_path / 'say "ah".wav')
    path = calls(
        HEADER,
        '"Grüße, 日本.wav",anger,"Müller, Jürgen"',
        '"say ""ah"".wav", fear , "two\u2028words"',
        "",
        ",,",
        encoding=encoding,
        end=end,
    )
    greeting, ah = manifest.load(path).utterances
    assert greeting.id == "Grüße, 日本" and greeting.speaker == "Müller, Jürgen" and greeting.path.is_file()
    assert ah.id == 'say "ah"' and ah.emotion == "fear" and ah.speaker == "two\u2028words"


@pytest.mark.parametrize(("on_disk", "in_csv"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_umlauts_spelt_with_one_code_point_or_two(calls, tmp_path, plant, on_disk, in_csv):
    plant(tmp_path / unicodedata.normalize(on_disk, "fröhlich.wav"))
    path = calls(HEADER, f"{unicodedata.normalize(in_csv, 'fröhlich.wav')},happiness,s1")
    assert manifest.load(path).utterances[0].path.is_file()


def test_passed_over_columns(calls):
    path = calls(f",{HEADER},duration", "0,a.wav,anger,s1,1.5", "1,b.wav,fear,s2,1.5")
    assert len(manifest.load(path).utterances) == 2


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,emotion", "a.wav,anger"], r"line 1: no column speaker; expected file,emotion,speaker\[,gender"),
        (["file;emotion;speaker", "a.wav;anger;s"], "line 1: no column file, emotion, speaker.*not by semicolons"),
        ([], "line 1: no column file, emotion, speaker; .*found nothing"),
        ([f"{HEADER},sesion", "a.wav,anger,s,1"], "line 1: unknown column sesion; allowed are file, .*, end"),
        ([f"{HEADER},file", "a.wav,anger,s,a.wav"], "line 1: column file occurs twice"),
        ([HEADER], "no row below the column names"),
        ([HEADER, "a.wav,anger,s1", "b.wav,happy,s1"], "line 3, column emotion: unknown emotion happy; .*happiness"),
        ([HEADER, "a.wav,,s1"], "line 2, column emotion: empty"),
        ([HEADER, "a.wav,anger, "], "line 2, column speaker: empty"),
        (
            [HEADER, "a.wav,anger,s1", "", "c.wav,anger,s1"],
            "line 4, column file: no file c.wav; expected a path relative",
        ),
        ([HEADER, "sub,anger,s1"], "line 2, column file: no file sub"),
        ([HEADER, "nowhere/a.wav,anger,s1"], "line 2, column file: no file nowhere/a.wav"),
        ([HEADER, "a\0.wav,anger,s1"], "line 2, column file: no file"),
        ([HEADER, "a.wav,anger,s1", "./a.wav,fear,s1"], "line 3, column file: ./a.wav stands in line 2 already"),
        (
            [f"{HEADER},start,end", "a.wav,anger,s,0,1", "a.wav,anger,s,,1.0"],
            "line 3, column file: .* in line 2 already",
        ),
        ([f"{HEADER},start,end", "a.wav,anger,s,2,1"], "line 2, column end: 1.0 s, not after the start at 2.0 s"),
        ([f"{HEADER},start,end", "a.wav,anger,s,1,1"], "line 2, column end: 1.0 s, not after the start"),
        ([f"{HEADER},start,end", "a.wav,anger,s,,0"], "line 2, column end: 0.0 s, not after the start"),
        ([f"{HEADER},start", 'a.wav,anger,s,"1,5"'], "line 2, column start: 1,5; expected seconds such as 1.5"),
        ([f"{HEADER},end", "a.wav,anger,s,nan"], "line 2, column end: nan; expected seconds"),
        ([f"{HEADER},start", "a.wav,anger,s,-1"], "line 2, column start: -1; expected seconds"),
        (
            [f"{HEADER},gender", "a.wav,anger,s,F"],
            "line 2, column gender: unknown gender F; expected one of female, male",
        ),
        ([HEADER, "a.wav,anger,s1,x"], "line 2: 4 cells, expected 3"),
        ([HEADER, "a.wav,anger"], "line 2: 2 cells, expected 3"),
        ([HEADER, '"a.wav,anger,s1'], "line 2: not CSV"),
    ],
)
def test_errors_name_line_and_column(calls, lines, message):
    path = calls(*lines)
    with pytest.raises(InputError, match=message) as caught:
        manifest.load(path)
    assert str(path) in str(caught.value)


def test_not_utf8(calls):
    with pytest.raises(InputError, match="line 3: not UTF-8; save the file as CSV UTF-8"):
        manifest.load(calls(HEADER, "a.wav,anger,s1", "b.wav,fear,Müller", encoding="latin-1"))


def test_no_such_manifest(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv: cannot be read"):
        corpora.load(f"manifest:{tmp_path / 'nowhere.csv'}")
    with pytest.raises(InputError, match="cannot be read"):
        corpora.load(f"manifest:{tmp_path}")


def test_100_000_rows_load_in_seconds(tmp_path, plant):
    plant(*(tmp_path / f"speaker {i}" / "a.wav" for i in range(100)))
    path = tmp_path / "large.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*HEADER.split(","), "session", "start", "end"])
        for i in range(100_000):
            writer.writerow([f"speaker {i % 100}/a.wav", "anger", f"s{i % 100}", i % 5, i / 4, i / 4 + 1])
    begin = time.process_time()  # a busy machine is no slow loader
    corpus = manifest.load(path)
    assert time.process_time() - begin < 5
    assert len(corpus.utterances) == len({u.id for u in corpus.utterances}) == 100_000
