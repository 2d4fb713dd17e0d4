"""A system that was saved predicts what its record says; what is not as it was is refused; the card says what it is."""

import dataclasses
import json
import os
import shutil

import keras
import numpy as np
import pytest
import soundfile

from common import recipes
from common.errors import InputError
from common.utterance import Fold, Utterance
from experiments import catalog
from experiments.saved_models import model_card, models
from tests.support import hostile
from tests.support.records_by_hand import part, record
from tests.support.trained_systems import RELEASED, SYSTEMS, run

RATE = 16_000


@pytest.fixture
def copy(trained, tmp_path):
    """Function: a copy of a saved system, with changes to its config.json."""

    def make(variant="ctc", **changes):
        folder = tmp_path / variant
        shutil.copytree(trained[0][variant], folder)
        described = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(described | changes))
        return folder

    return make


@pytest.mark.parametrize("variant", SYSTEMS)
def test_the_command_predicts_what_the_record_says_of_every_test_utterance(trained, variant):
    folders, written, recordings = trained
    names = written[variant].parts["test"]["utterances"]
    result = run("predict", folders[variant], *(recordings[name] for name in names), "--json")
    assert result.exit_code == 0, result.output
    outcome = json.loads(result.stdout)
    assert outcome["system"] == f"chernykh2018/{variant}"
    assert len(outcome["predictions"]) == len(names) >= 4
    recorded = written[variant].parts["test"]["scores"]
    for rule, expected in recorded.items():
        scores = [list(p["scores"][rule].values()) for p in outcome["predictions"]]
        np.testing.assert_allclose(scores, expected, atol=1e-5)
    for prediction in outcome["predictions"]:
        assert list(prediction["scores"]) == list(recorded)  # the rule that decides is the first in both
        timeline = prediction["timeline"]
        assert (timeline is None) == (variant == "framewise")
        if timeline and prediction["end_s"] < 7:  # below 78 steps nothing was cut off: the same sequence decided
            assert timeline[0]["emotion"] == prediction["decision"]
            assert all(0 <= s["start_s"] < s["end_s"] <= prediction["end_s"] + 0.2 for s in timeline)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends keep nothing")
def test_a_finished_job_releases_its_network(trained):
    assert RELEASED == [[(False, True)], []]  # a network's job, and a forest's


def test_the_table_says_whose_system_it_is_and_bad_recordings_stop_no_other(trained, tmp_path):
    folders, _, recordings = trained
    second = 0.1 * np.sin(np.arange(RATE) / 10)
    (tmp_path / "text.wav").write_bytes(b"this is no sound")
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "short.wav", second[:800], RATE)
    soundfile.write(tmp_path / "nan.wav", np.where(np.arange(RATE) == 7, np.nan, second), RATE, subtype="FLOAT")
    sound, rate = soundfile.read(next(iter(recordings.values())))
    soundfile.write(tmp_path / "stereo.flac", np.stack([sound, sound], axis=1), rate)
    bad = [tmp_path / name for name in ("nothing.wav", "text.wav", "empty.wav", "short.wav", "nan.wav")]
    for lossy in ("voice.ogg", "voice.mp3"):
        soundfile.write(tmp_path / lossy, sound, rate)
    good = next(iter(recordings.values())), *(tmp_path / name for name in ("stereo.flac", "voice.ogg", "voice.mp3"))
    result = run("predict", folders["framewise"], *bad, *good, "--recipe")
    assert result.exit_code == 2
    errors = [line for line in result.stderr.splitlines() if line]
    assert len(errors) == len(bad)
    assert all(line.startswith(f"Error: {path}: ") for line, path in zip(errors, bad, strict=True))
    shown = ("Chernykh", "synthetic speech in the layout of RAVDESS", "MIT", "a software check", "num_trees = 20")
    assert all(words in result.stdout for words in shown)
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith(tuple(map(str, good)))]
    assert len(rows) == 4
    assert rows[0][1:] == rows[1][1:]  # two equal channels, losslessly compressed: the same sound


