"""The networks of section 3.2 (figure 1) and their training."""

import dataclasses

import keras
import numpy as np
from keras import layers, ops

from common import recipes
from common.code_version import code_version
from common.learning import batching, training
from common.learning.layers import set_statistics
from papers.satt2017 import two_step
from papers.satt2017.features import noise_level_db
from papers.satt2017.protocol import NUM_POOLS

OVERSAMPLING = 3  # salt: keeps this draw apart from the order of the batches, which is seeded with (seed, epoch)


def noise_floor(decibels, *, per_spectrogram):
    """max(dB - E_noise, 0) / scale (3.1): points at or below the universal noise level become exactly 0.

    E_noise and the scale are statistics of the training part, stored in the layer `noise_floor`. With
    `per_spectrogram` the scale is the standard deviation of the points above E_noise in each spectrogram (D4).
    Input and output: `(B, T, M)`.
    """
    lifted = layers.ReLU()(layers.Normalization(axis=None, name="noise_floor")(decibels))
    return lifted / deviation_above_zero(lifted) if per_spectrogram else lifted


def deviation_above_zero(spectrograms):
    """Standard deviation of each spectrogram's points above 0, 1 if there are none: `(B, T, M) -> (B, 1, 1)`."""
    above = ops.cast(spectrograms > 0, spectrograms.dtype)
    count = ops.maximum(ops.sum(above, axis=(1, 2), keepdims=True), 1.0)
    mean = ops.sum(spectrograms, axis=(1, 2), keepdims=True) / count
    variance = ops.sum(above * ops.square(spectrograms - mean), axis=(1, 2), keepdims=True) / count
    return ops.where(variance > 0, ops.sqrt(ops.maximum(variance, 1e-12)), 1.0)


def noise_statistics(part):
    """E_noise in dB and the standard deviation in dB of the points above it, over a training part (D4).

    E_noise is the median of the utterances' noise levels, those of the unmodified spectrograms also if the features are
    modified spectrograms.
    """
    e_noise = float(np.median([noise_level_db(array) for array in part.features]))
    total, squares, count = 0.0, 0.0, 0
    for array in part.features:
        lifted = array[array > e_noise].astype("float64") - e_noise
        total, squares, count = total + lifted.sum(), squares + np.square(lifted).sum(), count + len(lifted)
    mean = total / max(count, 1)
    return e_noise, float(np.sqrt(max(squares / max(count, 1) - mean**2, 0.0)))


def build(recipe, num_classes):
    """The untrained system of a recipe: `(B, 300, M)` dB -> `(B, K)`, two-step predictor `(B, K + 2 (K - 1))`."""
    if recipe.pairwise is None:
        return network(recipe, num_classes)
    pairs = [network(recipe.pairwise, 2, name=f"pair_{k + 1}") for k in range(num_classes - 1)]
    return two_step.join(network(recipe, num_classes), pairs)


def network(recipe, num_classes, *, name="all_classes"):
    """The network of figure 1 with time as first axis: `(B, 300, M) -> (B, K)` posteriors."""
    front_end = recipe.front_end
    decibels = keras.Input((front_end.num_frames, front_end.num_bins), name="features")  # (B, 300, 200)
    x = noise_floor(decibels, per_spectrogram=recipe.scale == "spectrogram")  # (B, 300, 200)
    x = layers.Reshape((*x.shape[1:], 1))(x)  # (B, 300, 200, 1)
    relu = {"activation": "relu", "kernel_initializer": recipe.initializer}  # D7, D17
    for index, (filters, bins, frames) in enumerate(recipe.kernels):
        label = f"convolution_{index + 1}"
        x = layers.Conv2D(filters, (frames, bins), padding="same", name=label, **relu)(x)
        if index < NUM_POOLS:
            x = layers.MaxPooling2D(2)(x)  # (B, 150, 100, 16), (B, 75, 50, 24), (B, 37, 25, 32)
    x = recurrent(x, recipe) if recipe.lstm_layers else layers.Flatten()(x)  # (B, 256), or (B, 3456) after five
    x = layers.Dense(recipe.dense_units, **relu)(x)  # (B, 64)
    x = layers.Dropout(recipe.dropout)(x)
    posteriors = layers.Dense(num_classes, activation="softmax")(x)  # (B, K)
    return keras.Model({"features": decibels}, posteriors, name=name)


def recurrent(x, recipe):
    """Bidirectional LSTM over time, `(B, T, F, C) -> (B, 256)`.

    Returns the last states of both directions, the mean of the outputs over time (D7) or their attention sum (D11).
    """
    _, steps, bins, channels = x.shape
    x = layers.Reshape((steps, bins * channels))(x)  # (B, 37, 800)
    for layer in range(recipe.lstm_layers):
        whole = recipe.attention or recipe.mean_over_time or layer + 1 < recipe.lstm_layers
        x = layers.Bidirectional(layers.LSTM(recipe.lstm_units, return_sequences=whole))(x)  # (B, 37, 256) or (B, 256)
    if recipe.mean_over_time:
        x = layers.GlobalAveragePooling1D()(x)  # (B, 256); D7
    if recipe.attention:
        scores = layers.Dense(recipe.dense_units, activation="tanh")(x)  # (B, 37, 64); D11
        scores = layers.Dense(1, use_bias=False)(scores)  # (B, 37, 1)
        shares = layers.Softmax(axis=1, name="attention")(scores)  # (B, 37, 1), of the steps
        x = layers.Flatten()(layers.Dot(axes=1)([shares, x]))  # (B, 256)
    return x


