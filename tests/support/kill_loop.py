"""Kill runs at random moments, resume them, and hold what comes out against an undisturbed run.

    python tests/support/kill_loop.py --rounds 50 --seed 0

A round starts a comparison from nothing (features, folds, tables, report) and kills, at a random moment of it and with
SIGKILL, one of its worker processes, the run itself, or the whole process group; then gives the same command again
until every fold has its record. A fold is twice trained to its end where its last epoch, or any epoch that a
checkpoint holds, is trained again: the jobs' own reports are logged from outside, one line an epoch and a record.
One line a round, then a summary; exit status 1 where anything was violated.
"""

import argparse
import collections
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
LOG = os.environ.get("KILL_LOOP_LOG")  # set in the runs that this program starts, and in their workers
SYSTEMS = "emmert/mfcc,chernykh2018/dummy"  # one with epochs and checkpoints, one with neither
NUM_FOLDS = 2
KINDS = ("worker", "run", "group")
VIOLATIONS = (
    *("damaged", "missing", "unexpected", "different", "rewritten", "trained twice", "left over", "orphan"),
    "a traceback",
)
MAX_STARTS = 6
PATIENCE_S = 1800  # for one start, on a machine that does other things too
ORPHAN_S = 60  # in which what a killed run leaves behind ends by itself


def watch_jobs():
    """Log every epoch when it is reported, which is after its checkpoint is written, and every new record."""
    from experiments.runs import schedule

    do = schedule.run_job

    def note(*words):
        with open(LOG, "a") as file:
            file.write(" ".join(map(str, words)) + "\n")

    def logged(job, report=None):
        name = f"{job.system.name}/{job.fold.name}"
        is_new = not job.path.exists()

        def report_and_log(epoch):
            note(name, epoch)
            if report:
                report(epoch)

        path = do(job, report_and_log)
        if is_new:
            note(name, "record")
        return path

    schedule.run_job = logged


def start(corpora, place):
    """A comparison in a process group of its own."""
    command = [
        *(sys.executable, __file__, "compare", "--systems", SYSTEMS, "--corpus", "ravdess", "--data", str(corpora)),
        *("--preset", "smoke", "--folds", f"1-{NUM_FOLDS}", "--workers", "2", "--results", str(place / "results")),
    ]
    environment = {
        **os.environ,
        "KILL_LOOP_LOG": str(place / "log"),
        "SER_CACHE": str(place / "cache"),
        "SER_BACKUP_SECONDS": "0",
        "PYTHONPATH": str(ROOT),
    }
    with open(place / "output", "a") as output:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )


def processes():
    """(pid, group, command line) of everything alive."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,pgid=,stat=,args="], capture_output=True, text=True, check=True, timeout=60
    )
    rows = [line.split(None, 3) for line in listed.stdout.splitlines()]
    return [(int(pid), int(group), args) for pid, group, stat, args in rows if "Z" not in stat]


def members(group):
    return [pid for pid, its_group, _ in processes() if its_group == group]


def workers(run):
    """Processes that train or compute features; not the helper that tracks shared memory."""
    return [
        pid
        for pid, group, args in processes()
        if group == run.pid and pid != run.pid and ("spawn_main" in args or "popen_loky" in args)
    ]


def kill(run, kind, generator):
    """Send the signal; returns whether anything was there to get it."""
    if kind == "group":
        os.killpg(run.pid, signal.SIGKILL)
        return True
    if kind == "run":
        run.kill()
        return True
    while run.poll() is None:
        if pids := workers(run):
            os.kill(int(generator.choice(pids)), signal.SIGKILL)
            return True
        time.sleep(0.05)
    return False


def record_files(place):
    return sorted((place / "results" / "runs").rglob("*.json"))


def evidence(place):
    """What a resumed run must have in common with an undisturbed one: everything but cost and environment."""
    from common import records

    kept_by_place = {}
    for path in record_files(place):
        record = records.read(path)
        history = {name: values for name, values in record.history.items() if name != "seconds"}
        kept = (record.parts, history, record.best_epoch, record.recipe, record.fold_fingerprint)
        kept_by_place[str(path.relative_to(place))] = json.dumps(kept)
    return kept_by_place


def identities(place):
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in record_files(place)}


def violations(place, reference, before, groups):
    """Sentences on everything that is not as it is after an undisturbed run."""
    from common.errors import InputError

    said = []
    try:
        present = evidence(place)
    except InputError as error:
        return [f"damaged: {error}"]
    said += [f"missing: {name}" for name in sorted(set(reference) - set(present))]
    said += [f"unexpected: {name}" for name in sorted(set(present) - set(reference))]
    said += [f"different: {name}" for name in sorted(set(present) & set(reference)) if present[name] != reference[name]]
    said += [f"rewritten: {path.name}" for path, identity in before.items() if identities(place).get(path) != identity]
    counts = collections.Counter((place / "log").read_text().splitlines())
    said += [f"trained twice: {line}" for line, times in counts.items() if times > 1]
    left = [*place.rglob("*.tmp*"), *(place / "cache" / "checkpoints").glob("*")]
    said += [f"left over: {path.relative_to(place)}" for path in left]
    deadline = time.monotonic() + ORPHAN_S
    while (orphans := [pid for group in groups for pid in members(group)]) and time.monotonic() < deadline:
        time.sleep(0.5)
    said += [f"orphan: {args}" for pid, _, args in processes() if pid in orphans]
    if "Traceback" in (text := (place / "output").read_text()):
        said.append(f"a traceback: {text[text.rindex('Traceback') :].splitlines()[-1]}")
    return said


def one_round(corpora, place, reference, duration_s, kind, generator):
    """Start, kill, resume until done; returns a line on the kill, the number of resumes, and the violations."""
    place.mkdir(parents=True)
    run = start(corpora, place)
    groups = [run.pid]
    moment_s = generator.uniform(0, duration_s)
    try:
        run.wait(timeout=moment_s)
    except subprocess.TimeoutExpired:
        hit = kill(run, kind, generator)
    else:
        hit = False
    run.wait(timeout=PATIENCE_S)
    before = identities(place)
    line = f"{kind} killed after {moment_s:.1f} s" if hit else f"ended before {moment_s:.1f} s"
    line += f", {len(before)} of {len(reference)} records there"
    resumes = 0
    while len(record_files(place)) < len(reference) or run.returncode:
        if resumes == MAX_STARTS:
            break
        run = start(corpora, place)  # at once, whatever the killed one has left running
        groups.append(run.pid)
        run.wait(timeout=PATIENCE_S)
        resumes += 1
    return hit, line, resumes, violations(place, reference, before, groups)


def prepare(folder):
    """A small corpus, and what an undisturbed comparison makes of it in how many seconds."""
    from common.corpora import synthetic

    synthetic.synthesize("ravdess", folder / "corpora" / "ravdess", speakers=6, files=2, workers=1, progress=False)
    place = folder / "undisturbed"
    place.mkdir()
    begin = time.monotonic()
    run = start(folder / "corpora", place)
    if run.wait(timeout=PATIENCE_S):
        raise SystemExit(f"the undisturbed run failed:\n{(place / 'output').read_text()[-3000:]}")
    duration_s = time.monotonic() - begin
    reference = evidence(place)
    if problems := violations(place, reference, {}, [run.pid]):
        raise SystemExit(f"the undisturbed run already: {problems}")
    return folder / "corpora", reference, duration_s


def loop(rounds, seed):
    """Run all rounds and print them; returns the number of violations."""
    generator = np.random.default_rng(seed)
    totals, killed = collections.Counter(), collections.Counter()
    folder = Path(tempfile.mkdtemp(prefix="kill_loop_"))
    corpora, reference, duration_s = prepare(folder)
    print(f"undisturbed: {len(reference)} records in {duration_s:.1f} s", flush=True)
    for number in range(1, rounds + 1):
        kind, hit, said = KINDS[generator.integers(len(KINDS))], False, []
        while not hit and not said:  # a run that ended before the moment chosen is checked too, but is no kill
            place = folder / f"round_{number}"
            shutil.rmtree(place, ignore_errors=True)
            began = time.monotonic()
            hit, line, resumes, said = one_round(corpora, place, reference, duration_s, kind, generator)
            if not hit:  # the machine has become faster
                duration_s = time.monotonic() - began
            print(f"round {number}: {line}, {resumes} resumes; {'; '.join(said) or 'as undisturbed'}", flush=True)
        killed[kind] += hit
        totals["resumes"] += resumes
        totals.update(sentence.split(":")[0] for sentence in said)
    summarise(rounds, killed, totals)
    num_violations = sum(totals[kind] for kind in VIOLATIONS)
    if num_violations:
        print(f"kept for a look: {folder}")
    else:
        shutil.rmtree(folder)
    return num_violations


def summarise(rounds, killed, totals):
    kills = ", ".join(f"{killed[kind]} {kind}" for kind in KINDS)
    print(f"{rounds} rounds, {sum(killed.values())} kills ({kills}), {totals['resumes']} resumes")
    print(", ".join(f"{kind} {totals[kind]}" for kind in VIOLATIONS))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    sys.exit(1 if loop(arguments.rounds, arguments.seed) else 0)


if LOG:  # in the runs this file is the main module, which their workers import again
    watch_jobs()

if __name__ == "__main__" and LOG:
    from experiments.__main__ import main as program

    program(prog_name="python -m experiments")
elif __name__ == "__main__":
    main()
