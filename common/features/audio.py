"""Read audio files as float32 mono waveforms, always together with their sample rate.

All formats that libsndfile decodes are accepted: WAV, FLAC, AIFF, Ogg, MP3, SPHERE and others, with any coding and
number of channels. Mono is the mean of the channels, or one of them. An unusable file raises InputError; files are
never repaired silently.

Where headers are unreliable, lengths are counted: MP3 frames, and the samples of a FLAC or WAV without a stated length.
A file counts as truncated only if its bytes prove it (common/features/containers). Recordings without speech are
refused by the thresholds in common/features/recordings.
"""

import contextlib
import hashlib
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from common.errors import InputError, unusable
from common.features import containers, recordings
from common.features.recordings import MIN_SECONDS

END_TOLERANCE_S = 0.025
"""Times of label files are rounded, and lengths of other decoders differ: an end within one analysis frame (25 ms)
behind the last sample is the last sample."""

_BLOCK_FRAMES = 1 << 18
_OPEN_END = 1 << 62  # what libsndfile reports for a FLAC whose header leaves the length open


def read(path, *, sample_rate_hz=None, start_s=None, end_s=None, channel=None) -> tuple[np.ndarray, int]:
    """The waveform of a file, or of the stretch `start_s` to `end_s` of it.

    Args:
        path: an audio file.
        sample_rate_hz: resample to this rate (soxr, quality HQ); None keeps the file's own.
        start_s: start in seconds; None is the beginning of the file.
        end_s: end in seconds; None is the end of the file.
        channel: counted from 1; None is the mean of all channels.

    Returns:
        The waveform (N,), float32, and its sample rate in Hz.

    Raises:
        InputError: the file is not audio, is truncated, has no such channel, or the stretch is empty, silent, shorter
            than `MIN_SECONDS`, not finite or outside the file.
    """
    path = Path(path)
    with _opened(path) as file:
        rate = file.samplerate
        first, count = _span(file, path, start_s, end_s)
        _check_length(count, rate, path)
        samples = _decoded(file, path, first, count, "float32")  # (N, C)
    waveform = _mono(samples, path, channel)  # (N,)
    if fault := recordings.fault(waveform, rate, whole=start_s is None and end_s is None):
        raise InputError(f"{path}: {fault}; expected speech: leave it out")
    if sample_rate_hz is not None and sample_rate_hz != rate:
        waveform, rate = soxr.resample(waveform, rate, sample_rate_hz, quality="HQ"), sample_rate_hz
    return np.ascontiguousarray(waveform), rate


def read_utterance(utterance, *, sample_rate_hz=None) -> tuple[np.ndarray, int]:
    """`read` the file, stretch and channel of an Utterance; returns and raises as there."""
    return read(
        utterance.path,
        sample_rate_hz=sample_rate_hz,
        start_s=utterance.start_s,
        end_s=utterance.end_s,
        channel=utterance.channel,
    )


class Window(NamedTuple):
    """A stretch of a recording: start and end in seconds, waveform (N,) float32, and why it is unusable, or ""."""

    start_s: float
    end_s: float
    waveform: np.ndarray
    sample_rate_hz: int
    fault: str


def num_windows(path, *, window_s, hop_s) -> int:
    """The number of windows that `windows` yields."""
    return len(_window_starts(*duration(path), window_s, hop_s)[0])


def windows(path, *, window_s, hop_s, sample_rate_hz=None, channel=None):
    """Yield the overlapping windows of a recording; the file is decoded once, and memory holds one window at a time.

    Args:
        path: an audio file.
        window_s: length of each window; a shorter recording is one window.
        hop_s: step, at most `window_s`. The last window always ends at the end of the recording.
        sample_rate_hz, channel: see `read`.

    Yields:
        Window.

    Raises:
        InputError: the file is not audio, too short, truncated, or has no such channel.
    """
    path = Path(path)
    with _opened(path) as file:
        rate, num_frames = file.samplerate, _num_frames(file)
        _check_length(num_frames, rate, path)
        _check_channel(file.channels, path, channel)
        starts, width = _window_starts(num_frames, rate, window_s, hop_s)
        held, begins = np.empty((0, file.channels), dtype="float32"), 0
        for start in starts:
            held, begins = held[start - begins :], start
            held = np.concatenate([held, _decoded(file, path, 0, width - len(held), "float32")])
            yield _window(held, start, rate, path, sample_rate_hz, channel)


def _window_starts(num_frames, rate, window_s, hop_s):
    """Index of each window's first frame, and the width in frames."""
    width, hop = min(round(window_s * rate), num_frames), round(hop_s * rate)
    starts = list(range(0, num_frames - width + 1, hop))
    return starts if starts[-1] + width == num_frames else [*starts, num_frames - width], width


