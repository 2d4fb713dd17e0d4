import concurrent.futures
import dataclasses
import multiprocessing
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from common.errors import InputError
from common.features import feature_store
from common.utterance import Utterance

RATE = 8000


@dataclasses.dataclass(frozen=True)
class FrontEnd:
    sample_rate_hz: int = RATE
    gain: float = 1.0


def front_end_function(waveform, sample_rate_hz, front_end):
    trace = sys.modules[__name__].TRACE
    if trace is not None:
        with open(trace, "a") as file:
            file.write("x")
    return (waveform[: len(waveform) // 10 * 10].reshape(1, -1, 10) * front_end.gain).astype("float32")


TRACE = None


@pytest.fixture
def utterances(tmp_path):
    members = []
    for k in range(3):
        path = tmp_path / f"u{k}.wav"
        soundfile.write(path, np.random.default_rng(k).uniform(-0.5, 0.5, 2000 + 100 * k), RATE, subtype="FLOAT")
        members.append(Utterance(id=f"u{k}", path=path, emotion="anger", speaker="s"))
    return members


@pytest.fixture
def compute(tmp_path, utterances, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "TRACE", tmp_path / "trace")

    def run(front_end=FrontEnd(), version="1", these=None):
        (tmp_path / "trace").write_text("")
        these = these or utterances
        entries = feature_store.compute(
            these,
            front_end_function,
            front_end,
            hashes=feature_store.fingerprints(these, workers=1),
            version=version,
            root=tmp_path / "store",
            workers=1,
            label="test",
        )
        return entries, len((tmp_path / "trace").read_text())

    return run


def test_features_are_computed_once_and_read_back_exactly(compute, utterances):
    entries, computed = compute()
    assert computed == 3
    stored = feature_store.StoredFeatures(entries[u.id] for u in utterances)
    for utterance, array in zip(utterances, stored, strict=True):
        waveform, _ = soundfile.read(utterance.path, dtype="float32")
        np.testing.assert_array_equal(array, front_end_function(waveform, RATE, FrontEnd()))
    again, computed = compute()
    assert computed == 0
    assert again == entries


@pytest.mark.parametrize("change", [{"front_end": FrontEnd(gain=2.0)}, {"version": "2"}])
def test_other_settings_or_other_code_mean_other_features(compute, change):
    compute()
    _, computed = compute(**change)
    assert computed == 3


def test_other_content_under_the_same_name_means_other_features(compute, utterances):
    compute()
    soundfile.write(utterances[1].path, np.linspace(-0.1, 0.1, 1000), RATE, subtype="FLOAT")
    entries, computed = compute()
    assert computed == 1
    assert entries["u1"].shape == (1, 100, 10)


def test_a_channel_of_a_file_has_its_own_features(compute, utterances):
    compute()
    channel = dataclasses.replace(utterances[0], id="left", channel=1)
    entries, computed = compute(these=[*utterances, channel])
    assert computed == 1 and entries["left"].shape == entries["u0"].shape


def test_all_bad_recordings_are_named_at_once_and_the_others_kept(compute, utterances):
    for utterance in utterances[:2]:
        utterance.path.write_bytes(b"")
    with pytest.raises(InputError, match=r"2 of 3 recordings cannot be used:\n.*u0\.wav: empty.*\n.*u1\.wav: empty"):
        compute()
    _, computed = compute(these=utterances[2:])
    assert computed == 0


def test_a_stretch_of_a_file_has_its_own_features(compute, utterances):
    compute()
    stretch = dataclasses.replace(utterances[0], id="part", start_s=0.0, end_s=0.125)
    entries, computed = compute(these=[*utterances, stretch])
    assert computed == 1
    assert entries["part"].shape == (1, 100, 10)


def _damaged(entry, damage) -> tuple[Path, bytes]:
    """The file of an entry, damaged, and what it held."""
    place = Path(entry.path)
    content = place.read_bytes()
    place.write_bytes(damage(content))
    return place, content


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"no array" * 100])
def test_an_entry_that_is_not_whole_is_computed_again(compute, damage):
    entries, _ = compute()
    place, content = _damaged(entries["u0"], damage)
    _, computed = compute()
    assert computed == 1
    assert place.read_bytes() == content


