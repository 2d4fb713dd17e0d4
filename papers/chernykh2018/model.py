"""Building and training of the systems in Table 1 (sections 4.2 to 4.4)."""

import dataclasses

import keras
import numpy as np
from keras import layers, ops

from common.learning import batching, training
from common.learning.layers import moments, set_statistics
from papers.chernykh2018 import ctc, framewise
from papers.chernykh2018.decision import INPUTS
from papers.chernykh2018.layers import both_directions, fixed_steps
from papers.chernykh2018.short_term import NAMES


def build(recipe, num_classes):
    """The untrained system of a recipe: a network, or a scikit-learn estimator for single frames."""
    systems = {"dummy": framewise.dummy, "framewise": framewise.forest, "one_label": one_label, "ctc": ctc_network}
    return systems[recipe.system](recipe, num_classes)


def one_label(recipe, num_classes):
    """One label for the whole sequence (Figure 8): `(B, T, 34) -> (B, K)` posteriors, 217,604 parameters for K = 4.

    The padding is not masked: "the real length of the initial input sequence is not taken into account".
    """
    inputs, x = _padded_inputs(recipe)  # (B, 78, 34)
    x = both_directions(x, recipe, sequences=True, names=("lstm_1", "lstm_2"))  # (B, 78, 128)
    x = both_directions(x, recipe, sequences=False, names=("lstm_3", "lstm_4"))  # (B, 128)
    x = layers.Dense(recipe.dense_units, activation="tanh")(x)  # (B, 512)
    posteriors = layers.Dense(num_classes, activation="softmax")(x)  # (B, K)
    return keras.Model(inputs, posteriors, name="chernykh_one_label")


def ctc_network(recipe, num_classes):
    """A symbol for every frame (Figure 9): `(B, T, 34) -> (B, 78, K + 1)` logits, the blank last, and lengths `(B,)`.

    218,117 parameters for K = 4. The LSTMs process the padding; the loss and the decoders ignore it.
    """
    inputs, x = _padded_inputs(recipe)  # (B, 78, 34)
    length = inputs["length"] if recipe.max_steps is None else ops.minimum(inputs["length"], recipe.max_steps)
    x = both_directions(x, recipe, sequences=True, names=("lstm_1", "lstm_2"))  # (B, 78, 128)
    x = both_directions(x, recipe, sequences=True, names=("lstm_3", "lstm_4"))  # (B, 78, 128)
    x = layers.Dense(recipe.dense_units, activation="tanh")(x)  # (B, 78, 512)
    logits = layers.Dense(num_classes + 1)(x)  # (B, 78, K + 1)
    if recipe.garbage_steps:
        logits = layers.Cropping1D((recipe.garbage_steps, 0))(logits)  # D8
        length = ops.maximum(length - recipe.garbage_steps, 1)
    return CtcNetwork(inputs, {"logits": logits, "length": length}, name="chernykh_ctc")


@keras.saving.register_keras_serializable("ser")
class CtcNetwork(keras.Model):
    """A functional network with the outputs `{"logits": (B, T, K + 1), "length": (B,)}`, trained with CTC.

    `length` is the number of real frames; later ones enter neither the loss nor the decoding. Every utterance has one
    emotion (section 4), so the labels are `(B,)`.
    """

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        losses = losses_of_one_emotion(y_pred["logits"], y_pred["length"], y)  # (B,)
        return ops.mean(losses if sample_weight is None else losses * ops.cast(sample_weight, losses.dtype))


def losses_of_one_emotion(logits, length, labels):
    """-ln p(labelling is this single emotion), for training: `(B, T, K + 1)`, `(B,)`, `(B,)` -> `(B,)` in nats."""
    labels = ops.cast(ops.reshape(labels, (-1, 1)), "int32")  # (B, 1)
    return ops.ctc_loss(labels, logits, ops.ones_like(labels[:, 0]), length, mask_index=logits.shape[-1] - 1)


def _padded_inputs(recipe):
    frames = keras.Input((None, len(NAMES)), name="features")  # (B, T, 34)
    length = keras.Input((), dtype="int32", name="length")  # (B,) real frames
    x = layers.Normalization(name="standardise")(frames) if recipe.standardise else frames  # D4
    x = fixed_steps(x, length, recipe.max_steps)  # (B, 78, 34), zeros being the mean; D4
    return {"features": frames, "length": length}, x


