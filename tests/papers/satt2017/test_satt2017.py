"""Satt 2017: front end, recipes, folds, the noise floor, the networks of figure 1, imbalance, two steps."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

from common import corpora
from common.errors import InputError
from common.features import audio
from common.learning import training
from common.learning.batching import Subset
from common.learning.layers import set_statistics
from common.utterance import Corpus, Utterance
from papers import satt2017
from papers.satt2017 import decision, model, protocol, two_step
from papers.satt2017.features import (
    SILENCE_DB,
    FrontEnd,
    decibels,
    features,
    frame_centres_s,
    frames,
    noise_level_db,
    split,
)

RATE = 16_000
CLASSES = ("anger", "happiness", "neutral", "sadness")
TINY_FRONT_END = FrontEnd(part_s=0.5, window_s=0.008, dft_length=128, num_frames=60)  # 32 bins
TINY = protocol.Recipe(front_end=TINY_FRONT_END, lstm_units=8, dense_units=16, dropout=0.0, epochs=2, batch_size=8)
TINY_CNN = dataclasses.replace(TINY, convolutions=5, lstm_layers=0)
TINY_SYSTEMS = {
    "cnn3_lstm": TINY,
    "cnn5": TINY_CNN,
    "two_lstm_attention": dataclasses.replace(TINY, lstm_layers=2, attention=True),
    "two_step": dataclasses.replace(TINY_CNN, pairwise=TINY_CNN, rule="largest"),
}


def utterances(counts):
    return [
        Utterance(id=f"{emotion}-{i}", path=Path(f"{emotion}-{i}.wav"), emotion=emotion, speaker="a")
        for emotion, count in counts.items()
        for i in range(count)
    ]


def part_of(counts, *, parts=1, front_end=TINY_FRONT_END, seed=0):
    """Noise, and 20 dB above it a band of eight bins that is the class's own."""
    rng = np.random.default_rng(seed)
    members = utterances(counts)
    arrays = []
    for u in members:
        array = rng.normal(-60, 5, (parts, front_end.num_frames, front_end.num_bins))
        array[:, :, 8 * CLASSES.index(u.emotion) :][:, :, :8] += 20
        array[:, 50:] = -65 - SILENCE_DB
        arrays.append(array.astype("float32"))
    return Subset(members, arrays, CLASSES)


EVEN = dict.fromkeys(CLASSES, 2)


# --- the noise floor ---


def test_noise_statistics_by_hand():
    silence = -SILENCE_DB
    arrays = [
        np.array([[[-50.0 + silence, -45.0]]]),  # noise level -50
        np.array([[[-40.0 + silence, -10.0]]]),  # noise level -40: the median
        np.array([[[-20.0 + silence, -20.0]]]),  # noise level -20
    ]
    part = Subset(utterances({"anger": 3}), [array.astype("float32") for array in arrays], CLASSES)
    e_noise, scale = model.noise_statistics(part)  # above -40: -10 and -20, lifted to 30 and 20
    assert e_noise == pytest.approx(-40, abs=1e-3)
    assert scale == pytest.approx(5, abs=1e-3)


def test_the_noise_floor_makes_silence_zero_and_the_rest_of_unit_variance():
    part = part_of(dict.fromkeys(CLASSES, 4))
    decibels = keras.Input((60, 32))
    floor = keras.Model(decibels, model.noise_floor(decibels, per_spectrogram=False))
    set_statistics(floor.get_layer("noise_floor"), *model.noise_statistics(part))
    seen = np.concatenate([np.asarray(floor(array)) for array in part.features])
    assert (seen[:, 50:] == 0).all() and seen.min() == 0
    assert seen[seen > 0].std() == pytest.approx(1, abs=1e-3)