def _window(samples, start, rate, path, sample_rate_hz, channel) -> Window:
    times = start / rate, (start + len(samples)) / rate
    try:
        waveform = _mono(samples, path, channel)
    except InputError as error:
        return Window(*times, samples[:0, 0], rate, str(error).removeprefix(f"{path}: "))
    if fault := recordings.fault(waveform, rate, whole=False):
        return Window(*times, waveform[:0], rate, fault)
    if sample_rate_hz is not None and sample_rate_hz != rate:
        waveform, rate = soxr.resample(waveform, rate, sample_rate_hz, quality="HQ"), sample_rate_hz
    return Window(*times, np.ascontiguousarray(waveform), rate, "")


def read_every_file(corpus, *, workers, seen_hz=recordings.USUAL_BAND_HZ) -> tuple[str, ...]:
    """Read all recordings of a corpus; returns warnings on doubtful ones (`recordings.warnings`).

    Args:
        corpus: a Corpus.
        workers: threads.
        seen_hz: the highest frequency that a front end uses.

    Raises:
        InputError: there are unusable recordings; the message lists the first ten and counts the others.
    """
    import joblib

    reads = joblib.Parallel(n_jobs=workers, prefer="threads")(joblib.delayed(_measures)(u) for u in corpus.utterances)
    if faults := [str(reading) for reading in reads if isinstance(reading, InputError)]:
        raise InputError(unusable(faults, len(corpus.utterances)))
    return recordings.warnings({u.id: reading for u, reading in zip(corpus.utterances, reads, strict=True)}, seen_hz)


def _measures(utterance):
    """The Measures of a recording, or the InputError that it raises."""
    try:
        return recordings.measure(*read_utterance(utterance))
    except InputError as error:
        return error


def duration(path) -> tuple[int, int]:
    """Number of frames and sample rate in Hz; only files without a stated length are decoded."""
    path = Path(path)
    with _opened(path) as file:
        return _num_frames(file), file.samplerate


