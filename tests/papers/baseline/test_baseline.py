"""The two baselines: features against librosa and openSMILE called by hand, C chosen without mixing speakers."""

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys

import librosa
import numpy as np
import pytest
import scipy.signal
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from common import records
from common.corpora import synthetic
from common.errors import InputError
from common.features import audio
from common.folds import splits
from common.learning.batching import Subset
from common.utterance import Utterance
from papers import baseline
from papers.baseline import decision, model
from papers.baseline.features import FrontEnd
from tests.support.trained_systems import run

RATE = 16_000
CLASSES = ("anger", "happiness", "neutral", "sadness")
needs_opensmile = pytest.mark.skipif(
    importlib.util.find_spec("opensmile") is None, reason="no openSMILE: install requirements-opensmile.txt"
)


def speech(seconds=1.5, seed=0):
    """Harmonics whose pitch falls, with noise."""
    t = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * k * (180 * t - 15 * t**2)) / k for k in range(1, 15))
    return (0.1 * tone + 0.003 * np.random.default_rng(seed).normal(size=len(t))).astype("float32")


def part(rows, seed=0, spread=1.0, classes=CLASSES):
    """A Part of (class, speaker) rows: six numbers an utterance, the first ones shifted by its class."""
    generator = np.random.default_rng(seed)
    utterances, features = [], []
    for number, (label, speaker) in enumerate(rows):
        utterances.append(Utterance(id=f"{number:03}", path="", emotion=classes[label], speaker=str(speaker)))
        centre = 4.0 * np.eye(6)[label] + 100.0  # far from zero and not to scale: standardising matters
        features.append((centre + spread * generator.normal(size=6)).astype("float32")[None, None])
    return Subset(utterances, features, classes)


def corpus(speakers, repetitions=3):
    return [(label, speaker) for speaker in range(speakers) for label in range(4) for _ in range(repetitions)]


# --- features


def test_mfcc_statistics_are_those_of_frames_transformed_by_hand():
    waveform = speech()
    computed = baseline.features(waveform, RATE, FrontEnd())
    assert computed.shape == (1, 1, 80) and computed.dtype == np.float32
    padded = np.pad(waveform, 256)  # frames are centred: 512 samples, of which the window takes the middle 400
    window = np.pad(scipy.signal.get_window("hann", 400), 56)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 512)[::160] * window
    power = np.abs(np.fft.rfft(frames)) ** 2
    mel = power @ librosa.filters.mel(sr=RATE, n_fft=512, n_mels=40).T
    decibels = 10 * np.log10(np.maximum(mel, 1e-10))
    decibels = np.maximum(decibels, decibels.max() - 80)
    coefficients = scipy.fft.dct(decibels, norm="ortho")[:, :20]
    inner = np.stack([np.polyfit(np.arange(9), coefficients[i : i + 9], 1)[0] for i in range(len(coefficients) - 8)])
    ends = inner[[0] * 4], inner[[-1] * 4]  # a line fitted to the first and last nine frames
    both = np.concatenate([coefficients, np.concatenate([ends[0], inner, ends[1]])], axis=1)
    expected = np.concatenate([both.mean(axis=0), both.std(axis=0)])
    np.testing.assert_allclose(computed[0, 0], expected, rtol=1e-3, atol=1e-3)


OPENSMILE_ALONE = """
import sys, numpy, opensmile
smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
with numpy.load(sys.argv[1]) as sounds:
    values = {name: smile.process_signal(sounds[name], 16000).to_numpy()[0] for name in sounds}
numpy.savez(sys.argv[2], **values)
"""


@needs_opensmile
def test_egemaps_is_what_opensmile_gives_in_a_process_of_its_own(tmp_path):
    """Here TensorFlow is loaded, whose `rdft` would take the place of openSMILE's."""
    sounds = {"long": speech(), "shortest": speech(audio.MIN_SECONDS)}
    np.savez(tmp_path / "sounds.npz", **sounds)
    command = [sys.executable, "-c", OPENSMILE_ALONE, tmp_path / "sounds.npz", tmp_path / "values.npz"]
    subprocess.run(command, check=True, timeout=120)
    assert "tensorflow" in sys.modules
    with np.load(tmp_path / "values.npz") as expected:
        for name, waveform in sounds.items():
            computed = baseline.features(waveform, RATE, FrontEnd(kind="egemaps"))
            assert computed.shape == (1, 1, 88) and computed.dtype == np.float32
            np.testing.assert_array_equal(computed[0, 0], expected[name])