def test_an_entry_with_other_bytes_is_refused_when_it_is_read_and_computed_by_the_next_run(compute):
    entries, _ = compute()
    place, content = _damaged(entries["u0"], lambda b: b[:200] + b"\x55" + b[201:])
    with pytest.raises(InputError, match=r"was damaged on the disk and has been removed; run again"):
        feature_store.StoredFeatures([entries["u0"]])[0]
    _, computed = compute()
    assert computed == 1
    assert place.read_bytes() == content


def test_nothing_half_written_stays(compute, tmp_path):
    compute()
    assert {path.suffix for path in (tmp_path / "store").rglob("*") if path.is_file()} == {".npy"}


def test_values_that_are_not_finite_are_refused(compute):
    with pytest.raises(InputError, match=r"u0\.wav: the front end made values that are not finite"):
        compute(front_end=FrontEnd(gain=float("inf")))


def test_a_store_that_cannot_be_written_is_one_sentence(compute, tmp_path):
    (tmp_path / "store").write_text("a file where a folder should be")
    with pytest.raises(InputError, match="feature store .* cannot be written .*--store"):
        compute()


def _compute_all(root, paths):
    these = [Utterance(id=path.stem, path=path, emotion="anger", speaker="s") for path in paths]
    hashes = feature_store.fingerprints(these, workers=1)
    settings = {"hashes": hashes, "version": "1", "root": root, "workers": 1, "label": "test"}
    return feature_store.compute(these, front_end_function, FrontEnd(), **settings)


def test_two_runs_at_once_share_a_store(tmp_path):
    paths = [tmp_path / f"u{k}.wav" for k in range(40)]
    for k, path in enumerate(paths):
        soundfile.write(path, np.random.default_rng(k).uniform(-0.5, 0.5, 4000), RATE, subtype="FLOAT")
    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        first, second = pool.map(_compute_all, [tmp_path / "store"] * 2, [paths] * 2)
    assert first == second == _compute_all(tmp_path / "store", paths)
    assert len([path for path in (tmp_path / "store").rglob("*") if path.is_file()]) == 40
    for path, array in zip(paths, feature_store.StoredFeatures(first[p.stem] for p in paths), strict=True):
        np.testing.assert_array_equal(array.ravel(), soundfile.read(path, dtype="float32")[0])


def test_what_a_killed_run_had_half_written_goes_with_the_next_one(compute, tmp_path):
    entries, _ = compute()
    place = Path(entries["u0"].path)
    place.rename(place.with_name(f"{place.name}.4711.tmp"))  # as SIGKILL leaves it: written, not yet in its place
    _, computed = compute()
    assert computed == 1
    assert {path.suffix for path in (tmp_path / "store").rglob("*") if path.is_file()} == {".npy"}


def test_another_run_that_was_first_and_cleared_up_is_no_error(compute, tmp_path, monkeypatch):
    replace = os.replace

    def other_run_first(source, target):
        replace(source, target)
        raise FileNotFoundError(source)

    monkeypatch.setattr(os, "replace", other_run_first)
    entries, computed = compute()
    assert computed == 3 and all(entries.values())


def _die(waveform, sample_rate_hz, front_end):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_process_that_dies_is_one_sentence(utterances, tmp_path):
    hashes = feature_store.fingerprints(utterances, workers=1)
    places = {"root": tmp_path / "store", "workers": 2, "label": "features of a test"}
    with pytest.raises(InputError, match="computing features of a test died .*take fewer --workers"):
        feature_store.compute(utterances, _die, FrontEnd(), hashes=hashes, version="1", **places)
