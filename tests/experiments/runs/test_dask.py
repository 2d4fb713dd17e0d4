"""Folds on Dask: a scheduler and two workers in processes of their own, one of them killed; and what does not fit."""

import asyncio
import contextlib
import dataclasses
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import distributed
import numpy as np
import pytest
import soundfile

from common import corpora
from common.corpora import synthetic
from common.errors import InputError
from common.features import feature_store
from experiments.runs import compare, dask_engine, jobs
from tests.support import trained_systems
from tests.support.kill_loop import evidence

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 900
FOLDS = ("fold_1", "fold_2")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with a small synthetic RAVDESS."""
    folder = tmp_path_factory.mktemp("corpora")
    synthetic.synthesize("ravdess", folder / "ravdess", speakers=4, files=2, workers=1, progress=False)
    return folder


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """Starts programs of the suite, what they say in a file; whatever still runs at the end is killed."""
    started = []
    folder = tmp_path_factory.mktemp("outputs")

    def start(*command, **environment):
        output = folder / f"{len(started)}.txt"
        with open(output, "w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", *map(str, command)],
                cwd=ROOT,
                env={**os.environ, "SER_BACKUP_SECONDS": "0", **{k: str(v) for k, v in environment.items()}},
                stdout=file,
                stderr=file,
            )
        process.output = output
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def address(processes):
    """Of a scheduler that has no workers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes("dask", "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
    wait_until(lambda: answers(port))
    return f"tcp://127.0.0.1:{port}"


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def finish(process):
    process.wait(timeout=PATIENCE_S)
    said = process.output.read_text()
    assert process.returncode == 0, said[-2000:]
    assert "failed" not in said, said[-2000:]


def smoke(data, place, *more):
    return (
        *("run", "emmert", "--variant", "mfcc", "--corpus", "ravdess", "--data", data),
        *("--protocol", "speaker_independent", "--preset", "smoke", "--folds", "1-2", "--workers", 1),
        *("--results", place / "results", "--store", data / "store", *more),
    )


def test_a_scheduler_without_workers_is_one_sentence(address, tmp_path, monkeypatch):
    monkeypatch.setattr(dask_engine, "ANSWER_SECONDS", 5)
    with pytest.raises(InputError, match="has no workers; start them .*dask worker tcp://.* --nthreads 1 --nworkers N"):
        dask_engine.require(address, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_two_workers_finish_while_one_of_them_is_killed(processes, address, data, tmp_path, monkeypatch):
    workers = {}
    for name in ("first", "second"):
        workers[tmp_path / name] = processes(
            *("dask", "worker", address, "--no-nanny", "--nthreads", 1, "--no-dashboard"),
            *("--local-directory", tmp_path / name),
            SER_CACHE=tmp_path / name,
        )
    monkeypatch.setenv("SER_CACHE", str(tmp_path / "local" / "cache"))
    local = trained_systems.run(*smoke(data, tmp_path / "local"))
    assert local.exit_code == 0 and "failed" not in local.output, local.output
    expected = evidence(tmp_path / "local")
    assert len(expected) == len(FOLDS)

    command = smoke(data, tmp_path / "dask", "--scheduler", address)
    run = processes("experiments", *command, SER_CACHE=tmp_path / "dask" / "cache")
    wait_until(lambda: run.poll() is not None or any(map(unfinished, workers)))
    assert any(map(unfinished, workers)), run.output.read_text()[-2000:]
    victim = next(filter(unfinished, workers))
    workers[victim].send_signal(signal.SIGKILL)
    workers[victim].wait()
    assert unfinished(victim), "killed too late to test anything"
    finish(run)
    assert evidence(tmp_path / "dask") == expected
    assert not [path for path in (tmp_path / "dask" / "results" / "runs").rglob("*") if is_left(path)]


def unfinished(cache):
    """Checkpoints of folds that a worker is in the midst of."""
    return list((cache / "checkpoints").glob("*.npz"))


def is_left(path):
    return path.is_file() and path.suffix != ".json"


@pytest.fixture
def silent():
    """Address of a program that takes connections and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"tcp://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize(
    ("where", "reason"), [("silent", "waited 1 s"), ("tcp://127.0.0.1:1", "waited 1 s"), ("nowhere", "missing port")]
)
def test_what_does_not_answer_is_one_sentence_in_time(where, reason, silent, tmp_path, monkeypatch):
    monkeypatch.setattr(dask_engine, "ANSWER_SECONDS", 1)
    begin = time.monotonic()
    with pytest.raises(InputError, match=f"no Dask scheduler answers at .*{reason}.*; start one with"):
        compare.train(
            [],
            ["ravdess"],
            **dict.fromkeys(("protocols", "data", "emotions", "seeds", "fold_names", "workers", "store")),
            results=tmp_path,
            scheduler=silent if where == "silent" else where,
        )
    assert time.monotonic() - begin < 30


def test_a_worker_that_does_not_fit_says_why(tmp_path):
    here = dask_engine.environment()
    one, two = (SimpleNamespace(state=SimpleNamespace(nthreads=n)) for n in (1, 2))
    marker = tmp_path / "runs" / "marker"
    assert "cannot access" in dask_engine.unfit(here, str(marker), one)
    marker.parent.mkdir()
    marker.touch()
    assert dask_engine.unfit(here, str(marker), one) is None
    assert dask_engine.unfit(here, None, one) is None
    assert "runs 2 trainings in one process; start it with --nthreads 1" in dask_engine.unfit(here, None, two)
    other = {**here, "keras": "0.1", "suite": "0"}
    assert f"has keras {here['keras']} instead of 0.1" in dask_engine.unfit(other, None, one).replace(
        f"suite {here['suite']} instead of 0, ", ""
    )


def test_seeds_of_layers_do_not_depend_on_what_other_threads_draw(monkeypatch):
    import keras
    from keras.src.random import seed_generator
    from keras.src.utils import rng_utils

    monkeypatch.setattr(seed_generator, "python_random", random)  # as it is at first, and again after this test
    monkeypatch.setattr(rng_utils, "random", random)

    def seeds():
        keras.utils.set_random_seed(7)
        drawn = []
        for _ in range(3):
            random.random()  # as Dask does, between two layers
            drawn.append(keras.initializers.GlorotUniform().seed)
        return drawn

    keras.utils.set_random_seed(7)
    expected = [keras.initializers.GlorotUniform().seed for _ in range(3)]
    assert seeds() != expected
    dask_engine._keep_random_numbers_apart()
    assert seeds() == expected


@pytest.fixture
def job(data, tmp_path, monkeypatch):
    """One fold with relative paths, as a command in the folder of the corpora makes it; features in ./store."""
    shutil.copytree(data / "ravdess", tmp_path / "ravdess")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SER_CACHE", str(tmp_path / "elsewhere"))
    (system,) = compare.systems([("emmert", "mfcc")], "smoke")
    places = {"store": Path("store"), "results": Path("results")}
    planned = jobs.plan(
        system,
        corpora.load("ravdess", Path(".")),
        emotions=None,
        protocol="speaker_independent",
        seeds=(0,),
        fold_names=FOLDS,
        workers=1,
        **places,
    )
    assert len(planned) == len(FOLDS)
    return planned[0]


def test_features_that_a_worker_does_not_see_are_made_there_from_the_recordings(job, tmp_path, monkeypatch):
    sent = dask_engine._with_absolute_paths(job)
    monkeypatch.chdir("/")
    assert dask_engine._with_features_at_hand(sent) is sent
    before = [array.copy() for array in feature_store.StoredFeatures(sent.features["test"])]
    assert before
    shutil.rmtree(tmp_path / "store")
    remade = dask_engine._with_features_at_hand(sent)
    assert all(Path(entry.path).is_relative_to(tmp_path / "elsewhere") for entry in remade.features["test"])
    for was, entry in zip(before, feature_store.StoredFeatures(remade.features["test"]), strict=True):
        np.testing.assert_array_equal(was, entry)
    assert remade.identity == sent.identity == job.identity


def test_other_recordings_on_a_worker_are_refused(job, tmp_path):
    sent = dask_engine._with_absolute_paths(job)
    shutil.rmtree(tmp_path / "store")
    soundfile.write(sent.fold.test[0].path, np.sin(np.arange(48_000) / 10), 48_000)
    with pytest.raises(InputError, match="other recordings of ravdess-synthetic; share the feature store"):
        dask_engine._with_features_at_hand(sent)
    shutil.rmtree(tmp_path / "ravdess")
    with pytest.raises(InputError, match="neither the feature store nor the recordings .*cannot be read"):
        dask_engine._with_features_at_hand(sent)


def test_two_runs_ask_for_a_fold_under_one_key_and_for_other_folds_under_others(job):
    sent = dask_engine._with_absolute_paths(job)
    assert Path(sent.results).is_absolute() and sent.fold.test[0].path.is_absolute()
    assert dask_engine._key(sent) == dask_engine._key(dask_engine._with_absolute_paths(job))
    others = [dataclasses.replace(sent, results="/elsewhere"), dataclasses.replace(sent, seed=1)]
    assert len({dask_engine._key(one) for one in (sent, *others)}) == 3


def test_workers_that_die_and_records_that_are_not_seen_are_sentences(job, monkeypatch):
    killed = distributed.KilledWorker("key", None, allowed_failures=3)
    assert "emmert/mfcc fold_1: all 4 Dask workers that ran it died" in str(dask_engine._sentence(killed, job))
    with pytest.raises(ZeroDivisionError):  # a mistake of ours is not turned into the user's
        dask_engine._sentence(ZeroDivisionError(), job)
    monkeypatch.setattr(dask_engine, "VISIBLE_SECONDS", 0)
    (failure,) = asyncio.run(dask_engine._not_seen([job]))
    assert "fold_1.json was written by a Dask worker and is not visible here; share --results" in str(failure)
    job.path.parent.mkdir(parents=True)
    job.path.touch()
    assert asyncio.run(dask_engine._not_seen([job])) == []
