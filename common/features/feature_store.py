"""Features computed once per (audio content, stretch, front-end settings, code), kept on disk, read memory-mapped.

An entry is a .npy file followed by the CRC-32 of its bytes. It appears under its name in one step, so two runs can
share a store. Planning a run reads the headers of entries alone; each process checks an entry's bytes when it first
reads them.
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
    """Where features, checkpoints and synthetic corpora are kept: `SER_CACHE`, by default `.cache`."""
    if (folder := os.environ.get("SER_CACHE", ".cache")) == "":
        raise InputError("SER_CACHE is empty; give it a folder, or unset it")
    return Path(folder)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A stored array: where its values begin and what shape they have."""

    path: str
    offset: int
    shape: tuple[int, ...]


class StoredFeatures(Sequence):
    """Arrays of a store, mapped when asked for and not held: memory does not grow with the corpus."""

    def __init__(self, entries):
        self.entries = tuple(entries)

    def __len__(self):
        return len(self.entries)

    def __getitem__(self, index):
        """An array. Raises InputError where its entry was damaged, which is removed so that a new run computes it."""
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
    """SHA-256 of every utterance's audio file, by id; each file is read once."""
    paths = sorted({u.path for u in utterances})
    hashes = joblib.Parallel(n_jobs=workers, prefer="threads")(joblib.delayed(audio.fingerprint)(p) for p in paths)
    by_path = dict(zip(paths, hashes, strict=True))
    return {u.id: by_path[u.path] for u in utterances}


def compute(utterances, function, front_end, *, hashes, version, root, workers, label) -> dict[str, Entry]:
    """Entries of all utterances by id, computing in parallel what the store lacks.

    Args:
        utterances: what to compute features of.
        function: `(waveform, sample_rate_hz, front_end) -> (S, T, ...)` float32; importable by name in a new process.
        front_end: a dataclass, the only settings that `function` sees; `front_end.sample_rate_hz` is the rate of the
            waveform it gets (None: the file's own).
        hashes: audio fingerprints by id.
        version: what names the code behind `function`: a hash, versions of libraries; anything that JSON takes.
        root: the store's folder.
        workers: processes.
        label: what the progress bar says.

    Raises:
        InputError: audio files are bad (the first ten are named, and how many more), or the store cannot be written;
            what is finished stays in the store.
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
    """An utterance's id, its entry, and "" or what is wrong with its recording."""
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
    """Put a float32 array at a place, in one step.

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
    """The entry at a place; None where there is none, or where it is not as long as its header says."""
    try:
        with open(place, "rb") as file:
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            offset, size = file.tell(), os.fstat(file.fileno()).st_size
    except (OSError, ValueError):  # not there, not readable, or no header: computed, and written or refused
        return None
    complete = size == offset + math.prod(shape) * dtype.itemsize + CHECKSUM_BYTES
    return Entry(str(place), offset, shape) if complete else None