def test_a_long_recording_is_heard_in_pieces_with_the_times_of_the_whole(trained, tmp_path, monkeypatch):
    from experiments.saved_models import predict
    from papers.chernykh2018.sequence import Span

    path = tmp_path / "long.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).normal(size=3 * RATE + 1), RATE)
    assert predict.pieces(path) == [(None, None)]
    monkeypatch.setattr(predict, "LONGEST_S", 1.25)
    heard = Span("anger", 0.25, 0.5, 0.9)  # in every piece
    monkeypatch.setattr(catalog.Method, "timeline", lambda *_: lambda waveform, rate: [heard])
    result = run("predict", trained[0]["framewise"], path, "--json")
    assert result.exit_code == 0, result.output
    predictions = json.loads(result.stdout)["predictions"]
    times = [(p["start_s"], p["end_s"], p["timeline"][0]["start_s"], p["timeline"][0]["end_s"]) for p in predictions]
    expected = [(0, 1, 0.25, 0.5), (1, 2, 1.25, 1.5), (2, 3, 2.25, 2.5)]
    np.testing.assert_allclose(times, expected, atol=2 / RATE)
    shown = run("predict", trained[0]["framewise"], path).stdout
    assert shown.count("emotions over time") == 1


def test_one_channel_is_chosen_and_a_doubtful_recording_is_said(trained, tmp_path):
    folders, _, recordings = trained
    sound, rate = soundfile.read(next(iter(recordings.values())))
    soundfile.write(tmp_path / "call.wav", np.stack([sound, 1e-4 * sound], axis=1), rate, subtype="FLOAT")
    soundfile.write(tmp_path / "one.wav", sound, rate, subtype="FLOAT")
    arguments = ("predict", folders["framewise"], "--json")
    alone = json.loads(run(*arguments, tmp_path / "one.wav").stdout)["predictions"][0]
    first = json.loads(run(*arguments, tmp_path / "call.wav", "--channel", 1).stdout)["predictions"][0]
    assert first["scores"] == alone["scores"] and first["warnings"] == []
    second = run(*arguments, tmp_path / "call.wav", "--channel", 2)
    assert json.loads(second.stdout)["predictions"][0]["warnings"] == ["very quiet (below -75 dBFS)"]
    assert "Warning: " in second.stderr and "call.wav is very quiet" in second.stderr
    assert run(*arguments, tmp_path / "call.wav", "--channel", 2, "--strict").exit_code == 2
    assert "channel 3 of 2" in run(*arguments, tmp_path / "call.wav", "--channel", 3).output


def test_recipe_alone_needs_no_recording_and_no_recording_needs_the_recipe(trained):
    result = run("predict", trained[0]["framewise"], "--recipe", "--json")
    assert json.loads(result.stdout)["recipe"]["front_end"]["hop_s"] == 0.1
    result = run("predict", trained[0]["framewise"])
    assert result.exit_code == 2 and "no recording is given" in result.stderr
    ignored = run("predict", trained[0]["framewise"], "--recipe", "--channel", "2", "--strict")
    assert ignored.exit_code == 2 and "--channel and --strict would be ignored" in ignored.stderr


# --- what was made elsewhere


@pytest.mark.parametrize(
    ("variant", "changes", "words"),
    [
        ("ctc", {"environment": {"keras": "3.0.1"}}, "saved with keras 3.0.1 (installed"),
        ("ctc", {"front_end_code": "0" * 64}, "another version of papers/chernykh2018/features.py"),
        ("framewise", {"environment": {"scikit-learn": "1.0"}}, "saved with scikit-learn 1.0 (installed"),
    ],
)
def test_another_version_is_refused_unless_it_is_asked_for(copy, trained, variant, changes, words):
    folder, file = copy(variant, **changes), next(iter(trained[2].values()))
    result = run("predict", folder, file, "--keras")
    assert result.exit_code == 2
    assert words in result.stderr and "--anyway" in result.stderr
    if variant == "framewise":
        result = run("predict", folder, file, "--anyway", "--json")
        assert result.exit_code == 0
        assert "Warning: saved with scikit-learn 1.0" in result.stderr
        expected = json.loads(run("predict", trained[0][variant], file, "--json").stdout)["predictions"]
        assert json.loads(result.stdout)["predictions"] == expected


