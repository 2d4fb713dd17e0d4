"""Audio files to float32 mono waveforms; the sample rate always travels with the samples.

Whatever libsndfile decodes is accepted: WAV, FLAC, AIFF, Ogg, MP3, SPHERE and others, any coding, any channel count.
Mono is the mean of the channels, or one of them. A file that cannot be used raises InputError; none is repaired in
silence.

Lengths are counted, not taken from headers: MP3 by its frames, a FLAC or a WAV that states none by what is there. A
file is called truncated only where its bytes prove it (common/features/containers). A recording without speech is
refused by the thresholds of common/features/recordings.
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
        start_s: where to begin, in seconds; None is the file's beginning.
        end_s: where to end, in seconds; None is the file's end.
        channel: 1 is the first channel; None is the mean of all.

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
    """`read` of an Utterance: its file, stretch and channel."""
    return read(
        utterance.path,
        sample_rate_hz=sample_rate_hz,
        start_s=utterance.start_s,
        end_s=utterance.end_s,
        channel=utterance.channel,
    )


class Window(NamedTuple):
    """A stretch of a recording, heard for itself: seconds, waveform (N,) float32, and why it holds nothing, or ""."""

    start_s: float
    end_s: float
    waveform: np.ndarray
    sample_rate_hz: int
    fault: str


def num_windows(path, *, window_s, hop_s) -> int:
    """How many windows `windows` gives."""
    return len(_window_starts(*duration(path), window_s, hop_s)[0])


def windows(path, *, window_s, hop_s, sample_rate_hz=None, channel=None):
    """A recording in overlapping windows, one after the other; the file is decoded once, and memory holds one window.

    Args:
        path: an audio file.
        window_s: length of each; a shorter recording is one window.
        hop_s: step, at most `window_s`. The last window ends with the recording, whatever the step.
        sample_rate_hz, channel: as `read` takes them.

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
    """First frames of all windows, and their width in frames."""
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
    """Read all recordings of a corpus; the warnings on those that hold little speech.

    Args:
        corpus: a Corpus.
        workers: threads.
        seen_hz: the highest frequency that a front end sees.

    Raises:
        InputError: recordings that cannot be used; the first ten, and how many more.
    """
    import joblib

    reads = joblib.Parallel(n_jobs=workers, prefer="threads")(joblib.delayed(_measures)(u) for u in corpus.utterances)
    if faults := [str(reading) for reading in reads if isinstance(reading, InputError)]:
        raise InputError(unusable(faults, len(corpus.utterances)))
    return recordings.warnings({u.id: reading for u, reading in zip(corpus.utterances, reads, strict=True)}, seen_hz)


def _measures(utterance):
    """The Measures of a recording, or what is wrong with it."""
    try:
        return recordings.measure(*read_utterance(utterance))
    except InputError as error:
        return error


def duration(path) -> tuple[int, int]:
    """Number of frames and sample rate in Hz; nothing is decoded but what states no length."""
    path = Path(path)
    with _opened(path) as file:
        return _num_frames(file), file.samplerate


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
        for begin in range(0, count, _BLOCK_FRAMES):
            block = _decoded(file, path, first if begin == 0 else 0, min(_BLOCK_FRAMES, count - begin), "float64")
            digest.update((block + 0.0).astype("<f8", copy=False).tobytes())  # + 0.0 turns -0.0 into 0.0
    return digest.hexdigest()


class _Sound(soundfile.SoundFile):
    """Reads forward. SoundFile seeks after every block, at which files of some codings fail (DWVW, GSM 6.10)."""

    def seekable(self):
        return False

    def skip_to(self, frame):
        """Go forward to a frame: by a seek where that is exact, else by decoding what lies before.

        In an MP3 of variable bit rate libsndfile lands beside the frame.
        """
        if frame and super().seekable() and self.format != "MP3" and not self.subtype.startswith("DWVW"):
            self.seek(frame)
        else:
            while frame > 0 and len(skipped := self.read(min(frame, _BLOCK_FRAMES))):
                frame -= len(skipped)


@contextlib.contextmanager
def _opened(path):
    """The open file; whatever libsndfile reports against it, then or later, becomes an InputError."""
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
    """Opened so that libsndfile knows the right length."""
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
    """Not by name where macOS left `._NAME` beside NAME, which libsndfile takes for a Sound Designer file's header."""
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
    """Counted to the end where the header leaves it open; the file is at its beginning again."""
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
    """Samples (count, C) from frame `first` on; fewer than the file must have is an error."""
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

    Refuses samples that are not finite or out of range, and channels that cancel.
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
