"""Figures 2 and 3 (section 5.3): the recurrent units over time as grey images, the darker the higher."""

import keras
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

STEP_FRAMES = 8  # frames in a step of the recurrence, after three poolings by 2
NUM_MARKED = 10  # units in red boxes: the paper shows boxes and does not say what is in them; D11


def specimen(part, emotion):
    """The features of the part's first sentence of an emotion, `(S, T, F)`: no choosing by how it looks.

    Raises:
        ValueError: the part has none.
    """
    for utterance, array in zip(part.utterances, part.features, strict=True):
        if utterance.emotion == emotion:
            return np.asarray(array)
    raise ValueError(f"no sentence of {emotion} among {len(part)}")


def activations(fitted, features):
    """Outputs of the recurrence in time, `(S, T, F) -> (S * (T // 8), 2 * units)`: a sentence's parts in their order.

    The steps of padding, which the fixed-length system has, are left out.
    """
    network = fitted.model
    recurrence = keras.Model(network.input, network.get_layer("recurrence").output)
    lengths = np.full(len(features), features.shape[1], dtype="int32")
    outputs = np.asarray(recurrence.predict_on_batch({"features": features, "length": lengths}))  # (S, steps, 2U)
    return np.concatenate(outputs[:, : features.shape[1] // STEP_FRAMES])


def figure_2(fixed, fixed_features, variable, variable_features, *, hop_s=0.010):
    """One neutral sentence in the fixed-length system (left) and in the variable-length system (right).

    Args:
        fixed, variable: Fitted, of `fixed_length` and `variable_length`.
        fixed_features, variable_features: the same sentence `(S, T, F)` from the front end of each.
        hop_s: seconds from frame to frame.
    """
    maps = {
        "Fixed length": activations(fixed, fixed_features),
        "Variable length": activations(variable, variable_features),
    }
    return _panels(maps, hop_s)


def figure_3(variable, features_of, *, hop_s=0.010):
    """One sentence of each emotion in the variable-length system, the most active units in red boxes.

    Args:
        variable: Fitted, of `variable_length`.
        features_of: emotion -> its sentence `(1, T, F)`; the paper has anger, happiness and sadness.
        hop_s: seconds from frame to frame.
    """
    maps = {emotion.capitalize(): activations(variable, features) for emotion, features in features_of.items()}
    figure = _panels(maps, hop_s)
    for axes, values in zip(figure.axes, maps.values(), strict=True):
        for unit in most_active(values):
            axes.add_patch(Rectangle((0, unit), len(values) * STEP_FRAMES * hop_s, 1, fill=False, edgecolor="red"))
    return figure


def most_active(values):
    """The `NUM_MARKED` units whose output over time `(steps, units)` has the highest mean, ascending."""
    return np.sort(np.argsort(values.mean(axis=0))[-NUM_MARKED:])


def _panels(maps, hop_s):
    figure = Figure(figsize=(4 * len(maps), 4), layout="constrained")
    for axes, (title, values) in zip(figure.subplots(1, len(maps), sharey=True), maps.items(), strict=True):
        extent = (0, len(values) * STEP_FRAMES * hop_s, 0, values.shape[1])
        axes.imshow(values.T, cmap="gray_r", vmin=-1, vmax=1, aspect="auto", origin="lower", extent=extent)
        axes.set(title=title, xlabel="time (s)")
    figure.axes[0].set_ylabel("recurrent unit")
    return figure
