import dataclasses
import math

import keras
import numpy as np
import pytest

from common.learning import batching, training
from common.utterance import Utterance
from papers import emmert
from papers.emmert import decision, model
from papers.emmert.features import FrontEnd, add_noise, cut_slices, log_mel_image, mfcc

RATE = 22_050
MFCC = emmert.RECIPES["mfcc"]["paper"]


def tone(seconds, hz=440.0, silence=0.0):
    t = np.arange(round(seconds * RATE)) / RATE
    quiet = np.zeros(round(silence * RATE))
    return np.concatenate([quiet, 0.3 * np.sin(2 * np.pi * hz * t), quiet]).astype("float32")


def part(features, classes=("anger", "calm")):
    utterances = [
        Utterance(id=str(k), path=None, emotion=classes[k % len(classes)], speaker="s") for k in range(len(features))
    ]
    return batching.Subset(utterances, features, classes)


def test_a_noisy_copy_is_within_the_stated_amplitude_and_always_the_same():
    clean = tone(1.0)
    noise = add_noise(clean, amplitude=0.005) - clean
    assert 0 < noise.std() <= 0.005 * np.abs(clean).max() * 1.02
    np.testing.assert_array_equal(add_noise(clean, amplitude=0.005), add_noise(clean.copy(), amplitude=0.005))
    assert not np.array_equal(noise, add_noise(tone(1.0, 441.0), amplitude=0.005) - tone(1.0, 441.0))


def test_mfcc_has_the_87_frames_of_the_network_whatever_the_length():
    for seconds in (0.3, 2.0, 5.0):
        examples = emmert.features(tone(seconds, silence=0.4), RATE, FrontEnd())
        assert examples.shape == (2, 1 + 2 * RATE // 512, 20) == (2, 87, 20)
        assert np.abs(examples[0] - examples[1]).max() > 0


def test_silence_at_both_ends_is_cut_before_anything_else():
    bare, padded, untrimmed = (
        emmert.features(tone(1.0, silence=silence), RATE, FrontEnd(trim_db=trim))[0, :, 0]
        for silence, trim in ((0.0, 30.0), (0.5, 30.0), (0.5, None))
    )
    tone_level, silence_level = bare[20], bare[80]
    np.testing.assert_allclose(padded[10:40], tone_level, atol=1)
    np.testing.assert_allclose(untrimmed[:15], silence_level, atol=1)
    assert tone_level - silence_level > 20


def test_mfcc_is_the_cosine_transform_of_log_mel_energies():
    """The definition, written out: orthonormal DCT-II of 10 log10 of the mel energies, 80 dB below the peak."""
    import librosa
    import scipy.fft

    sound = tone(2.0) + 0.01 * np.random.default_rng(0).normal(size=2 * RATE).astype("float32")
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, 1024), 2048)[::512]  # (87, 2048) centred
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    mel = power @ librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=128).T
    decibels = 10 * np.log10(np.maximum(mel, 1e-10))
    decibels = np.maximum(decibels, decibels.max() - 80)
    expected = scipy.fft.dct(decibels, type=2, norm="ortho", axis=1)[:, :20]
    np.testing.assert_allclose(mfcc(sound, RATE, FrontEnd()), expected, atol=0.05)


@pytest.mark.parametrize(
    ("frames", "starts"),
    [(50, [0]), (200, [0]), (201, [0, 1]), (300, [0, 100]), (350, [0, 100, 150]), (400, [0, 100, 200])],
)
def test_slices_overlap_by_half_and_end_with_the_image(frames, starts):
    image = np.arange(128 * frames, dtype="float32").reshape(128, frames)
    slices = cut_slices(image, FrontEnd(kind="slices"))
    assert slices.shape == (len(starts), 128, 200, 1)
    for piece, start in zip(slices, starts, strict=True):
        width = min(200, frames - start)
        np.testing.assert_array_equal(piece[:, :width, 0], image[:, start : start + width])
        assert (piece[:, width:] == 0).all()


