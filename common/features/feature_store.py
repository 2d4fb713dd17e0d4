"""Features on disk, computed once per (audio content, stretch, front-end settings, code) and read memory-mapped.

An entry is a .npy file followed by the CRC-32 of its bytes. It is written atomically, so several runs can share a
store. Planning a run reads only the headers of entries; each process verifies an entry's checksum at its first read.
"""

import dataclasses
import hashlib
import io
import json
import math
import os
import zlib
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import joblib
import numpy as np

from common import progress
from common.atomic_file import atomic
from common.errors import InputError, unusable
from common.features import audio

CHECKSUM_BYTES = 4


def cache_dir() -> Path:
    """Folder of features, checkpoints and synthetic corpora: `SER_CACHE`, by default `.cache`.

    Raises:
        InputError: SER_CACHE is empty.
    """
    if (folder := os.environ.get("SER_CACHE", ".cache")) == "":
        raise InputError("SER_CACHE is empty; give it a folder, or unset it")
    return Path(folder)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A stored array: its file, the offset of its values in bytes, and its shape."""

    path: str
    offset: int
    shape: tuple[int, ...]


class StoredFeatures(Sequence):
    """Arrays of a store, memory-mapped on access and not held, so that memory does not grow with the corpus."""

    def __init__(self, entries):
        self.entries = tuple(entries)

    def __len__(self):
        return len(self.entries)

    def __getitem__(self, index):
        """An array, float32. A damaged entry is removed, so that the next run recomputes it, and raises InputError."""
        entry = self.entries[index]
        if entry.path not in _CHECKED:
            _check(entry.path)
            _CHECKED.add(entry.path)
        return np.memmap(entry.path, dtype="float32", mode="r", offset=entry.offset, shape=entry.shape)


_CHECKED = set()  # paths of the entries whose bytes this process has held against their checksum


def _check(path):
    content = Path(path).read_bytes()
    if zlib.crc32(content[:-CHECKSUM_BYTES]) != int.from_bytes(content[-CHECKSUM_BYTES:], "little"):
        Path(path).unlink(missing_ok=True)
        raise InputError(
            f"{path}, an entry of the feature store, was damaged on the disk and has been removed; "
            "run again, which computes it anew"
        )


def fingerprints(utterances, *, workers) -> dict[str, str]:
    """{utterance id: SHA-256 of its audio file}; each file is read once."""
    paths = sorted({u.path for u in utterances})
    hashes = joblib.Parallel(n_jobs=workers, prefer="threads")(joblib.delayed(audio.fingerprint)(p) for p in paths)
    by_path = dict(zip(paths, hashes, strict=True))
    return {u.id: by_path[u.path] for u in utterances}


def compute(utterances, function, front_end, *, hashes, version, root, workers, label) -> dict[str, Entry]:
    """{utterance id: Entry}; features missing from the store are computed in parallel.

    Args:
        utterances: Utterances.
        function: `(waveform, sample_rate_hz, front_end) -> (S, T, ...)` float32; importable by name in a new process.
        front_end: a dataclass with all settings of `function`; the waveform is resampled to
            `front_end.sample_rate_hz` (None: the file's own rate).
        hashes: audio fingerprints by id.
        version: identifies the code of `function`: its hash, versions of libraries; any JSON value.
        root: the store's folder.
        workers: processes.
        label: of the progress bar.

    Raises:
        InputError: audio files are unusable (the message lists the first ten and counts the others), or the store
            cannot be written. Finished entries stay in the store.
    """
    settings = json.dumps(dataclasses.asdict(front_end), sort_keys=True)
    names = {u.id: _key(hashes[u.id], u, settings, version) for u in utterances}
    entries = {u.id: _open(_place(root, names[u.id])) for u in utterances}
    missing = [u for u in utterances if entries[u.id] is None]
    if missing:
        jobs = (joblib.delayed(_compute_one)(u, function, front_end, _place(root, names[u.id])) for u in missing)
        results = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")(jobs)
        faults = {}
        try:
            for utterance_id, entry, fault in progress.bar(results, total=len(missing), desc=label, unit="file"):
                entries[utterance_id] = entry
                if fault:
                    faults[utterance_id] = fault
        except BrokenProcessPool as error:
            raise InputError(
                f"a process computing {label} died (out of memory?); take fewer --workers and run again, "
                "what is finished stays in the store"
            ) from error
        if faults:
            raise InputError(unusable([faults[name] for name in sorted(faults)], len(utterances)))
    return entries


def _key(audio_hash, utterance, settings, version) -> str:
    stretch = [utterance.start_s, utterance.end_s, *([utterance.channel] if utterance.channel else [])]
    return hashlib.sha256(json.dumps([audio_hash, *stretch, settings, version]).encode()).hexdigest()


def _place(root, name) -> Path:
    return Path(root, name[:2], f"{name}.npy")


def _compute_one(utterance, function, front_end, place):
    """An utterance's id, its entry or None, and the fault of its recording or ""."""
    try:
        waveform, rate = audio.read_utterance(utterance, sample_rate_hz=front_end.sample_rate_hz)
    except InputError as error:
        return utterance.id, None, str(error)
    array = np.ascontiguousarray(function(waveform, rate, front_end), dtype="float32")
    if not np.isfinite(array).all():
        fault = f"{utterance.path}: the front end made values that are not finite; check the recording"
        return utterance.id, None, fault
    return utterance.id, write(place, array), ""


def write(place, array) -> Entry:
    """Write a float32 array atomically to the path `place`; returns its Entry.

    Raises:
        InputError: the store cannot be written.
    """
    file = io.BytesIO()
    np.save(file, array)
    content = file.getvalue()
    try:
        with atomic(place) as entry:
            entry.write(content + zlib.crc32(content).to_bytes(CHECKSUM_BYTES, "little"))
    except OSError as error:
        raise InputError(
            f"the feature store {place.parent.parent} cannot be written ({error.strerror}); "
            "free some space or give another folder with --store"
        ) from error
    return _open(place)


def _open(place) -> Entry | None:
    """The entry at a path; None if there is none or its length does not match its header."""
    try:
        with open(place, "rb") as file:
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            offset, size = file.tell(), os.fstat(file.fileno()).st_size
    except (OSError, ValueError):  # not there, not readable, or no header: computed, and written or refused
        return None
    complete = size == offset + math.prod(shape) * dtype.itemsize + CHECKSUM_BYTES
    return Entry(str(place), offset, shape) if complete else None
