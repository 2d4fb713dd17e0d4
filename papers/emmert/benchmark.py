"""The MFCC of V-A beside librosa, which the paper names."""

import numpy as np

from papers.emmert.features import TRIM_FRAME_S, TRIM_HOP_S, add_noise, features

LIBRARY, LEAST = "librosa, MFCC", 0.8  # how `bench` names it, and what is wanted


def ways(waveforms, front_end):
    """Functions of no argument, `library` and `ours`, that return the features of all waveforms.

    Args:
        waveforms: mono at the front end's rate.
        front_end: of kind "mfcc".
    """
    rate = front_end.sample_rate_hz
    return {
        "library": lambda: [_by_librosa(w, front_end) for w in waveforms],
        "ours": lambda: [features(w, rate, front_end) for w in waveforms],
    }


def _by_librosa(waveform, front_end):
    """The features of a recording and its noisy copy, `(2, T, num_mfcc)`, by librosa's functions."""
    import librosa

    rate = front_end.sample_rate_hz
    frame, hop = (round(seconds * rate) for seconds in (TRIM_FRAME_S, TRIM_HOP_S))  # samples
    speech, _ = librosa.effects.trim(waveform, top_db=front_end.trim_db, frame_length=frame, hop_length=hop)
    noisy = add_noise(speech, amplitude=front_end.noise_amplitude)
    settings = {"n_mfcc": front_end.num_mfcc, "n_fft": front_end.fft_length, "hop_length": front_end.mfcc_hop}
    length = round(front_end.duration_s * rate)
    both = (librosa.util.fix_length(w, size=length) for w in (speech, noisy))
    return np.stack([librosa.feature.mfcc(y=w, sr=rate, n_mels=128, **settings).T for w in both])
