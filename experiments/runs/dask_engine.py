"""Run folds on a Dask cluster: worker processes on any number of machines, with one training at a time in each.

A worker runs the same version of this suite, reads features from a shared store or computes them from the recordings,
and writes the fold's record itself. The results folder must have the same path on all machines.
"""

import asyncio
import contextlib
import dataclasses
import functools
import hashlib
import logging
import os
import platform
import random
import tempfile
import threading
import time
import warnings
from pathlib import Path

import distributed
from distributed.comm import connect
from distributed.core import Status
from distributed.security import Security
from distributed.versions import VersionMismatchWarning

from common.atomic_file import require_writable
from common.code_version import versions
from common.errors import InputError
from common.features import feature_store
from common.learning import backend
from common.processes import WATCH_SECONDS
from experiments import catalog
from experiments.runs import jobs
from experiments.runs.train_fold import VERSIONS_OF, run_job

ANSWER_SECONDS = 15  # timeout of a scheduler; workers, which import the suite first, have four times as long
ABSENCE_SECONDS = 600  # timeout while there are no workers
VISIBLE_SECONDS = 60  # timeout until a file written elsewhere is visible here, since NFS caches folders
POLL_SECONDS = 0.2
EPOCHS = "speech-emotion-epochs"  # topic of the events (key, finished epochs)

GO_ON = "finished folds are kept, the same command continues from here"
SAME = "check out the same commit and install requirements.txt on all machines, and restart it"


def require(address, results) -> None:
    """Raise InputError unless a scheduler with suitable workers answers, before any features are computed."""

    async def connect_and_leave():
        async with _cluster(address, results):
            pass

    asyncio.run(connect_and_leave())


def train(todo, address, progress) -> list[InputError]:
    """Run all jobs on a cluster; returns the errors of failed jobs, as schedule.run does."""
    return asyncio.run(_train([_with_absolute_paths(job) for job in todo], address, progress))


async def _train(todo, address, progress):
    index_of = {_key(job): index for index, job in enumerate(todo)}
    finished, failures = [], []

    def on_epoch(event):
        key, epoch = event[1]
        if key in index_of:
            progress.at(index_of[key], epoch)

    async with _cluster(address, todo[0].results) as client:
        client.subscribe_topic(EPOCHS, on_epoch)
        here = environment()
        futures = {key: client.submit(work, todo[index], here, key=key) for key, index in index_of.items()}
        try:
            async for key, error in _ended(client, futures):
                index = index_of.pop(key)
                progress.done(index)
                if error:
                    failures.append(_sentence(error, todo[index]))
                else:
                    finished.append(todo[index])
        finally:
            if client.status == "running":
                await client.cancel(list(futures.values()))
    return failures + await _not_seen(finished)


async def _ended(client, futures):
    """Yield (key, error or None) for each future when it ends, and remove it from `futures`.

    Raises:
        InputError: the connection to the scheduler is lost, or there was no worker for ABSENCE_SECONDS.
    """
    seen = time.monotonic()
    while futures:
        await asyncio.sleep(POLL_SECONDS)
        for key in [key for key, future in futures.items() if future.done()]:
            future = futures.pop(key)
            if future.cancelled():
                raise InputError(f"the connection to the Dask scheduler is lost; {GO_ON}")
            yield key, await future.exception()
        if client.scheduler_info()["n_workers"]:
            seen = time.monotonic()
        elif time.monotonic() - seen > ABSENCE_SECONDS:
            raise InputError(f"all Dask workers have been gone for {ABSENCE_SECONDS} s; start some and {GO_ON}")


def _sentence(error, job):
    if isinstance(error, InputError):
        return error
    if isinstance(error, distributed.KilledWorker):
        return InputError(
            f"{job.system.name} {job.fold.name}: all {error.allowed_failures + 1} Dask workers that ran it died "
            "(out of memory?); start them with a larger --memory-limit and run again"
        )
    raise error