def test_statistics_and_weights_come_from_the_training_part_alone():
    train, louder = part_of(EVEN), part_of(EVEN, seed=5)
    louder = dataclasses.replace(louder, features=[array + 40 for array in louder.features])
    fitted = model.fit(dataclasses.replace(TINY_CNN, epochs=1), train, louder, seed=0)
    layer = fitted.model.get_layer("noise_floor")
    statistics = float(layer.adapt_mean), float(layer.adapt_variance) ** 0.5
    assert statistics == pytest.approx(model.noise_statistics(train))
    assert model.noise_statistics(louder) != pytest.approx(model.noise_statistics(train))


@pytest.mark.corpus
def test_a_tenth_to_a_third_of_real_points_is_at_the_noise_floor(corpora_dir):
    chosen = corpora.load("ravdess", corpora_dir).only(CLASSES).utterances[::45]
    arrays = [features(*audio.read(u.path, sample_rate_hz=RATE), FrontEnd(dft_length=800)) for u in chosen]
    e_noise, _ = model.noise_statistics(Subset(chosen, arrays, CLASSES))
    points = np.concatenate([array[array > -500] for array in arrays])
    assert 0.1 < np.mean(points <= e_noise) < 0.3


# --- 3.2 ---

PARAMETERS = {  # counted layer by layer on paper for figure 1, and for what differs from it
    "cnn3_lstm_20hz": 1_034_892,
    "cnn3_lstm_10hz": 1_854_092,
    "cnn3_lstm_10hz_kernels_in_hz": 1_920_908,
    "cnn5_10hz": 560_380,
    "cnn5_20hz": 339_196,
    "two_step_20hz": 1_034_892 + 3 * (339_196 - 2 * 65),
    "two_step_10hz": 1_854_092 + 3 * (560_380 - 2 * 65),
}
COUNTED_BY_KERAS = ["lstm64", "two_lstm", "attention", "window_20ms"]


@pytest.mark.parametrize("variant", PARAMETERS)
def test_parameters(variant):
    recipe = satt2017.RECIPES[variant]["paper"]
    assert recipe.num_parameters == PARAMETERS[variant]
    assert training.trained_parameters(model.build(recipe, 4)) == PARAMETERS[variant]


@pytest.mark.parametrize(
    "variant",
    [*(f"cnn3_lstm_20hz_{name}" for name in COUNTED_BY_KERAS), "cnn1_lstm_20hz", "cnn6_lstm_20hz", "cnn8_20hz"],
)
def test_parameters_of_ablations_agree_with_keras(variant):
    recipe = satt2017.RECIPES[variant]["smoke"]
    assert training.trained_parameters(model.build(recipe, 4)) == recipe.num_parameters


def test_the_maps_have_the_sizes_of_figure_1():
    network = model.build(satt2017.RECIPES["cnn3_lstm_20hz"]["paper"], 4)
    pooled = [layer.output.shape[1:3] for layer in network.layers if "max_pooling" in layer.name]
    assert [(bins, steps) for steps, bins in pooled] == [(100, 150), (50, 75), (25, 37)]
    assert [network.get_layer(f"convolution_{n}").kernel.shape[:2] for n in (1, 2, 3)] == [(16, 12), (12, 8), (7, 5)]


@pytest.mark.parametrize("name", TINY_SYSTEMS)
def test_a_saved_model_predicts_the_same(name, tmp_path):
    recipe, part = TINY_SYSTEMS[name], part_of(EVEN, parts=2)
    system = model.build(recipe, 4)
    networks = [layer for layer in system.layers if isinstance(layer, keras.Model)] or [system]
    for network in networks:
        set_statistics(network.get_layer("noise_floor"), -65, 8)
    system.save(tmp_path / "system.keras")
    again = keras.saving.load_model(tmp_path / "system.keras")
    before, after = (decision.predict(training.Fitted(m, {}), part, recipe) for m in (system, again))
    assert list(before) == list(after)
    for rule in before:
        assert np.array_equal(before[rule], after[rule])
    assert np.ptp(before["mean"], axis=0).max() > 1e-3