@needs_opensmile
def test_full_scale_is_no_jump_for_egemaps():
    loud = np.clip(30 * speech(), -1.0, 1.0)  # openSMILE alone turns 1.0 into -1.0
    computed, quieter = (
        baseline.features(s, RATE, FrontEnd(kind="egemaps")) for s in (loud, loud * np.float32(0.9999))
    )
    np.testing.assert_allclose(computed, quieter, rtol=0.01, atol=0.02)


# --- training


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("speakers", [2, 3, 7, 16])
def test_no_speaker_is_on_both_sides_of_the_cross_validation(speakers, seed):
    order = np.random.default_rng(seed).permutation(len(corpus(speakers)))
    train = part([corpus(speakers)[i] for i in order])
    names = np.array([u.speaker for u in train.utterances])
    pairs = model.speaker_folds(train, 5, seed)
    assert len(pairs) == min(5, speakers)
    assert sorted(np.concatenate([held for _, held in pairs])) == list(range(len(train)))
    for kept, held in pairs:
        assert not set(names[kept]) & set(names[held])
        assert sorted([*kept, *held]) == list(range(len(train)))


def test_the_seed_deals_the_speakers_and_nothing_else():
    train = part(corpus(8), spread=3.0)
    dealt = [[sorted({train.utterances[i].speaker for i in held}) for _, held in model.speaker_folds(train, 5, s)]
             for s in (0, 0, 1)]  # fmt: skip
    assert dealt[0] == dealt[1] != dealt[2]
    recipe = dataclasses.replace(baseline.RECIPES["mfcc_svm"]["paper"], costs=(0.1,))  # nothing depends on the folds
    one, other = (decision.predict(model.fit(recipe, train, train, seed=s), train, recipe) for s in (0, 1))
    np.testing.assert_array_equal(one["decision"], other["decision"])


def test_c_is_the_one_with_the_best_mean_ua_over_held_out_speakers():
    recipe = baseline.RECIPES["mfcc_svm"]["paper"]
    train = part(corpus(6), spread=3.5)
    examples, labels = np.concatenate([f[0] for f in train.features]), train.labels
    means = []
    for cost in recipe.costs:
        uas = []
        for kept, held in model.speaker_folds(train, 5, 3):
            scaler = StandardScaler().fit(examples[kept])
            svm = SVC(C=cost, kernel="linear", class_weight="balanced", break_ties=True)
            decided = svm.fit(scaler.transform(examples[kept]), labels[kept]).predict(scaler.transform(examples[held]))
            uas.append(np.mean([np.mean(decided[labels[held] == k] == k) for k in range(4)]))
        means.append(np.mean(uas))
    assert len(set(np.round(means, 6))) > 2  # the values differ, so that there is something to choose
    fitted = model.fit(recipe, train, part([]), seed=3)
    assert fitted.model.get_params()["svm__C"] == recipe.costs[int(np.argmax(means))]


def test_separable_emotions_are_learnt_and_the_largest_score_decides():
    recipe = baseline.RECIPES["egemaps_svm"]["paper"]
    train, test = part(corpus(5), spread=0.3), part(corpus(3), seed=1, spread=0.3)
    epochs = []
    fitted = model.fit(recipe, train, train, seed=0, report=epochs.append)
    scores = decision.predict(fitted, test, recipe)
    assert list(scores) == ["decision"] and scores["decision"].shape == (len(test), 4)
    np.testing.assert_array_equal(scores["decision"].argmax(axis=1), test.labels)
    assert epochs == [1] and fitted.history == {}
    empty = decision.predict(fitted, part([]), recipe)["decision"]
    assert empty.shape == (0, 4)


@pytest.mark.parametrize("kept", [(1, 3), (0, 1, 3)])
def test_an_emotion_that_training_lacks_is_never_decided(kept):
    rows = [row for row in corpus(4) if row[0] in kept]
    train, test, recipe = part(rows, spread=2.5), part(corpus(4), seed=1), baseline.RECIPES["mfcc_svm"]["paper"]
    fitted = model.fit(recipe, train, train, seed=0)
    decided = decision.predict(fitted, test, recipe)["decision"].argmax(axis=1)
    np.testing.assert_array_equal(decided, fitted.model.predict(np.concatenate([f[0] for f in test.features])))
    assert set(decided) == set(kept)


