import csv
import time
import unicodedata

import pytest

from common import corpora
from common.corpora import labels, manifest
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
        "Zoe,b.wav,2,anger,female,t1,0.05,0.1875",
        "Ann,a.wav,,neutral,,,,",
    )
    corpus = corpora.load(f"manifest:{path}")
    assert corpus.name == corpus.variant == "manifest:calls"
    first, second = corpus.utterances
    assert (first.id, first.path, first.emotion, first.speaker) == ("a", tmp_path / "a.wav", "neutral", "Ann")
    assert (first.gender, first.session, first.text_id, first.start_s, first.end_s) == (None,) * 5
    assert second.id == "b@0.05-0.1875"
    assert (second.gender, second.session, second.text_id, second.start_s, second.end_s) == (
        "female",
        "2",
        "t1",
        0.05,
        0.1875,
    )
    assert corpora.places.find(f"manifest:{path}") == path
    assert corpora.places.find("manifest:nowhere.csv") is None


def test_absolute_paths_and_segments_of_one_file(calls, tmp_path):
    path = calls(
        f"{HEADER},start,end",
        f"{tmp_path / 'a.wav'},anger,s1,,0.1",
        f"{tmp_path / 'a.wav'},fear,s1,.05,0.15",
        f"{tmp_path / 'a.wav'},fear,s1,0.1,",
    )
    assert [u.id for u in manifest.load(path).utterances] == ["a@0.0-0.1", "a@0.05-0.15", "a@0.1-"]
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
        ([], "line 1: no column file, emotion, speaker; .*found nothing"),
        ([f"{HEADER},file", "a.wav,anger,s,a.wav"], "line 1: column file occurs twice"),
        ([HEADER], "no row below the column names"),
        (
            [HEADER, "a.wav,hapy,s1", "b.wav,rude,s1", "sub/a.wav,rude,s1"],
            r"column emotion: unknown emotion hapy \(1 row, perhaps happiness\), rude \(2 rows\); expected one of .*"
            "--labels hapy=OURS",
        ),
        ([HEADER, "a.wav,,s1"], "line 2, column emotion: empty"),
        ([HEADER, "a.wav,anger, "], "line 2, column speaker: empty"),
        (
            [HEADER, "a.wav,anger,s1", "", "c.wav,anger,s1"],
            "line 4, column file: no file c.wav; expected a path relative",
        ),
        ([HEADER, "sub,anger,s1"], "line 2, column file: no file sub"),
        ([HEADER, "nowhere/a.wav,anger,s1"], "line 2, column file: no file nowhere/a.wav"),
        ([HEADER, "a\0.wav,anger,s1"], "line 2, column file: no file"),
        ([HEADER, "a.wav,anger,s1", "./a.wav,fear,s1"], "line 3, column file: ./a.wav repeats line 2"),
        (
            [f"{HEADER},start,end", "a.wav,anger,s,0,1", "a.wav,anger,s,,1.0"],
            "line 3, column file: .* repeats line 2",
        ),
        ([f"{HEADER},start,end", "a.wav,anger,s,2,1"], "line 2, column end: 1.0 s, not after the start at 2.0 s"),
        ([f"{HEADER},start,end", "a.wav,anger,s,1,1"], "line 2, column end: 1.0 s, not after the start"),
        ([f"{HEADER},start,end", "a.wav,anger,s,,0"], "line 2, column end: 0.0 s, not after the start"),
        ([f"{HEADER},start", "a.wav,anger,s,soon"], "line 2, column start: soon; expected seconds such as 1.5"),
        ([f"{HEADER},end", "a.wav,anger,s,inf"], "line 2, column end: inf; expected seconds"),
        ([f"{HEADER},end", "a.wav,anger,s,0.3"], "line 2, column end: 0.3 s, but a.wav lasts 0.200 s$"),
        ([f"{HEADER},end", "a.wav,anger,s,200"], "200.0 s, but a.wav lasts 0.200 s .are these milliseconds"),
        ([f"{HEADER},start", "a.wav,anger,s,0.2"], "line 2, column start: 0.2 s, but a.wav lasts 0.200 s"),
        ([f"{HEADER},end", "a.wav,anger,s,0.05"], "line 2: a stretch of 0.050 s; expected at least 0.1 s"),
        ([f"{HEADER},channel", "a.wav,anger,s,0"], "line 2, column channel: 0; expected a number from 1"),
        ([HEADER, "https://example.org/a.wav,anger,s"], "line 2, column file: no file https.*download it first"),
        ([HEADER, "a.wav,anger,", "c.wav,anger,s"], "2 faults: line 2, column speaker: empty.*; line 3, column file"),
        ([f"{HEADER},start", "a.wav,anger,s,-1"], "line 2, column start: -1; expected seconds"),
        (
            [f"{HEADER},gender", "a.wav,anger,s,x"],
            "line 2, column gender: unknown gender x; expected female or male",
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


def test_an_end_within_a_frame_behind_the_file_is_the_files_end(calls):
    (utterance,) = manifest.load(calls(f"{HEADER},start,end", "a.wav,anger,s,0,0.21")).utterances
    assert (utterance.id, utterance.end_s) == ("a@0.0-0.21", 0.2)


def test_channels_of_a_call_are_utterances_of_their_own(calls):
    path = calls(f"{HEADER},channel", "a.wav,anger,caller,1", "a.wav,fear,agent,2.0", "b.wav,fear,agent,")
    assert [(u.id, u.channel) for u in manifest.load(path).utterances] == [
        ("a.channel1", 1),
        ("a.channel2", 2),
        ("b", None),
    ]


def test_further_columns_are_kept_and_near_misses_named(calls):
    path = calls("id,wav,sesion,label,actor,split,sex", "7,a.wav,2,angry,s1,train,F", "8,b.wav,2,Trauer,s2,,m")
    corpus = manifest.load(path)
    assert [u.extra for u in corpus.utterances] == [
        (("id", "7"), ("sesion", "2"), ("split", "train")),
        (("id", "8"), ("sesion", "2")),
    ]
    assert [(u.emotion, u.gender) for u in corpus.utterances] == [("anger", "female"), ("sadness", "male")]
    assert corpus.warnings == ("column sesion is not used; rename it if it is session",)


@pytest.mark.parametrize("cell", ["sub\\a.wav", "./sub/a.wav", "SUB/../sub/A.WAV", "sub/A.wav"])
def test_a_path_as_windows_writes_it_or_in_other_capitals(calls, tmp_path, cell):
    (tmp_path / "SUB").mkdir(exist_ok=True)
    (utterance,) = manifest.load(calls(HEADER, f"{cell},anger,s")).utterances
    assert utterance.path.samefile(tmp_path / "sub" / "a.wav") and utterance.id.lower() == "a"


def test_two_files_whose_names_differ_in_capitals_alone_are_told_apart(calls, tmp_path, plant):
    plant(tmp_path / "A.WAV")
    assert [u.path.name for u in manifest.load(calls(HEADER, "a.wav,anger,s", "A.WAV,fear,s")).utterances] == [
        "A.WAV",
        "a.wav",
    ]
    with pytest.raises(InputError, match="no file A.wav"):
        manifest.load(calls(HEADER, "A.wav,anger,s"))


@pytest.mark.parametrize(
    ("speakers", "alike"), [("1 01", "01 and 1"), ("1 1.0", "1 and 1.0"), ("Bob bob", "Bob and bob"), ("1 10", None)]
)
def test_speakers_that_may_be_one_and_the_same(calls, speakers, alike):
    first, second = speakers.split()
    corpus = manifest.load(calls(HEADER, f"a.wav,anger,{first}", f"b.wav,fear,{second}"))
    expected = f"speakers that may be one and the same: {alike}; spell each in one way"
    assert corpus.warnings == ((expected,) if alike else ())


def test_one_class_only(calls):
    (warning,) = manifest.load(calls(HEADER, "a.wav,anger,s", "b.wav,ang,t")).warnings
    assert warning == "every utterance is anger; there is nothing to classify"


def test_labels_of_its_own(calls):
    path = calls(HEADER, "a.wav,rude,s", "b.wav,angry,t", "sub/a.wav,noise,t")
    corpus = corpora.load(f"manifest:{path}", labels=labels.read("rude=rude,noise="))
    assert corpus.classes == ("anger", "rude") and corpus.variant == "manifest:calls/noise=+rude=rude"
    assert corpus.only(("anger", "rude")).utterances == corpus.utterances
    assert corpora.load(f"manifest:{path}", labels=labels.read("keep")).classes == ("anger", "noise", "rude")


def test_no_such_manifest(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv: cannot be read"):
        corpora.load(f"manifest:{tmp_path / 'nowhere.csv'}")
    with pytest.raises(InputError, match="cannot be read"):
        corpora.load(f"manifest:{tmp_path}")


def test_ten_times_the_rows_take_about_ten_times_as_long(tmp_path, plant):
    plant(*(tmp_path / f"speaker {i}" / "a.wav" for i in range(100)))
    seconds = {}
    for count in (10_000, 100_000):
        path = tmp_path / f"{count}.csv"
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([*HEADER.split(","), "session", "start", "end"])
            for i in range(count):
                start = i // 100 * 5e-5  # of a file of 0.2 s
                writer.writerow([f"speaker {i % 100}/a.wav", "anger", f"s{i % 100}", i % 5, start, start + 0.12])
        begin = time.process_time()
        corpus = manifest.load(path)
        seconds[count] = time.process_time() - begin
        assert len(corpus.utterances) == len({u.id for u in corpus.utterances}) == count
    assert seconds[100_000] < 30 * seconds[10_000]  # work that grows with the square would take a hundred times as long