def test_a_sentence_is_decided_by_the_mean_of_its_parts():
    part = part_of(EVEN)
    arrays = [
        np.repeat(array, 1 + i % 3, axis=0) + np.arange(1 + i % 3)[:, None, None]
        for i, array in enumerate(part.features)
    ]
    part = dataclasses.replace(part, features=arrays)
    system = training.Fitted(model.build(TINY, 4), {})
    by_hand = [system.model.predict_on_batch({"features": array}).mean(axis=0) for array in arrays]
    assert np.allclose(decision.predict(system, part, TINY)["mean"], by_hand, atol=1e-6)


# --- 4: imbalance ---


def test_weights_are_inverse_to_the_number_of_parts():
    part = part_of({"anger": 1, "happiness": 2, "neutral": 4, "sadness": 1})
    longer = [
        np.repeat(a, 2, axis=0) if u.emotion == "anger" else a
        for u, a in zip(part.utterances, part.features, strict=True)
    ]
    part = dataclasses.replace(part, features=longer)  # parts: 2, 2, 4, 1
    assert model.weights(TINY, part).tolist() == [9 / 8, 9 / 8, 9 / 8, *[9 / 16] * 4, 9 / 4]
    by_sentence = model.weights(dataclasses.replace(TINY, balance="sentence_weights"), part)  # sentences: 1, 2, 4, 1
    assert by_sentence.tolist() == [2, 1, 1, *[1 / 2] * 4, 2]
    assert model.weights(dataclasses.replace(TINY, balance="none"), part) is None


# --- 4: two steps ---


def test_two_step_rules_by_hand():
    # columns: anger, happiness, neutral, sadness; then (neutral, emotion) for anger, happiness, sadness
    posteriors = np.array(
        [
            [0.4, 0.1, 0.3, 0.2, 0.1, 0.9, 0.2, 0.8, 0.1, 0.9],  # not neutral: anger, whatever the pairs say
            [0.1, 0.1, 0.7, 0.1, 0.9, 0.1, 0.2, 0.8, 0.6, 0.4],  # largest: neutral 0.9; unanimous: happiness 0.8
            [0.1, 0.1, 0.7, 0.1, 0.8, 0.2, 0.6, 0.4, 0.1, 0.9],  # both: sadness 0.9
            [0.1, 0.1, 0.7, 0.1, 0.8, 0.2, 0.6, 0.4, 0.7, 0.3],  # both: neutral
        ]
    )
    rules = two_step.scores(posteriors, CLASSES, first_rule="unanimous")
    assert list(rules) == ["unanimous", "largest", "mean"]
    assert rules["largest"].argmax(axis=1).tolist() == [0, 2, 3, 2]
    assert rules["unanimous"].argmax(axis=1).tolist() == [0, 1, 3, 2]
    assert rules["mean"].argmax(axis=1).tolist() == [0, 2, 2, 2]


def test_the_default_reading_is_the_largest_of_the_six_posteriors():
    rng = np.random.default_rng(4)
    first, second = rng.dirichlet(np.ones(4), 300), rng.dirichlet(np.ones(2), (300, 3))
    rows = np.concatenate([first, second.reshape(300, 6)], axis=1)
    scores = next(iter(two_step.scores(rows, CLASSES, first_rule="largest").values()))
    for row, of_pairs, decided in zip(first, second, scores.argmax(axis=1), strict=True):
        expected = row.argmax()
        if expected == 2:
            six = [(of_pairs[k, 0], 2) for k in range(3)] + [(of_pairs[k, 1], (0, 1, 3)[k]) for k in range(3)]
            expected = max(six)[1]
        assert decided == expected


def test_a_pair_sees_neutral_and_one_emotion_only():
    part = part_of({"anger": 1, "happiness": 2, "neutral": 3, "sadness": 1})
    pair = two_step.pair(part, "happiness")
    assert pair.classes == ("neutral", "happiness")
    assert pair.labels.tolist() == [1, 1, 0, 0, 0]
    for u, array in zip(pair.utterances, pair.features, strict=True):
        assert array is part.features[part.utterances.index(u)]
    with pytest.raises(InputError, match="neither neutral nor sadness"):
        two_step.pair(part_of({"anger": 3}), "sadness")