async def _not_seen(finished):
    deadline = time.monotonic() + VISIBLE_SECONDS
    while hidden := [job for job in finished if not job.path.exists()]:
        if time.monotonic() > deadline:
            return [
                InputError(f"{job.path} was written by a Dask worker and is not visible here; share --results")
                for job in hidden
            ]
        await asyncio.sleep(POLL_SECONDS)
    return []


def _key(job):
    """A key that is the same for the same fold in every run, so that two simultaneous runs share one training."""
    digest = hashlib.sha256(f"{job.identity} {job.path}".encode()).hexdigest()
    return f"{job.system.name} {job.fold.name}-{digest}"


def _with_absolute_paths(job):
    """The job with absolute paths, since workers have other working folders."""
    parts = {
        name: tuple(dataclasses.replace(u, path=Path(os.path.abspath(u.path))) for u in part)
        for name, part in job.fold.parts.items()
    }
    features = {
        name: tuple(dataclasses.replace(entry, path=os.path.abspath(entry.path)) for entry in entries)
        for name, entries in job.features.items()
    }
    return dataclasses.replace(
        job,
        fold=dataclasses.replace(job.fold, **parts),
        features=features,
        results=os.path.abspath(job.results),
        models=job.models and os.path.abspath(job.models),
    )


@contextlib.asynccontextmanager
async def _cluster(address, results):
    """A client whose scheduler and workers have been checked."""
    for name in ("distributed", "distributed.client"):  # errors are reported as InputErrors instead
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore", VersionMismatchWarning)
    await _require_scheduler(address)
    async with distributed.Client(address, asynchronous=True, set_as_default=False, timeout=ANSWER_SECONDS) as client:
        try:
            async with asyncio.timeout(4 * ANSWER_SECONDS):
                await _require_fit(client, address, os.path.abspath(results))
        except OSError as error:  # a timeout too
            raise InputError(f"the Dask scheduler or a worker at {address} does not answer; restart them") from error
        yield client


async def _require_scheduler(address):
    """Raise InputError if no scheduler answers in time; Client may wait longer for other servers at this address."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            secured = Security().get_connection_args("client")  # by Dask's settings, for tls://
            comm = await connect(address, timeout=2 * ANSWER_SECONDS, **secured)
            await comm.write({"op": "identity", "reply": True, "n_workers": 0})
            answer = await comm.read()
            await comm.close()
        if answer["type"] != "Scheduler":
            raise ValueError(f"a Dask {answer['type'].lower()} does")
    except Exception as error:  # another kind of server may send anything
        raise InputError(
            f"no Dask scheduler answers at {address} ({str(error) or f'waited {ANSWER_SECONDS} s'}); "
            "start one with `python -m dask scheduler` and give its address, for example tcp://host:8786"
        ) from error


async def _require_fit(client, address, results):
    start = f"start them in the suite's folder with `python -m dask worker {address} --nthreads 1 --nworkers N`"
    try:
        await client.wait_for_workers(1, timeout=ANSWER_SECONDS)
    except OSError as error:
        raise InputError(f"the Dask scheduler at {address} has no workers; {start}") from error
    here = environment()
    try:
        there = await client.run_on_scheduler(environment)
    except ImportError as error:
        raise InputError(
            f"the Dask scheduler at {address} cannot import this suite ({error}); "
            "start it in the suite's folder with `python -m dask scheduler`"
        ) from error
    if differing := _differing(there, here):
        raise InputError(f"the Dask scheduler at {address} has {differing}; {SAME}")
    place = Path(results, "runs")
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=".shared-", dir=place) as marker:
        answers = await client.run(unfit, here, marker.name, on_error="return")
    for worker, answer in answers.items():
        if isinstance(answer, ImportError):
            raise InputError(f"the Dask worker {worker} cannot import this suite ({answer}); {start}")
        if answer and not isinstance(answer, OSError):  # OSError: a worker that has just died
            raise InputError(f"the Dask worker {worker} {answer}")


@functools.cache
def environment() -> dict[str, str]:
    """Versions that must be the same on all machines, so that all records are made by the same program."""
    root = Path(__file__).resolve().parents[2]
    suite = hashlib.sha256()
    for folder in ("common", "experiments", "papers"):
        for path in sorted((root / folder).rglob("*.py")):
            suite.update(path.read_bytes())
    return {
        "suite": suite.hexdigest()[:12],
        "python": ".".join(platform.python_version_tuple()[:2]),
        **versions(("distributed", *VERSIONS_OF)),
        **backend.arithmetic(),
    }


def _differing(there, here) -> str:
    names = [name for name in {**here, **there} if there.get(name) != here.get(name)]
    return ", ".join(f"{name} {there.get(name)} instead of {here.get(name)}" for name in names)


def unfit(expected, marker, dask_worker) -> str | None:
    """Why this worker cannot run folds for a machine with the `expected` environment; None if it can.

    Args:
        expected: `environment()` of that machine.
        marker: a file created by that machine beside its records; None if this has been checked.
        dask_worker: passed by Dask.
    """
    if differing := _differing(environment(), expected):
        return f"has {differing}; {SAME}"
    if (threads := dask_worker.state.nthreads) != 1:
        return f"runs {threads} trainings in one process; start it with --nthreads 1, more processes with --nworkers"
    if marker and not os.path.exists(marker):
        return f"cannot access {os.path.dirname(marker)}; give a --results folder with the same path on all machines"
    if marker:
        try:
            require_writable(Path(marker).parent)
        except InputError as error:
            return f"has another problem: {error}"
    return None


def work(job, expected):
    """Run a job in a worker process; returns the record's path."""
    worker = distributed.get_worker()
    if reason := unfit(expected, None, worker):  # it may have joined after the others were checked
        raise InputError(f"the Dask worker {worker.address} {reason}")
    key, done = worker.get_current_task(), threading.Event()
    threading.Thread(target=_end_unwanted, args=(worker, key, done), daemon=True).start()
    try:
        _keep_random_numbers_apart()
        return run_job(_with_features_at_hand(job), lambda epoch: worker.log_event(EPOCHS, (key, epoch)))
    finally:
        done.set()


