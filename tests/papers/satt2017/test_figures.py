"""Satt 2017: figures 2 to 5."""

import re

import numpy as np
import pytest

from common.features import speech_synthesis
from common.learning.layers import set_statistics
from common.learning.training import Fitted
from papers.satt2017 import figures, noise, protocol
from papers.satt2017.features import FrontEnd, features
from papers.satt2017.model import build

RATE = 16_000
SMALL = FrontEnd(part_s=0.5, window_s=0.008, dft_length=160, num_frames=60)  # 40 bins


@pytest.fixture(scope="module")
def sentence():
    return speech_synthesis.speak(
        "anger", speech_synthesis.make_speaker("tester", "male"), "give me the other one over there"
    )


def saved(figure, path):
    figure.savefig(path)
    assert path.stat().st_size > 5000
    return [axis.get_title() for axis in figure.axes]


def test_filters_are_chosen_by_their_patterns():
    time, bins = np.mgrid[:60, :40]
    seen = np.where(time < 40, 1.0, 0.0)  # silence from frame 40 on
    stripes_in_time, stripes_in_frequency = (np.where(axis % 4 < 2, 1.0, 0.0) for axis in (time, bins))
    at_the_end = np.where(time == 40, 1.0, 0.0)  # the edge between speech and padding: no pattern of speech
    active = [np.zeros_like(seen), stripes_in_frequency, 1.0 - seen, stripes_in_time, at_the_end, np.ones_like(seen)]
    assert list(figures.choose_filters(seen, np.stack(active, axis=-1)).values()) == [3, 1, 2]
    wide_edge = np.where((time >= 30) & (time < 50), 5.0 * (bins % 2), 0.0)  # what a kernel of 20 frames makes of it
    active[4] = wide_edge
    assert list(figures.choose_filters(seen, np.stack(active, axis=-1), reach=10).values()) == [3, 1, 2]
    nearly_dead = np.stack([*active[:2], at_the_end, at_the_end], axis=-1)
    assert len(set(figures.choose_filters(seen, nearly_dead).values())) == 3


def test_the_sounding_frames_end_before_a_kernel_reaches_over_the_edge():
    seen = np.zeros((60, 4))
    seen[10:40, 2] = 1.0
    assert figures.sounding(seen) == slice(10, 40)
    assert figures.sounding(seen, reach=8) == slice(18, 32)
    assert figures.sounding(seen, reach=20) == slice(10, 40)  # shorter than the kernel: all of it


def test_activations_of_a_network(sentence, tmp_path):
    recipe = protocol.Recipe(front_end=SMALL, convolutions=1, lstm_units=4)
    model = build(recipe, 4)
    array = features(sentence, RATE, SMALL)
    set_statistics(model.get_layer("noise_floor"), -70, 12)
    seen, active = figures.activations(model, array[0])
    assert np.allclose(seen, np.maximum(array[0] + 70, 0) / 12, atol=1e-5) and active.shape == (60, 40, 16)
    asked = []
    drawn = figures.paper_figures([(recipe, Fitted(model, {}))], lambda *about: asked.append(about) or sentence)
    assert list(drawn) == ["figures_2_and_3", "figure_4", "figure_5"] and set(asked) == {("neutral", RATE)}
    assert all(shows and emotions == ("neutral",) for _, shows, emotions in drawn.values())
    titles = saved(drawn["figures_2_and_3"][0], tmp_path / "2.png")
    assert len(titles) == 4 and all(title.startswith("filter") for title in titles[1:])


def test_spectra_and_cleaned_spectrograms(sentence, tmp_path):
    front_end = FrontEnd(dft_length=800)
    figure = figures.spectra_figure(sentence, RATE, front_end)
    saved(figure, tmp_path / "4.png")
    original, modified = (line.get_ydata() for line in figure.axes[0].get_lines())
    assert len(original) == len(modified) == 200 and np.isfinite(modified).all()
    titles = saved(figures.cleaned_figure(sentence, RATE, front_end, noise="crowd_applause"), tmp_path / "5.png")
    assert titles == ["noisy: crowd_applause at 0 dB", "cleaned: crowd_applause at 0 dB"]
    with pytest.raises(ValueError, match="voiced"):
        figures.spectra_figure(np.random.default_rng(0).normal(0, 0.1, RATE), RATE, front_end)


def test_pitch_in_noise_is_counted_by_the_pitch_of_the_clean_recording():
    times, silence = np.arange(RATE) / RATE, np.zeros(RATE // 2, "float32")
    hum = sum(np.sin(2 * np.pi * 120.0 * k * times) / k for k in range(1, 20))
    spoken = np.concatenate([silence, (0.1 * hum).astype("float32"), silence])
    (figure, shows) = figures.recording_figures(lambda rate: iter([spoken, spoken[:100]]))["pitch_in_noise"]
    counts = [int(text) for text in re.findall(r"(\d+) frames", shows)]
    assert counts[1:] == [0, 0] and 80 <= max(counts) <= 110  # one second of one pitch, 10 ms apart
    assert "1 recordings" in shows  # of 100 samples there is nothing to find
    for name in noise.BUILT_IN:
        assert f"{name}: " in shows