def test_two_steps_are_trainings_of_their_own_joined_and_an_interrupted_one_goes_on(tmp_path):
    part = dataclasses.replace(
        part_of({"anger": 2, "neutral": 2, "sadness": 2}), classes=("anger", "neutral", "sadness")
    )
    recipe = TINY_SYSTEMS["two_step"]
    recipe = dataclasses.replace(recipe, epochs=1, pairwise=dataclasses.replace(recipe.pairwise, epochs=1))
    whole = model.fit(recipe, part, part, seed=3, checkpoint=tmp_path / "whole.npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "trained",
        "whole-anger.npz",
        "whole-sadness.npz",
        "whole.npz",
    ]
    assert len(list((tmp_path / "trained").iterdir())) == 3
    elsewhere = tmp_path / "elsewhere"
    seen = []

    def stop_after_the_first_pair(epochs):
        seen.append(epochs)
        if epochs == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(recipe, part, part, seed=3, checkpoint=elsewhere / "cut.npz", report=stop_after_the_first_pair)
    resumed = model.fit(recipe, part, part, seed=3, checkpoint=elsewhere / "cut.npz")
    assert seen == [1, 2]
    assert whole.history.keys() >= {"loss", "val_wa", "anger:val_wa", "sadness:loss"}
    before, after = (decision.predict(system, part, recipe) for system in (whole, resumed))
    assert list(before) == ["largest", "unanimous", "mean"]
    assert all(np.array_equal(before[rule], after[rule]) for rule in before)


def test_a_network_that_two_systems_share_is_trained_once(tmp_path):
    part = dataclasses.replace(
        part_of({"anger": 2, "neutral": 2, "sadness": 2}), classes=("anger", "neutral", "sadness")
    )
    plain = dataclasses.replace(TINY_CNN, dropout=0.3)
    two_step_system = dataclasses.replace(plain, pairwise=dataclasses.replace(TINY_CNN, epochs=1), rule="largest")
    noisy = dataclasses.replace(plain, test_front_ends=(("music_0db", TINY_FRONT_END),))
    alone = model.fit(two_step_system, part, part, seed=1)

    seen = []
    first = model.fit(plain, part, part, seed=1, checkpoint=tmp_path / "first.npz")
    second = model.fit(two_step_system, part, part, seed=1, checkpoint=tmp_path / "second.npz", report=seen.append)
    third = model.fit(noisy, part, part, seed=1, checkpoint=tmp_path / "third.npz")
    assert seen == [2, 3, 4]  # the first network's two epochs at once, then each pair's
    assert {path.name for path in tmp_path.glob("*.npz")} == {"first.npz", "second-anger.npz", "second-sadness.npz"}
    assert (
        first.history
        == third.history
        == {name: second.history[name] for name in first.history} | {"seconds": first.history["seconds"]}
    )
    expected = decision.predict(alone, part, two_step_system)
    shared = decision.predict(second, part, two_step_system)
    assert all(np.array_equal(expected[rule], shared[rule]) for rule in expected)
    np.testing.assert_array_equal(decision.predict(third, part, noisy)["mean"], expected["mean"])


def test_another_training_is_another_training(tmp_path):
    part, recipe = part_of(EVEN), dataclasses.replace(TINY_CNN, epochs=1)
    usual = {"recipe": recipe, "train": part, "valid": part, "seed": 1}
    others = (
        {"seed": 2},
        {"recipe": dataclasses.replace(recipe, learning_rate=0.01)},
        {"recipe": dataclasses.replace(recipe, balance="none")},
        {"train": part_of(EVEN, seed=1)},
        {"valid": part_of(EVEN, seed=1)},
    )
    for number, other in enumerate(({}, *others), start=1):
        model.fit(**usual | other, checkpoint=tmp_path / "a.npz")
        (tmp_path / "a.npz").unlink()
        assert len(list((tmp_path / "trained").iterdir())) == number, other


