"""Our front ends against librosa's own functions, file by file."""

import librosa
import numpy as np
import pytest

from common.features import speech_synthesis
from experiments import catalog

TEXT = "and then we went along the river to see the old bridge by the water, before it was dark"


def speech(rate):
    speaker = speech_synthesis.make_speaker("librosa", "female", seed=0)
    return speech_synthesis.speak("neutral", speaker, TEXT, sample_rate_hz=rate)[: 3 * rate]


def mfcc(front_end, waveform):
    """`(T, F)` of the trimmed file."""
    trimmed = librosa.effects.trim(waveform, top_db=front_end.trim_db)[0]
    rate = front_end.sample_rate_hz
    fixed = librosa.util.fix_length(trimmed, size=round(front_end.duration_s * rate))
    settings = {"n_fft": front_end.fft_length, "n_mfcc": front_end.num_mfcc, "hop_length": front_end.mfcc_hop}
    return librosa.feature.mfcc(y=fixed, sr=rate, **settings).T


def decibels(front_end, waveform, **transform):
    """Log power of the bins that the front end keeps, `(T, F)`."""
    power = np.abs(librosa.stft(waveform, center=False, **transform)) ** 2
    return librosa.power_to_db(power, amin=1e-10, top_db=None)[: front_end.num_bins].T


def hann(front_end, waveform):
    length = front_end.frame_length
    return decibels(front_end, waveform, n_fft=length, win_length=length, hop_length=front_end.hop, window="hann")


def hamming(front_end, waveform):
    """40 ms every 10 ms, zeros up to a grid of 10 Hz."""
    width, hop = round(front_end.window_s * front_end.sample_rate_hz), front_end.sample_rate_hz // 100
    return decibels(front_end, waveform, n_fft=1600, win_length=width, hop_length=hop, window=np.hamming(width))


@pytest.mark.parametrize(
    ("name", "theirs", "offset"),
    [
        ("lim2016/cnn", hann, 0),
        ("satt2017/cnn5_10hz", hamming, 3),
        ("ma2018/variable_length", hamming, 3),
        ("emmert/mfcc", mfcc, 0),
    ],
)
def test_librosa_computes_what_our_front_end_computes(name, theirs, offset):
    # librosa puts a window of 640 samples into the middle of 1600: its frames begin 480 samples, three hops, later
    paper, variant = name.split("/")
    front_end = catalog.recipe(paper, variant, "paper").front_end
    waveform = speech(front_end.sample_rate_hz)
    ours = catalog.paper(paper).features(waveform, front_end.sample_rate_hz, front_end)[0]
    expected = theirs(front_end, waveform)
    count = min(len(ours) - offset, len(expected))
    assert count > 80
    loud = ours[offset : offset + count] > -90 if offset else slice(None)  # the floors differ: added, or a maximum
    np.testing.assert_allclose(
        ours[offset : offset + count][loud], expected[:count][loud], atol=0.5 if offset else 1e-3
    )
