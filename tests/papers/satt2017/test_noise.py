"""Satt 2017, section 5: the envelope E(f), the modified spectrum S(f), the background signals and their mixing."""

import dataclasses

import numpy as np
import pytest
import soundfile
from scipy.signal import lfilter

from common.errors import InputError
from common.features import speech_synthesis
from papers.satt2017 import harmonic, noise, noise_signals, protocol
from papers.satt2017.features import (
    SILENCE_DB,
    FrontEnd,
    decibels,
    features,
    frame_centres_s,
    frames,
    modified_spectrogram,
    noise_level_db,
)

RATE = 16_000
F0 = 150.0
FINE, COARSE = FrontEnd(kind="harmonic"), FrontEnd(kind="harmonic", dft_length=800)


def formants(excitation):
    for centre, bandwidth in ((500, 80), (1500, 120), (2500, 160), (3500, 200)):
        radius, angle = np.exp(-np.pi * bandwidth / RATE), 2 * np.pi * centre / RATE
        excitation = lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], excitation)
    return excitation


@pytest.fixture(scope="module")
def vowel():
    """One second of an impulse train of F0 through four formants."""
    phase = np.cumsum(np.full(RATE, F0 / RATE))
    sound = formants(np.diff(np.floor(phase), prepend=0.0))
    return (0.3 * sound / np.abs(sound).max()).astype("float32")


@pytest.fixture(scope="module")
def sentence():
    return speech_synthesis.speak(
        "neutral", speech_synthesis.make_speaker("tester", "female"), "give me the other one over there"
    )


# --- pitch ---


def test_pitch_of_a_vowel_and_of_noise(vowel):
    times = frame_centres_s(97, FINE)
    computed = harmonic.fundamentals_hz(vowel, RATE, times, floor_hz=75, ceiling_hz=500)
    assert computed.shape == (97,)
    assert np.nanmax(np.abs(computed / F0 - 1)) < 0.01 and np.isfinite(computed).mean() > 0.95
    hiss = np.random.default_rng(0).normal(0, 0.1, RATE)
    assert np.isnan(harmonic.fundamentals_hz(hiss, RATE, times, floor_hz=75, ceiling_hz=500)).mean() > 0.95


def test_pitch_is_that_at_the_centres_of_our_frames():
    glide_hz = np.linspace(120, 240, RATE)
    sound = formants(np.diff(np.floor(np.cumsum(glide_hz / RATE)), prepend=0.0))
    times = frame_centres_s(97, FINE)
    computed = harmonic.fundamentals_hz(sound, RATE, times, floor_hz=75, ceiling_hz=500)
    there = np.interp(times, np.arange(RATE) / RATE, glide_hz)
    voiced = np.isfinite(computed)
    assert voiced.mean() > 0.9
    assert np.median(np.abs(computed - there)[voiced]) < 0.5  # a frame early or late would be 1.2 Hz


# --- E(f) ---


def test_the_envelope_runs_along_the_peaks_of_a_vowel(vowel):
    spectra = decibels(frames(vowel, RATE, FINE)[10:20], dft_length=1600)
    envelope = harmonic.true_envelope(spectra, harmonic.lifter_orders(np.full(10, F0), RATE))
    peaks = np.arange(1, 26) * 15  # bins of 150, 300 ... 3750 Hz
    assert np.abs(envelope - spectra)[:, peaks].max() < 2.0
    assert (spectra - envelope).max() < harmonic.TOLERANCE_DB + 0.01
    smoothed = harmonic_free_mean(spectra)
    assert (envelope - smoothed)[:, peaks].mean() > 5.0  # what smoothing alone would miss


def harmonic_free_mean(spectra):
    """Moving mean over one harmonic's width."""
    return np.array([np.convolve(row, np.ones(15) / 15, mode="same") for row in spectra])


def envelope_of_one(spectrum, order):
    """The published recursion for one frame, with complex transforms of the whole circle."""
    whole = np.concatenate([spectrum, spectrum[-2:0:-1]])
    lifter = np.zeros(len(whole))
    lifter[: order + 1] = 1
    lifter[len(whole) - order :] = 1
    raised = whole
    for _iteration in range(harmonic.MAX_ITERATIONS):
        smooth = np.fft.ifft(np.fft.fft(raised) * lifter).real
        if np.max(whole - smooth) < harmonic.TOLERANCE_DB:
            break
        raised = np.maximum(whole, smooth)
    return smooth[: len(spectrum)]