def test_the_image_is_proportional_to_the_length_and_in_the_unit_interval():
    for seconds in (1.0, 3.0):
        image = log_mel_image(tone(seconds), RATE, FrontEnd())
        assert image.shape == (128, 1 + round(seconds * RATE) // 220)
        assert image.min() >= 0 and image.max() == pytest.approx(1.0)
    band = int(log_mel_image(tone(1.0, hz=1000.0), RATE, FrontEnd())[:, 50].argmax())
    import librosa

    assert librosa.mel_frequencies(130, fmin=0, fmax=RATE / 2)[band + 1] == pytest.approx(1000, rel=0.04)


def test_parameters_layer_by_layer():
    """By hand: 6464 + 41088 + 161340 + 1952 + 231 = 211,075."""
    network = model.build(MFCC, 7)
    counts = [layer.count_params() for layer in network.layers if layer.trainable_variables]
    assert counts == [6464, 41088, 161340, 1952, 231]
    assert training.trained_parameters(network) == 211_075
    head = model.resnet50_head(emmert.RECIPES["resnet50"]["paper"], 8)
    assert training.trained_parameters(head) == emmert.RECIPES["resnet50"]["paper"].num_parameters


def test_the_head_learns_eight_examples_by_heart_and_slices_vote():
    features = [np.random.default_rng(k).normal(size=(1, 1, 2048)).astype("float32") for k in range(8)]
    recipe = dataclasses.replace(emmert.RECIPES["resnet50_random"]["paper"], max_epochs=25, patience=25)
    same = part(features)
    scores = decision.predict(model.fit(recipe, same, same, seed=0), same, recipe)
    assert (scores["mean"].argmax(axis=1) == same.labels).all()
    np.testing.assert_array_equal(scores["slice_votes"].sum(axis=1), 1)


def test_statistics_and_noisy_copies_come_from_training_alone(monkeypatch):
    seen = []
    monkeypatch.setattr(model, "moments", lambda some: seen.append(some) or (np.zeros(20), np.ones(20)))
    features = [np.full((2, 87, 20), k, dtype="float32") for k in range(8)]
    recipe = dataclasses.replace(MFCC, max_epochs=1)
    train, valid = part(features[:6]), part(features[6:])
    model.fit(recipe, train, valid, seed=0)
    assert [len(some) for some in seen] == [6]
    assert seen[0].features[0].shape[0] == 2
    assert decision.as_tested(valid, recipe).features[0].shape[0] == 1


def test_a_saved_network_predicts_the_same(tmp_path):
    features = [np.random.default_rng(k).normal(size=(2, 87, 20)).astype("float32") for k in range(6)]
    recipe = dataclasses.replace(MFCC, max_epochs=2)
    fitted = model.fit(recipe, part(features), part(features), seed=0)
    fitted.model.save(tmp_path / "mfcc.keras")
    loaded = training.Fitted(keras.saving.load_model(tmp_path / "mfcc.keras"), {})
    expected, restored = (decision.predict(f, part(features), recipe)["mean"] for f in (fitted, loaded))
    np.testing.assert_array_equal(restored, expected)


def test_the_papers_split_is_67_14_15():
    utterances = [
        Utterance(id=f"{e}{k:02}", path=f"{e}{k}", emotion=e, speaker=f"{k % 24:02}", intensity="strong")
        for e in ("anger", "calm", "disgust", "fear", "happiness", "sadness", "surprise")
        for k in range(96)
    ]
    from common.utterance import Corpus

    corpus = Corpus(name="ravdess", variant="ravdess", utterances=tuple(utterances))
    (fold,) = emmert.folds(corpus, MFCC, "paper", 0)
    assert [len(p) for p in fold.parts.values()] == [469, 98, 105]
    assert math.isclose(52 / 105, 0.49524, abs_tol=1e-5)
    for name, size in (("train", 67), ("valid", 14), ("test", 15)):
        emotions = [u.emotion for u in fold.parts[name]]
        assert {emotions.count(e) for e in set(emotions)} == {size}
