"""A short training of each paper's main network, its losses and scores held to what they were when this was written.

Whatever changes a training by default, Keras's or ours (an initialiser, an optimizer's constants, the order of the
batches, the statistics of the training part), moves these numbers. Where a change is meant, the new ones are printed by
`python -m tests.papers.test_trajectories [SYSTEM ...]`. Dropout draws other numbers under JAX.
"""

import sys
import zlib

import numpy as np
import pytest

from common import recipes
from common.utterance import Utterance
from experiments import catalog
from papers.satt2017.features import SILENCE_DB

CLASSES = ("anger", "happiness", "neutral", "sadness")
TOLERANCE = 1e-2  # relative: processors differ in the order of their sums, which three epochs amplified to 0.7 %
SYSTEMS = {  # system -> changes of the preset `paper`, and the shape (S, T, F) of an utterance's features
    "emmert/mfcc": (("max_epochs=3", "batch_size=8"), (2, 87, 20)),
    "lim2016/cnn": (("max_epochs=3", "batch_size=4", "front_end.num_bins=32"), (1, 128, 32)),
    "lim2016/lstm": (("max_epochs=3", "batch_size=4"), (1, 128, 128)),
    "satt2017/cnn3_lstm_20hz": (
        ("epochs=3", "batch_size=8", "front_end.dft_length=160"),
        (1, 300, 40),
    ),
    "ma2018/variable_length": (("max_epochs=3", "batch_size=8", "front_end.fft_length=160"), (1, 64, 40)),
    "chernykh2018/one_label": (("max_epochs=3", "batch_size=8"), (1, 20, 34)),
    "chernykh2018/ctc": (("max_epochs=3", "batch_size=8"), (1, 20, 34)),
    "baseline/mfcc_svm": ((), (1, 1, 80)),
}
PINNED = {  # losses by epoch, scores
    "emmert/mfcc": {
        "loss": "6.4254 3.4998 2.9602",
        "val_loss": "2.571 2.0796 2.0298",
        "scores": "0.21637 0.3958 0.12006 0.26778 0.36387 0.15159 0.10716 0.37739 0.12757 0.32691 0.45847 0.087049",
    },
    "lim2016/cnn": {
        "loss": "3.7331 1.3761 1.3375",
        "val_loss": "1.3477 1.3613 1.3391",
        "scores": "1.1328 0.12196 0.13137 0.11385 0.12581 0.12528 1.1309 0.11801 0.12253 0.12193 1.135 0.12052",
    },
    "lim2016/lstm": {
        "loss": "1.404 1.3129 1.2491",
        "val_loss": "1.3235 1.2498 1.1649",
        "scores": "1.1525 0.10928 0.11835 0.11991 0.11468 1.1597 0.11075 0.11483 0.12158 0.10049 1.1549 0.12308",
    },
    "satt2017/cnn3_lstm_20hz": {
        "loss": "1.3551 1.6502 1.5537",
        "val_loss": "1.3359 1.2988 1.2882",
        "scores": "0.27821 0.24067 0.26634 0.21478 0.24189 0.27606 0.27525 0.20679 0.23013 0.24708 0.31837 0.20442",
    },
    "ma2018/variable_length": {
        "loss": "1.2619 1.1499 1.1302",
        "val_loss": "1.3697 1.3839 1.4031",
        "scores": "0.1703 0.17363 0.2868 0.36927 0.1551 0.18631 0.29192 0.36667 0.15719 0.16938 0.29826 0.37517",
    },
    "chernykh2018/one_label": {
        "loss": "1.366 1.1907 1.0111",
        "val_loss": "1.2293 1.0471 0.83998",
        "scores": "0.40663 0.23393 0.16549 0.19395 0.27016 0.41158 0.11752 0.20074 0.19331 0.18802 0.44151 0.17716",
    },
    "chernykh2018/ctc": {
        "loss": "26.628 23.313 19.653",
        "val_loss": "24.098 20.549 16.491",
        "scores": "6.5942e-06 0 0 0 0 0.00012561 0 0 0 0 0.00010683 0",
    },
    "baseline/mfcc_svm": {
        "loss": "",
        "val_loss": "",
        "scores": "3.0622 0.97908 -0.037133 1.9881 -0.060155 3.0786 0.98064 1.9913 0.97904 1.9789 3.0687 -0.037013",
    },
}


def part(name, shape, recipe):
    """Twelve utterances of three speakers: decibels of noise, louder in a band of features that tells the emotion."""
    from common.learning.batching import Subset

    generator = np.random.default_rng(zlib.crc32(name.encode()))
    arrays = []
    for number in range(12):
        array = generator.normal(-50, 10, shape)
        width = array.shape[2] // 4
        array[:, :, width * (number % 4) :][:, :, :width] += 4
        if name.startswith("satt2017/"):  # silence at the end, which tells the noise level
            array[:, -50:] = -65 - SILENCE_DB
        arrays.append(array.astype("float32"))
    said = [Utterance(id=f"u{n:02}", path="", emotion=CLASSES[n % 4], speaker=f"s{n // 4}") for n in range(12)]
    return Subset(said, arrays, CLASSES)


def trajectory(name):
    """Losses of the training and the validation part by epoch, and the scores of the first three utterances."""
    paper, variant = name.split("/")
    changes, shape = SYSTEMS[name]
    method = catalog.paper(paper)
    recipe, _ = recipes.changed(catalog.recipe(paper, variant, "paper"), changes)
    examples = part(name, shape, recipe)
    fitted = method.fit(recipe, examples, examples.take(range(4)), seed=1)
    scores = next(iter(method.predict(fitted, examples.take(range(3)), recipe).values()))
    return {
        "loss": fitted.history.get("loss", []),
        "val_loss": fitted.history.get("val_loss", []),
        "scores": np.asarray(scores, "float64").ravel().tolist(),
    }


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_short_training_goes_as_it_went(name):
    import keras

    if keras.backend.backend() != "tensorflow":
        pytest.skip("pinned under TensorFlow")
    computed = trajectory(name)
    for values, text in PINNED[name].items():
        expected = [float(word) for word in text.split()]
        assert computed[values] == pytest.approx(expected, rel=TOLERANCE, abs=1e-4), values


def test_every_network_that_is_compared_is_pinned():
    published = {"emmert", "lim2016", "satt2017", "ma2018", "chernykh2018"}
    assert published <= {name.split("/")[0] for name in PINNED} and PINNED.keys() == SYSTEMS.keys()


if __name__ == "__main__":
    for system in sys.argv[1:] or SYSTEMS:
        shown = {key: " ".join(f"{value:.5g}" for value in values) for key, values in trajectory(system).items()}
        print(f'    "{system}": {shown},', flush=True)
