"""Waveform -> one vector per utterance: mean and standard deviation of MFCC and deltas, eGeMAPS's functionals, or the
mean of a self-supervised network's last layer (embeddings.py).

eGeMAPS is computed by openSMILE, its authors' implementation. openSMILE is free for research, teaching and private use,
but not for commercial products (audEERING's licence), so it is installed separately: requirements-opensmile.txt.
"""

import ctypes
import dataclasses
import functools
import importlib.util
import os
from pathlib import Path

import numpy as np

from common.errors import InputError
from common.features import spectral
from papers.baseline import embeddings

LARGEST = 32767 / 32768  # openSMILE takes 16-bit samples, and 1.0 would become -32768


@dataclasses.dataclass(frozen=True)
class FrontEnd:
    """All settings of the features; the settings of frames apply only to MFCC."""

    kind: str = "mfcc"  # "mfcc", "egemaps", "wav2vec2", "hubert" or "wavlm"
    sample_rate_hz: int = 16_000  # of EmoDB and IEMOCAP; D1
    window_s: float = 0.025  # Hann; D1
    hop_s: float = 0.010  # D1
    fft_length: int = 512  # samples; D1
    num_mels: int = 40  # D1
    num_mfcc: int = 20  # D1
    delta_frames: int = 9  # D1: over which a slope is fitted
    weights: str = ""  # of a network: a name of the Hugging Face hub, "none" (random) or a hash of a folder's; D6

    @property
    def pretrained(self) -> bool:
        """Whether the front end uses pretrained weights."""
        return self.weights not in ("", embeddings.RANDOM)


def features(waveform, sample_rate_hz, front_end):
    """Waveform `(N,)`, 0.1 s or longer -> `(1, 1, F)` float32: F = 80 for MFCC, 88 for eGeMAPS, 768 for a network.

    Raises:
        InputError: a package is not installed, or weights are missing.
    """
    statistics = {"mfcc": mfcc_statistics, "egemaps": egemaps}.get(front_end.kind, embeddings.embedding)
    return statistics(waveform, sample_rate_hz, front_end).astype("float32")[None, None]


def mfcc_statistics(waveform, sample_rate_hz, front_end):
    """Means over time of the coefficients and their deltas, then their standard deviations: `(4 * num_mfcc,)`."""
    window, hop = (round(s * sample_rate_hz) for s in (front_end.window_s, front_end.hop_s))  # samples
    coefficients = spectral.mfcc(
        waveform,
        sample_rate_hz,
        n_mfcc=front_end.num_mfcc,
        n_fft=front_end.fft_length,
        win_length=window,
        hop_length=hop,
        n_mels=front_end.num_mels,
    )  # (F, T)
    from scipy import signal  # a second of import that listing the systems does not need

    deltas = signal.savgol_filter(coefficients, front_end.delta_frames, polyorder=1, deriv=1, mode="interp")  # (F, T)
    frames = np.concatenate([coefficients, deltas])  # (2F, T)
    return np.concatenate([frames.mean(axis=1), frames.std(axis=1)])


def egemaps(waveform, sample_rate_hz, front_end):
    """The 88 functionals of eGeMAPSv02 in openSMILE's order, `(88,)` (Eyben and others 2016)."""
    return _smile()(np.clip(waveform, -1.0, LARGEST), sample_rate_hz).reshape(-1)


@functools.cache
def _smile():
    """The extractor, created once per process."""
    if (package := importlib.util.find_spec("opensmile")) is None:
        raise InputError(
            "eGeMAPS needs openSMILE, which is not installed (free for research, not for commercial products): "
            "`pip install -r requirements-opensmile.txt`; baseline/mfcc_svm runs without it"
        )
    _load_apart(Path(package.origin).parent)
    import opensmile

    return opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )


def _load_apart(package):
    """Load openSMILE's library in such a way that it calls its own functions.

    TensorFlow exports a Fourier transform with the same name (`rdft`) but another precision. On Linux, a library loaded
    after TensorFlow would call that one and corrupt memory.
    """
    for library in package.glob("core/bin/*/libSMILEapi.so"):
        ctypes.CDLL(str(library), mode=getattr(os, "RTLD_DEEPBIND", 0) | os.RTLD_NOW)
