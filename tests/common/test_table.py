"""One table as pandas, Excel, audformat and EmoBox write it gives the same rows."""

import importlib.util

import pandas
import pytest

from common import table
from common.errors import InputError

COLUMNS = ("file", "emotion", "speaker")
ROWS = [("ä.wav", "anger", "s0"), ("b, c.wav", "sadness", "s1")]
PLAIN = 'file,emotion,speaker\nä.wav,anger,s0\n"b, c.wav",sadness,s1\n'
FRAME = pandas.DataFrame(ROWS, columns=COLUMNS)


def frame(**options):
    return FRAME.to_csv(lineterminator="\n", **options)


FORMS = {
    "plain": PLAIN.encode(),
    "byte order mark": PLAIN.encode("utf-8-sig"),
    "latin-1": PLAIN.encode("latin-1"),
    "Excel's Unicode text": frame(index=False, sep="\t").encode("utf-16"),
    "UTF-16 without a mark": frame(index=False, sep="\t").encode("utf-16-le"),
    "semicolons": frame(index=False, sep=";").encode(),
    "bars": frame(index=False, sep="|").encode(),
    "a line that names the separator": b"sep=;\n" + frame(index=False, sep=";").encode(),
    "comments": b"# my corpus\n\n# 2024\n" + PLAIN.encode(),
    "pandas' index": frame().encode(),
    "pandas' index read and written again": PLAIN.replace("file", "Unnamed: 0,file")
    .replace("ä", "0,ä")
    .replace('"b', '1,"b')
    .encode(),
    "old Mac line ends": PLAIN.replace("\n", "\r").encode(),
    "Windows line ends": PLAIN.replace("\n", "\r\n").encode(),
    "commas behind": PLAIN.replace("\n", ",,\n").encode(),
    "capitals and other names": PLAIN.replace("file,emotion,speaker", "Path, LABEL ,Spk").encode(),
    "JSON lines": (
        '{"wav": "ä.wav", "emo": "anger", "spk": "s0"}\n{"spk": "s1", "wav": "b, c.wav", "emo": "sadness"}\n'
    ).encode(),
}


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_same_rows(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    columns, rows = table.read(tmp_path / "a.csv")
    assert columns == COLUMNS
    assert [tuple(row[name] for name in COLUMNS) for _, row in rows] == ROWS


def test_lines_are_those_of_the_file(tmp_path):
    (tmp_path / "a.csv").write_text('# x\nfile,emotion\n\na.wav,"two\nlines"\nb.wav,anger\n', encoding="utf-8")
    assert [line for line, _ in table.read(tmp_path / "a.csv").rows] == [5, 6]


def test_parquet_with_audformats_index(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    index = pandas.MultiIndex.from_arrays(
        [["a.wav", "b.wav"], pandas.to_timedelta([0, 1.5], unit="s"), pandas.to_timedelta(["00:00:02", None])],
        names=["file", "start", "end"],
    )
    pandas.DataFrame({"emotion": ["anger", None]}, index=index).to_parquet(tmp_path / "db.x.parquet")
    columns, rows = table.read(tmp_path / "db.x.parquet")
    assert columns == ("file", "start", "end", "emotion")
    assert [tuple(row.values()) for _, row in rows] == [("a.wav", "0.0", "2.0", "anger"), ("b.wav", "1.5", "", "")]


def test_of_two_columns_with_one_meaning_the_exact_name_counts(tmp_path):
    (tmp_path / "a.csv").write_text("wav,label,emotion,file\n1,2,3,4\n", encoding="utf-8")
    assert table.read(tmp_path / "a.csv").rows == [(2, {"wav": "1", "label": "2", "emotion": "3", "file": "4"})]


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("", None),
        ("NaT", None),
        ("nan", None),
        ("1.5", 1.5),
        ("1,5", 1.5),
        ("0 days", 0.0),
        ("0 days 00:00:01.500000", 1.5),
        ("1 days 00:00:02", 86_402.0),
        ("0:01:01.5", 61.5),
        ("00:01:00", 60.0),
        ("-0.1", -0.1),
    ],
)
def test_seconds(cell, seconds):
    assert table.seconds(cell) == seconds


@pytest.mark.parametrize("cell", ["soon", "inf", "1.5.2", "1,500,000"])
def test_no_seconds(cell):
    with pytest.raises(ValueError):
        table.seconds(cell)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04rest", "a spreadsheet; expected text: save it as CSV UTF-8"),
        (b"file,emotion\na.wav,\x00\x01\xff\n", "neither UTF-8, UTF-16 nor Latin-1 text"),
        (b"PAR1 nothing", "not a Parquet table" if importlib.util.find_spec("pyarrow") else "Parquet needs pyarrow"),
        (b"file,emotion\na.wav\nb.wav,x,y\n", "line 2: 1 cells, expected 2 .*; line 3: 3 cells"),
    ],
)
def test_no_table(tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        table.read(tmp_path / "a.csv")
