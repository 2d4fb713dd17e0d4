"""Audio files to float32 mono waveforms; the sample rate always travels with the samples.

Whatever libsndfile decodes is accepted: 8, 16, 24 and 32 bit integers, floats, any channel count, WAV, FLAC, AIFF,
Ogg, MP3. Mono is the mean of the channels. A file that cannot be used raises InputError; none is repaired in silence.

A truncated WAV, AIFF, FLAC or MP3 is recognised because its header promises more than is there. Ogg promises nothing:
a truncated Ogg file is read up to where it ends.
"""

import contextlib
import hashlib
import math
import struct
from pathlib import Path

import numpy as np
import soundfile
import soxr

from common.errors import InputError

MIN_SECONDS = 0.1
"""A syllable lasts 0.1 to 0.3 s. What is shorter is a cutting error, and the front ends with long windows (0.2 s) would
find no full frame in it."""

END_TOLERANCE_S = 0.001
"""Label files give times rounded to milliseconds, so that a segment may end up to 1 ms after the last sample."""

_BLOCK_FRAMES = 1 << 18
_STREAMED_BYTES = 0x7FFF0000  # ffmpeg and sox write such a data size where they could not know it: no promise
_UNKNOWN_FRAMES = 1 << 62  # what libsndfile reports for a FLAC whose header leaves the length open


def read(path, *, sample_rate_hz=None, start_s=None, end_s=None) -> tuple[np.ndarray, int]:
    """The waveform of a file, or of the stretch `start_s` to `end_s` of it.

    Args:
        path: an audio file.
        sample_rate_hz: resample to this rate (soxr, quality HQ); None keeps the file's own.
        start_s: where to begin, in seconds; None is the file's beginning.
        end_s: where to end, in seconds; None is the file's end.

    Returns:
        The waveform (N,), float32, mean of the channels, and its sample rate in Hz.

    Raises:
        InputError: the file is not audio, is truncated, or the stretch is empty, silent, shorter than `MIN_SECONDS`,
            not finite or outside the file.
    """
    path = Path(path)
    with _opened(path) as file:
        rate = file.samplerate
        first, count = _span(file, path, start_s, end_s)
        _check_length(count, rate, path)
        samples = _decoded(file, path, first, count, "float32")  # (N, C)
    waveform = _mono(samples, path)  # (N,)
    if sample_rate_hz is not None and sample_rate_hz != rate:
        waveform, rate = soxr.resample(waveform, rate, sample_rate_hz, quality="HQ"), sample_rate_hz
    return np.ascontiguousarray(waveform), rate


def trim(waveform, *, sample_rate_hz, top_db=30.0, frame_s=2048 / 22050, hop_s=512 / 22050) -> np.ndarray:
    """The waveform (N,) without the quiet frames at both ends.

    Args:
        waveform: mono, (N,).
        sample_rate_hz: of the waveform.
        top_db: quieter than this below the loudest frame counts as silence.
        frame_s: frame for the level, in seconds; the default is librosa's 2048 samples at its 22050 Hz.
        hop_s: step between frames, in seconds; the default is librosa's 512 samples at its 22050 Hz.
    """
    import librosa  # takes a second, and only some front ends trim

    kept, _ = librosa.effects.trim(
        waveform,
        top_db=top_db,
        ref=np.max,
        frame_length=round(frame_s * sample_rate_hz),
        hop_length=round(hop_s * sample_rate_hz),
        aggregate=np.max,
    )
    return kept


def duration(path) -> tuple[int, int]:
    """Number of frames and sample rate in Hz, from the header alone."""
    path = Path(path)
    with _opened(path) as file:
        return file.frames, file.samplerate


