"""Worker processes that end when their parent ends, even if the parent was killed with `kill -9`."""

import os
import threading
import time

WATCH_SECONDS = 1.0
IDLE_SECONDS = 10  # after which idle processes end


def end_with(parent):
    """Watch the process `parent`, which started this one, and end this process within seconds after it ends.

    Call this first in a new process: an orphan would compute what a new run computes again.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent):
    if os.name == "posix":
        while os.getppid() == parent:  # an orphan gets another parent; os.kill(parent, 0) would accept a zombie
            time.sleep(WATCH_SECONDS)
    else:
        import psutil

        try:
            psutil.Process(parent).wait()
        except psutil.NoSuchProcess:
            pass
    os._exit(1)


def pool():
    """A context in which joblib's worker processes end when this process ends."""
    import joblib

    return joblib.parallel_config(
        backend="loky", idle_worker_timeout=IDLE_SECONDS, initializer=end_with, initargs=(os.getpid(),)
    )
