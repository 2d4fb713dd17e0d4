"""`python tests/support/both_backends.py FOLDER`: a network of every paper under the backend that KERAS_BACKEND names.

Every network is trained for an epoch on sixteen short sounds and then predicts them. The first backend leaves its
weights and its predictions in the folder, the next takes those weights over and leaves its own predictions.
"""

import sys
from pathlib import Path

import numpy as np

from common.learning import backend
from common.learning.batching import Subset
from common.utterance import Utterance
from experiments import catalog

SYSTEMS = {  # with the layers that differ between backends: recurrences, masks, CTC
    "emmert": "own_cnn",
    "lim2016": "lstm",
    "satt2017": "cnn3_lstm_20hz",
    "ma2018": "variable_length_20hz",
    "chernykh2018": "ctc",
}
CLASSES = ("anger", "happiness", "neutral", "sadness")
RATE = 16_000


def sound(number):
    """A harmonic sound of 1.1 to 1.9 s whose pitch tells the class."""
    t = np.arange(round((1.1 + 0.05 * number) * RATE)) / RATE
    pitch = 100 + 40 * (number % len(CLASSES))
    tone = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 15))
    return (0.1 * tone + 0.01 * np.random.default_rng(number).normal(size=len(t))).astype("float32")


def part(paper, recipe):
    """Sixteen utterances of four speakers with the features of a recipe's front end."""
    rate = recipe.front_end.sample_rate_hz or RATE
    sounds = [sound(n) for n in range(16)]
    times = [np.arange(round(len(s) / RATE * rate)) / rate for s in sounds]
    at_rate = [np.interp(t, np.arange(len(s)) / RATE, s).astype("float32") for t, s in zip(times, sounds, strict=True)]
    utterances = [
        Utterance(id=f"{n:02}", path=f"{n:02}.wav", emotion=CLASSES[n % 4], speaker=str(n // 4)) for n in range(16)
    ]
    return Subset(utterances, [paper.features(s, rate, recipe.front_end) for s in at_rate], CLASSES)


def run(paper_name, variant, folder):
    """Fit, take over the weights that are there already, predict, write `<backend>-<paper>-<variant>.npz`."""
    import keras

    paper, recipe = catalog.paper(paper_name), catalog.recipe(paper_name, variant, "smoke")
    examples = part(paper, recipe)
    fitted = paper.fit(recipe, examples, examples, seed=0)
    networks = fitted.model if isinstance(fitted.model, dict) else {"network": fitted.model}
    kept = Path(folder, f"{paper_name}-{variant}.npz")
    if kept.exists():
        with np.load(kept) as archive:
            for name, network in networks.items():
                network.set_weights([archive[f"{name}_{i}"] for i in range(len(network.get_weights()))])
    else:
        arrays = {f"{name}_{i}": w for name, n in networks.items() for i, w in enumerate(n.get_weights())}
        np.savez(kept, **arrays)
    scores = paper.predict(fitted, examples, recipe)
    loss = np.array(fitted.history["loss"])
    np.savez(Path(folder, f"{keras.backend.backend()}-{paper_name}-{variant}.npz"), loss=loss, **scores)


def run_all(folder):
    backend.start()
    for paper_and_variant in SYSTEMS.items():
        run(*paper_and_variant, folder)


if __name__ == "__main__":
    run_all(sys.argv[1])