def test_a_damaged_training_is_done_again(tmp_path):
    part, recipe = part_of(EVEN), dataclasses.replace(TINY_CNN, epochs=1)
    first = model.fit(recipe, part, part, seed=1, checkpoint=tmp_path / "a.npz")
    (kept,) = (tmp_path / "trained").iterdir()
    kept.write_bytes(kept.read_bytes()[:2000])
    (tmp_path / "a.npz").unlink()
    again = model.fit(recipe, part, part, seed=1, checkpoint=tmp_path / "a.npz")
    assert again.history["loss"] == first.history["loss"]
    assert (tmp_path / "a.npz").exists()


# --- recipes and folds


CHANGED = {
    "window_20ms": {"front_end"},
    "lstm64": {"lstm_units"},
    "two_lstm": {"lstm_layers"},
    "unweighted": {"balance"},
    "oversampled": {"balance"},
    "class_accuracy": {"monitor"},
    "attention": {"attention"},
}


def difference(one, other):
    return {f.name for f in dataclasses.fields(one) if getattr(one, f.name) != getattr(other, f.name)}


@pytest.mark.parametrize("grid", ["10hz", "20hz"])
def test_each_ablation_differs_from_its_parent_by_what_its_name_says(grid):
    lstm, cnn = protocol.VARIANTS[f"cnn3_lstm_{grid}"], protocol.VARIANTS[f"cnn5_{grid}"]
    for name, fields in CHANGED.items():
        assert difference(lstm, protocol.VARIANTS[f"cnn3_lstm_{grid}_{name}"]) == fields
    for n in (1, 2, 4, 5, 6):
        assert difference(lstm, protocol.VARIANTS[f"cnn{n}_lstm_{grid}"]) == {"convolutions"}
    for n in (2, 3, 4, 6, 7, 8):
        assert difference(cnn, protocol.VARIANTS[f"cnn{n}_{grid}"]) == {"convolutions"}
    assert difference(lstm, cnn) == {"convolutions", "lstm_layers"}
    two_steps = protocol.VARIANTS[f"two_step_{grid}"]
    assert difference(lstm, two_steps) == {"pairwise", "rule"} and two_steps.pairwise == cnn
    assert difference(two_steps, protocol.VARIANTS[f"two_step_{grid}_unanimous"]) == {"rule"}


def corpus(name, emotions, sessions=(None,)):
    """Three utterances of each emotion by one woman and one man in each session."""
    members = [
        Utterance(
            id=f"{name}{session}{sex}-{emotion}-{i}",
            path=Path(f"{session}{sex}-{emotion}-{i}.wav"),
            emotion=emotion,
            speaker=f"{session}{sex}",
            session=session,
        )
        for session in sessions
        for sex in "FM"
        for emotion in emotions
        for i in range(3)
    ]
    return Corpus(name=name, variant=name, utterances=tuple(sorted(members, key=lambda u: u.id)))


def test_select_takes_the_papers_corpus_whole_and_four_emotions_elsewhere():
    recipe = protocol.VARIANTS["two_step_20hz"]
    improvised = dataclasses.replace(corpus("iemocap", CLASSES), variant="iemocap/improvised/4hap")
    assert satt2017.select(improvised, recipe) is improvised
    other = corpus("ravdess", (*CLASSES, "calm", "fear"))
    assert satt2017.select(other, recipe).variant == "ravdess/4hap"
    assert satt2017.select(other, recipe, ["neutral", "fear"]).classes == ("fear", "neutral")
    with pytest.raises(InputError, match="no neutral"):
        satt2017.select(other, recipe, ["anger", "fear"])
    assert satt2017.select(other, protocol.VARIANTS["cnn5_20hz"], ["anger", "fear"]).classes == ("anger", "fear")