def test_few_speakers_leave_little_or_nothing_to_choose_by():
    recipe = baseline.RECIPES["mfcc_svm"]["paper"]
    alone = part(corpus(1))
    assert model.speaker_folds(alone, 5, 0) == []
    assert model.fit(recipe, alone, alone, seed=0).model.get_params()["svm__C"] == 0.1  # the middle of the grid
    apart = part([(0, "a"), (0, "a"), (1, "b"), (1, "b")])  # without one speaker one emotion is left
    assert model.speaker_folds(apart, 5, 0) == []
    assert model.fit(recipe, apart, apart, seed=0).model.classes_.tolist() == [0, 1]
    with pytest.raises(InputError, match="utterances of one emotion"):
        model.fit(recipe, part([(2, "a"), (2, "b")]), alone, seed=0)


def test_the_validation_part_is_trained_on_where_the_recipe_says_so_alone():
    train, valid = part(corpus(5), spread=2.0), part(corpus(3), seed=1, spread=2.0)
    moments = {}
    for variant in ("mfcc_svm", "mfcc_svm_with_valid"):
        fitted = model.fit(baseline.RECIPES[variant]["paper"], train, valid, seed=0)
        moments[variant] = fitted.model.named_steps["standardise"].mean_
    own, other = (np.concatenate([f[0] for f in p.features]).astype("float64") for p in (train, valid))
    np.testing.assert_allclose(moments["mfcc_svm"], own.mean(axis=0))
    np.testing.assert_allclose(moments["mfcc_svm_with_valid"], np.concatenate([own, other]).mean(axis=0))


# --- in the suite


def test_every_shared_protocol_is_offered_and_both_are_compared():
    assert baseline.COMPARED == ("mfcc_svm", "egemaps_svm")
    for variant in baseline.RECIPES:
        assert baseline.RECIPES[variant]["paper"].protocols == tuple(splits.PROTOCOLS)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    root = tmp_path_factory.mktemp("baseline")
    synthetic.synthesize("ravdess", root / "ravdess", speakers=4, files=1, workers=1, progress=False)
    return root


def compare_arguments(root, results):
    return [
        *("compare", "--papers", "baseline", "--corpus", "ravdess", "--data", root, "--preset", "smoke", "--folds", 1),
        *("--workers", 1, "--store", root / "store", "--results", results),
    ]


def test_without_opensmile_compare_names_it_and_goes_on(recordings, tmp_path):
    code = "import sys; sys.modules['opensmile'] = None; from experiments.__main__ import main; main(sys.argv[1:])"
    arguments = map(str, compare_arguments(recordings, tmp_path / "results"))
    environment = os.environ | {"SER_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    (sentence,) = [line for line in done.stdout.splitlines() if "not run" in line]
    assert sentence.startswith("baseline/egemaps_svm on ravdess, speaker_independent: not run: ")
    assert "pip install -r requirements-opensmile.txt" in sentence and "mfcc_svm runs without it" in sentence
    assert [record.variant for record in records.read_all(tmp_path / "results")] == ["mfcc_svm"]


@needs_opensmile
def test_a_saved_baseline_predicts_as_its_record_and_its_card_names_no_paper(recordings, tmp_path, monkeypatch):
    monkeypatch.setenv("SER_CACHE", str(tmp_path / "cache"))
    done = run(*compare_arguments(recordings, tmp_path / "results"), "--models", tmp_path / "models")
    assert done.exit_code == 0, done.output
    files = {path.stem: path for path in recordings.rglob("*.wav")}
    written = records.read_all(tmp_path / "results")
    assert sorted(record.variant for record in written) == ["egemaps_svm", "mfcc_svm"]
    for record in written:
        folder = records.record_path(tmp_path / "models", record).with_suffix("")
        names = record.parts["test"]["utterances"]
        result = run("predict", folder, *(files[name] for name in names), "--json")
        assert result.exit_code == 0, result.output
        outcome = json.loads(result.stdout)
        assert outcome["paper"] == "Baselines: a linear SVM on MFCC statistics or eGeMAPS (no paper)."
        scores = [list(p["scores"]["decision"].values()) for p in outcome["predictions"]]
        np.testing.assert_array_equal(scores, record.parts["test"]["scores"]["decision"])
        card = (folder / "README.md").read_text(encoding="utf-8")
        assert "Method: Baselines" in card and "Rebuilt from a paper" not in card and 'library_name: "sklearn"' in card
