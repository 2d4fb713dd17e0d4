"""Ma 2018: figures 2 and 3."""

import dataclasses

import keras
import numpy as np

from common.learning.training import Fitted
from papers import ma2018
from papers.ma2018 import figures, model
from papers.ma2018.features import FrontEnd

RATE = 16_000
TINY = {"filters": (4, 4, 4), "units": 8, "dense_units": 16}
WHOLE, IN_PARTS = (
    dataclasses.replace(
        ma2018.RECIPES[f"{kind}_length"]["paper"], front_end=FrontEnd(fft_length=160, max_part_s=most), **TINY
    )
    for kind, most in (("variable", None), ("fixed", 3.0))
)


def array(parts, frames):
    """Decibels of `parts` parts of `frames` frames, 40 bins."""
    return np.random.default_rng(0).normal(-50, 10, (parts, frames, 40)).astype("float32")


def test_figures_show_the_recurrence_from_first_to_last_real_step(tmp_path):
    whole, in_parts = (Fitted(model.build(recipe, 4), {}) for recipe in (WHOLE, IN_PARTS))
    sentence, cut = array(1, 75), array(3, 25)
    values = figures.activations(whole, sentence)
    assert values.shape == (9, 16)
    assert figures.activations(in_parts, cut).shape == (9, 16)
    dense = next(layer for layer in whole.model.layers if isinstance(layer, keras.layers.Dense))
    inner = keras.Model(whole.model.input, dense.input)
    states = inner({"features": sentence, "length": np.array([75], "int32")})
    np.testing.assert_allclose(np.asarray(states)[0], [*values[-1, :8], *values[0, 8:]], atol=1e-6)
    assert 8 in figures.most_active(np.eye(16)[[8, 8]]) and len(figures.most_active(values)) == 10
    second = figures.figure_2(in_parts, cut, whole, sentence)
    third = figures.figure_3(whole, {"anger": sentence, "happiness": sentence, "sadness": sentence})
    assert [axes.get_title() for axes in second.axes[:-1]] == ["Fixed length", "Variable length"]
    assert second.axes[-1].get_ylabel() == third.axes[-1].get_ylabel() == "output"  # the colour bar
    assert [axes.get_title() for axes in third.axes[:-1]] == ["Anger", "Happiness", "Sadness"]
    assert all(len(axes.patches) == 10 for axes in third.axes[:-1])
    for i, figure in enumerate((second, third)):
        figure.savefig(tmp_path / f"{i}.png")
        assert (tmp_path / f"{i}.png").stat().st_size > 5000


def test_both_systems_hear_the_sentence_through_their_own_front_end():
    asked = []

    def sentence(emotion, sample_rate_hz):
        asked.append((emotion, sample_rate_hz))
        return np.random.default_rng(1).normal(0, 0.1, 4 * RATE).astype("float32")

    systems = [(recipe, Fitted(model.build(recipe, 4), {})) for recipe in (IN_PARTS, WHOLE)]
    drawn = figures.paper_figures(systems, sentence)
    assert {name: emotions for name, (_, _, emotions) in drawn.items()} == {
        "figure_2": ("neutral",),
        "figure_3": ("anger", "happiness", "sadness"),
    }
    assert set(asked) == {(emotion, RATE) for emotion in ("anger", "happiness", "neutral", "sadness")}
    in_parts, whole = (axes.images[0].get_array() for axes in drawn["figure_2"][0].axes[:-1])
    assert whole.shape == (16, 397 // 8) and in_parts.shape == (16, 2 * (197 // 8))  # 4 s; two parts of 2 s
