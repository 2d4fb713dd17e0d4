"""The three networks of section III and their training."""

import dataclasses

import keras
from keras import layers, regularizers

from common.learning import batching, training
from common.learning.layers import moments, set_statistics
from papers.emmert import resnet
from papers.emmert.decision import as_tested


def build(recipe, num_classes):
    """The untrained network of a recipe; features -> `(B, K)` posteriors."""
    networks = {"mfcc": mfcc_network, "own_cnn": own_cnn, "resnet50": resnet50}
    return networks[recipe.network](recipe, num_classes)


def mfcc_network(recipe, num_classes):
    """One-dimensional convolutions (III-A): `(B, 87, 20) -> (B, K)`; 211,075 parameters for K = 7 (D7, D13)."""
    regularizer = regularizers.L2(recipe.l2)
    frames = keras.Input((87, recipe.front_end.num_mfcc), name="features")  # (B, 87, 20)
    x = layers.Normalization(name="standardise")(frames)  # (B, 87, 20) with the training part's statistics; D6
    for filters in (64, 128):
        x = layers.Conv1D(
            filters,
            5,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
            kernel_regularizer=regularizer,
        )(x)
        x = layers.MaxPooling1D(2)(x)  # (B, 43, 64), then (B, 21, 128)
        x = layers.Dropout(recipe.dropout)(x)
    x = layers.Flatten()(x)  # (B, 2688)
    for units in (60, 32):
        x = layers.Dense(units, activation="relu", kernel_initializer="he_normal", kernel_regularizer=regularizer)(x)
        x = layers.Dropout(recipe.dropout)(x)
    posteriors = layers.Dense(num_classes, activation="softmax", kernel_regularizer=regularizer)(x)  # (B, K)
    return keras.Model({"features": frames}, posteriors, name="emmert_mfcc")


def own_cnn(recipe, num_classes):
    """Few layers on one slice (III-C, VI-F): `(B, 128, 200, 1) -> (B, K)` (D7, D13)."""
    regularizer = regularizers.L1L2(recipe.l1, recipe.l2)
    slices = keras.Input((128, 200, 1), name="features")  # (B, 128, 200, 1)
    x = slices
    for filters in (16, 32, 64):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_regularizer=regularizer)(x)
        x = layers.MaxPooling2D(2)(x)  # (B, 64, 100, 16), (B, 32, 50, 32), (B, 16, 25, 64)
        x = layers.Dropout(recipe.dropout)(x)
    x = layers.Flatten()(x)  # (B, 25600)
    x = layers.Dense(64, activation="relu", kernel_regularizer=regularizer)(x)
    x = layers.Dropout(recipe.dropout)(x)
    posteriors = layers.Dense(num_classes, activation="softmax")(x)  # (B, K)
    return keras.Model({"features": slices}, posteriors, name="emmert_own_cnn")


def resnet50_head(recipe, num_classes):
    """The trained part of III-B: two dense layers on the pooled activations, `(B, 1, 2048) -> (B, K)`.

    With `fine_tuned` the last block of ResNet50 is trained, too: `(B, 4, 7, 2048) -> (B, K)`; D15.

    Raises:
        InputError: the weights of ResNet50 are missing or damaged (`fine_tuned` only).
    """
    if recipe.front_end.fine_tuned:
        activations = keras.Input((4, 7, 2048), name="features")  # (B, 4, 7, 2048)
        x = resnet.last_block(recipe.front_end.weights)(activations)  # (B, 4, 7, 2048)
        x = layers.GlobalMaxPooling2D()(x)  # (B, 2048)
    else:
        activations = keras.Input((1, 2048), name="features")  # (B, 1, 2048)
        x = layers.Flatten()(activations)  # (B, 2048)
    x = layers.Dense(256, activation="relu")(x)  # D7
    posteriors = layers.Dense(num_classes, activation="softmax")(x)  # (B, K)
    return keras.Model({"features": activations}, posteriors, name="emmert_resnet50_head")


def head(recipe, num_classes):
    """The trained network: the head of `resnet50`, whose frozen base is in the front end; else the whole network."""
    return (resnet50_head if recipe.network == "resnet50" else build)(recipe, num_classes)


def resnet50(recipe, num_classes):
    """The complete network of III-B, base and head, with random weights: `(B, 128, 200, 3) -> (B, K)`."""
    random = dataclasses.replace(recipe, front_end=dataclasses.replace(recipe.front_end, weights="none"))
    base = resnet.base("none", recipe.front_end.fine_tuned)
    shape = (4, 7, 2048) if recipe.front_end.fine_tuned else (1, 2048)
    activations = layers.Reshape(shape)(base.output)
    posteriors = resnet50_head(random, num_classes)({"features": activations})  # (B, K)
    return keras.Model(base.input, posteriors, name="emmert_resnet50")


def prepare(recipe, train, *, seed):
    """The compiled network with the statistics of the training part, and its batches.

    Args:
        recipe: a recipe of this paper.
        train: a Subset.
        seed: of the weights, the dropout and the order of the batches.
    """
    keras.utils.set_random_seed(seed)
    network = head(recipe, len(train.classes))
    train = train if recipe.noisy_copies else as_tested(train, recipe)
    if recipe.network == "mfcc" and recipe.standardised:
        set_statistics(network.get_layer("standardise"), *moments(train))
    optimizers = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}
    training.compile_classifier(network, optimizers[recipe.optimizer](recipe.learning_rate))
    return network, batching.Batches(train, batch_size=recipe.batch_size, seed=seed)


def fit(recipe, train, valid, *, seed, checkpoint=None, report=None):
    """Train one fold; the weights of the epoch with the best validation `recipe.monitor` are kept (V-B, V-C).

    Args:
        recipe: a recipe of this paper.
        train, valid: Subsets; the noisy copies of the MFCC examples are used in `train` only.
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
        batching.Batches(as_tested(valid, recipe), batch_size=128),
        max_epochs=recipe.max_epochs,
        monitor=recipe.monitor,
        patience=recipe.patience,  # D14
        checkpoint=checkpoint,
        report=report,
    )
