"""`--dry-run` counts what is left to do and measures a little of it; it leaves nothing behind."""

import numpy as np
import pytest

from common import corpora
from common.corpora import synthetic
from common.features import audio
from experiments import catalog
from experiments.runs import compare, dry_run
from tests.support.trained_systems import run


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("dry")
    synthetic.synthesize("ravdess", root / "ravdess", speakers=3, files=1, workers=1, progress=False)
    return root


def test_the_estimate_agrees_with_what_the_features_take(root, tmp_path):
    (system,) = compare.systems([("chernykh2018", "ctc")], "smoke")
    corpus = corpora.load("ravdess", root)
    options = {"emotions": ("anger", "happiness", "neutral", "sadness"), "seeds": (0, 1), "workers": 1}
    estimate = dry_run.estimate(
        system, corpus, "speaker_independent", fold_names=None, results=tmp_path / "results", **options
    )
    assert (estimate.folds, estimate.epochs) == (6, system.recipe.max_epochs)  # three speakers, two seeds
    method, front_end = catalog.paper("chernykh2018"), system.recipe.front_end
    selected = [u for u in corpus.utterances if u.emotion in options["emotions"]]
    waveforms = [audio.read_utterance(u, sample_rate_hz=front_end.sample_rate_hz)[0] for u in selected]
    features = [method.features(waveform, front_end.sample_rate_hz, front_end) for waveform in waveforms]
    assert estimate.store_gb == pytest.approx(sum(a.nbytes for a in features) / 1e9, rel=0.25)
    assert estimate.hours == pytest.approx(sum(map(len, waveforms)) / front_end.sample_rate_hz / 3600, rel=1e-3)
    assert 0 < estimate.training_h < 1 and 0 < estimate.features_h < 1 and np.isfinite(estimate.training_h)


def test_nothing_is_written_and_what_cannot_run_is_said(root, tmp_path, monkeypatch):
    monkeypatch.setenv("SER_CACHE", str(tmp_path / "cache"))
    systems = "baseline/mfcc_svm,emmert/resnet50_random"
    arguments = ("--corpus", "ravdess,emodb", "--data", root, "--results", tmp_path / "results", "--preset", "smoke")
    done = run("compare", "--systems", systems, "--folds", "1", *arguments, "--dry-run")
    assert done.exit_code == 0, done.output
    assert "baseline/mfcc_svm" in done.output and "hours of one core" in done.output
    assert "baseline/mfcc_svm on emodb, speaker_independent: not run: " in done.output
    assert not (tmp_path / "results").exists() and not (tmp_path / "cache").exists()
