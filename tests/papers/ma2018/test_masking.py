"""Section 4.2: what padding must not do, against networks that never saw any."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from common.learning.layers import set_statistics
from papers import ma2018
from papers.ma2018 import model as network_of_the_paper
from papers.ma2018.features import FrontEnd
from papers.ma2018.masking import border_safe_max_pool, last_valid_step, mask_padding, pad_to_length
from papers.ma2018.model import build

TINY_FRONT_END = FrontEnd(fft_length=160)  # 40 bins
TINY = dataclasses.replace(
    ma2018.RECIPES["variable_length"]["paper"],
    front_end=TINY_FRONT_END,
    filters=(3, 4, 5),
    units=6,
    dense_units=8,
)
LENGTHS = (8, 9, 15, 16, 22, 31, 33, 40)  # odd and even, before and after each pooling


def network(recipe=TINY, seed=0):
    """A tiny network with biases that are not zero, statistics that are not 0 and 1, and decisions that differ."""
    model = build(recipe, 4)
    generator = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        fan_in = np.prod(variable.shape[:-1]) if len(variable.shape) > 1 else 4
        variable.assign(generator.normal(size=variable.shape) * 1.5 / np.sqrt(fan_in))
    set_statistics(model.get_layer("standardise"), generator.normal(3, 1, 40), generator.uniform(1, 2, 40))
    return model


def sentences(lengths=LENGTHS, seed=1):
    generator = np.random.default_rng(seed)
    return [generator.normal(3, 2, (length, 40)).astype("float32") for length in lengths]


def padded(arrays, extra=0, fill=0.0):
    """What a batch holds: `{"features": (B, T, F), "length": (B,)}`, T being `extra` more than the longest."""
    lengths = np.array([len(array) for array in arrays], dtype="int32")
    features = np.full((len(arrays), lengths.max() + extra, 40), fill, dtype="float32")
    for row, array in zip(features, arrays, strict=True):
        row[: len(array)] = array
    return {"features": features, "length": lengths}


def posteriors(model, arrays, extra=0, fill=0.0):
    return np.asarray(model(padded(arrays, extra, fill), training=False))


def alone(model, arrays):
    """Every sentence by itself, without a frame of padding."""
    return np.concatenate([posteriors(model, [array]) for array in arrays])


@pytest.mark.parametrize("recurrent", ["gru", "lstm"])
def test_padding_changes_no_prediction_whatever_else_is_in_the_batch(recurrent):
    model, arrays = network(dataclasses.replace(TINY, recurrent=recurrent)), sentences()
    expected = alone(model, arrays)
    assert np.ptp(expected, axis=0).max() > 0.1  # the network does tell them apart
    for extra in range(1, 18):
        np.testing.assert_allclose(posteriors(model, arrays, extra), expected, atol=1e-5)
    np.testing.assert_allclose(posteriors(model, arrays[5:6], 3), expected[5:6], atol=1e-5)
    np.testing.assert_allclose(posteriors(model, arrays, 5, fill=-70.0), expected, atol=1e-5)
    backwards = posteriors(model, [*arrays[::-1], *sentences([90, 11], seed=2)])
    np.testing.assert_allclose(backwards[:8], expected[::-1], atol=1e-5)


@pytest.mark.parametrize("variant", ["variable_length", "variable_length_lstm"])
def test_padding_changes_no_prediction_of_the_paper_sized_network(variant):
    recipe = ma2018.RECIPES[variant]["paper"]
    keras.utils.set_random_seed(0)
    model = build(recipe, 4)
    for variable in model.trainable_variables:
        if len(variable.shape) == 1:
            variable.assign(np.random.default_rng(0).normal(0, 0.1, variable.shape))
    generator = np.random.default_rng(1)
    arrays = [generator.normal(size=(length, 400)).astype("float32") for length in (29, 40)]
    batch = np.zeros((2, 53, 400), dtype="float32")
    for row, array in zip(batch, arrays, strict=True):
        row[: len(array)] = array
    together = np.asarray(model({"features": batch, "length": np.array([29, 40], "int32")}, training=False))
    for row, array in zip(together, arrays, strict=True):
        single = model({"features": array[None], "length": np.array([len(array)], "int32")}, training=False)
        np.testing.assert_allclose(row, np.asarray(single)[0], atol=1e-5)


def no_mask(frames, length):
    return frames


def plain_pooling(images, length):
    return keras.ops.max_pool(images, 2, 2, "valid", "channels_last")


@pytest.mark.parametrize(("remedy", "none"), [("mask_padding", no_mask), ("border_safe_max_pool", plain_pooling)])
def test_without_either_remedy_padding_changes_predictions(monkeypatch, remedy, none):
    arrays = sentences([9, 15, 31])
    model = network()
    expected = alone(model, arrays)
    monkeypatch.setattr(network_of_the_paper, remedy, none)
    broken = network()
    assert np.abs(posteriors(broken, arrays, extra=7) - expected).max() > 1e-2


def images_of(values):
    """Values over time -> `(1, T, 2, 1)`, the same in both bins."""
    return np.repeat(np.array(values, dtype="float32").reshape(1, -1, 1, 1), 2, axis=2)


def test_the_failure_of_section_4_2_a_padding_zero_beats_a_negative_border_value():
    y = [-3.0, -1.0, -2.0]  # y_V = -2 shares a window with y_V+1 = 0
    plain = layers.MaxPooling2D(2, padding="same")
    assert np.ravel(plain(images_of(y))).tolist() == [-1.0, -2.0]  # "the expected value should be y_V"
    assert np.ravel(plain(images_of([*y, 0.0]))).tolist() == [-1.0, 0.0]  # "the output will be y_V+1"
    safe = [np.ravel(border_safe_max_pool(images_of([*y, *[0.0] * padding]), np.array([3]))) for padding in range(6)]
    for pooled in safe:
        assert pooled[: 3 // 2].tolist() == [-1.0]
        assert not pooled[3 // 2 :].any()


def test_the_same_failure_behind_a_convolution_whose_outputs_are_all_negative():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(1, 9, 4, 1)).astype("float32")
    kernel = generator.normal(size=(3, 3, 1, 2)).astype("float32") * 0.1
    length = np.array([9])

    def convolved(padding):
        frames = np.pad(x, ((0, 0), (0, padding), (0, 0), (0, 0)))
        return mask_padding(keras.ops.conv(frames, kernel, padding="same") - 5.0, length)

    def plain(padding):  # the last window, half of it padding, counts as one of the sentence's
        return np.asarray(keras.ops.max_pool(convolved(padding), 2, 2, "same"))[:, :5]

    def safe(padding):
        return np.asarray(border_safe_max_pool(convolved(padding), length))[:, :4]

    assert np.asarray(convolved(0)).max() < 0
    for padding in range(1, 8):
        assert np.abs(plain(padding) - plain(0)).max() > 1
        np.testing.assert_allclose(safe(padding), safe(0), atol=1e-6)


def test_a_positive_border_value_does_not_appear_behind_the_end():
    y = images_of([1.0, 2.0, 7.0, 0.0])
    assert np.ravel(layers.MaxPooling2D(2)(y)).tolist() == [2.0, 7.0]
    assert np.ravel(border_safe_max_pool(y, np.array([3]))).tolist() == [2.0, 0.0]


@pytest.mark.parametrize("pool", [2, 3])
def test_pooling_equals_a_loop_over_sentences_without_padding(pool):
    generator = np.random.default_rng(0)
    for steps in range(pool, 14):
        lengths = np.arange(1, steps + 1)
        images = generator.normal(-1, 1, (steps, steps, 6, 2)).astype("float32")
        for image, length in zip(images, lengths, strict=True):
            image[length:] = 0
        expected = np.zeros((steps, steps // pool, 6 // pool, 2), dtype="float32")
        for b, length in enumerate(lengths):
            for t in range(length // pool):
                for f in range(6 // pool):
                    window = images[b, t * pool : (t + 1) * pool, f * pool : (f + 1) * pool]
                    expected[b, t, f] = window.max(axis=(0, 1))
        np.testing.assert_array_equal(border_safe_max_pool(images, lengths, pool), expected)


def test_equation_1_by_hand():
    conv = np.array([[[1.0, 2.0], [3.0, -4.0], [5.0, 6.0]], [[7.0, 8.0], [9.0, 1.0], [2.0, 3.0]]])
    masked = mask_padding(conv, np.array([2, 3]))
    assert np.asarray(masked).tolist() == [[[1, 2], [3, -4], [0, 0]], [[7, 8], [9, 1], [2, 3]]]


def test_last_valid_step_by_hand():
    outputs = np.arange(24.0).reshape(2, 3, 4)  # forward units 0 and 1, backward units 2 and 3
    states = last_valid_step(outputs, np.array([2, 3]))
    assert np.asarray(states).tolist() == [[4, 5, 2, 3], [20, 21, 14, 15]]


@pytest.mark.parametrize("kind", [layers.GRU, layers.LSTM])
def test_masked_recurrence_ends_where_keras_ends_without_padding(kind):
    generator = np.random.default_rng(0)
    frames = generator.normal(size=(3, 7, 5)).astype("float32")
    lengths = np.array([7, 4, 1])
    keras.utils.set_random_seed(0)
    whole = layers.Bidirectional(kind(6, return_sequences=True))
    states = last_valid_step(whole(frames, mask=np.arange(7)[None] < lengths[:, None]), lengths)
    last = layers.Bidirectional(kind(6))
    last.build(frames.shape)
    last.set_weights(whole.get_weights())
    for b, length in enumerate(lengths):
        np.testing.assert_allclose(states[b], last(frames[b : b + 1, :length])[0], atol=1e-6)


def test_no_mask_is_propagated_beyond_the_recurrence():
    x = keras.Input((7, 5))
    length = keras.Input((), dtype="int32")
    mask = keras.Input((7,), dtype="bool")
    states = last_valid_step(layers.Bidirectional(layers.GRU(3, return_sequences=True))(x, mask=mask), length)
    assert getattr(states, "_keras_mask", None) is None


def test_fixed_length_pads_with_what_the_network_takes_for_speech():
    frames, lengths = pad_to_length(np.ones((2, 3, 4), dtype="float32"), 5)
    assert np.asarray(frames)[:, :, 0].tolist() == [[1, 1, 1, 0, 0]] * 2
    assert np.asarray(lengths).tolist() == [5, 5]
    fixed = dataclasses.replace(TINY, fixed_frames=40)
    model, arrays = network(fixed), sentences()
    expected = alone(model, arrays)
    np.testing.assert_allclose(posteriors(model, arrays), expected, atol=1e-5)  # whatever else is in the batch
    cut = [np.concatenate([arrays[0], np.tile(model.get_layer("standardise").adapt_mean, (32, 1))])]
    np.testing.assert_allclose(posteriors(model, cut)[0], expected[0], atol=1e-5)  # zero, the mean, is what it hears
    whole = dataclasses.replace(fixed, fixed_frames=48)
    assert np.abs(alone(network(whole), arrays) - expected).max() > 1e-3  # and it does hear it


@pytest.mark.parametrize("changes", [{}, {"recurrent": "lstm"}, {"fixed_frames": 40}])
def test_a_saved_network_predicts_the_same(tmp_path, changes):
    model, arrays = network(dataclasses.replace(TINY, **changes)), sentences()
    model.save(tmp_path / "network.keras")
    reloaded = keras.saving.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(posteriors(reloaded, arrays), posteriors(model, arrays))


def test_masking_keeps_the_type():
    for dtype in ("float32", "float16"):
        assert mask_padding(keras.ops.ones((1, 2, 3), dtype=dtype), np.array([1])).dtype == dtype
