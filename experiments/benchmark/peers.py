"""Benchmark of the eGeMAPS baseline against nkululeko with the same functionals and classifier.

nkululeko needs an environment of its own: `NKULULEKO_PYTHON` names its Python, see experiments/README.md.
"""

import csv
import os
import subprocess
import time

from common import corpora
from common.corpora import synthetic
from common.errors import InputError
from common.folds import splits
from common.utterance import LABEL_SETS
from experiments.benchmark.timing import attempted, child

EXPERIMENT = """\
[EXP]
root = ./
name = results
[DATA]
databases = ['train', 'test']
train = train.csv
train.type = csv
train.split_strategy = train
test = test.csv
test.type = csv
test.split_strategy = test
target = emotion
[FEATS]
type = ['os']
set = eGeMAPSv02
[MODEL]
type = svm
"""


def measure(folder, *, smallest=False):
    """Yield the speed of features and classifier on one fold over nkululeko's.

    Args:
        folder: an empty one.
        smallest: few recordings.
    """

    def speed():
        peer = os.environ.get("NKULULEKO_PYTHON")
        if not peer:
            raise InputError("NKULULEKO_PYTHON names no Python that has nkululeko (experiments/README.md)")
        files = 1 if smallest else 8
        data = synthetic.synthesize("ravdess", folder / "ravdess", speakers=6, files=files, progress=False)
        fold = splits.folds(corpora.load("ravdess", data).only(LABEL_SETS["4hap"]), "speaker_independent", 0)[0]
        ours_s = _our_seconds(folder, data)
        theirs_s = _their_seconds(folder, fold, peer)
        count = sum(map(len, fold.parts.values()))
        return theirs_s / ours_s, f"{count} synthetic recordings, whole commands: {ours_s:.0f} s and {theirs_s:.0f} s"

    yield attempted("eGeMAPS and SVM on one fold: speed over nkululeko", "times", speed)


def _our_seconds(folder, data) -> float:
    command = [
        "-m",
        "experiments",
        "run",
        "baseline",
        "--variant",
        "egemaps_svm",
        "--corpus",
        "ravdess",
        "--data",
        data,
    ]
    command += ["--emotions", "4hap", "--protocol", "speaker_independent", "--folds", 1, "--workers", 1]
    return child([*command, "--results", folder / "ours"], environment={"SER_CACHE": str(folder / "cache")}).wall_s


def _their_seconds(folder, fold, peer) -> float:
    (folder / "experiment.ini").write_text(EXPERIMENT, encoding="utf-8")
    for name, said in (("train", (*fold.train, *fold.valid)), ("test", fold.test)):
        with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["file", "emotion", "speaker"])
            rows.writerows([u.path, u.emotion, u.speaker] for u in said)
    begin = time.perf_counter()
    command = [peer, "-m", "nkululeko.nkululeko", "--config", "experiment.ini"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise InputError(f"NKULULEKO_PYTHON={peer} cannot be started ({error.strerror})") from error
    if done.returncode:
        raise InputError(f"nkululeko ended with status {done.returncode}: {done.stderr.strip().splitlines()[-1]}")
    return time.perf_counter() - begin
