"""predict on folders, lists, pipes and long recordings: the same numbers as on single files, written as they come."""

import csv
import io
import json
import os
import threading

import numpy as np
import pytest
import soundfile

from common.features import audio
from experiments.saved_models import many_recordings, predict
from tests.support.trained_systems import run

RATE = 16_000


@pytest.fixture(scope="module")
def calls(trained, tmp_path_factory):
    """A folder with recordings on two levels, and what else lies in such folders."""
    folder = tmp_path_factory.mktemp("calls")
    (folder / "b").mkdir()
    for number, path in enumerate(sorted(trained[2].values())[:4]):
        sound, rate = soundfile.read(path)
        soundfile.write(folder / ("b" if number > 1 else ".") / f"{number}.wav", sound[: 2 * rate], rate)
    (folder / "b" / "notes.txt").write_text("no recording")
    (folder / "b" / "._0.wav").write_bytes(b"\0\5\x16\7")
    (folder / "b" / "bad.wav").write_text("version https://git-lfs.github.com/spec/v1\n")
    return folder


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def whole(trained, calls):
    """What `predict MODEL FOLDER --csv` writes."""
    result = run("predict", trained[0]["framewise"], calls, "--csv")
    assert result.exit_code == 2
    (error,) = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert "bad.wav: not a recording but a Git-LFS pointer" in error
    return result.stdout


def test_a_folder_is_searched_with_all_below_it_and_a_bad_file_stops_no_other(trained, calls, whole):
    rows = table(whole)
    assert [os.path.relpath(row["file"], calls) for row in rows] == ["0.wav", "1.wav", "b/2.wav", "b/3.wav"]
    for row in rows:
        alone = json.loads(run("predict", trained[0]["framewise"], row["file"], "--json").stdout)["predictions"][0]
        assert row["decision"] == alone["decision"] and row["piece"] == alone["piece"] == "1/1"
        scores = next(iter(alone["scores"].values()))
        assert {name: float(row[f"score_{name}"]) for name in scores} == scores


def test_a_pipe_standard_input_and_lists_give_what_the_files_give(trained, calls, whole, tmp_path):
    model, expected = trained[0]["framewise"], table(whole)
    first = (calls / "0.wav").read_bytes()
    (row,) = table(run("predict", model, "-", "--csv", stdin=first).stdout)
    assert row == expected[0] | {"file": "-"}
    os.mkfifo(tmp_path / "pipe")
    feeder = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(first,))
    feeder.start()
    (row,) = table(run("predict", model, tmp_path / "pipe", "--csv").stdout)
    feeder.join()
    assert row == expected[0] | {"file": str(tmp_path / "pipe")}
    paths = "".join(f"{row['file']}\n" for row in expected)
    (tmp_path / "list.txt").write_text(paths + "\n")
    for listed, given in ((tmp_path / "list.txt", None), ("-", paths)):
        assert table(run("predict", model, "--list", listed, "--csv", stdin=given).stdout) == expected
    lines = run("predict", model, "--list", tmp_path / "list.txt", "--jsonl").stdout.splitlines()
    assert [json.loads(line)["decision"] for line in lines] == [row["decision"] for row in expected]


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_the_same_command_goes_on_where_it_was_stopped(trained, calls, tmp_path, monkeypatch, name):
    into, model = tmp_path / name, trained[0]["framewise"]
    assert run("predict", model, calls, "--into", into).exit_code == 2
    complete = into.read_bytes()
    lines = complete.splitlines(keepends=True)
    into.write_bytes(b"".join(lines[:-2]) + lines[-2][:10])  # the last but one is cut, the last is missing
    heard, piece = [], predict.Predictor.piece
    monkeypatch.setattr(
        predict.Predictor, "piece", lambda self, file, *a, **k: heard.append(file) or piece(self, file, *a, **k)
    )
    again = run("predict", model, calls, "--into", into)
    assert again.exit_code == 2 and "bad.wav" in again.stderr, "what could not be used is tried and named again"
    assert into.read_bytes() == complete
    assert sorted(path.name for path in heard) == ["2.wav", "3.wav"]
    other = run("predict", model, calls, "--into", into, "--channel", 1)
    assert other.exit_code == 2 and "or other options" in other.output and into.read_bytes() == complete
    into.write_text("my notes\n")
    refused = run("predict", model, calls, "--into", into)
    assert (
        refused.exit_code == 2 and "is not a file of predictions" in refused.output and into.read_text() == "my notes\n"
    )


