"""Background signals for the noise test (section 5.3), seven built-in and a user's own, and mixing."""

import functools
import hashlib
import re
from pathlib import Path

import numpy as np

from common.atomic_file import atomic
from common.errors import InputError

BUILT_IN = (  # three music-like, four crowd-like, in the order of 5.3; made by noise_signals.py
    *("ambient", "pop", "rock"),
    *("crowd_speech", "crowd_anger", "crowd_applause", "crowd_laughter"),
)
SAMPLE_RATE_HZ = 16_000  # of the copies of a user's recordings
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")


@functools.lru_cache(maxsize=16)
def signal(name, sample_rate_hz):
    """A background signal, `(N,)` float32.

    Args:
        name: one of `BUILT_IN`, or `stem@sha256` of a recording copied by `install`.
        sample_rate_hz: of the signal.

    Raises:
        InputError: there is no such signal.
    """
    if name in BUILT_IN:
        from papers.satt2017 import noise_signals  # scipy.signal: a second of import

        return noise_signals.make(name, sample_rate_hz)
    identity = name.rpartition("@")[2]
    place = _kept(identity if re.fullmatch("[0-9a-f]{64}", identity) else "none")  # a name in a system from elsewhere
    if sample_rate_hz != SAMPLE_RATE_HZ or not place.is_file():
        known = ", ".join(BUILT_IN)
        raise InputError(
            f"no background signal {name} at {sample_rate_hz} Hz; give its folder with --noises, or {known}"
        )
    return np.load(place)


def install(folder) -> tuple[str, ...]:
    """Copy a folder's recordings into the cache; returns their names for `signal`.

    A name contains the SHA-256 of the file, so that recordings with the same file name do not share features.

    Raises:
        InputError: the folder has no recording, one that cannot be used, or two that differ only in their suffix.
    """
    paths = sorted(p for p in Path(folder).glob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    if not paths:
        raise InputError(f"--noises {folder} holds no recording; expected a folder with {', '.join(SUFFIXES)} files")
    names = [path.stem.replace("@", "-") for path in paths]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"--noises {folder} holds several recordings named {', '.join(twice)}; give each its own name")
    return tuple(f"{name}@{_install_one(path)}" for name, path in zip(names, paths, strict=True))


def stem(name) -> str:
    """The name of a signal in tables, without the hash."""
    return name.partition("@")[0]


def _install_one(path):
    from common.features import audio  # decoders, which listing the systems does not need

    identity = audio.fingerprint(path)
    waveform, _ = audio.read(path, sample_rate_hz=SAMPLE_RATE_HZ)
    place = _kept(identity)
    if not place.is_file():
        with atomic(place) as file:
            np.save(file, waveform)
    return identity


def _kept(identity) -> Path:
    from common.features import feature_store  # joblib, likewise

    return feature_store.cache_dir() / "noises" / f"{identity}.npy"


def mix(waveform, noise, *, snr_db):
    """The waveform `(N,)` plus a section of the noise, `snr_db` below it in mean power over the whole recording (D15).

    The start of the section is computed from the waveform, so that it is the same on every machine and for every noise.
    A noise that is too short is repeated.

    Raises:
        InputError: the noise is silent in this section.
    """
    digest = hashlib.sha256(np.ascontiguousarray(waveform, "<f4").tobytes()).digest()
    start = int.from_bytes(digest[:8], "little") % len(noise)
    stretch = np.take(noise, np.arange(start, start + len(waveform)), mode="wrap").astype("float64")
    power = np.mean(np.square(stretch))
    if not power > 0:
        raise InputError("a background signal is silent for seconds on end; give noises without gaps")
    wanted = np.mean(np.square(waveform, dtype="float64")) / 10 ** (snr_db / 10)
    return (waveform + np.sqrt(wanted / power) * stretch).astype("float32")
