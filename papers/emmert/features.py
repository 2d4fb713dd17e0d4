"""Waveform -> MFCC (V-A), spectrogram slices (IV-A, VI-E) or activations of a frozen ResNet50 (III-B)."""

import dataclasses
import hashlib

import numpy as np

from common.features import spectral

TRIM_FRAME_S, TRIM_HOP_S = 2048 / 22_050, 512 / 22_050  # for the level; librosa's defaults at its rate; D3


@dataclasses.dataclass(frozen=True)
class FrontEnd:
    """All settings of the features; of their numbers the paper states only the slice size."""

    kind: str = "mfcc"  # "mfcc", "slices" or "resnet50"
    sample_rate_hz: int = 22_050  # D5: librosa's default
    trim_db: float | None = 30.0  # V-A, VI-E: silence at both ends is cut; D3
    fft_length: int = 2048  # samples, 93 ms; D5: librosa's default
    mfcc_hop: int = 512  # samples, 23 ms; D5: librosa's default
    num_mfcc: int = 20  # D6
    duration_s: float = 2.0  # D6
    noise_amplitude: float = 0.005  # of the file's peak; D4
    num_mels: int = 128  # IV-A: "128x200px"; D16
    slice_frames: int = 200  # IV-A
    slice_step: int = 100  # frames; IV-A: "with overlapping"; D7
    slice_hop: int = 220  # samples, 10 ms; D7
    weights: str = "imagenet"  # of ResNet50: "imagenet", "none" (random) or a hash of weights given by the user
    fine_tuned: bool = False  # whether ResNet50's last block is trained, and so left to the model; D15

    @property
    def pretrained(self) -> bool:
        """Whether the front end has pretrained weights."""
        return self.kind == "resnet50" and self.weights != "none"


def features(waveform, sample_rate_hz, front_end):
    """Waveform `(N,)` -> `(S, 87, 20)` MFCC, `(S, 128, 200, 1)` slices or `(S, 1, 2048)` ResNet50 activations, float32;
    `(S, 4, 7, 2048)` if ResNet50's last block is trained.

    For MFCC, S = 2: the file and its noisy copy, which is used in training only.

    Raises:
        InputError: the weights of ResNet50 are missing or damaged.
    """
    if front_end.trim_db is not None:
        frame, hop = (round(seconds * sample_rate_hz) for seconds in (TRIM_FRAME_S, TRIM_HOP_S))  # samples
        waveform = spectral.trim(waveform, top_db=front_end.trim_db, frame_length=frame, hop_length=hop)
    if front_end.kind == "mfcc":
        noisy = add_noise(waveform, amplitude=front_end.noise_amplitude)
        return np.stack([mfcc(w, sample_rate_hz, front_end) for w in (waveform, noisy)])
    slices = cut_slices(log_mel_image(waveform, sample_rate_hz, front_end), front_end)
    if front_end.kind == "slices":
        return slices
    from common.learning import backend

    backend.start()
    from papers.emmert import resnet

    return resnet.activations(slices, front_end)


def add_noise(waveform, *, amplitude):
    """The waveform plus white noise of `amplitude * U(0, 1) * max|x|` (V-A "static noise"; D4).

    The generator is seeded with the waveform: the noisy copy of a file is the same on every machine.
    """
    seed = int.from_bytes(hashlib.sha256(np.ascontiguousarray(waveform, "<f4").tobytes()).digest()[:8], "little")
    generator = np.random.default_rng(seed)
    scale = amplitude * generator.uniform() * np.abs(waveform).max()
    return (waveform + scale * generator.standard_normal(len(waveform))).astype("float32")


def mfcc(waveform, sample_rate_hz, front_end):
    """First `duration_s` seconds, padded with zeros if shorter -> `(T, num_mfcc)`, T = 1 + N // hop."""
    num_samples = round(front_end.duration_s * sample_rate_hz)
    fixed = np.pad(waveform[:num_samples], (0, max(0, num_samples - len(waveform))))  # (N,)
    coefficients = spectral.mfcc(
        fixed,
        sample_rate_hz,
        n_mfcc=front_end.num_mfcc,
        n_fft=front_end.fft_length,
        hop_length=front_end.mfcc_hop,
        n_mels=128,
    )  # (F, T)
    return coefficients.T


def log_mel_image(waveform, sample_rate_hz, front_end):
    """Spectrogram "proportional to the length", `(num_mels, T)` in [0, 1]: 0 is 80 dB below the file's peak (D17)."""
    power = spectral.mel_spectrogram(
        waveform,
        sample_rate_hz,
        n_fft=front_end.fft_length,
        hop_length=front_end.slice_hop,
        n_mels=front_end.num_mels,
    )  # (F, T)
    decibels = spectral.power_to_db(power, ref=power.max(), top_db=80.0)  # (F, T), -80 ... 0
    return (decibels + 80.0) / 80.0


def cut_slices(image, front_end):
    """Overlapping slices `(S, F, slice_frames, 1)`; the last one ends with the image; a short image is zero-padded."""
    width, step = front_end.slice_frames, front_end.slice_step
    missing = max(0, width - image.shape[1])
    image = np.pad(image, ((0, 0), (0, missing)))
    last = image.shape[1] - width
    starts = sorted({*range(0, last + 1, step), last})
    return np.stack([image[:, start : start + width] for start in starts])[..., None].astype("float32")
