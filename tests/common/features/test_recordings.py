"""What is speech and what is not, by numbers worked out by hand."""

import numpy as np
import pytest

from common.features import recordings

RATE = 16_000
STEP = 1 / 32768


@pytest.fixture(scope="module")
def voice():
    """White noise that rises and falls by 14 dB three times a second, 2 s, float32 (N,)."""
    t = np.arange(2 * RATE) / RATE
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 2 * RATE)
    return (noise * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))).astype("float32")


def test_measures_of_a_square_wave():
    wave = np.tile(np.float32([0.5, 0.1]), RATE // 2)  # 0.3 +- 0.2
    measures = recordings.measure(wave, RATE)
    assert measures.level_dbfs == pytest.approx(20 * np.log10(0.2), abs=1e-3)
    assert (measures.seconds, measures.sound_s, measures.active_s) == pytest.approx((1.0, 1.0, 1.0))
    assert measures.spread_db == pytest.approx(0, abs=1e-3) and measures.peak == 0.5
    assert measures.band_hz == 8000


def at(where, sound, length=2 * RATE):
    samples = np.zeros(length, dtype="float32")
    samples[where] = sound
    return samples


@pytest.mark.parametrize(
    ("waveform", "fault"),
    [
        (np.zeros(RATE, "float32"), "silent throughout"),
        (np.full(RATE, 0.1, "float32"), r"silent throughout \(a constant 0\.1\)"),
        (np.float32(1e-42) * np.sin(np.arange(RATE), dtype="float32"), "silent throughout"),
        (
            np.random.default_rng(0).choice([-STEP, 0, STEP], RATE).astype("float32"),
            r"only steady noise at -92 dBFS \(dither\?\)$",
        ),
        (
            np.random.default_rng(0).normal(0, STEP / 2, RATE).astype("float32"),
            r"only steady noise at -96 dBFS \(dither\?\)$",
        ),
        (np.full(RATE, 0.2, "float32") + at(7, STEP, RATE), "only 0.00 s of sound|only steady|silent"),
        (at(5000, 0.9), r"only 0\.02 s of sound \(a click\?\), otherwise silent$"),
    ],
)
def test_no_speech(waveform, fault):
    import re

    assert re.match(fault, recordings.fault(waveform, RATE))


def test_a_pause_within_a_recording_is_no_fault():
    click = at(5000, 0.9)
    assert recordings.fault(click, RATE) and not recordings.fault(click, RATE, whole=False)
    assert recordings.fault(np.zeros(RATE, "float32"), RATE, whole=False)


@pytest.mark.parametrize(
    ("change", "doubts"),
    [
        (lambda v: v, []),
        (lambda v: v * 1e-4, ["quiet"]),
        (lambda v: v * 20, ["loud"]),
        (lambda v: np.concatenate([np.zeros(10 * RATE, "float32"), v]), []),
        (lambda v: np.concatenate([np.zeros(2 * RATE, "float32"), v[:4000]]), ["little"]),
        (lambda v: v + 0.5, []),
    ],
)
def test_doubts(voice, change, doubts):
    waveform = change(voice).astype("float32")
    assert not recordings.fault(waveform, RATE)
    assert recordings.doubts(recordings.measure(waveform, RATE)) == doubts


def test_telephone_band(voice):
    import soxr

    narrow = soxr.resample(voice, RATE, 8000)
    again = np.round(soxr.resample(narrow, 8000, RATE) * 32768) / 32768
    assert recordings.measure(narrow, 8000).band_hz == 4000
    assert 3500 <= recordings.measure(again.astype("float32"), RATE).band_hz <= 4000
    assert recordings.doubts(recordings.measure(narrow, 8000)) == ["band"]
    assert recordings.doubts(recordings.measure(narrow, 8000), seen_hz=4000) == []
    assert recordings.doubts(recordings.measure(voice, RATE), seen_hz=11_025) == []


def test_one_sentence_for_a_corpus(voice):
    quiet, fine = recordings.measure(voice * 1e-4, RATE), recordings.measure(voice, RATE)
    warnings = recordings.warnings({"a": fine, **{f"q{i}": quiet for i in range(5)}})
    assert warnings == ("5 of 6 recordings are very quiet (below -75 dBFS): q0, q1, q2, and 2 more",)


def test_measures_go_through_the_feature_store(voice):
    array = recordings.measured(voice, RATE, recordings.FrontEnd())
    assert recordings.Measures(*array.tolist()).seconds == 2.0
