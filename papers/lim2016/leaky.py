"""An invalid protocol, included to measure by how much it inflates a result (D16).

Segments of one recording are on both sides of the split, and so are copies of one segment, because classes are
equalised before the split. The paper does not say whether it did this.
"""

import dataclasses

import numpy as np

from common.features import audio
from common.utterance import Fold
from papers.lim2016.features import example_starts, speech_span

PROTOCOL = "leaky_segments"  # printed with every result of it


def folds(utterances, front_end, *, num_folds, seed):
    """Stratified folds over segments, oversampled before the split; every part contains segments, not utterances.

    A segment is an utterance of its own, `<id>#<number>`, with its start and end; a copy is `<id>#<number>+<n>`.
    There is no validation part. Scores count segments.

    Args:
        utterances: of the corpus.
        front_end: a FrontEnd, whose examples are the segments.
        num_folds: number of folds.
        seed: of the copies and of the split.

    Returns:
        tuple of Fold.

    Raises:
        InputError: a recording cannot be read.
    """
    generator = np.random.default_rng(seed)
    pieces = [piece for u in _by_id(utterances) for piece in segments(u, front_end)]
    by_emotion = {name: [p for p in pieces if p.emotion == name] for name in sorted({p.emotion for p in pieces})}
    largest = max(len(members) for members in by_emotion.values())
    dealt = []
    for members in by_emotion.values():
        copies = [*members, *_copies(members, largest - len(members), generator)]
        dealt += [copies[i] for i in generator.permutation(largest)]
    return tuple(_fold(number, [dealt[k::num_folds] for k in range(num_folds)]) for number in range(num_folds))


def segments(utterance, front_end):
    """The examples that `features` cuts from an utterance, as utterances with start and end in seconds.

    An utterance shorter than one example is returned unchanged but for its id.

    Raises:
        InputError: the recording cannot be read.
    """
    begin_s, rate = utterance.start_s or 0.0, front_end.sample_rate_hz
    waveform, _ = audio.read_utterance(utterance, sample_rate_hz=rate)
    first, stop = speech_span(waveform)
    num_frames = 1 + (stop - first - front_end.frame_length) // front_end.hop
    pieces = []
    for number, start in enumerate(example_starts(num_frames, front_end)):
        start_s = begin_s + float(first + start * front_end.hop) / rate
        end_s = start_s + front_end.example_samples / rate
        pieces.append(dataclasses.replace(utterance, id=f"{utterance.id}#{number}", start_s=start_s, end_s=end_s))
    return pieces or [dataclasses.replace(utterance, id=f"{utterance.id}#0")]


def _copies(members, count, generator):
    drawn = generator.integers(len(members), size=count)
    return [dataclasses.replace(members[i], id=f"{members[i].id}+{n}") for n, i in enumerate(drawn, start=1)]


def _fold(number, parts):
    others = [segment for k, part in enumerate(parts) if k != number for segment in part]
    return Fold(f"fold_{number + 1}", train=_by_id(others), valid=(), test=_by_id(parts[number]))


def _by_id(utterances):
    return tuple(sorted(utterances, key=lambda u: u.id))
