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
    """-ln p(labelling is this one emotion), for training: `(B, T, K + 1)`, `(B,)`, `(B,)` -> `(B,)` in nats."""
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


def log_probabilities(logits, length, labellings):
    """Logarithm of p(labelling), all its paths: `(N, T, K + 1)`, `(N,)`, `(N, L)`, -1 behind an end -> `(N,)` float64.

    The forward algorithm in NumPy and float64: outside a compiled training step it is much faster than the backend's
    `ctc_loss`, which runs it operation by operation.
    """
    blank = logits.shape[2] - 1
    real = labellings >= 0  # (N, L)
    states = np.full((len(logits), 2 * labellings.shape[1] + 1), blank)  # blank, emotion, blank, ..., emotion, blank
    states[:, 1::2] = np.where(real, labellings, blank)
    may_skip = np.zeros(states.shape, bool)  # the blank before it: only between different emotions
    may_skip[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    log_symbols = _log_softmax(logits.astype("float64"))
    score = np.full(states.shape, -np.inf)  # of the paths so far that end in each state
    score[:, :2] = np.take_along_axis(log_symbols[:, 0], states[:, :2], axis=1)
    for t in range(1, logits.shape[1]):
        longer = np.logaddexp(score, _shifted(score, 1))
        longer = np.logaddexp(longer, np.where(may_skip, _shifted(score, 2), -np.inf))
        longer += np.take_along_axis(log_symbols[:, t], states, axis=1)
        score = np.where((t < length)[:, None], longer, score)
    last = 2 * real.sum(axis=1)  # the blank behind the last emotion; a path may also end in that emotion
    rows = np.arange(len(logits))
    return np.logaddexp(score[rows, last], np.where(last > 0, score[rows, last - 1], -np.inf))


def _log_softmax(values):
    return values - np.logaddexp.reduce(values, axis=-1, keepdims=True)


def _shifted(score, by):
    """Each state has the score of the state `by` before it: `(..., S) -> (..., S)`."""
    before = np.full((*score.shape[:-1], by), -np.inf)
    return np.concatenate([before, score], axis=-1)[..., : score.shape[-1]]


def decision_scores(logits, length, labellings):
    """p(labelling) in the column of its first emotion (D12): `(N, K)` float32, all zero where nothing was decoded."""
    scores = np.zeros((len(logits), logits.shape[-1] - 1), dtype="float32")
    if not labellings.size:
        return scores
    first = labellings[:, 0]
    decided = np.flatnonzero(first >= 0)
    probabilities = np.exp(log_probabilities(logits[decided], length[decided], labellings[decided]))
    tiny = np.finfo("float32").tiny  # a decision, however improbable, is no "no decision"
    scores[decided, first[decided]] = np.maximum(probabilities, tiny)
    return scores


def posteriors_of_one_emotion(logits, length):
    """p(labelling is emotion k), over the sum of the K such: `(N, T, K + 1)`, `(N,)` -> `(N, K)` float32 (D12)."""
    classes = range(logits.shape[-1] - 1)
    logarithms = [log_probabilities(logits, length, np.full((len(logits), 1), k)) for k in classes]
    return np.exp(_log_softmax(np.stack(logarithms, axis=1))).astype("float32")


def align(logits, labelling):
    """The likeliest path that collapses to a labelling (Viterbi): `(T, K + 1)`, `(L,)` -> `(T,)`.

    The path holds for each frame the place in the labelling whose emotion it names, -1 for the blank.

    Raises:
        ValueError: the labelling needs more frames than there are.
    """
    blank = logits.shape[1] - 1
    symbols = np.full(2 * len(labelling) + 1, blank)  # blank, emotion, blank, emotion, ..., blank
    symbols[1::2] = labelling
    emission = _log_softmax(logits.astype("float64"))[:, symbols]  # (T, S)
    may_skip = np.zeros(len(symbols), bool)
    may_skip[3::2] = symbols[3::2] != symbols[1:-2:2]
    score, came_from = _best_path_to_each(emission, may_skip)
    state = len(symbols) - 1 if len(symbols) == 1 or score[-1] >= score[-2] else len(symbols) - 2
    if not np.isfinite(score[state]):
        raise ValueError(f"{len(labelling)} emotions do not fit into {len(logits)} frames")
    path = np.empty(len(logits), dtype=int)
    for t in range(len(logits) - 1, -1, -1):
        path[t] = state // 2 if state % 2 else -1
        state -= came_from[t, state]
    return path


def _best_path_to_each(emission, may_skip):
    """Score of the best path to each state, `(S,)`, and how many states back each step came from, `(T, S)`."""
    score = np.full(emission.shape[1], -np.inf)
    score[:2] = emission[0, :2]
    came_from = np.zeros(emission.shape, dtype=int)
    for t in range(1, len(emission)):
        candidates = np.stack([score, _shifted(score, 1), np.where(may_skip, _shifted(score, 2), -np.inf)])  # (3, S)
        came_from[t] = candidates.argmax(axis=0)
        score = candidates.max(axis=0) + emission[t]
    return score, came_from