def test_a_folder_of_an_earlier_version_is_refused(copy):
    folder = copy()
    (folder / "config.json").rename(folder / "system.json")
    with pytest.raises(InputError, match="earlier version of this suite .*; save the system again"):
        models.load(folder)


def test_the_first_form_of_the_description_is_still_read(copy, trained):
    folder = copy()
    described = json.loads((folder / "config.json").read_text())
    del described["speakers"], described["sha256"]
    (folder / "config.json").write_text(json.dumps(described))
    (folder / "README.md").unlink()
    saved = models.load(folder)
    assert saved.speakers == {} and saved.differs == ()
    assert saved.recipe == catalog.recipe("chernykh2018", "ctc", "smoke")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "network.keras").unlink(), "its network network is missing"),
        (
            lambda folder: (folder / "network.keras").write_bytes(b"PK nothing"),
            "its network network is missing, damaged",
        ),
        (lambda folder: os.truncate(folder / "network.keras", 9000), "its network network is missing, damaged"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json is missing, damaged"),
        (lambda folder: (folder / "config.json").write_text('{"schema": 1}'), "'networks'"),
        (lambda folder: (folder / "config.json").write_text('{"schema": 99}'), "update the suite"),
        (lambda folder: (folder / "config.json").unlink(), "is not the folder of a saved system"),
    ],
    ids=["no network", "no zip", "truncated", "no JSON", "no fields", "newer", "no description"],
)
def test_a_damaged_system_is_one_sentence(copy, spoil, words):
    folder = copy()
    spoil(folder)
    with pytest.raises(InputError, match=words):
        models.load(folder, keras=True)


def test_an_unknown_setting_or_paper_is_one_sentence_and_a_folder_of_systems_names_one(copy, tmp_path):
    recipe = json.loads((copy() / "config.json").read_text())["recipe"]
    shutil.rmtree(tmp_path / "ctc")
    with pytest.raises(InputError, match="num_spoons"):
        models.load(copy(recipe=recipe | {"num_spoons": 3}))
    shutil.rmtree(tmp_path / "ctc")
    with pytest.raises(InputError, match="unknown paper 'nobody2019'"):
        models.load(copy(paper="nobody2019"))
    with pytest.raises(InputError, match=f"for example {tmp_path / 'ctc'}"):
        models.load(tmp_path)


def test_no_code_of_a_file_is_run(copy):
    """A forest that names a function of the operating system, and a network with Python code inside: both refused."""
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    folder = copy("framewise")
    skops.io.dump(FunctionTransformer(os.getcwd), folder / "network.skops")
    with pytest.raises(InputError, match="its network network .*getcwd"):
        models.load(hostile.resigned(folder))
    folder = copy("ctc")
    inputs = keras.Input((2,))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x + os.getpid())(inputs)).save(folder / "network.keras")
    with pytest.raises(InputError, match="its network network .*[Ll]ambda"):
        models.load(hostile.resigned(folder), keras=True)


# --- what is written


@pytest.mark.parametrize("paper", catalog.NAMES)
def test_every_recipe_comes_back_from_plain_data(paper):
    for variant, presets in catalog.paper(paper).RECIPES.items():
        for preset, recipe in presets.items():
            assert recipes.rebuilt(type(recipe), plain(recipe)) == recipe, (variant, preset)


def plain(recipe):
    """A recipe as a record holds it."""
    return json.loads(json.dumps(dataclasses.asdict(recipe)))


def fold():
    rows = [("train", "s1"), ("train", "s2"), ("valid", "s4"), ("test", "s3")]
    parts = {part: [] for part in ("train", "valid", "test")}
    for number, (name, speaker) in enumerate(rows):
        parts[name].append(Utterance(id=f"u{number}", path=f"u{number}.wav", emotion="anger", speaker=speaker))
    return Fold("fold_1", **{name: tuple(members) for name, members in parts.items()})


