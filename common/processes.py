"""Processes that compute for another one, and end with it: however it ends, `kill -9` included."""

import os
import threading
import time

WATCH_SECONDS = 1.0
IDLE_SECONDS = 10  # after which processes without work end


def end_with(parent):
    """Begin to watch the process `parent`, which started this one; within seconds of its end this one ends.

    To be called first in a new process: whatever it computes then, another run may begin to compute the same.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent):
    if os.name == "posix":
        while os.getppid() == parent:  # of an orphan it is another; a zombie still has its number
            time.sleep(WATCH_SECONDS)
    else:
        import psutil

        try:
            psutil.Process(parent).wait()
        except psutil.NoSuchProcess:
            pass
    os._exit(1)


def pool():
    """A context in which joblib's processes end with this one."""
    import joblib

    return joblib.parallel_config(
        backend="loky", idle_worker_timeout=IDLE_SECONDS, initializer=end_with, initargs=(os.getpid(),)
    )