def test_pieces_of_a_long_recording_that_are_missing_are_made_alone(trained, tmp_path, monkeypatch):
    noise = 0.1 * np.random.default_rng(0).normal(size=4 * RATE)
    soundfile.write(tmp_path / "long.wav", noise, RATE)
    monkeypatch.setattr(predict, "LONGEST_S", 1.0)
    into, model = tmp_path / "out.csv", trained[0]["framewise"]
    assert run("predict", model, tmp_path / "long.wav", "--into", into).exit_code == 0
    complete = into.read_text()
    assert [row["piece"] for row in table(complete)] == ["1/4", "2/4", "3/4", "4/4"]
    into.write_text("".join(complete.splitlines(keepends=True)[:3]))
    assert run("predict", model, tmp_path / "long.wav", "--into", into).exit_code == 0
    assert into.read_text() == complete


def test_several_processes_write_the_same_in_the_same_order(trained, calls, whole):
    result = run("predict", trained[0]["framewise"], calls, "--csv", "--workers", 2)
    assert result.exit_code == 2 and "bad.wav" in result.stderr and table(result.stdout) == table(whole)


def test_a_stream_has_a_decision_every_second_on_a_window_that_is_stated(trained, tmp_path):
    voice = 0.1 * np.random.default_rng(1).normal(size=7 * RATE)
    voice[int(1.5 * RATE) : 5 * RATE] = 0  # from 2 to 5 s there is nothing
    soundfile.write(tmp_path / "call.wav", voice[: int(6.5 * RATE)], RATE, subtype="FLOAT")
    model = trained[0]["framewise"]
    result = run("predict", model, tmp_path / "call.wav", "--stream", "--csv")
    assert result.exit_code == 0, result.output
    assert "window      3 s, a decision every 1 s" in result.stderr
    rows = table(result.stdout)
    times = [(float(row["start_s"]), float(row["end_s"])) for row in rows]
    assert times == [(0, 3), (1, 4), (2, 5), (3, 6), (3.5, 6.5)]
    assert [row["piece"] for row in rows] == [f"{n}/5" for n in range(1, 6)]
    assert rows[2]["decision"] == "" and rows[2]["warnings"] == "silent throughout"
    soundfile.write(tmp_path / "part.wav", voice[RATE : 4 * RATE], RATE, subtype="FLOAT")
    (part,) = table(run("predict", model, tmp_path / "part.wav", "--csv").stdout)
    same = [name for name in part if name.startswith(("score", "decision"))]
    assert [part[name] for name in same] == [rows[1][name] for name in same]
    assert "no usable stretch" not in run("predict", model, tmp_path / "call.wav", "--stream").stdout


def test_windows_are_the_samples_of_the_file_whatever_its_coding(tmp_path):
    sound = np.random.default_rng(2).uniform(-0.5, 0.5, size=(int(3.3 * 8000), 2)).astype("float32")
    for name in ("a.wav", "a.flac", "a.mp3"):
        soundfile.write(tmp_path / name, sound, 8000)
        decoded, _ = soundfile.read(tmp_path / name, dtype="float32")
        windows = list(audio.windows(tmp_path / name, window_s=1.5, hop_s=1.0, channel=2))
        assert len(windows) == audio.num_windows(tmp_path / name, window_s=1.5, hop_s=1.0)
        for window in windows:
            begin = round(window.start_s * 8000)
            np.testing.assert_allclose(window.waveform, decoded[begin : begin + 12000, 1], atol=1e-6)  # MP3 rounds
        assert windows[-1].end_s == len(decoded) / 8000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-", "--list", "-"), "both read standard input"),
        (("a.wav", "--into", "x.csv", "--csv"), "leave --csv out"),
        (("a.wav", "--into", "x.txt"), "ends in .csv or .jsonl"),
        (("a.wav", "--window", "2"), "--window is for --stream"),
        (("a.wav", "--stream", "--strict"), "leave one out"),
        (("--list", "nowhere.txt"), "nowhere.txt: cannot be read"),
    ],
)
def test_options_that_contradict_each_other_are_refused(trained, arguments, words):
    result = run("predict", trained[0]["framewise"], *arguments)
    assert result.exit_code == 2 and words in result.output and "Traceback" not in result.output


def test_an_endless_pipe_and_a_device_are_faults(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(many_recordings, "MOST_BYTES", 1 << 16)
    result = run("predict", trained[0]["framewise"], "-", "/dev/zero", tmp_path, "--csv", stdin=b"\0" * (1 << 17))
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert result.exit_code == 2 and len(errors) == 3
    for error, words in zip(
        errors, ("-: cannot be read (more than", "(a device)", "no recording in this folder"), strict=True
    ):
        assert words in error
