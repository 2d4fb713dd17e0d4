"""Connectionist temporal classification (section 3) in NumPy: decoders, probabilities, alignment.

Symbols 0 .. K-1 are the emotions in the order of the classes, K is the blank ("NULL", section 3.1). All functions take
logits. The training loss is `losses_of_one_emotion` in model.py; this module does not need Keras.
"""

import numpy as np

DECODED_AT_ONCE = 256  # sequences, whose beams are held


def best_path(logits, length):
    """The labelling of the most probable path (section 3.2): `(N, T, K + 1)`, `(N,)` -> `(N, T)`, -1 after its end."""
    symbols = logits.argmax(axis=2)  # (N, T)
    steps = np.arange(logits.shape[1])
    is_repeated = (symbols == np.roll(symbols, 1, axis=1)) & (steps > 0)
    kept = ~is_repeated & (symbols < logits.shape[2] - 1) & (steps < np.reshape(length, (-1, 1)))
    labellings = np.full(symbols.shape, -1, "int32")
    labellings[np.nonzero(kept)[0], (kept.cumsum(axis=1) - 1)[kept]] = symbols[kept]
    return labellings


def beam_search(logits, length, *, width):
    """The most probable labelling by prefix beam search (section 3.2).

    After every frame, the `width` most probable prefixes of labellings are kept.

    Args:
        logits: `(N, T, K + 1)`.
        length: `(N,)` real frames.
        width: of the beam.

    Returns:
        `(N, T)` symbols, -1 after the end of the labelling.
    """
    labellings = np.full(logits.shape[:2], -1, "int32")
    for begin in range(0, len(logits), DECODED_AT_ONCE):
        rows = slice(begin, begin + DECODED_AT_ONCE)
        log_symbols = _log_softmax(logits[rows].astype("float64"))
        behind = np.arange(logits.shape[1]) >= np.reshape(length[rows], (-1, 1))  # (n, T)
        log_symbols[behind] = [-np.inf] * (logits.shape[2] - 1) + [0.0]  # nothing but blanks, which change nothing
        beams = _Beams(*labellings[rows].shape, width)
        for t in range(max(length[rows], default=0)):
            beams.step(log_symbols[:, t], t)
        labellings[rows] = beams.likeliest()
    return labellings


