"""Spectra against librosa, whose values they must have bit for bit: records rest on them."""

import librosa
import numpy as np
import pytest
import scipy.signal

from common.features import spectral, speech_synthesis

RATE = 22_050
TEXT = "and then we went along the river to see the old bridge by the water"
FRAMES = (
    {"n_fft": 2048, "hop_length": 512},
    {"n_fft": 2048, "hop_length": 220},
    {"n_fft": 512, "hop_length": 160, "win_length": 400},
)


@pytest.fixture(scope="module")
def speech():
    speaker = speech_synthesis.make_speaker("spectral", "female", seed=0)
    voice = speech_synthesis.speak("anger", speaker, TEXT, sample_rate_hz=RATE)
    quiet = np.random.default_rng(0).normal(0, 1e-4, RATE).astype("float32")
    return np.concatenate([quiet, voice, quiet])


@pytest.mark.parametrize("frames", FRAMES, ids=str)
@pytest.mark.parametrize("samples", [None, 44_100, 2_100])
def test_mel_spectra_and_mfcc_are_librosa_s(speech, frames, samples):
    waveform = speech[:samples]
    ours = spectral.mel_spectrogram(waveform, RATE, n_mels=40, **frames)
    theirs = librosa.feature.melspectrogram(y=waveform, sr=RATE, n_mels=40, **frames)
    np.testing.assert_array_equal(ours, theirs)
    ours = spectral.mfcc(waveform, RATE, n_mfcc=13, n_mels=40, **frames)
    np.testing.assert_array_equal(ours, librosa.feature.mfcc(y=waveform, sr=RATE, n_mfcc=13, n_mels=40, **frames))
    assert ours.dtype == np.float32


@pytest.mark.parametrize(("rate", "n_fft", "n_mels"), [(8_000, 256, 20), (16_000, 512, 40), (44_100, 2048, 128)])
def test_mel_filters_are_librosa_s(rate, n_fft, n_mels):
    ours = spectral.mel_filters(rate, n_fft=n_fft, n_mels=n_mels)
    np.testing.assert_array_equal(ours, librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels))


def test_decibels_are_librosa_s(speech):
    power = np.square(speech[:20_000]).reshape(5, -1)
    for ref, top_db in ((1.0, 80.0), (power.max(), 80.0), (0.3, None)):
        theirs = librosa.power_to_db(power, ref=ref, top_db=top_db)
        np.testing.assert_array_equal(spectral.power_to_db(power, ref=ref, top_db=top_db), theirs)


@pytest.mark.parametrize("top_db", [20.0, 30.0, 60.0])
def test_silence_at_both_ends_is_trimmed_as_by_librosa(speech, top_db):
    frames = {"frame_length": 2048, "hop_length": 512}
    kept = spectral.trim(speech, top_db=top_db, **frames)
    np.testing.assert_array_equal(kept, librosa.effects.trim(speech, top_db=top_db, **frames)[0])
    assert 0 < len(kept) < len(speech) - RATE or top_db == 60.0


def test_the_window_is_scipy_s():
    for length in (256, 401, 2048):
        np.testing.assert_array_equal(spectral.hann(length), scipy.signal.get_window("hann", length))
