"""Run jobs in processes on this machine or on a Dask cluster, with one progress bar over all epochs."""

import concurrent.futures
import contextlib
import multiprocessing
import os
import queue
import threading
import time

from tqdm import tqdm

from common.errors import InputError
from common.processes import end_with
from common.progress import bar
from experiments.runs.train_fold import run_job

RETRIES = 3  # if a job's process dies
POLL_SECONDS = 0.2
BAR = "{desc} |{bar}| {n_fmt}/{total_fmt} epochs [{elapsed}{postfix}]"


def require(scheduler, results) -> None:
    """Raise InputError if a Dask scheduler is given but does not answer, or its workers are unsuitable."""
    if scheduler:
        from experiments.runs import dask_engine  # not needed in local runs

        dask_engine.require(scheduler, results)


def run(jobs, *, workers, scheduler=None) -> list[InputError]:
    """Run all jobs; returns the errors of failed jobs after all others are finished and recorded.

    Args:
        jobs: of all systems.
        workers: processes on this machine.
        scheduler: address of a Dask scheduler, whose workers run the jobs instead.

    Raises:
        InputError: a job's process died repeatedly, or the connection to the cluster is lost.
    """
    if not jobs:
        return []
    total = sum(max(1, job.system.recipe.max_epochs) for job in jobs)
    title = f"{len(jobs)} folds"
    with bar(total=total, desc=title, unit="epoch", bar_format=BAR, postfix="left: ?", delay=0) as shown:
        progress = Progress(shown, jobs, 1 if scheduler else min(workers, len(jobs)))
        if scheduler:
            from experiments.runs import dask_engine

            return dask_engine.train(jobs, scheduler, progress)
        workers = min(workers, len(jobs))
        return _in_this_process(jobs, progress) if workers == 1 else _in_processes(jobs, workers, progress)


class Progress:
    """A bar that counts epochs and shows the last active fold; an early-stopped training jumps to its last epoch.

    The remaining time is estimated from the measured seconds per epoch of each system, or of the slowest system if none
    is measured yet. It is an upper bound, since trainings may stop early.
    """

    def __init__(self, bar, jobs, workers=1):
        self.bar, self.workers = bar, workers
        self.names = [job.system.name for job in jobs]
        self.folds = [job.fold.name for job in jobs]
        self.epochs = [max(1, job.system.recipe.max_epochs) for job in jobs]
        self.seen = [0] * len(jobs)
        self.started = {}  # index -> (epoch, time) of the first message of a training
        self.seconds = {}  # system -> seconds per epoch

    def at(self, index, epoch):
        epoch, now = min(epoch, self.epochs[index]), time.monotonic()
        first, since = self.started.setdefault(index, (epoch, now))
        if epoch > first:
            self.seconds[self.names[index]] = (now - since) / (epoch - first)
        self._show(index, epoch)

    def done(self, index):
        self._show(index, self.epochs[index])

    def _show(self, index, epoch):
        advanced, self.seen[index] = epoch - self.seen[index], epoch
        self.bar.set_description_str(
            f"{self.names[index]} {self.folds[index]} {epoch}/{self.epochs[index]}", refresh=False
        )
        self.bar.set_postfix_str(f"left: {self._left()}", refresh=False)
        self.bar.update(advanced)

    def _left(self) -> str:
        if not self.seconds:
            return "?"
        slowest = max(self.seconds.values())
        waiting = zip(self.names, self.epochs, self.seen, strict=True)
        seconds = sum(self.seconds.get(name, slowest) * (epochs - seen) for name, epochs, seen in waiting)
        return tqdm.format_interval(round(seconds / self.workers))


def _in_this_process(jobs, progress):
    failures = []
    for index, job in enumerate(jobs):
        try:
            run_job(job, lambda epoch, index=index: progress.at(index, epoch))
        except InputError as error:
            failures.append(error)
        progress.done(index)
    return failures


def _in_processes(jobs, workers, progress):
    """Run jobs in a pool, which is recreated if a process dies; jobs without a record are then run again."""
    remaining = dict(enumerate(jobs))
    failures = []
    for _attempt in range(RETRIES + 1):
        try:
            _one_pool(remaining, workers, progress, failures)
            return failures
        except concurrent.futures.process.BrokenProcessPool:
            remaining = {index: job for index, job in remaining.items() if not job.path.exists()}
    names = ", ".join(f"{job.system.name} {job.fold.name}" for job in remaining.values())
    raise InputError(
        f"the process training {names} died {RETRIES + 1} times (out of memory?); take fewer --workers and run again"
    )


def _one_pool(remaining, workers, progress, failures):
    """Run the jobs in `remaining`, removing finished ones; errors of failed jobs are added to `failures`."""
    context = multiprocessing.get_context("spawn")  # TensorFlow's threads do not survive a fork
    epochs = context.Queue()
    ended = threading.Event()
    listener = threading.Thread(target=_listen, args=(epochs, progress, ended), daemon=True)
    listener.start()
    pool = concurrent.futures.ProcessPoolExecutor(workers, context, _begin_worker, (epochs, os.getpid()))
    try:
        futures = {pool.submit(_work, index, job): index for index, job in remaining.items()}
        for future in concurrent.futures.as_completed(futures):
            try:
                future.result()
            except InputError as error:
                failures.append(error)
            progress.done(futures[future])
            remaining.pop(futures[future])
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            child.terminate()
        raise
    finally:
        ended.set()
        listener.join(timeout=2 * POLL_SECONDS)
    pool.shutdown()


def _listen(epochs, progress, ended):
    while not ended.is_set():  # not ended by a message, since a killed process may hold the queue's lock
        with contextlib.suppress(queue.Empty):
            progress.at(*epochs.get(timeout=POLL_SECONDS))


_epochs = None


def _begin_worker(epochs, parent):
    global _epochs
    _epochs = epochs
    end_with(parent)


def _work(index, job):
    return run_job(job, lambda epoch: _epochs.put((index, epoch)))
