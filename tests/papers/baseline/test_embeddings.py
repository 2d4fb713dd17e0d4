"""Embeddings of wav2vec 2.0, HuBERT and WavLM: tiny random networks that the test writes, also called by hand."""

import dataclasses
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from common import records
from common.errors import InputError
from papers import baseline
from papers.baseline import embeddings
from tests.support.small_corpora import EMOTIONS, write_corpus
from tests.support.trained_systems import run

RATE, WIDTH = 16_000, 16
KINDS = ("wav2vec2", "hubert", "wavlm")
needs_transformers = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "transformers")),
    reason="no torch and transformers: install requirements-ssl.txt",
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Kind -> folder of a tiny network with random weights."""
    import torch
    import transformers

    sizes = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    sizes |= {"conv_dim": (8, 8), "conv_kernel": (10, 4), "conv_stride": (16, 20), "num_conv_pos_embeddings": 4}
    sizes |= {"num_conv_pos_embedding_groups": 2, "num_feat_extract_layers": 2}
    folders = {}
    for kind in KINDS:
        torch.manual_seed(1)
        folders[kind] = tmp_path_factory.mktemp(kind)
        network = transformers.AutoModel.from_config(transformers.AutoConfig.for_model(kind, **sizes))
        network.save_pretrained(folders[kind])
        transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folders[kind])
    return folders


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("SER_CACHE", str(tmp_path / "cache"))
    embeddings.loaded.cache_clear()


def recipe_of(kind, **options):
    return baseline.change(baseline.RECIPES[f"{kind}_svm"]["paper"], options)


@needs_transformers
@pytest.mark.parametrize("kind", KINDS)
def test_an_utterance_is_the_mean_of_the_last_hidden_layer(kind, weights):
    import torch
    import transformers

    waveform = np.random.default_rng(0).normal(0.3, 0.1, size=RATE).astype("float32")
    front_end = recipe_of(kind, weights=str(weights[kind])).front_end
    computed = baseline.features(waveform, RATE, front_end)
    assert computed.shape == (1, 1, WIDTH) and computed.dtype == np.float32
    network = transformers.AutoModel.from_pretrained(weights[kind]).eval()
    normalised = (waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7)  # as preprocessor_config.json says
    with torch.no_grad():
        hidden = network(torch.from_numpy(normalised)[None], output_hidden_states=True).hidden_states[-1]
    np.testing.assert_allclose(computed[0, 0], hidden[0].numpy().mean(axis=0), atol=1e-5)


@needs_transformers
def test_weights_of_a_folder_train_and_go_with_the_saved_system(weights, tmp_path, monkeypatch):
    corpus = write_corpus(tmp_path, "calls", RATE, 3)
    folder = tmp_path / "weights"
    shutil.copytree(weights["wavlm"], folder)
    options = ("--variant", "wavlm_svm", "--weights", folder, "--corpus", corpus, "--protocol", "speaker_independent")
    places = ("--results", tmp_path / "results", "--models", tmp_path / "models", "--workers", 1, "--folds", 1)
    done = run("run", "baseline", *options, *places)
    assert done.exit_code == 0, done.output
    (record,) = records.read_all(tmp_path / "results")
    name = record.recipe["front_end"]["weights"]
    assert record.notes == [f"weights of a folder, {name[:12]}, in place of microsoft/wavlm-base"]
    assert (record.classes, record.cost["parameters"]) == (list(EMOTIONS), 0)

    saved = records.record_path(tmp_path / "models", record).with_suffix("")
    shutil.rmtree(folder)
    monkeypatch.setenv("SER_CACHE", str(tmp_path / "elsewhere"))  # another machine
    embeddings.loaded.cache_clear()
    files = [tmp_path / "calls" / f"{name}.wav" for name in record.parts["test"]["utterances"]]
    predicted = run("predict", saved, *files, "--json")
    assert predicted.exit_code == 0, predicted.output
    scores = [list(each["scores"]["decision"].values()) for each in json.loads(predicted.stdout)["predictions"]]
    np.testing.assert_allclose(scores, record.parts["test"]["scores"]["decision"], atol=1e-6)

    monkeypatch.setenv("SER_CACHE", str(tmp_path / "third"))
    path = saved / "front_end" / "config.json"
    path.write_text(path.read_text().replace('"num_attention_heads": 2', '"num_attention_heads": 4'))
    refused = run("predict", saved, files[0])
    assert refused.exit_code == 2 and "other weights than the system was made with" in refused.output


@needs_transformers
def test_other_weights_are_refused(weights, tmp_path):
    with pytest.raises(InputError, match="are of a hubert, expected wavlm"):
        recipe_of("wavlm", weights=str(weights["hubert"]))
    from safetensors import numpy as tensors

    shutil.copytree(weights["wavlm"], tmp_path / "less")
    kept = tensors.load_file(tmp_path / "less" / "model.safetensors")
    kept.pop(next(name for name in kept if name.startswith("encoder.layers.1")))
    tensors.save_file(kept, tmp_path / "less" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="lack 1 tensors, encoder.layers.1"):
        recipe_of("wavlm", weights=str(tmp_path / "less"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="cannot be loaded: .*--weights DIR"):
        recipe_of("wavlm", weights=str(tmp_path / "empty"))


@needs_transformers
def test_without_a_connection_one_sentence_says_what_to_do(tmp_path):
    code = "from papers.baseline import embeddings\nembeddings.loaded('wavlm', 'microsoft/wavlm-base')"
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300)
    last = done.stderr.strip().splitlines()[-1]
    assert "InputError: the weights microsoft/wavlm-base cannot be loaded: " in last and "--weights DIR" in last


def test_without_the_packages_one_sentence_says_what_to_install(monkeypatch):
    here = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "transformers" else here(name))
    with pytest.raises(InputError, match=r"need (torch and )?transformers, not .* requirements-ssl.txt"):
        baseline.fetch(recipe_of("hubert").front_end)


def test_weights_are_named_by_the_hub_or_random_and_noted():
    usual = baseline.RECIPES["wav2vec2_svm"]["paper"]
    assert recipe_of("wav2vec2") == recipe_of("wav2vec2", weights="facebook/wav2vec2-base") == usual
    large = recipe_of("wav2vec2", weights="facebook/wav2vec2-large")
    assert large.note == "weights facebook/wav2vec2-large in place of facebook/wav2vec2-base"
    assert recipe_of("wav2vec2", weights="none").note == "random weights in place of facebook/wav2vec2-base"
    with pytest.raises(InputError, match="--weights ../wavlm: expected a folder, a name on the hub"):
        recipe_of("wavlm", weights="../wavlm")
    with pytest.raises(InputError, match="names no weights"):  # of a system from elsewhere
        embeddings.kept("../../etc")
    mfcc = baseline.RECIPES["mfcc_svm"]["paper"]
    assert baseline.change(mfcc, {"weights": "none"}) == mfcc and not baseline.files(mfcc.front_end)


def test_without_a_record_no_comparison_takes_them():
    assert not any(name.startswith(KINDS) for name in baseline.COMPARED)
    assert dataclasses.asdict(baseline.RECIPES["hubert_svm"]["paper"])["costs"] == (1e-3, 1e-2, 1e-1, 1.0, 10.0)


def test_the_readme_says_not_run_as_long_as_that_is_so():
    root = Path(__file__).resolve().parents[3]
    says_so = "self-supervised baselines are not run" in (root / "papers/baseline/README.md").read_text(
        encoding="utf-8"
    )
    assert says_so != any((root / "results/runs/baseline" / f"{kind}_svm").is_dir() for kind in KINDS)