def test_all_frames_at_once_are_the_recursion_frame_by_frame():
    spectra = np.random.default_rng(1).normal(-40, 12, (6, 801))
    orders = np.array([16, 22, 40, 54, 80, 106])
    together = harmonic.true_envelope(spectra, orders)
    for row, order, envelope in zip(spectra, orders, together, strict=True):
        assert np.allclose(envelope, envelope_of_one(row, order), atol=1e-6)
    assert np.allclose(harmonic.true_envelope(spectra + 20, orders), together + 20, atol=1e-6)


def test_the_envelope_has_no_ripple_of_the_harmonics(vowel):
    spectra = decibels(frames(vowel, RATE, FINE)[10:12], dft_length=1600)
    orders = harmonic.lifter_orders(np.full(2, F0), RATE)
    assert orders.tolist() == [53, 53]  # half of 106.7 samples
    envelope = harmonic.true_envelope(spectra, orders).astype("float64")
    cepstrum = np.fft.irfft(envelope, axis=1)[:, :801]
    assert np.abs(cepstrum[:, 54:]).max() < 1e-4 < np.abs(cepstrum[:, 1:54]).max()


# --- S(f) ---


def test_equation_1_by_hand():
    assert harmonic.depth_db([0, 2000, 4000]).tolist() == [20.0, 16.0, 12.0]
    frequencies = np.array([0.0, 100.0, 150.0, 200.0, 3900.0, 4000.0])
    modified = harmonic.modified_spectra(np.zeros((1, 6)), [200.0], frequencies)[0]
    # cos(pi) at 100 Hz: all of D; cos(1.5 pi) at 150 Hz: half of D; harmonics at 0, 200 and 4000 Hz
    assert np.allclose(modified, [0.0, -19.8, -0.5 * 19.7, 0.0, -12.2, 0.0])


@pytest.mark.parametrize("front_end", [FINE, COARSE])
def test_the_modified_spectrum_of_a_vowel(vowel, front_end):
    original = decibels(frames(vowel, RATE, front_end), dft_length=1600)[20:80]
    modified = modified_spectrogram(vowel, RATE, front_end)[20:80]
    step_hz = RATE / front_end.dft_length
    for n in range(1, 13):  # harmonics of 2 F0 lie on both grids
        at, between = round(2 * n * F0 / step_hz), (2 * n + 0.5) * F0
        assert np.abs(modified[:, at] - original[:, round(2 * n * F0 / 10)]).max() < 2.0
        neighbours = 0.5 * (modified[:, at] + modified[:, round((2 * n + 1) * F0 / step_hz)])
        halfway = np.array([np.interp(between, np.arange(front_end.num_bins) * step_hz, row) for row in modified])
        assert (neighbours - halfway > 8.0).all()  # D(f) is 12 to 20 dB


def test_unvoiced_frames_are_silence(vowel):
    hiss = np.random.default_rng(2).normal(0, 0.05, RATE).astype("float32")
    sound = np.concatenate([hiss, vowel, hiss])
    normal, modified = (features(sound, RATE, dataclasses.replace(COARSE, kind=k)) for k in ("normal", "harmonic"))
    silent = (modified[0] < -900).all(axis=1)
    assert silent[:90].all() and not silent[105:190].any() and silent[210:].all()
    assert (normal[0, :297] > -200).all()
    assert noise_level_db(modified) == pytest.approx(noise_level_db(normal))  # E_noise is the normal pipeline's
    assert modified.min() == pytest.approx(noise_level_db(normal) - SILENCE_DB)


# --- noises ---


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 10.0])
@pytest.mark.parametrize("seconds", [0.3, 50.0])
def test_mixing_keeps_the_ratio_that_it_is_asked_for(sentence, snr_db, seconds):
    signal = np.random.default_rng(3).normal(0, 1e-3, round(seconds * RATE))
    added = noise.mix(sentence, signal, snr_db=snr_db).astype("float64") - sentence
    ratio_db = 10 * np.log10(np.mean(sentence.astype("float64") ** 2) / np.mean(added**2))
    assert ratio_db == pytest.approx(snr_db, abs=0.1)


