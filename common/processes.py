"""Worker processes end with the process that began them, however that ended."""

import multiprocessing
import os
import threading


def end_with_parent() -> None:
    """To be called in a worker: a run killed with SIGKILL must not leave workers behind that meet those of the next."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent():
    multiprocessing.parent_process().join()
    os._exit(1)
