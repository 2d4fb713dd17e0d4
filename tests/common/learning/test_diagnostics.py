"""Multiply-accumulates against counts on paper and against TensorFlow's own profiler."""

import keras
import pytest
from keras import layers

from common.learning import diagnostics


def test_a_small_convolution_and_a_gru_by_hand():
    image = keras.Input((6, 8, 2))
    x = layers.Conv2D(3, (5, 3), padding="same")(image)  # 6 x 8 x 3 values of 5 x 3 x 2 products: 4320
    x = layers.MaxPooling2D(2)(x)  # 3 x 4 x 3
    x = layers.Reshape((3, 12))(x)
    x = layers.GRU(5, return_sequences=True)(x)  # 3 steps, 3 gates, 5 units, 12 + 5 inputs: 765
    x = layers.Bidirectional(layers.LSTM(2))(x)  # 2 directions, 3 steps, 4 gates, 2 units, 5 + 2 inputs: 336
    model = keras.Model(image, layers.Dense(7)(x))  # 4 x 7 = 28
    assert diagnostics.multiply_accumulates(model) == 4320 + 765 + 336 + 28
    assert diagnostics.multiply_accumulates(model, examples=10) == 10 * 5449


def test_convolutions_without_padding_with_strides_and_groups_by_hand():
    signal = keras.Input((11, 4))
    x = layers.Conv1D(6, 3, strides=2)(signal)  # (11 - 3) // 2 + 1 = 5 steps, 6 filters, 3 x 4 products: 360
    model = keras.Model(signal, layers.Conv1D(6, 2, groups=3)(x))  # 4 steps, 6 filters, 2 x 2 products: 96
    assert diagnostics.multiply_accumulates(model) == 360 + 96


def test_an_open_length_is_asked_for_and_a_mask_is_no_input():
    frames, length = keras.Input((None, 3), name="features"), keras.Input((), dtype="bool", name="length")
    mask = layers.Lambda(lambda x: x[..., 0] > 0, output_shape=lambda shape: shape[:2])(frames)
    x = layers.LSTM(2)(frames, mask=mask)
    model = keras.Model({"features": frames, "length": length}, layers.Dense(1)(x))
    with pytest.raises(ValueError, match="number of steps"):
        diagnostics.multiply_accumulates(model)
    assert diagnostics.multiply_accumulates(model, steps=9) == 9 * 4 * 2 * (3 + 2) + 2


def test_networks_inside_a_network_are_counted():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    image = keras.Input((4,))
    model = keras.Model(image, layers.Concatenate()([inner(image), layers.Dense(5)(image)]))
    assert diagnostics.multiply_accumulates(model, examples=2) == 2 * (4 * 3 + 4 * 5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="compares with TensorFlow's profiler")
def test_tensorflow_counts_the_same_convolutions_and_products():
    import tensorflow as tf

    image = keras.Input((20, 30, 1))
    x = layers.Conv2D(8, (4, 6), padding="same", activation="relu")(image)
    x = layers.Conv2D(5, 3, strides=2)(layers.MaxPooling2D(2)(x))
    model = keras.Model(image, layers.Dense(4)(layers.Dense(16)(layers.Flatten()(x))))
    traced = tf.function(model).get_concrete_function(tf.TensorSpec((1, 20, 30, 1)))
    kinds = tf.compat.v1.profiler.ProfileOptionBuilder(tf.compat.v1.profiler.ProfileOptionBuilder.float_operation())
    options = kinds.with_accounted_types([".*Conv2D.*", ".*MatMul.*"]).with_empty_output().build()
    profile = tf.compat.v1.profiler.profile(traced.graph, options=options)
    assert diagnostics.multiply_accumulates(model) * 2 == profile.total_float_ops
