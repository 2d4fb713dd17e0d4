"""Saved networks run by LiteRT: they answer as Keras does, without it; what cannot be written or read is a sentence."""

import json
import os
import shutil
import subprocess
import sys

import keras
import pytest
import soundfile

from experiments.saved_models import litert, models, predict
from tests.papers.test_contract import at_rate, waveform
from tests.support import hostile
from tests.support.trained_systems import run

SYSTEMS = (
    *("emmert/mfcc", "lim2016/lstm", "satt2017/cnn3_lstm_20hz", "ma2018/variable_length_20hz"),
    *("ma2018/fixed_length_20hz", "chernykh2018/ctc"),
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "vowel.wav"
    soundfile.write(path, at_rate(waveform(2.3), 22_050), 22_050)
    return path


@pytest.mark.parametrize("name", SYSTEMS)
def test_litert_answers_as_keras_does(name, untrained, sound):
    folder, _ = untrained(name)
    quick, slow = (models.load(folder, keras=keras) for keras in (False, True))
    assert (quick.runtime, slow.runtime) == ("LiteRT", "keras")
    ours, theirs = (predict.Predictor(saved).piece(sound) for saved in (quick, slow))
    for rule, scores in theirs.scores.items():
        assert ours.scores[rule] == pytest.approx(scores, abs=1e-5), rule
    spans, expected = ([(s.emotion, s.start_s, s.end_s) for s in p.timeline or ()] for p in (ours, theirs))
    assert spans == expected


def test_a_fresh_process_predicts_without_what_is_slow_to_start(trained, untrained, sound):
    folders = trained[0]["ctc"], untrained("emmert/mfcc")[0]
    code = (
        "import sys; from experiments.__main__ import main\n"
        f"for folder in {[str(folder) for folder in folders]}:\n"
        f"    main(['predict', folder, {str(sound)!r}], standalone_mode=False)\n"
        "heavy = {'tensorflow', 'keras', 'numba', 'sklearn', 'librosa', 'pandas'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and done.stdout.count("system ") == 2


@pytest.fixture
def copy(trained, tmp_path):
    """A copy of a saved network's folder."""
    return shutil.copytree(trained[0]["ctc"], tmp_path / "ctc")


def test_an_older_folder_is_run_by_keras_and_says_so(copy, trained):
    file = next(iter(trained[2].values()))
    expected = json.loads(run("predict", copy, file, "--json").stdout)["predictions"]
    (copy / "network.tflite").unlink()
    described = json.loads((copy / "config.json").read_text())
    del described["sha256"]["network.tflite"], described["keras_only"]
    (copy / "config.json").write_text(json.dumps(described))
    done = run("predict", copy, file, "--json")
    assert done.exit_code == 0 and "this system runs in Keras, which is slower: the folder is older" in done.stderr
    (ours,), (theirs,) = json.loads(done.stdout)["predictions"], expected
    for rule, scores in theirs["scores"].items():
        assert ours["scores"][rule] == pytest.approx(scores, abs=1e-5)
    assert "takes longer" not in run("predict", copy, file, "--keras").stderr


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), "there is no such .tflite file"),
        (lambda path: os.truncate(path, 9000), "it is not the file that was saved"),
        (lambda path: path.write_bytes(b"TFL3 nothing"), "it is not the file that was saved"),
    ],
    ids=["missing", "truncated", "another"],
)
def test_a_damaged_file_is_one_sentence(copy, spoil, words):
    spoil(copy / "network.tflite")
    done = run("predict", copy, "--recipe")
    assert done.exit_code == 2 and words in done.output and done.output.count("Error") == 1


def test_a_file_with_the_hash_of_its_damage_is_one_sentence(copy):
    os.truncate(copy / "network.tflite", 9000)
    done = run("predict", hostile.resigned(copy), "--recipe")
    assert done.exit_code == 2 and "LiteRT cannot run the network" in done.output


def test_a_network_that_litert_cannot_hold_leaves_no_file_and_a_reason(tmp_path):
    features = keras.Input((3, 3), name="features")
    network = keras.Model({"features": features}, keras.ops.cholesky(features))
    assert "Cholesky" in litert.write(network, tmp_path / "network.tflite")
    assert not list(tmp_path.iterdir())
