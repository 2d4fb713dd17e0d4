"""Ragged feature arrays -> padded batches with lengths and sample weights; class weights and oversampling.

Only `stream` imports Keras, so that a saved system can predict without it.
"""

import dataclasses
import functools
import sys
import weakref
from collections.abc import Sequence

import numpy as np

from common.errors import InputError
from common.utterance import Utterance

HELD_BYTES = 2**28  # features up to this size are read once, not at every use; larger ones stay on disk


@dataclasses.dataclass(frozen=True)
class Subset:
    """The utterances of one part of a fold with their features.

    Args:
        utterances: N utterances.
        features: N arrays `(S, T, F)` or `(S, T, F, C)`, float32: the S examples of each utterance. S and T may differ
            between utterances.
        classes: the K class names in the order of the model's outputs.
    """

    utterances: Sequence[Utterance]
    features: Sequence[np.ndarray]
    classes: tuple[str, ...]

    @property
    def labels(self) -> np.ndarray:
        """Class indices, `(N,)` int32."""
        index = {name: k for k, name in enumerate(self.classes)}
        return np.array([index[u.emotion] for u in self.utterances], dtype="int32")

    def __len__(self) -> int:
        return len(self.utterances)

    def first_examples(self, stop) -> "Subset":
        """The same part with the first `stop` examples of every utterance."""
        return dataclasses.replace(self, features=_FirstExamples(self.features, stop))

    def take(self, indices) -> "Subset":
        """The utterances at these indices, which may repeat; no features are copied."""
        utterances = [self.utterances[i] for i in indices]
        return dataclasses.replace(self, utterances=utterances, features=_Taken(self.features, tuple(indices)))


@dataclasses.dataclass(frozen=True)
class _FirstExamples(Sequence):
    arrays: Sequence[np.ndarray]
    stop: int

    def __len__(self):
        return len(self.arrays)

    def __getitem__(self, index):
        return self.arrays[index][: self.stop]


@dataclasses.dataclass(frozen=True)
class _Taken(Sequence):
    arrays: Sequence[np.ndarray]
    indices: tuple[int, ...]

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        return self.arrays[self.indices[index]]


def class_weights(labels, num_classes) -> np.ndarray:
    """Weights inverse to class size, mean 1 over the examples: N / (K * n_k), `(K,)` float32.

    Raises:
        InputError: a class has no example, which would give an infinite weight.
    """
    counts = np.bincount(labels, minlength=num_classes)
    if not counts.all():
        raise InputError(
            f"class {int(np.argmin(counts))} of {num_classes} has no training example to weigh; leave the class out, "
            "or take another protocol"
        )
    return (len(labels) / (num_classes * counts)).astype("float32")


def equalise(part, generator):
    """Random oversampling of utterances, with replacement, until all classes are as large as the largest.

    Args:
        part: a Subset; all its utterances come first in the result, the repeated ones follow class by class.
        generator: a separate numpy Generator, so that the order of batches does not depend on these draws.

    Returns:
        A Subset.

    Raises:
        InputError: a class has no utterance to repeat.
    """
    counts = np.bincount(part.labels, minlength=len(part.classes))  # (K,)
    if not counts.all():
        raise InputError(
            f"{part.classes[int(counts.argmin())]} has no training utterance to repeat; leave the class out"
        )
    drawn = [
        generator.choice(np.flatnonzero(part.labels == k), size=counts.max() - count) for k, count in enumerate(counts)
    ]
    return part.take(np.concatenate([np.arange(len(part)), *drawn]))


