"""A run killed with SIGKILL in mid-fold, started again, predicts what an undisturbed run predicts, bit for bit."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from experiments.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
RATE = 16_000
PATIENCE_S = 900

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    lines = ["file,emotion,speaker"]
    for s in range(6):
        for k, emotion in enumerate(("anger", "sadness")):
            for r in range(2):
                generator = np.random.default_rng([s, k, r])
                sound = 0.1 * np.sin(2 * np.pi * (150 + 20 * k + s) * np.arange(RATE) / RATE)
                soundfile.write(folder / f"{s}{k}{r}.wav", sound + 0.1 * generator.normal(size=RATE), RATE)
                lines.append(f"{s}{k}{r}.wav,{emotion},{s}")
    (folder / "t.csv").write_text("\n".join(lines))
    return folder / "t.csv"


def command(table, place, workers):
    return [
        *("run", "emmert", "--variant", "mfcc", "--corpus", f"manifest:{table}", "--protocol", "speaker_independent"),
        *("--preset", "quick", "--folds", "1,2", "--workers", str(workers), "--results", str(place / "results")),
        *("--store", str(table.parent / "store")),
    ]


def start(table, place, workers=2):
    environment = {**os.environ, "SER_CACHE": str(place / "cache"), "SER_BACKUP_SECONDS": "0"}
    words = [sys.executable, "-m", "experiments", *command(table, place, workers)]
    return subprocess.Popen(
        words, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def finish(process):
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors[-2000:]
    assert "failed" not in errors, errors[-2000:]


def run_here(table, place):
    """The same command to its end in this process, which has started TensorFlow already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SER_CACHE", str(place / "cache"))
        done = CliRunner().invoke(main, command(table, place, workers=1))
    assert done.exit_code == 0 and "failed" not in done.output, done.output[-2000:]


def evidence(place):
    trees = [json.loads(path.read_text()) for path in sorted(place.rglob("results/runs/**/*.json"))]
    for tree in trees:
        tree["history"].pop("seconds")
    return [(tree["fold"], tree["parts"], tree["history"], tree["best_epoch"]) for tree in trees]


def checkpoints(place):
    return list((place / "cache" / "checkpoints").glob("*.npz"))


def workers_of(process):
    """Process numbers of the trainings of a run."""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(process.pid)], capture_output=True, text=True, check=False
    )
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if "spawn_main" in line]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def nothing_is_left(place):
    return not checkpoints(place) and not [path for path in place.rglob("*.tmp")]


@pytest.fixture(scope="module")
def undisturbed(table, tmp_path_factory):
    place = tmp_path_factory.mktemp("undisturbed")
    run_here(table, place)
    assert len(evidence(place)) == 2
    return evidence(place)


def test_a_killed_run_ends_like_an_undisturbed_one(table, undisturbed, tmp_path):
    process = start(table, tmp_path)
    wait_until(lambda: checkpoints(tmp_path) or process.poll() is not None)
    workers = workers_of(process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert workers
    assert len(evidence(tmp_path)) < 2, "killed too late to test anything"
    wait_until(lambda: not any(alive(pid) for pid in workers))
    assert checkpoints(tmp_path)

    run_here(table, tmp_path)
    assert evidence(tmp_path) == undisturbed
    assert nothing_is_left(tmp_path)


def test_two_runs_at_once_in_one_place_and_a_worker_that_dies(table, undisturbed, tmp_path):
    first, second = start(table, tmp_path), start(table, tmp_path, workers=1)
    wait_until(lambda: checkpoints(tmp_path) or first.poll() is not None)
    victims = workers_of(first)
    assert victims and len(evidence(tmp_path)) < 2, "killed too late to test anything"
    os.kill(victims[0], signal.SIGKILL)
    finish(first)  # a dead worker is replaced, and its fold goes on
    finish(second)
    assert evidence(tmp_path) == undisturbed
    assert nothing_is_left(tmp_path)