def test_the_papers_folds_hold_a_session_out_and_test_everybody_once():
    recipe = protocol.VARIANTS["cnn3_lstm_10hz"]
    sentences = corpus("iemocap", CLASSES, sessions=("1", "2", "3", "4", "5"))
    folds = list(satt2017.folds(sentences, recipe, "paper", seed=0))
    assert len(folds) == 10
    for fold in folds:
        (valid,), (test,) = ({u.speaker for u in part} for part in (fold.valid, fold.test))
        assert valid != test and valid[:-1] == test[:-1]
        assert {u.session for u in fold.train} == {"1", "2", "3", "4", "5"} - {fold.test[0].session}
    assert sorted(u.id for fold in folds for u in fold.test) == [u.id for u in sentences.utterances]
    with pytest.raises(InputError, match="session"):
        satt2017.folds(corpus("ravdess", CLASSES), recipe, "paper", seed=0)


# --- front end


@pytest.mark.parametrize("seconds", [0.1, 2.9999, 3.0, 3.0001, 5.2, 6.0, 6.01, 20.0])
def test_parts_are_as_few_as_possible_and_of_almost_equal_length(seconds):
    waveform = np.arange(round(seconds * RATE))
    parts = split(waveform, max_samples=3 * RATE)
    sizes = [len(part) for part in parts]
    fewest = next(n for n in range(1, 100) if n * 3 * RATE >= len(waveform))
    assert len(parts) == fewest
    assert max(sizes) <= 3 * RATE and max(sizes) - min(sizes) <= 1
    assert np.array_equal(np.concatenate(parts), waveform)


def test_decibels_are_those_of_a_transform_written_out():
    rng = np.random.default_rng(1)
    window = rng.normal(size=640)
    n = np.arange(640)
    written_out = [10 * np.log10(abs(sum(window * np.exp(-2j * np.pi * k * n / 1600))) ** 2) for k in (0, 1, 100, 399)]
    assert np.allclose(decibels(window[None], dft_length=1600)[0, [0, 1, 100, 399]], written_out, atol=1e-6)


@pytest.mark.parametrize("dft_length", [800, 1600])
def test_a_tone_has_its_level_at_its_bin(dft_length):
    front_end = FrontEnd(dft_length=dft_length)
    tone = 0.1 * np.cos(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    array = features(tone.astype("float32"), RATE, front_end)
    peak_bin = 1000 * dft_length // RATE
    level = 20 * np.log10(0.1 * np.hamming(640).sum() / 2)
    assert array.shape == (1, 300, front_end.num_bins) and array.dtype == np.float32
    assert (array[0, :97].argmax(axis=1) == peak_bin).all()
    assert np.allclose(array[0, :97, peak_bin], level, atol=0.05)


def test_the_coarse_grid_is_every_second_bin_of_the_fine_one():
    waveform = np.random.default_rng(2).normal(0, 0.1, RATE).astype("float32")
    fine, coarse = (features(waveform, RATE, FrontEnd(dft_length=n))[:, :97] for n in (1600, 800))
    assert fine.shape[2] == 400 and coarse.shape[2] == 200
    assert np.allclose(fine[:, :, ::2], coarse, atol=0.01)


@pytest.mark.parametrize(("window_s", "count"), [(0.040, 297), (0.020, 299)])
def test_windows_lie_wholly_in_the_part(window_s, count):
    front_end = FrontEnd(window_s=window_s)
    windows = frames(np.ones(3 * RATE, dtype="float32"), RATE, front_end)
    assert windows.shape == (count, round(window_s * RATE))
    assert frame_centres_s(count, front_end)[-1] + window_s / 2 <= 3.0
    assert len(frames(np.ones(100, dtype="float32"), RATE, front_end)) == 1


def test_silence_is_below_every_floor_and_tells_the_noise_level():
    waveform = np.random.default_rng(3).normal(0, 0.1, 5 * RATE).astype("float32")
    array = features(waveform, RATE, FrontEnd())
    sound = array[:, :247]  # two parts of 2.5 s
    assert array.shape[0] == 2
    assert (array[:, 247:] < -900).all() and (sound > -110).all()
    assert noise_level_db(array) == pytest.approx(np.percentile(sound, 10), abs=1e-3)
