"""Ragged feature arrays -> padded batches with lengths and sample weights; class weights and oversampling.

Keras is imported by `stream` alone: a saved system predicts without it.
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
        features: N arrays `(S, T, F)` or `(S, T, F, C)`, float32: the S examples cut from each utterance. S and T may
            differ between utterances.
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
        """The utterances at these indices, each as often as its index occurs; no features are copied."""
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
        InputError: a class has no example, so that its weight would be infinite.
    """
    counts = np.bincount(labels, minlength=num_classes)
    if not counts.all():
        raise InputError(
            f"class {int(np.argmin(counts))} of {num_classes} has no training example to weigh; leave the class out, "
            "or take another protocol"
        )
    return (len(labels) / (num_classes * counts)).astype("float32")


def equalise(part, generator):
    """Random oversampling by utterance: drawn with replacement, until every class has as many as the largest.

    Args:
        part: a Subset; all its utterances come first in the result, the repeated ones follow class by class.
        generator: a numpy Generator of its own, so that the order of the batches does not depend on this draw.

    Raises:
        InputError: a class has no utterance that could be repeated.
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
    """Examples of a part as `({"features": (B, T, ...), "length": (B,)}, labels (B,), weights (B,))`.

    Every row of every utterance's array is one example. Shorter examples are padded with zeros on the right of the
    first axis; `length` counts the real frames. The order is a pure function of (seed, epoch), so that a resumed
    training sees what an uninterrupted one would have seen.

    Args:
        part: what to batch.
        batch_size: examples in a batch; the last one may be smaller.
        seed: None keeps the part's order (prediction); an int shuffles anew for every epoch.
        utterance_weights: `(N,)` or None; every example carries its utterance's weight.
        by_length: batches of similar length; only the order of the batches is shuffled (Ma 2018, section 4.1).
        max_frames: a batch has fewer examples where `batch_size` of them would be more padded frames than this; it is
            what bounds the memory that long recordings take. None sets no bound.
        min_share: a batch has fewer examples where of `batch_size` of them less than this share would be real frames.
            None lets any share be padding.
        even_steps: weights are multiplied by the number of a batch's examples over `batch_size`. The backend averages
            over a batch; without this an example of a small batch moves the weights more than one of a full batch.
        steps: frames of every batch: shorter examples are padded to them, longer ones are cut. None is the batch's
            longest example.
        inputs: which of "features" and "length" the model takes.
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
        """Frames of a padded batch: its longest example's, and one more in the second batch where that has as many as
        the first. Keras makes TensorFlow expect of all batches what the first two have in common.
        """
        if self.steps is not None:
            return self.steps
        steps, first = (int(self.lengths[self.batches[i]].max()) for i in (index, 0))
        ragged = self.lengths.min() < self.lengths.max()
        return steps + 1 if ragged and index == 1 and steps == first else steps

    @property
    def order(self) -> np.ndarray:
        """The examples in the order in which the batches hold them, `(M,)`."""
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
    """The arrays, in memory where all together are small enough, and the first two axes of their shapes."""
    held, shapes, size = [], [], 0
    for array in features:
        shapes.append(np.shape(array)[:2])
        size += array.nbytes
        if size <= HELD_BYTES:
            held.append(np.array(array))
    return held if size <= HELD_BYTES else features, shapes


def stream(batches):
    """Batches as the backend takes them: for TensorFlow a dataset that yields them anew whenever it is iterated.

    Keras would make one that tunes its buffers by a thread, which pauses for ever longer, up to half of an epoch; the
    end of each epoch waits for it while the processor idles (TensorFlow 2.21). This one has no such thread. A single
    batch is not worth a dataset. It is made once: a validation part is predicted after every epoch, and making the
    dataset costs more than predicting a small part. TensorFlow keeps the generator as long as the process lives; the
    batches that it yields live as long as the caller keeps them.
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
        """Batches as Keras knows them."""

        def __init__(self, batches):
            super().__init__()
            self.batches = batches

        def __len__(self):
            return len(self.batches)

        def __getitem__(self, index):
            return self.batches[index]

    return Dataset


def _signature(batch, batches):
    """TensorSpecs like a batch: any number of examples, and of frames where examples differ in them."""
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
    """What a network gives for all batches, in their order: `(M, ...)`, or several such by name.

    Args:
        model: a keras.Model; or a network without Keras, whose `predict` takes the batches as they are.
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
    """Mean of the examples' values over each utterance: `(M, K) -> (N, K)`."""
    counts = np.bincount(batches.utterance_of, minlength=len(batches.part))
    sums = np.zeros((len(batches.part), values.shape[1]), dtype="float64")
    np.add.at(sums, batches.utterance_of, values)
    return (sums / counts[:, None]).astype("float32")


def votes_by_utterance(values, batches) -> np.ndarray:
    """How many examples of each utterance decide for each class: `(M, K) -> (N, K)` float32 counts."""
    votes = np.zeros((len(batches.part), values.shape[1]), dtype="float32")
    np.add.at(votes, (batches.utterance_of, values.argmax(axis=1)), 1.0)
    return votes