def test_several_networks_are_kept_by_name_and_a_second_save_replaces_the_first(tmp_path):
    from common.learning.training import Fitted

    def network(bias):
        x = keras.Input((2,), name="x")
        return keras.Model({"x": x}, keras.layers.Dense(1, bias_initializer=keras.initializers.Constant(bias))(x))

    recipe = plain(catalog.recipe("emmert", "mfcc", "paper"))
    run = record(part([0, 1], [0, 1]), recipe=recipe, environment={"keras": keras.__version__})
    for bias in (1.0, 2.0):
        models.save(Fitted({"a": network(bias), "b": network(3.0)}, {}), run, fold(), tmp_path / "fold_1")
    files = ["README.md", "a.keras", "a.tflite", "b.keras", "b.tflite", "config.json", "fold_1"]
    assert sorted(p.name for p in tmp_path.rglob("*")) == files
    networks = models.load(tmp_path / "fold_1", keras=True).model
    assert {name: float(network.get_weights()[1][0]) for name, network in networks.items()} == {"a": 2.0, "b": 3.0}
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--models"):
        models.save(Fitted(network(1.0), {}), run, fold(), tmp_path / "file" / "fold_1")


def front_matter(text):
    """The YAML of a card, a JSON value a line."""
    _, head, _ = text.split("---\n", 2)
    return {key: json.loads(value) for key, _, value in (line.partition(": ") for line in head.splitlines())}


def test_the_card_has_this_folds_numbers_and_says_what_it_is_not_for():
    run = record(part([0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, -1]), preset="quick", notes=["a|note"], limits="cut to 2.0 s")
    speakers = {"train": 16, "valid": 4, "test": 4, model_card.KNOWN_SPEAKERS: 3}
    text = model_card.text(run, speakers, {})
    head = front_matter(text)
    assert (head["license"], head["library_name"]) == ("cc-by-nc-sa-4.0", "keras")
    (result,) = head["model-index"][0]["results"]
    assert {m["type"]: m["value"] for m in result["metrics"]} == {"accuracy": round(4 / 6, 4), "recall": 0.625}
    for words in (
        *("| 62.5 |", "| 66.7 |", "n = 6", "Not for judging people", "a\\|note"),
        "3 of the 4 test speakers are in the training part",
        *("cut to 2.0 s", "CC BY-NC-SA 4.0", "Preset `quick`", "(16 speakers)", "Gergő Emmert", "Livingstone"),
        "python -m experiments run emmert --variant mfcc --protocol paper --preset quick --seeds 0 --folds 1",
    ):
        assert words in text, words
    assert "Synthetic" not in text
    assert model_card.text(run, speakers, {}) == text


@pytest.mark.parametrize(
    ("corpus", "synthetic", "licence", "words"),
    [
        ("emodb-2s", False, "other", "free for research"),
        ("iemocap", False, "other", "release form"),
        ("ravdess-synthetic", True, "mit", "synthetic speech in the layout of RAVDESS"),
        ("manifest:calls", False, "other", "a user's own recordings (manifest:calls)"),
    ],
)
def test_the_licence_is_that_of_the_recordings(corpus, synthetic, licence, words):
    run = record(part([0, 0], [0, 1]), corpus=corpus, corpus_variant=corpus, synthetic=synthetic)
    text = model_card.text(run, {"train": 2, "valid": 1, "test": 1, model_card.KNOWN_SPEAKERS: 0}, {})
    assert front_matter(text)["license"] == licence
    assert words in text
    assert ("**Synthetic speech.**" in text) == synthetic
    assert "sadness never occurs in the truth" in text  # no UA where a class is not tested
    assert [m["type"] for m in front_matter(text)["model-index"][0]["results"][0]["metrics"]] == ["accuracy"]


def test_the_saved_card_is_that_of_the_record(trained):
    folders, written, _ = trained
    networks = {"ctc": keras.saving.load_model(folders["ctc"] / "network.keras"), "framewise": None}
    for variant in SYSTEMS:
        text = (folders[variant] / "README.md").read_text(encoding="utf-8")
        speakers = json.loads((folders[variant] / "config.json").read_text())["speakers"]
        assert speakers == {"train": 1, "valid": 1, "test": 1, model_card.KNOWN_SPEAKERS: 0}
        assert model_card.text(written[variant], speakers, {"network": networks[variant]}) == text
        assert front_matter(text)["library_name"] == {"ctc": "keras", "framewise": "sklearn"}[variant]