def fingerprint(path) -> str:
    """Hexadecimal SHA-256 of the file's bytes, which also depends on container and tags."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error


def content_hash(path, start_s=None, end_s=None) -> str:
    """Hexadecimal SHA-256 of samples, number of channels and rate: equal for a WAV and a FLAC of the same audio.

    Samples are decoded as float64, which represents integers up to 32 bit and float32 exactly. (libsndfile's int32
    would round all samples of a float file to 0, so that all float files would have the same hash.)
    """
    path = Path(path)
    with _opened(path) as file:
        first, count = _span(file, path, start_s, end_s)
        digest = hashlib.sha256(f"{file.samplerate} {file.channels} ".encode())
        for begin in range(0, count, _BLOCK_FRAMES):
            block = _decoded(file, path, first if begin == 0 else 0, min(_BLOCK_FRAMES, count - begin), "float64")
            digest.update((block + 0.0).astype("<f8", copy=False).tobytes())  # + 0.0 turns -0.0 into 0.0
    return digest.hexdigest()


class _Sound(soundfile.SoundFile):
    """Reads forward only. SoundFile seeks after every block, which fails for some codings (DWVW, GSM 6.10)."""

    def seekable(self):
        return False

    def skip_to(self, frame):
        """Advance to a frame by a seek if that is exact, else by decoding the samples before it.

        libsndfile's seek is inexact in MP3 files of variable bit rate.
        """
        if frame and super().seekable() and self.format != "MP3" and not self.subtype.startswith("DWVW"):
            self.seek(frame)
        else:
            while frame > 0 and len(skipped := self.read(min(frame, _BLOCK_FRAMES))):
                frame -= len(skipped)


@contextlib.contextmanager
def _opened(path):
    """The open file. Errors of libsndfile, on opening and within the block, become InputErrors."""
    _check_file(path)
    opened = False
    try:
        with contextlib.ExitStack() as stack:
            file = _sound(path, stack)
            opened = True
            _check_header(file, path)
            yield file
    except soundfile.LibsndfileError as error:
        reason = error.error_string.removeprefix("Error : ").rstrip(".")
        if instead := containers.instead_of_sound(path):
            message = f"not a recording but {instead}"
        elif opened:
            message = f"damaged, decoding stops ({reason}); expected a whole file: copy or convert it again"
        else:
            message = (
                f"not audio that can be decoded ({reason}); expected WAV, FLAC or another format of libsndfile, whole: "
                "copy or convert the file again"
            )
        raise InputError(f"{path}: {message}") from error
    except TypeError as error:  # soundfile takes .raw files for headerless audio and asks for their format
        raise InputError(f"{path}: headerless audio; expected a format with a header: convert it to WAV") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


def _sound(path, stack) -> _Sound:
    """The file, opened so that libsndfile gets the correct length."""
    source = _complete(path, containers.source_of(path))
    file = _first_that_opens(path, source, stack)
    if file.format == "MP3" and (source := _complete(path, containers.mp3_source(path))) != str(path):
        file = stack.enter_context(_Sound(source))
    return file


def _complete(path, source):
    if source.fault:
        raise InputError(f"{path}: truncated, {source.fault}; copy or download it again")
    return source.file


def _first_that_opens(path, source, stack) -> _Sound:
    """The file opened by name, or by content if macOS left `._NAME` beside it.

    libsndfile would take `._NAME` for the header of a Sound Designer file.
    """
    if source == str(path) and path.with_name(f"._{path.name}").is_file():
        with contextlib.suppress(soundfile.LibsndfileError):
            return stack.enter_context(_Sound(containers.Spliced(b"", path, 0)))
    return stack.enter_context(_Sound(source))


def _check_file(path):
    if not path.is_file():
        instead = "a folder" if path.is_dir() else "a pipe or a device" if path.exists() else "nothing"
        raise InputError(f"{path}: expected an audio file, found {instead}; check the path")
    try:
        num_bytes = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    if num_bytes == 0:
        raise InputError(f"{path}: empty (0 bytes); expected an audio file: copy it again")


def _check_header(file, path):
    if file.frames == 0:
        raise InputError(f"{path}: audio without a single sample; expected at least {MIN_SECONDS} s: leave it out")


def _num_frames(file) -> int:
    """Number of frames, counted by decoding if the header does not state it; the position is then reset to 0."""
    if file.frames < _OPEN_END:
        return file.frames
    count = 0
    while block := len(file.read(_BLOCK_FRAMES, dtype="int16")):
        count += block
    file.seek(0)
    return count


def _span(file, path, start_s, end_s):
    """First frame and number of frames of the stretch."""
    num_frames = _num_frames(file)
    whole_s = num_frames / file.samplerate
    start = 0.0 if start_s is None else start_s
    end = whole_s if end_s is None else end_s
    if not (math.isfinite(start) and math.isfinite(end) and 0 <= start < end):
        raise InputError(f"{path}: stretch from {start} s to {end} s; expected 0 <= start < end: correct the times")
    if end > whole_s + END_TOLERANCE_S:
        raise InputError(f"{path}: stretch ends at {end} s, the file at {whole_s:.3f} s: correct the times")
    first, last = round(start * file.samplerate), min(round(end * file.samplerate), num_frames)
    return first, max(last - first, 0)


def _decoded(file, path, first, count, dtype):
    """Samples (count, C) from frame `first` on; raises InputError if there are fewer."""
    file.skip_to(first)
    samples = file.read(count, dtype=dtype, always_2d=True)
    if len(samples) < count:
        raise InputError(
            f"{path}: truncated, {first + len(samples)} samples can be decoded where the header promises "
            f"{file.frames}; copy or download it again"
        )
    return samples


def _check_length(count, rate, path):
    if rate < recordings.MIN_RATE_HZ:
        raise InputError(
            f"{path}: {rate} samples a second; expected {recordings.MIN_RATE_HZ} or more, as speech needs: correct the "
            "rate in its header or leave it out"
        )
    if count < round(MIN_SECONDS * rate):
        raise InputError(f"{path}: {count / rate:.3f} s of audio; expected at least {MIN_SECONDS} s: leave it out")


def _check_channel(count, path, channel):
    if channel is not None and not 1 <= channel <= count:
        raise InputError(f"{path}: channel {channel} of {count}; expected a number from 1 to {count}")


def _mono(samples, path, channel):
    """One channel or the mean of all, (N, C) -> (N,).

    Raises:
        InputError: samples are not finite or out of range, or the channels cancel each other.
    """
    _check_channel(samples.shape[1], path, channel)
    if not np.isfinite(samples).all():
        bad = int(np.count_nonzero(~np.isfinite(samples)))
        raise InputError(f"{path}: {bad} samples are NaN or infinite; expected finite samples: convert it again")
    if (peak := np.abs(samples).max()) > recordings.MAX_PEAK:
        raise InputError(
            f"{path}: samples up to {peak:.4g}; expected [-1, 1]: divide integers by 32768 where they become floats"
        )
    if channel is not None:
        return samples[:, channel - 1]
    waveform = samples.mean(axis=1, dtype=np.float32)
    if fault := recordings.channel_fault(samples, waveform):
        raise InputError(f"{path}: {fault}; expected speech in their mean: choose one with a channel")
    return waveform