def fit(recipe, train, valid, *, seed, checkpoint=None, report=None):
    """Train one fold; the weights of the epoch with the best validation `recipe.monitor` are kept.

    The two-step predictor has K networks, trained on the same speakers: all classes, then neutral with each other
    emotion.

    Args:
        recipe: a recipe of this paper.
        train, valid: Subsets.
        seed: of the weights, the dropout, the oversampling and the order of the batches.
        checkpoint: file from which an interrupted training is resumed; further networks have their own files beside it.
        report: called with the number of finished epochs.

    Returns:
        Fitted.

    Raises:
        InputError: a part has neither neutral nor one of the emotions (two-step predictor only).
    """
    first = train_network(recipe, train, valid, seed=seed, checkpoint=checkpoint, report=report)
    if recipe.pairwise is None:
        return first
    fitted = {}
    for index, emotion in enumerate(two_step.others(train.classes)):
        before = len(first.history["loss"]) + sum(len(pair.history["loss"]) for pair in fitted.values())
        fitted[emotion] = train_network(
            recipe.pairwise,
            two_step.pair(train, emotion),
            two_step.pair(valid, emotion),
            name=f"pair_{index + 1}",
            seed=seed + 1 + index,
            checkpoint=checkpoint and checkpoint.with_name(f"{checkpoint.stem}-{emotion}{checkpoint.suffix}"),
            report=report and (lambda epoch, before=before: report(before + epoch)),
        )
    joined = two_step.join(first.model, [pair.model for pair in fitted.values()])
    networks = first.networks | {emotion: ended for emotion, pair in fitted.items() for ended in pair.networks.values()}
    return training.Fitted(joined, two_step.joined_history(first, fitted), first.best_epoch, networks)


def prepare(recipe, train, *, seed, name="all_classes"):
    """The compiled network with the statistics of the training part, and its batches; the first of two steps.

    Args:
        recipe: a recipe of this paper.
        train: a Subset.
        seed: of the weights, the dropout, the oversampling and the order of the batches.
        name: of the network.
    """
    keras.utils.set_random_seed(seed)
    prepared = network(recipe, len(train.classes), name=name)
    e_noise, scale = noise_statistics(train)
    set_statistics(prepared.get_layer("noise_floor"), e_noise, 1.0 if recipe.scale == "spectrogram" else scale)
    training.compile_classifier(prepared, keras.optimizers.Adam(recipe.learning_rate))
    if recipe.balance == "oversampling":
        train = batching.equalise(train, np.random.default_rng([seed, OVERSAMPLING]))  # 4, 3rd technique; D10
    weighted = weights(recipe, train)
    return prepared, batching.Batches(train, batch_size=recipe.batch_size, seed=seed, utterance_weights=weighted)


def train_network(recipe, train, valid, *, seed, checkpoint, report, name="all_classes"):
    """Train one network of one fold, with statistics and class weights from the training part only; returns Fitted.

    The CNN-LSTM of table 1 is also the normal predictor of table 2 and the first network of the two-step predictor:
    each of its folds is trained only once.
    """
    untrained, batches = prepare(recipe, train, seed=seed, name=name)
    return training.fit_or_load(
        lambda: training.fit(
            untrained,
            batches,
            batching.Batches(valid, batch_size=32),
            max_epochs=recipe.epochs,
            monitor=recipe.monitor,
            patience=recipe.patience,  # D18
            checkpoint=checkpoint,
            report=report,
        ),
        untrained,
        depends_on=[seed, training_settings(recipe), code_version(__name__)],
        parts=(batches.part, valid),
        folder=checkpoint and checkpoint.with_name("trained"),
        report=report,
    )


def training_settings(recipe):
    """The fields of a recipe that determine the training of one network, as plain data."""
    others = ("corpus", "test_front_ends", "pairwise", "rule")
    return {name: value for name, value in recipes.settings(dataclasses.asdict(recipe)).items() if name not in others}


def weights(recipe, train):
    """Weights `(N,)` inversely proportional to the size of each utterance's class (4; D19); None without weights."""
    if recipe.balance not in ("weights", "sentence_weights"):
        return None
    labels = train.labels  # (N,)
    if recipe.balance == "weights":
        labels = np.repeat(labels, [len(array) for array in train.features])  # (M,) of the parts
    return batching.class_weights(labels, len(train.classes))[train.labels]
