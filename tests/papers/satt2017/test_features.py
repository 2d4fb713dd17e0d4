"""Satt 2017, section 3.1: parts of at most 3 s and their spectrograms."""

import numpy as np
import pytest

from papers.satt2017.features import FrontEnd, decibels, features, frame_centres_s, frames, noise_level_db, split

RATE = 16_000


@pytest.mark.parametrize("seconds", [0.1, 2.9999, 3.0, 3.0001, 5.2, 6.0, 6.01, 20.0])
def test_parts_are_as_few_as_possible_and_of_almost_equal_length(seconds):
    waveform = np.arange(round(seconds * RATE))
    parts = split(waveform, max_samples=3 * RATE)
    sizes = [len(part) for part in parts]
    fewest = next(n for n in range(1, 100) if n * 3 * RATE >= len(waveform))
    assert len(parts) == fewest
    assert max(sizes) <= 3 * RATE and max(sizes) - min(sizes) <= 1
    assert np.array_equal(np.concatenate(parts), waveform)


def test_decibels_are_those_of_a_transform_written_out():
    rng = np.random.default_rng(1)
    window = rng.normal(size=640)
    n = np.arange(640)
    written_out = [10 * np.log10(abs(sum(window * np.exp(-2j * np.pi * k * n / 1600))) ** 2) for k in (0, 1, 100, 399)]
    assert np.allclose(decibels(window[None], dft_length=1600)[0, [0, 1, 100, 399]], written_out, atol=1e-6)


@pytest.mark.parametrize("dft_length", [800, 1600])
def test_a_tone_has_its_level_at_its_bin(dft_length):
    front_end = FrontEnd(dft_length=dft_length)
    tone = 0.1 * np.cos(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    array = features(tone.astype("float32"), RATE, front_end)
    peak_bin = 1000 * dft_length // RATE
    level = 20 * np.log10(0.1 * np.hamming(640).sum() / 2)
    assert array.shape == (1, 300, front_end.num_bins) and array.dtype == np.float32
    assert (array[0, :97].argmax(axis=1) == peak_bin).all()
    assert np.allclose(array[0, :97, peak_bin], level, atol=0.05)


def test_the_coarse_grid_is_every_second_bin_of_the_fine_one():
    waveform = np.random.default_rng(2).normal(0, 0.1, RATE).astype("float32")
    fine, coarse = (features(waveform, RATE, FrontEnd(dft_length=n))[:, :97] for n in (1600, 800))
    assert fine.shape[2] == 400 and coarse.shape[2] == 200
    assert np.allclose(fine[:, :, ::2], coarse, atol=0.01)


@pytest.mark.parametrize(("window_s", "count"), [(0.040, 297), (0.020, 299)])
def test_windows_lie_wholly_in_the_part(window_s, count):
    front_end = FrontEnd(window_s=window_s)
    windows = frames(np.ones(3 * RATE, dtype="float32"), RATE, front_end)
    assert windows.shape == (count, round(window_s * RATE))
    assert frame_centres_s(count, front_end)[-1] + window_s / 2 <= 3.0
    assert len(frames(np.ones(100, dtype="float32"), RATE, front_end)) == 1


def test_silence_is_below_every_floor_and_tells_the_noise_level():
    waveform = np.random.default_rng(3).normal(0, 0.1, 5 * RATE).astype("float32")
    array = features(waveform, RATE, FrontEnd())
    sound = array[:, :247]  # two parts of 2.5 s
    assert array.shape[0] == 2
    assert (array[:, 247:] < -900).all() and (sound > -110).all()
    assert noise_level_db(array) == pytest.approx(np.percentile(sound, 10), abs=1e-3)