def _end_unwanted(worker, key, done):
    """End this process within seconds after its training is no longer wanted; Dask itself never stops a running task.

    This is the case if the run was stopped or killed, or the scheduler is gone. The worker's nanny starts another.
    """
    while not done.wait(WATCH_SECONDS):
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled" or worker.status in (Status.closing, Status.closed, Status.failed):
            os._exit(1)


def _keep_random_numbers_apart():
    """Give Keras a separate generator for the seeds of its layers, which returns the same seeds as in a local run.

    By default Keras uses Python's global generator, seeded by keras.utils.set_random_seed. Dask uses the same generator
    twice a second in another thread of the process (dask.sizeof), so that the initial weights of a fold would depend on
    timing. Keras has no public option for another generator. The alternative, an explicit seed for each of about fifty
    initialisers and dropouts, would burden authors of new papers and change the recorded results of local runs.
    https://github.com/keras-team/keras/pull/22709 (open) would make this function unnecessary.
    """
    backend.start()
    from keras.src.random import seed_generator
    from keras.src.utils import rng_utils

    if seed_generator.python_random is random:
        seed_generator.python_random = rng_utils.random = random.Random()


def _with_features_at_hand(job):
    """The job unchanged if its features are accessible here; else with features computed from the recordings."""
    entries = {entry.path for part in job.features.values() for entry in part}
    if all(map(os.path.exists, entries)):
        return job
    utterances = {u.path: u for part in job.fold.parts.values() for u in part}
    try:
        hashes = feature_store.fingerprints(utterances.values(), workers=1)
        by_path = {path: hashes[u.id] for path, u in utterances.items()}
        store = feature_store.cache_dir() / "features"
        (remade,) = jobs.with_features([job], catalog.paper(job.system.paper), hashes=by_path, workers=1, store=store)
    except InputError as error:
        raise InputError(
            f"a Dask worker can access neither the feature store nor the recordings ({error}); "
            "put one of them on a path that all machines share"
        ) from error
    if remade.identity != job.identity:
        raise InputError(f"a Dask worker has other recordings of {job.corpus.name}; share the feature store, --store")
    return remade
