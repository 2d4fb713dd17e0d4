"""Processes that compute for another one end with it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
POOLS = {
    "joblib": "import joblib; from common import processes\n"
    "with processes.pool(): joblib.Parallel(n_jobs=2)(joblib.delayed(time.sleep)(60) for _ in range(8))",
    "executor": "import concurrent.futures, multiprocessing; from common.processes import end_with\n"
    "context = multiprocessing.get_context('spawn')\n"
    "with concurrent.futures.ProcessPoolExecutor(2, context, end_with, (os.getpid(),)) as pool:\n"
    "    list(pool.map(time.sleep, [60] * 8))",
}


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("pool", POOLS)
def test_workers_end_with_the_process_that_started_them(pool, how):
    """Not even while it computes, and while the dead parent is still in the table of processes."""
    code = f"import os, time\nif __name__ == '__main__':\n    exec({POOLS[pool]!r})"
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        workers = []
        deadline = time.monotonic() + 60
        while len(workers) < 2 and time.monotonic() < deadline:
            workers = [p for p in psutil.Process(parent.pid).children(recursive=True) if p.num_threads() > 1]
            time.sleep(0.2)
        assert len(workers) >= 2
        os.kill(parent.pid, how)
        _, alive = psutil.wait_procs(workers, timeout=20)
        assert not [p.pid for p in alive if p.status() != psutil.STATUS_ZOMBIE]
    finally:
        parent.kill()
        parent.wait()
