"""Figures 2 and 3 (section 5.3): outputs of the recurrent units over time as grey images, darker for higher values."""

import keras
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from papers.ma2018.features import features

SYSTEMS = (  # the figures are drawn from two systems of one row, the paper's own first
    ("fixed_length", "variable_length"),
    ("fixed_length_20hz", "variable_length_20hz"),
)
EMOTIONS = ("anger", "happiness", "sadness")  # figure 3, from left to right
STEP_FRAMES = 8  # frames in a step of the recurrence, after three poolings by 2
NUM_MARKED = 10  # units in red boxes: the paper does not say which units its boxes mark; D11


def paper_figures(systems, sentence):
    """The paper's figures: name -> (Figure, caption, emotions of its sentences).

    Args:
        systems: (recipe, Fitted) of the variants of a row of `SYSTEMS`, from one fold.
        sentence: function of an emotion and a sample rate in Hz that returns the waveform `(N,)` of a sentence.
    """
    (_, fixed), (_, variable) = systems

    def features_of(emotion):
        """Features of the sentence from the front end of each system, `(S, T, F)`."""
        front_ends = [recipe.front_end for recipe, _ in systems]
        return [features(sentence(emotion, f.sample_rate_hz), f.sample_rate_hz, f) for f in front_ends]

    in_parts, whole = features_of("neutral")
    return {
        "figure_2": (
            figure_2(fixed, in_parts, variable, whole),
            "outputs of the recurrent units over time for one neutral sentence, in the fixed-length system (left) and "
            "in the variable-length system (right); the darker the higher",
            ("neutral",),
        ),
        "figure_3": (
            figure_3(variable, {emotion: features_of(emotion)[1] for emotion in EMOTIONS}),
            "outputs of the recurrent units of the variable-length system over time, for one sentence of each emotion; "
            f"the darker the higher; in red the {NUM_MARKED} units with the highest mean",
            EMOTIONS,
        ),
    }


def activations(fitted, sentence):
    """Outputs of the recurrence over time, `(S, T, F) -> (S * (T // 8), 2 * units)`, a sentence's parts in order.

    The padding steps of the fixed-length system are omitted.
    """
    network = fitted.model
    recurrence = keras.Model(network.input, network.get_layer("recurrence").output)
    lengths = np.full(len(sentence), sentence.shape[1], dtype="int32")
    outputs = np.asarray(recurrence({"features": sentence, "length": lengths}, training=False))  # (S, steps, 2U)
    return np.concatenate(outputs[:, : sentence.shape[1] // STEP_FRAMES])


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
        features_of: emotion -> features `(1, T, F)` of a sentence; the paper has anger, happiness and sadness.
        hop_s: seconds from frame to frame.
    """
    maps = {emotion.capitalize(): activations(variable, features) for emotion, features in features_of.items()}
    figure = _panels(maps, hop_s)
    for axes, values in zip(figure.axes[: len(maps)], maps.values(), strict=True):
        for unit in most_active(values):
            box = (0, unit - 1), len(values) * STEP_FRAMES * hop_s, 3  # with its neighbours: one row is a pixel
            axes.add_patch(Rectangle(*box, fill=False, edgecolor="red", linewidth=0.6))
    return figure


def most_active(values):
    """The `NUM_MARKED` units whose output over time `(steps, units)` has the highest mean, ascending."""
    return np.sort(np.argsort(values.mean(axis=0))[-NUM_MARKED:])


def _panels(maps, hop_s):
    figure = Figure(figsize=(4 * len(maps), 4), layout="constrained")
    panels = figure.subplots(1, len(maps), sharey=True)
    for axes, (title, values) in zip(panels, maps.items(), strict=True):
        extent = (0, len(values) * STEP_FRAMES * hop_s, 0, values.shape[1])
        image = axes.imshow(values.T, cmap="gray_r", vmin=-1, vmax=1, aspect="auto", origin="lower", extent=extent)
        axes.set(title=title, xlabel="time (s)")
    figure.axes[0].set_ylabel("recurrent unit")
    figure.colorbar(image, ax=panels, label="output")
    return figure
