"""The network of section 4.2 and its training."""

import keras
import numpy as np
from keras import layers

from common.learning import batching, training
from common.learning.layers import is_real, moments, set_statistics
from papers.ma2018.decision import batches
from papers.ma2018.masking import border_safe_max_pool, last_valid_step, mask_padding, pad_to_length

KERNELS = ((16, 12), (12, 8), (7, 5))  # frames and bins, of Satt's Figure 1; D1


def build(recipe, num_classes):
    """The untrained network: features `(B, T, F)` in decibels and length `(B,)` -> posteriors `(B, K)`.

    T differs from batch to batch. 1,412,236 trainable parameters for K = 4, 1,854,092 with LSTMs.
    """
    frames = keras.Input((None, recipe.front_end.num_bins), name="features")  # (B, T, 400)
    length = given = keras.Input((), dtype="int32", name="length")  # (B,) real frames
    axis = -1 if recipe.statistic_per_bin else None
    x = layers.Normalization(axis, name="standardise")(frames)  # (B, T, 400), 4.1; D4
    x = mask_padding(x, length)  # zero is the mean: padding after normalisation
    if recipe.fixed_frames:
        x, length = pad_to_length(x, recipe.fixed_frames)  # (B, 300, 400), 3.1; D6
    x = layers.Reshape((-1, recipe.front_end.num_bins, 1))(x)  # (B, T, 400, 1)
    for filters, kernel in zip(recipe.filters, KERNELS, strict=True):
        x = layers.Conv2D(filters, kernel, padding="same", activation="relu", kernel_initializer=recipe.initializer)(x)
        x = mask_padding(x, length)  # (B, T, 400, 16), (B, T/2, 200, 24), (B, T/4, 100, 32); eq. (1)
        x = border_safe_max_pool(x, length)  # (B, T/2, 200, 16), (B, T/4, 100, 24), (B, T/8, 50, 32)
        length = length // 2
    x = layers.Reshape((-1, x.shape[2] * x.shape[3]))(x)  # (B, T/8, 1600)
    recurrent = {"gru": layers.GRU, "lstm": layers.LSTM}[recipe.recurrent](recipe.units, return_sequences=True)
    x = layers.Bidirectional(recurrent, name="recurrence")(x, mask=is_real(x, length))  # (B, T/8, 256)
    x = last_valid_step(x, length)  # (B, 256)
    x = layers.Dense(recipe.dense_units, activation="relu", kernel_initializer=recipe.initializer)(x)  # (B, 64)
    x = layers.Dropout(recipe.dropout)(x)
    posteriors = layers.Dense(num_classes, activation="softmax")(x)  # (B, K)
    return keras.Model({"features": frames, "length": given}, posteriors, name="ma2018")


def prepare(recipe, train, *, seed):
    """The compiled network with the statistics of the training part, and its batches.

    Args:
        recipe: a recipe of this paper.
        train: a Subset.
        seed: of the weights, the dropout and the order of the batches.
    """
    keras.utils.set_random_seed(seed)
    network = build(recipe, len(train.classes))
    set_statistics(network.get_layer("standardise"), *moments(train, per_feature=recipe.statistic_per_bin))
    training.compile_classifier(network, keras.optimizers.Adam(recipe.learning_rate, global_clipnorm=recipe.clip_norm))
    weights = loss_weights(train, recipe)
    return network, batches(train, recipe, seed=seed, utterance_weights=weights, even_steps=recipe.even_steps)


def fit(recipe, train, valid, *, seed, checkpoint=None, report=None):
    """Train one fold; the weights of the epoch with the best validation UA are kept (D7).

    Args:
        recipe: a recipe of this paper.
        train, valid: Subsets.
        seed: as in `prepare`.
        checkpoint: file from which an interrupted training is resumed.
        report: called with the number of finished epochs.

    Returns:
        Fitted.
    """
    network, train_batches = prepare(recipe, train, seed=seed)
    return training.fit(
        network,
        train_batches,
        batches(valid, recipe),
        max_epochs=recipe.max_epochs,
        monitor=recipe.monitor,
        patience=recipe.patience,  # D16
        plateau=training.ReduceLROnPlateau(
            len(train.classes), monitor="val_wa", mode="max", factor=0.5, patience=recipe.plateau_patience
        ),
        checkpoint=checkpoint,
        report=report,
    )


def loss_weights(part, recipe):
    """One weight per sentence, `(N,)`, with mean 1 over the part's examples (4.2; D5).

    Inversely proportional to the length of the whole sentence and to the size of its class.
    """
    examples, steps = np.array([np.shape(array)[:2] for array in part.features]).T  # (N,), (N,)
    weights = np.ones(len(part))
    if recipe.length_weight:
        weights /= examples * steps
    if recipe.class_weight:
        weights *= batching.class_weights(part.labels, len(part.classes))[part.labels]
    return weights / np.average(weights, weights=examples)