def fingerprint(path) -> str:
    """sha256 of the file's bytes, in hex: changes with the container, the tags, anything."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error


def content_hash(path, start_s=None, end_s=None) -> str:
    """sha256 of the decoded samples, channel count and rate, in hex: a WAV and a FLAC of the same samples agree.

    Decoded as float64, in which integers up to 32 bit and float32 are exact. (libsndfile's int32 would round every
    sample of a float file to 0, so that all float files would be duplicates of each other.)
    """
    path = Path(path)
    with _opened(path) as file:
        first, count = _span(file, path, start_s, end_s)
        digest = hashlib.sha256(f"{file.samplerate} {file.channels} ".encode())
        for begin in range(first, first + count, _BLOCK_FRAMES):
            block = _decoded(file, path, begin, min(_BLOCK_FRAMES, first + count - begin), "float64")
            digest.update((block + 0.0).astype("<f8", copy=False).tobytes())  # + 0.0 turns -0.0 into 0.0
    return digest.hexdigest()


@contextlib.contextmanager
def _opened(path):
    """The open SoundFile; whatever libsndfile says against the file, then or later, becomes an InputError."""
    _check_file(path)
    try:
        with soundfile.SoundFile(path) as file:
            _check_header(file, path)
            yield file
    except soundfile.LibsndfileError as error:
        said = error.error_string.removeprefix("Error : ").rstrip(".")
        raise InputError(
            f"{path}: not audio that can be decoded ({said}); expected WAV, FLAC or another format of libsndfile, "
            "whole: copy or convert the file again"
        ) from error
    except TypeError as error:  # soundfile takes .raw files for headerless audio and asks for their format
        raise InputError(f"{path}: headerless audio; expected a format with a header: convert it to WAV") from error


def _check_file(path):
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise InputError(f"{path}: expected an audio file, found {found}; check the path")
    try:
        num_bytes = path.stat().st_size
        promised = _promised_bytes(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    if num_bytes == 0:
        raise InputError(f"{path}: empty (0 bytes); expected an audio file: copy it again")
    if promised > num_bytes:
        raise InputError(
            f"{path}: truncated, {num_bytes} bytes where the header promises {promised}; copy or download it again"
        )


def _promised_bytes(path):
    """Where the samples of a WAV or AIFF end according to its header; 0 for other formats.

    libsndfile clips such a file to what is there, without a word.
    """
    with open(path, "rb") as file:
        form = file.read(12)
        if form[:4] not in (b"RIFF", b"RIFX", b"FORM"):
            return 0
        order, wanted = ("<" if form[:4] == b"RIFF" else ">"), (b"SSND" if form[:4] == b"FORM" else b"data")
        while len(header := file.read(8)) == 8:
            name, size = struct.unpack(f"{order}4sI", header)
            if name == wanted:
                return 0 if size >= _STREAMED_BYTES else file.tell() + size
            file.seek(size + size % 2, 1)  # chunks are padded to even length
    return 0


def _check_header(file, path):
    if file.frames == 0:
        raise InputError(f"{path}: audio without a single sample; expected at least {MIN_SECONDS} s: record it again")
    if file.frames > _UNKNOWN_FRAMES:
        raise InputError(
            f"{path}: the header leaves open how long the file is; expected a length: decode it and encode it again"
        )


def _span(file, path, start_s, end_s):
    """First frame and number of frames of the stretch."""
    whole_s = file.frames / file.samplerate
    start = 0.0 if start_s is None else start_s
    end = whole_s if end_s is None else end_s
    if not (math.isfinite(start) and math.isfinite(end) and 0 <= start < end):
        raise InputError(f"{path}: stretch from {start} s to {end} s; expected 0 <= start < end: correct the times")
    if end > whole_s + END_TOLERANCE_S:
        raise InputError(f"{path}: stretch ends at {end} s, the file at {whole_s:.3f} s: correct the times")
    first, last = round(start * file.samplerate), min(round(end * file.samplerate), file.frames)
    return first, max(last - first, 0)


def _decoded(file, path, first, count, dtype):
    """Samples (count, C); fewer than the header promised is an error."""
    if file.tell() != first:
        file.seek(first)
    samples = file.read(count, dtype=dtype, always_2d=True)
    if len(samples) < count:
        raise InputError(
            f"{path}: truncated, {first + len(samples)} samples can be decoded where the header promises "
            f"{file.frames}; copy or download it again"
        )
    return samples


def _check_length(count, rate, path):
    if count < round(MIN_SECONDS * rate):
        raise InputError(f"{path}: {count / rate:.3f} s of audio; expected at least {MIN_SECONDS} s: leave it out")


def _mono(samples, path):
    """Mean of the channels, (N, C) -> (N,); refuses what is not finite and what is silent throughout."""
    if not np.isfinite(samples).all():
        bad = int(np.count_nonzero(~np.isfinite(samples)))
        raise InputError(f"{path}: {bad} samples are NaN or infinite; expected finite samples: convert it again")
    waveform = samples.mean(axis=1, dtype=np.float32)
    if not waveform.any():
        raise InputError(f"{path}: {len(waveform)} samples, all zero; expected speech: leave it out")
    return waveform
