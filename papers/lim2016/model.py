"""The three networks of section III and their training (Table I)."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from common.learning import batching, training
from common.learning.layers import moments, set_statistics
from papers.lim2016.decision import PREDICTED_AT_ONCE

NO_FLOOR = float(np.finfo("float32").min)


def build(recipe, num_classes, floor=NO_FLOOR):
    """The untrained network of a recipe: spectrogram images `(B, T, F)` in dB -> `(B, K)` posteriors.

    Args:
        recipe: a recipe of this paper.
        num_classes: K.
        floor: in dB, of the training part; lower values are raised to it (D1).
    """
    networks = {"cnn": cnn, "lstm": lstm, "td_cnn": td_cnn}
    return networks[recipe.network](recipe, num_classes, floor)


def cnn(recipe, num_classes, floor):
    """Two convolutions and a fully connected layer (III-A, Fig. 2): `(B, 128, 128) -> (B, K)`."""
    segments, x = normalised_input(recipe, floor)  # (B, 128, 128)
    x = layers.Reshape((*x.shape[1:], 1))(x)  # (B, 128, 128, 1)
    x = convolutions(x, recipe)  # (B, 32768)
    x = fully_connected(x, recipe)  # (B, 1024)
    posteriors = layers.Dense(num_classes, activation="softmax")(x)  # (B, K)
    return keras.Model({"features": segments}, posteriors, name="lim2016_cnn")


def lstm(recipe, num_classes, floor):
    """Three stacked LSTM layers over the frames of a segment (III-B, Fig. 4): `(B, 128, 128) -> (B, K)`."""
    segments, x = normalised_input(recipe, floor)  # (B, 128, 128)
    x = recurrent(x, recipe)  # (B, 128), the last frame; D9
    posteriors = layers.Dense(num_classes, activation="softmax")(x)  # (B, K)
    return keras.Model({"features": segments}, posteriors, name="lim2016_lstm")


def td_cnn(recipe, num_classes, floor):
    """One CNN on four windows, then two LSTM layers over them (III-C, Fig. 5): `(B, 152, 128) -> (B, K)`."""
    stretches, x = normalised_input(recipe, floor)  # (B, 152, 128)
    front_end = recipe.front_end
    starts = [n * front_end.window_hop for n in range(front_end.num_windows)]  # 0, 8, 16, 24
    x = ops.concatenate([x[:, None, start : start + front_end.segment_frames] for start in starts], axis=1)
    # (B, 4, 128, 128): windows become rows of the batch, so that they share their weights
    x = ops.reshape(x, (-1, front_end.segment_frames, front_end.num_bins, 1))  # (4B, 128, 128, 1)
    x = convolutions(x, recipe)  # (4B, 32768)
    x = fully_connected(x, recipe) if recipe.dense_units else x  # (4B, 32768), or (4B, 1024); D10
    x = ops.reshape(x, (-1, front_end.num_windows, x.shape[-1]))  # (B, 4, 32768)
    x = recurrent(x, recipe)  # (B, 1024)
    posteriors = layers.Dense(num_classes, activation="softmax")(x)  # (B, K)
    return keras.Model({"features": stretches}, posteriors, name="lim2016_td_cnn")


def normalised_input(recipe, floor):
    """The input, and the floored input with mean 0 and variance 1 in every bin (D1, D3): both `(B, T, F)`."""
    decibels = keras.Input((recipe.front_end.example_frames, recipe.front_end.num_bins), name="features")
    return decibels, layers.Normalization(name="standardise")(ops.maximum(decibels, floor))


def convolutions(x, recipe):
    """Two convolutions, each with max pooling, flattened (III-A): `(B, 128, 128, 1) -> (B, 32768)`."""
    for _ in range(2):
        x = layers.Conv2D(recipe.filters, recipe.kernel_size, padding="same", activation="relu")(x)  # D6, D18
        x = layers.MaxPooling2D(recipe.pool_size)(x)  # (B, 64, 64, 32), then (B, 32, 32, 32)
        x = layers.Dropout(recipe.dropout)(x)  # D7
    return layers.Flatten()(x)


def fully_connected(x, recipe):
    x = layers.Dense(recipe.dense_units, activation="relu")(x)
    return layers.Dropout(recipe.dropout)(x)  # D7


def recurrent(x, recipe):
    """Last output of stacked LSTM layers: `(B, T, D) -> (B, lstm_units)`.

    All examples have the same number of real steps, so there is no mask. The activation is tanh (D8).
    """
    for number in range(1, recipe.lstm_layers + 1):
        x = layers.LSTM(recipe.lstm_units, return_sequences=number < recipe.lstm_layers)(x)
        x = layers.Dropout(recipe.dropout)(x)  # D7
    return x


@dataclasses.dataclass(frozen=True)
class Floored(Sequence):
    """Sequence of arrays that are raised to a floor on access."""

    arrays: Sequence[np.ndarray]
    floor: float

    def __len__(self):
        return len(self.arrays)

    def __getitem__(self, index):
        return np.maximum(self.arrays[index], self.floor)


def prepare(recipe, train, *, seed):
    """The compiled network with the statistics of the training part, and its batches, oversampled (IV-A; D14).

    Args:
        recipe: a recipe of this paper.
        train: a Subset.
        seed: of the weights, the dropout, the oversampling and the order of the batches.
    """
    keras.utils.set_random_seed(seed)
    floor = max(float(array.max()) for array in train.features) - recipe.floor_db  # D1
    network = build(recipe, len(train.classes), floor)
    floored = dataclasses.replace(train, features=Floored(train.features, floor))
    set_statistics(network.get_layer("standardise"), *moments(floored))  # D3
    schedule = keras.optimizers.schedules.InverseTimeDecay(recipe.learning_rate, decay_steps=1, decay_rate=recipe.decay)
    optimizer = keras.optimizers.SGD(schedule, momentum=recipe.momentum, nesterov=recipe.nesterov)
    training.compile_classifier(network, optimizer)
    if recipe.oversample:
        generator = np.random.default_rng([seed, *b"oversampling"])  # apart from the order of the batches
        train = batching.equalise(train, generator)
    return network, batching.Batches(train, batch_size=recipe.batch_size, seed=seed)


def fit(recipe, train, valid, *, seed, checkpoint=None, report=None):
    """Train one fold for exactly `recipe.max_epochs` epochs; nothing is selected on the validation part (D12).

    Args:
        recipe: a recipe of this paper.
        train, valid: Subsets; `valid` may be empty, its scores are only recorded in the history.
        seed: as in `prepare`.
        checkpoint: file from which an interrupted training is resumed.
        report: called with the number of finished epochs.

    Returns:
        Fitted.
    """
    network, batches = prepare(recipe, train, seed=seed)
    return training.fit(
        network,
        batches,
        batching.Batches(valid, batch_size=PREDICTED_AT_ONCE) if len(valid) else None,
        max_epochs=recipe.max_epochs,
        checkpoint=checkpoint,
        report=report,
    )
