"""Connectionist temporal classification (section 3): the loss over real frames, the decoders, the alignment.

Symbols 0 .. K-1 are the emotions in the order of the classes, K is the blank ("NULL", section 3.1). Logits everywhere:
`keras.ops.ctc_loss` and `ctc_decode` take them, not the softmax's output.
"""

import keras
import numpy as np
from keras import ops

DECODED_AT_ONCE = 256  # sequences; beam search on the JAX backend holds all their beams


@keras.saving.register_keras_serializable("ser")
class CtcNetwork(keras.Model):
    """A functional network with the outputs `{"logits": (B, T, K + 1), "length": (B,)}`, trained with CTC.

    `length` counts the real frames among the T; what lies behind them enters neither the loss nor a decoding. Every
    utterance has one emotion (section 4), so the labels are `(B,)`.
    """

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        losses = losses_of_one_emotion(y_pred["logits"], y_pred["length"], y)  # (B,)
        return ops.mean(losses if sample_weight is None else losses * ops.cast(sample_weight, losses.dtype))


def losses_of_one_emotion(logits, length, labels):
    """-ln p(labelling is this one emotion): `(B, T, K + 1)`, `(B,)`, `(B,)` -> `(B,)` in nats."""
    labels = ops.cast(ops.reshape(labels, (-1, 1)), "int32")  # (B, 1)
    return ops.ctc_loss(labels, logits, ops.ones_like(labels[:, 0]), length, mask_index=logits.shape[-1] - 1)


def best_path(logits, length):
    """The labelling of the likeliest path (section 3.2): `(N, T, K + 1)`, `(N,)` -> `(N, L)`, -1 behind its end."""
    return _decode(logits, length, strategy="greedy")


def beam_search(logits, length, *, width):
    """The likeliest labelling among the prefixes kept (section 3.2): `(N, T, K + 1)`, `(N,)` -> `(N, L)`, -1 behind."""
    return _decode(logits, length, strategy="beam_search", beam_width=width)


def _decode(logits, length, **options):
    decoded = [
        np.asarray(ops.ctc_decode(logits[rows], length[rows], mask_index=logits.shape[-1] - 1, **options)[0])[0]
        for rows in _rows(len(logits))
    ]
    return np.concatenate([np.zeros((0, logits.shape[1]), "int32"), *decoded])


def _rows(count):
    return (slice(begin, begin + DECODED_AT_ONCE) for begin in range(0, count, DECODED_AT_ONCE))


def decision_scores(logits, length, labellings):
    """p(labelling) in the column of its first emotion (D12): `(N, K)` float32, all zero where nothing was decoded."""
    scores = np.zeros((len(logits), logits.shape[-1] - 1), dtype="float32")
    decided = np.flatnonzero(labellings[:, 0] >= 0) if labellings.size else np.zeros(0, int)
    if not len(decided):
        return scores
    labels = labellings[decided]  # (n, L)
    losses = ops.ctc_loss(
        np.maximum(labels, 0),
        logits[decided],
        (labels >= 0).sum(axis=1).astype("int32"),
        length[decided],
        mask_index=logits.shape[-1] - 1,
    )
    tiny = np.finfo("float32").tiny  # a decision, however improbable, is no "no decision"
    scores[decided, labels[:, 0]] = np.maximum(np.exp(-np.asarray(losses)), tiny)
    return scores


def posteriors_of_one_emotion(logits, length):
    """p(labelling is emotion k), over the sum of the K such: `(N, T, K + 1)`, `(N,)` -> `(N, K)` float32 (D12)."""
    num_classes = logits.shape[-1] - 1
    scores = np.zeros((len(logits), num_classes), dtype="float32")
    for rows in _rows(len(logits)):
        count = len(logits[rows])
        losses = [
            np.asarray(losses_of_one_emotion(logits[rows], length[rows], np.full(count, k, "int32")))
            for k in range(num_classes)
        ]
        scores[rows] = _softmax(-np.stack(losses, axis=1))
    return scores


def _softmax(values):
    exponentials = np.exp(values - values.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def align(logits, labelling):
    """The likeliest path that collapses to a labelling (Viterbi): `(T, K + 1)`, `(L,)` -> `(T,)`.

    The path holds for each frame the place in the labelling whose emotion it names, -1 for the blank.

    Raises:
        ValueError: the labelling needs more frames than there are.
    """
    blank = logits.shape[1] - 1
    symbols = np.full(2 * len(labelling) + 1, blank)  # blank, emotion, blank, emotion, ..., blank
    symbols[1::2] = labelling
    emission = np.log(_softmax(logits.astype("float64")))[:, symbols]  # (T, S)
    may_skip = np.zeros(len(symbols), bool)  # the blank before it: only between different emotions
    may_skip[3::2] = symbols[3::2] != symbols[1:-2:2]
    score, came_from = _forward(emission, may_skip)
    state = len(symbols) - 1 if len(symbols) == 1 or score[-1] >= score[-2] else len(symbols) - 2
    if not np.isfinite(score[state]):
        raise ValueError(f"{len(labelling)} emotions do not fit into {len(logits)} frames")
    path = np.empty(len(logits), dtype=int)
    for t in range(len(logits) - 1, -1, -1):
        path[t] = state // 2 if state % 2 else -1
        state -= came_from[t, state]
    return path


def _forward(emission, may_skip):
    """Best score of ending in each state, `(S,)`, and how many states back each step came from, `(T, S)`."""
    score = np.full(emission.shape[1], -np.inf)
    score[:2] = emission[0, :2]
    came_from = np.zeros(emission.shape, dtype=int)
    for t in range(1, len(emission)):
        one_back = np.concatenate([[-np.inf], score[:-1]])
        two_back = np.where(may_skip, np.concatenate([[-np.inf, -np.inf], score[:-2]])[: len(score)], -np.inf)
        candidates = np.stack([score, one_back, two_back])  # (3, S)
        came_from[t] = candidates.argmax(axis=0)
        score = candidates.max(axis=0) + emission[t]
    return score, came_from