class Batches:
    """Batches `({"features": (B, T, ...), "length": (B,)}, labels (B,), weights (B,))` of a part's examples.

    Every row of every utterance's array is one example. Shorter examples are padded with zeros at the end of the time
    axis; `length` is the number of real frames. The order depends only on seed and epoch, so that a resumed training
    gets the same batches as an uninterrupted one.

    Args:
        part: a Subset.
        batch_size: examples in a batch; the last batch may be smaller.
        seed: None keeps the part's order (prediction); an int shuffles anew in every epoch.
        utterance_weights: `(N,)` or None; every example has its utterance's weight.
        by_length: batches of similar length; only the order of the batches is shuffled (Ma 2018, section 4.1).
        max_frames: limit of padded frames in a batch, which bounds memory for long recordings: a batch has fewer than
            `batch_size` examples if they would exceed it. None sets no limit.
        min_share: smallest share of real frames in a batch: a batch has fewer than `batch_size` examples if their share
            would be smaller. None sets no limit.
        even_steps: multiply weights by the number of examples in the batch over `batch_size`. The backend averages over
            a batch; otherwise an example in a small batch would have a larger effect than one in a full batch.
        steps: frames of every batch: shorter examples are padded, longer ones cut. None uses the longest example in
            the batch.
        inputs: the model's inputs, out of "features" and "length".
    """

    def __init__(
        self,
        part,
        *,
        batch_size,
        seed=None,
        utterance_weights=None,
        by_length=False,
        max_frames=None,
        min_share=None,
        even_steps=False,
        steps=None,
        inputs=("features",),
    ):
        self.part = part
        self.batch_size = batch_size
        self.seed = seed
        self.by_length = by_length
        self.max_frames = max_frames
        self.min_share = min_share
        self.even_steps = even_steps
        self.steps = steps
        self.inputs = inputs
        self.features, shapes = _held(part.features)
        counts = np.array([shape[0] for shape in shapes], dtype=int)
        self.utterance_of = np.repeat(np.arange(len(part)), counts)  # (M,) example -> utterance
        self.row_of = np.concatenate([np.arange(count) for count in counts]) if len(part) else np.zeros(0, int)
        longest = np.iinfo("int32").max if steps is None else steps
        lengths = np.array([min(shape[1], longest) for shape in shapes], dtype="int32")
        self.lengths = np.repeat(lengths, counts)  # (M,)
        self.labels = part.labels[self.utterance_of]
        weights = np.ones(len(part)) if utterance_weights is None else np.asarray(utterance_weights)
        self.weights = weights.astype("float32")[self.utterance_of]
        self.dataset = None  # of `stream`, made once
        self.begin_epoch(0)

    def begin_epoch(self, epoch):
        """Set the order of this epoch."""
        num_examples = len(self.utterance_of)
        if self.seed is None:
            order = np.arange(num_examples)
            self.batches = self._cut(np.argsort(self.lengths, kind="stable") if self.by_length else order)
        elif self.by_length:
            ties = np.random.default_rng([self.seed, epoch]).permutation(num_examples)
            batches = self._cut(ties[np.argsort(self.lengths[ties], kind="stable")])
            self.batches = [batches[i] for i in np.random.default_rng([self.seed, epoch, 1]).permutation(len(batches))]
        else:
            self.batches = self._cut(np.random.default_rng([self.seed, epoch]).permutation(num_examples))

    def _cut(self, order):
        if self.max_frames is None and self.min_share is None:
            return [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        batches = []
        for example in order:
            if batches and self._fits([*batches[-1], example]):
                batches[-1].append(example)
            else:
                batches.append([example])
        return [np.array(batch) for batch in batches]

    def _fits(self, batch) -> bool:
        lengths = self.lengths[batch]
        padded = len(batch) * int(lengths.max())
        small = len(batch) <= self.batch_size and (self.max_frames is None or padded <= self.max_frames)
        return small and (self.min_share is None or lengths.sum() >= self.min_share * padded)

    def _steps(self, index) -> int:
        """Frames of a padded batch: those of its longest example; one more in the second batch if it equals the first.

        Keras lets TensorFlow assume that dimensions shared by the first two batches are the same in all batches.
        """
        if self.steps is not None:
            return self.steps
        steps, first = (int(self.lengths[self.batches[i]].max()) for i in (index, 0))
        ragged = self.lengths.min() < self.lengths.max()
        return steps + 1 if ragged and index == 1 and steps == first else steps

    @property
    def order(self) -> np.ndarray:
        """Indices of the examples in the order of the batches, `(M,)`."""
        return np.concatenate(self.batches)

    @property
    def valid_share(self) -> float:
        """Real frames over all frames of this epoch's padded batches, in (0, 1]."""
        padded = sum(len(batch) * int(self.lengths[batch].max()) for batch in self.batches)
        return float(self.lengths.sum() / padded)

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        batch = self.batches[index]
        lengths = self.lengths[batch]
        first = self.features[self.utterance_of[batch[0]]]
        padded = np.zeros((len(batch), self._steps(index), *first.shape[2:]), dtype="float32")
        for row, example in enumerate(batch):
            frames = self.features[self.utterance_of[example]][self.row_of[example]]
            padded[row, : lengths[row]] = frames[: lengths[row]]
        inputs = {"features": padded, "length": lengths}
        share = np.float32(len(batch) / self.batch_size if self.even_steps else 1.0)
        return {name: inputs[name] for name in self.inputs}, self.labels[batch], self.weights[batch] * share


def _held(features):
    """The arrays, read into memory if their total size allows it, and the first two dimensions of each."""
    held, shapes, size = [], [], 0
    for array in features:
        shapes.append(np.shape(array)[:2])
        size += array.nbytes
        if size <= HELD_BYTES:
            held.append(np.array(array))
    return held if size <= HELD_BYTES else features, shapes


def stream(batches):
    """Batches in the form that the backend needs: for TensorFlow, a dataset that can be iterated repeatedly.

    The dataset that Keras creates by itself tunes its buffers in a thread, whose pauses grow to half of an epoch; the
    end of each epoch waits for it while the processor is idle (TensorFlow 2.21). This dataset has no such thread. For a
    single batch no dataset is created. It is created once: a validation part is predicted after every epoch, and
    creating the dataset costs more than predicting a small part. TensorFlow keeps the generator until the process ends;
    the batches that it yields are freed when the caller drops them.
    """
    import keras

    if keras.backend.backend() != "tensorflow" or len(batches) == 1:
        return _dataset_class()(batches)
    if batches.dataset is None:
        batches.dataset = _dataset(batches)
    return batches.dataset


def _dataset(batches):
    import tensorflow as tf

    number, source = len(batches), weakref.ref(batches)
    dataset = tf.data.Dataset.from_generator(
        lambda: (source()[index] for index in range(number)), output_signature=_signature(batches[0], batches)
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.apply(tf.data.experimental.assert_cardinality(number)).prefetch(1).with_options(options)


@functools.cache
def _dataset_class():
    import keras

    class Dataset(keras.utils.PyDataset):
        """Batches as a Keras dataset."""

        def __init__(self, batches):
            super().__init__()
            self.batches = batches

        def __len__(self):
            return len(self.batches)

        def __getitem__(self, index):
            return self.batches[index]

    return Dataset


def _signature(batch, batches):
    """TensorSpecs of a batch, with an open number of examples, and of frames if examples differ in length."""
    import tensorflow as tf

    inputs, *others = batch
    ragged = batches.steps is None and batches.lengths.min() < batches.lengths.max()
    specs = {}
    for name, array in inputs.items():
        shape = [None, *array.shape[1:]]
        if ragged and len(shape) > 1:
            shape[1] = None
        specs[name] = tf.TensorSpec(shape, array.dtype)
    return specs, *(tf.TensorSpec([None, *array.shape[1:]], array.dtype) for array in others)


def outputs(model, batches):
    """A network's outputs for all batches, in their order: `(M, ...)`, or a dict of such arrays by name.

    Args:
        model: a keras.Model, or a network without Keras, whose `predict` takes the Batches directly.
        batches: Batches.
    """
    keras = sys.modules.get("keras")
    of_keras = keras is not None and isinstance(model, keras.Model)
    return model.predict(stream(batches) if of_keras else batches, verbose=0)


def predict_examples(model, batches) -> np.ndarray:
    """The model's outputs in the order of the part's examples, `(M, ...)`."""
    values = outputs(model, batches)
    restored = np.empty_like(values)
    restored[batches.order] = values
    return restored


def mean_by_utterance(values, batches) -> np.ndarray:
    """Mean of the examples' values over each utterance: `(M, K) -> (N, K)` float32."""
    counts = np.bincount(batches.utterance_of, minlength=len(batches.part))
    sums = np.zeros((len(batches.part), values.shape[1]), dtype="float64")
    np.add.at(sums, batches.utterance_of, values)
    return (sums / counts[:, None]).astype("float32")


def votes_by_utterance(values, batches) -> np.ndarray:
    """Number of examples of each utterance that are classified as each class: `(M, K) -> (N, K)` float32."""
    votes = np.zeros((len(batches.part), values.shape[1]), dtype="float32")
    np.add.at(votes, (batches.utterance_of, values.argmax(axis=1)), 1.0)
    return votes
