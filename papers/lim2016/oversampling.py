"""Random oversampling (IV-A), inside the training part and by utterance (D14)."""

import dataclasses
from collections.abc import Sequence

import numpy as np


def equalise(part, seed):
    """Repeat utterances, drawn at random with replacement, until every class has as many as the largest.

    Raises:
        ValueError: a class has no utterance that could be repeated.
    """
    generator = np.random.default_rng([seed, *b"oversampling"])  # apart from the order of the batches
    counts = np.bincount(part.labels, minlength=len(part.classes))  # (K,)
    if not counts.all():
        raise ValueError(
            f"{part.classes[int(counts.argmin())]} has no training utterance to repeat; leave the class out"
        )
    drawn = [
        generator.choice(np.flatnonzero(part.labels == k), size=counts.max() - count) for k, count in enumerate(counts)
    ]
    chosen = np.concatenate([np.arange(len(part)), *drawn])
    return dataclasses.replace(
        part, utterances=[part.utterances[i] for i in chosen], features=Chosen(part.features, tuple(chosen))
    )


@dataclasses.dataclass(frozen=True)
class Chosen(Sequence):
    """Arrays picked by index, an index as often as it occurs; nothing is copied."""

    arrays: Sequence[np.ndarray]
    indices: tuple[int, ...]

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        return self.arrays[self.indices[index]]