def test_the_stretch_of_noise_depends_on_the_recording_alone(sentence):
    signal = np.random.default_rng(4).normal(0, 1, 5 * RATE)
    mixed = noise.mix(sentence, signal, snr_db=0)
    assert np.array_equal(mixed, noise.mix(sentence.copy(), signal, snr_db=0))
    other = noise.mix(sentence * np.float32(0.5), signal, snr_db=0)
    assert not np.allclose(other - 0.5 * sentence, 0.5 * (mixed - sentence), atol=1e-3)
    with pytest.raises(InputError, match="silent"):
        noise.mix(sentence, np.zeros(RATE), snr_db=0)


def test_seven_noises_without_gaps():
    assert noise.BUILT_IN == (
        "ambient",
        "pop",
        "rock",
        "crowd_speech",
        "crowd_anger",
        "crowd_applause",
        "crowd_laughter",
    )
    assert noise.BUILT_IN == tuple(noise_signals.SIGNALS)
    signals = [noise.signal(name, RATE) for name in noise.BUILT_IN]
    assert len({signal.tobytes() for signal in signals}) == 7
    for name, signal in zip(noise.BUILT_IN, signals, strict=True):
        assert signal.shape == (12 * RATE,) and signal.dtype == np.float32, name
        assert 0.9 < np.abs(signal).max() < 1.0, name
        level_db = 10 * np.log10(np.mean(signal.reshape(-1, RATE // 2) ** 2, axis=1))  # of half-seconds
        assert level_db.min() > level_db.max() - 20, name


def test_a_built_in_noise_is_made_the_same_again():
    assert np.array_equal(noise_signals.make("crowd_applause", RATE), noise.signal("crowd_applause", RATE))


def test_features_in_noise_are_features_of_the_noisy_recording(sentence):
    in_noise = dataclasses.replace(COARSE, noise="crowd_applause", snr_db=3.0)
    mixed = noise.mix(sentence, noise.signal("crowd_applause", RATE), snr_db=3.0)
    assert np.array_equal(features(sentence, RATE, in_noise), features(mixed, RATE, COARSE))
    assert not np.array_equal(features(sentence, RATE, in_noise), features(sentence, RATE, COARSE))


def test_only_the_test_part_hears_noise():
    for kind, variant in (("normal", "noise_normal_20hz"), ("harmonic", "noise_modified_20hz")):
        recipe = protocol.RECIPES[variant]["quick"]
        assert recipe.front_end.kind == kind and recipe.front_end.noise == "none"
        assert [condition for condition, _ in recipe.test_front_ends] == [f"{name}_0db" for name in noise.BUILT_IN]
        for _condition, front_end in recipe.test_front_ends:
            changed = {k for k, v in dataclasses.asdict(front_end).items() if v != getattr(recipe.front_end, k)}
            assert changed == {"noise"}
    quieter = protocol.with_built_in_noises(recipe, snr_db=10.0)
    assert quieter.test_front_ends[0][0] == "ambient_10db" and quieter.test_front_ends[0][1].snr_db == 10.0


def test_a_folder_of_noises(tmp_path, monkeypatch, sentence):
    monkeypatch.setenv("SER_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "noises"
    folder.mkdir()
    recipe = protocol.VARIANTS["noise_normal_20hz"]
    with pytest.raises(InputError, match="no recording"):
        protocol.with_noises(recipe, folder)
    hum = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    soundfile.write(folder / "hum.flac", np.column_stack([hum, hum]), 44100)
    changed = protocol.with_noises(recipe, folder, snr_db=5.0)
    ((condition, front_end),) = changed.test_front_ends
    assert condition == "hum_5db" and front_end.snr_db == 5.0
    signal = noise.signal(front_end.noise, RATE)
    assert len(signal) == RATE and np.abs(np.fft.rfft(signal)).argmax() == 440
    assert features(sentence, RATE, front_end).shape == features(sentence, RATE, recipe.front_end).shape
    soundfile.write(folder / "hum.flac", 0.5 * hum, 44100)
    assert protocol.with_noises(recipe, folder).test_front_ends[0][1].noise != front_end.noise
    with pytest.raises(InputError, match="no background signal"):
        noise.signal("waterfall", RATE)
    soundfile.write(folder / "hum.wav", hum, 44100)
    with pytest.raises(InputError, match="several recordings named hum"):
        protocol.with_noises(recipe, folder)
    with pytest.raises(InputError, match="--snr nan is no level"):
        protocol.with_built_in_noises(recipe, snr_db=float("nan"))