def prepare(recipe, train, *, seed):
    """The compiled network with the training part's statistics, and its batches; or an estimator and its arrays.

    Args:
        recipe: a recipe of this paper.
        train: a Subset.
        seed: of the weights or trees, and of the order of batches.
    """
    if recipe.system in ("dummy", "framewise"):
        return framewise.prepare(build(recipe, len(train.classes)), recipe, train, seed=seed)
    keras.utils.set_random_seed(seed)
    network = build(recipe, len(train.classes))
    if recipe.standardise:
        set_statistics(network.get_layer("standardise"), *moments(train))
    if recipe.system == "ctc":
        network.compile(_optimizer(recipe), loss=None)
    else:
        training.compile_classifier(network, _optimizer(recipe))
    return network, _training_batches(recipe, train, seed)


def fit(recipe, train, valid, *, seed, checkpoint=None, report=None):
    """Train on one fold for a fixed number of epochs (D10).

    Args:
        recipe: a recipe of this paper.
        train, valid: Subsets; `valid` may be empty and is only used for the history.
        seed: as in `prepare`.
        checkpoint: file from which an interrupted training is resumed.
        report: called with the number of finished epochs.

    Returns:
        Fitted.
    """
    prepared = prepare(recipe, train, seed=seed)
    if recipe.system in ("dummy", "framewise"):
        return framewise.fit(*prepared, report=report)
    return training.fit(
        *prepared,
        batching.Batches(valid, batch_size=256, inputs=INPUTS) if len(valid) else None,
        score=ctc_scores if recipe.system == "ctc" else training.posterior_scores,
        max_epochs=recipe.max_epochs,
        checkpoint=checkpoint,
        report=report,
    )


def _optimizer(recipe):
    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(recipe.learning_rate)
    return keras.optimizers.Adadelta(recipe.learning_rate, rho=0.95, epsilon=1e-8)  # D10: the defaults of Keras 1


def _training_batches(recipe, train, seed):
    train = _long_enough(train, recipe.min_train_steps)
    weights = None
    if recipe.class_weight:
        by_class = batching.class_weights(train.labels, len(train.classes))  # mean 1 over the utterances
        weights = recipe.class_weight * by_class[train.labels]  # D9
    kind = BlockBatches if recipe.in_blocks else batching.Batches
    return kind(train, batch_size=recipe.batch_size, seed=seed, utterance_weights=weights, inputs=INPUTS)


def _long_enough(part, min_steps):
    """A part without utterances of fewer than `min_steps` frames (D3)."""
    kept = [i for i, array in enumerate(part.features) if array.shape[1] >= min_steps]
    if len(kept) == len(part):
        return part
    return batching.Subset([part.utterances[i] for i in kept], [part.features[i] for i in kept], part.classes)


class BlockBatches(batching.Batches):
    """Batches with fixed content; only their order changes between epochs (D11)."""

    def begin_epoch(self, epoch):
        drawn = np.random.default_rng(self.seed).permutation(len(self.utterance_of))
        blocks = [drawn[i : i + self.batch_size] for i in range(0, len(drawn), self.batch_size)]
        self.batches = [blocks[i] for i in np.random.default_rng([self.seed, epoch]).permutation(len(blocks))]


def ctc_scores(model, batches):
    """Scores for `training.fit`: `loss` is the CTC loss without class weights; the decision is that of the best path.

    `empty` is the share of utterances with an empty best path.
    """
    outputs = batching.outputs(model, batches)
    logits, length = outputs["logits"], outputs["length"]
    order = batches.order  # one example an utterance, and the batches may be shuffled
    losses = -ctc.log_probabilities(logits, length, batches.labels[order, None])
    scores = np.empty((len(order), logits.shape[-1] - 1), dtype="float32")
    scores[order] = ctc.decision_scores(logits, length, ctc.best_path(logits, length))
    return {
        "loss": float(losses.mean()),
        **training.decision_scores(scores, batches),
        "empty": float(np.mean(~scores.any(axis=1))),
    }


def deployed(model, recipe, num_classes):
    """The network for recordings of any length: `ctc` without truncation to 78 frames, with the same weights (D16)."""
    if recipe.system != "ctc":
        return model
    network = build(dataclasses.replace(recipe, max_steps=None), num_classes)
    network.set_weights(model.get_weights())
    if recipe.standardise:
        network.get_layer("standardise").finalize_state()  # takes the statistics from the weights
    return network