class _Beams:
    """The beams of N sequences: W prefixes each, with the logarithms of their probabilities."""

    def __init__(self, count, steps, width):
        self.prefixes = np.full((count, width, steps), -1, "int32")
        self.last = np.full((count, width), -1)  # symbol of each prefix; -1 of the empty one
        self.ended = np.full((count, width), -np.inf)  # by a blank
        self.ended[:, 0] = 0.0  # the empty prefix; the other places are empty
        self.open = np.full((count, width), -np.inf)  # the last frame names the last symbol
        self.number = np.zeros((count, width), "uint64")  # of a prefix, a hash of its symbols
        self.number_before = np.ones((count, width), "uint64")  # of the prefix without its last symbol
        self.rows = np.arange(count)[:, None]

    def step(self, log_symbols, t):
        """Extend the prefixes by frame t with log probabilities `(N, K + 1)`."""
        num_labels = log_symbols.shape[1] - 1
        total = np.logaddexp(self.ended, self.open)  # (N, W)
        is_last = np.arange(num_labels) == self.last[:, :, None]  # (N, W, K): named again only behind a blank
        longer = np.where(is_last, self.ended[:, :, None], total[:, :, None]) + log_symbols[:, None, :-1]
        ended = total + log_symbols[:, -1:]
        open_ = self.open + np.where(self.last < 0, 0.0, log_symbols[self.rows, self.last])
        is_before = self.number_before[:, :, None] == self.number[:, None, :]  # (N, W, W)
        is_before &= np.isfinite(total)[:, :, None] & np.isfinite(total)[:, None, :]  # neither place is empty
        before = self.rows, is_before.argmax(axis=2), self.last  # what becomes, longer by a symbol, a prefix of here
        is_here = is_before.any(axis=2)
        open_ = np.logaddexp(open_, np.where(is_here, longer[before], -np.inf))
        longer[tuple(index[is_here] for index in np.broadcast_arrays(*before))] = -np.inf
        self._keep(ended, open_, longer, t)

    def _keep(self, ended, open_, longer, t):
        """Keep the most probable ones among the unchanged and the extended prefixes."""
        width = ended.shape[1]
        scores = np.concatenate([np.logaddexp(ended, open_), longer.reshape(len(longer), -1)], axis=1)
        chosen = np.argpartition(-scores, width - 1, axis=1)[:, :width]  # (N, W)
        is_longer = chosen >= width
        place, symbol = np.divmod(chosen - width, longer.shape[2])
        at = self.rows, np.where(is_longer, place, chosen)
        self.ended = np.where(is_longer, -np.inf, ended[at])
        self.open = np.where(is_longer, scores[self.rows, chosen], open_[at])
        self.number_before = np.where(is_longer, self.number[at], self.number_before[at])
        longer_number = self.number[at] * np.uint64(0x9E3779B97F4A7C15) + (symbol + 2).astype("uint64")
        self.number = np.where(is_longer, longer_number, self.number[at])
        self.last = np.where(is_longer, symbol, self.last[at])
        self.prefixes = self.prefixes[at]
        ends = (self.prefixes[is_longer] >= 0).sum(axis=1)
        self.prefixes[(*np.nonzero(is_longer), ends)] = symbol[is_longer]

    def likeliest(self):
        """The most probable prefix of each sequence, `(N, T)`."""
        return self.prefixes[self.rows[:, 0], np.logaddexp(self.ended, self.open).argmax(axis=1)]


def log_probabilities(logits, length, labellings):
    """Log p(labelling), summed over all its paths, by the forward algorithm.

    Outside a compiled training step, this NumPy version is much faster than the backend's `ctc_loss`, which runs
    operation by operation.

    Args:
        logits: `(N, T, K + 1)`.
        length: `(N,)` real frames.
        labellings: `(N, L)`, -1 after the end.

    Returns:
        `(N,)` float64.
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
    for t in range(1, max(length, default=0)):
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
    """Scores shifted by `by` states: `(..., S) -> (..., S)`."""
    before = np.full((*score.shape[:-1], by), -np.inf)
    return np.concatenate([before, score], axis=-1)[..., : score.shape[-1]]


def decision_scores(logits, length, labellings):
    """p(labelling) in the column of its first emotion (D12): `(N, K)` float32; all zero for an empty labelling."""
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
    """p(labelling is the single emotion k), normalised over k: `(N, T, K + 1)`, `(N,)` -> `(N, K)` float32 (D12)."""
    classes = range(logits.shape[-1] - 1)
    logarithms = [log_probabilities(logits, length, np.full((len(logits), 1), k)) for k in classes]
    return np.exp(_log_softmax(np.stack(logarithms, axis=1))).astype("float32")


def align(logits, labelling):
    """The most probable path that collapses to a labelling (Viterbi): `(T, K + 1)`, `(L,)` -> `(T,)`.

    The path has for each frame the index of its symbol in the labelling, or -1 for the blank.

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
    """Score of the best path to each state, `(S,)`, and the number of states advanced in each step, `(T, S)`."""
    score = np.full(emission.shape[1], -np.inf)
    score[:2] = emission[0, :2]
    came_from = np.zeros(emission.shape, dtype=int)
    for t in range(1, len(emission)):
        candidates = np.stack([score, _shifted(score, 1), np.where(may_skip, _shifted(score, 2), -np.inf)])  # (3, S)
        came_from[t] = candidates.argmax(axis=0)
        score = candidates.max(axis=0) + emission[t]
    return score, came_from
