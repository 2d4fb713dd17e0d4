"""Does the 95 % interval cover 95 %, does the 5 % test reject 5 %? `python -m tests.support.simulate_statistics` writes
results/simulations.csv (half an hour).

The population: speakers drawn at random, RAVDESS's design (4 neutral and 8 of each of seven classes a speaker), dealt
out anew to six folds for every seed. An utterance of class k by speaker g is decided rightly by a network of system m,
trained for the fold f of seed s, with probability

    sigmoid(logit(base_k) + speaker_g + speaker_class_gk + difficulty_i + match_mg + match_class_mgk + training_msf),

all effects normal; the match of a system m to a speaker is its own, the training effect is of one network, everything
else is shared. The systems are exchangeable, so "no difference" is true. The true metric is that of many speakers, each
tested by a network of its own. A smaller run of the same functions is part of the tests.
"""

import argparse
import functools
import itertools
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from common.evaluation import intervals, metrics, significance

CLASSES = ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
SUPPORT = np.array([4, 8, 8, 8, 8, 8, 8, 8])  # utterances of each class a speaker
BASE = np.array([0.45, 0.80, 0.45, 0.40, 0.70, 0.55, 0.60, 0.65])
SPREAD = {"speaker": 0.4, "speaker_class": 0.6, "difficulty": 1.0, "match": 0.3, "match_class": 0.5}
NUM_FOLDS = 6
TRAINING = {0.0: 0.0, 4.3: 0.247, 7.6: 0.442}  # points that a training moves the accuracy of a fold -> effect (logit)
FILE = Path(__file__).parents[2] / "results" / "simulations.csv"


def draw(rng, *, num_speakers, num_systems=2, num_seeds=1, training=0.0, num_folds=NUM_FOLDS):
    """labels (N,), decisions (M, S, N), groups (N,) and folds (S, G) of one data set, N = 60 utterances a speaker."""
    labels = np.tile(np.repeat(np.arange(len(CLASSES)), SUPPORT), num_speakers)
    groups = np.repeat(np.arange(num_speakers), SUPPORT.sum())
    num_classes = len(CLASSES)

    def normal(name, *shape):
        return SPREAD[name] * rng.standard_normal(shape)

    shared = normal("speaker", num_speakers, 1) + normal("speaker_class", num_speakers, num_classes)  # (G, K)
    own = normal("match", num_systems, num_speakers, 1) + normal("match_class", num_systems, num_speakers, num_classes)
    folds = np.stack([rng.permutation(num_speakers) % num_folds for _ in range(num_seeds)])
    networks = training * rng.standard_normal((num_systems, num_seeds, num_folds))
    moved = np.stack([networks[:, s, folds[s][groups]] for s in range(num_seeds)], axis=1)  # (M, S, N)
    logits = np.log(BASE / (1 - BASE))[labels] + (shared + own)[:, groups, labels] + normal("difficulty", labels.size)
    logits = logits[:, None] + moved
    right = rng.random(logits.shape) < 1 / (1 + np.exp(-logits))
    wrong = (labels + rng.integers(1, num_classes, logits.shape)) % num_classes
    return labels, np.where(right, labels, wrong), groups, folds


def counts(labels, decisions, groups, folds) -> intervals.Counts:
    """Of one system: decisions (S, N), folds (S, G)."""
    num_folds = int(folds.max()) + 1
    cells = metrics.confusion_by_group(labels, decisions, groups, num_classes=len(CLASSES))  # (G, S, K, K+1)
    member = folds.T[..., None] == np.arange(num_folds)  # (G, S, F)
    spread = cells[:, :, None] * member[..., None, None]
    return intervals.Counts(
        spread.reshape(len(cells), -1, *cells.shape[2:]), np.repeat(np.arange(len(folds)), num_folds)
    )


@functools.cache
def truth(metric, training=0.0):
    """The metric of 40,000 speakers, each tested by another network."""
    rng, total = np.random.default_rng(99), 0
    for _ in range(20):
        options = {"num_speakers": 2_000, "num_folds": 2_000, "num_systems": 1, "training": training}
        labels, decisions, _, _ = draw(rng, **options)
        total = total + metrics.confusion_matrix(labels, decisions[0, 0], num_classes=len(CLASSES))
    return metrics.by_name(metric, CLASSES)(total)


def simulate(num_sets, *, num_speakers=24, num_seeds=1, training=0.0, metric="ua", seed=1) -> dict:
    """Shares of data sets whose interval holds the truth, whose interval of a difference holds 0, whose paired test,
    and whose McNemar's test of the first seed, rejects the true null at 5 %."""
    true, rng = truth(metric, training), np.random.default_rng(seed)
    by_name, seen = metrics.by_name(metric, CLASSES), []
    for _ in range(num_sets):
        options = {"num_speakers": num_speakers, "num_seeds": num_seeds, "training": training}
        labels, (first, second), groups, folds = draw(rng, **options)
        one, other = (counts(labels, decisions, groups, folds) for decisions in (first, second))
        own = intervals.interval(intervals.mean_over_seeds(by_name), one)
        gap = intervals.difference(by_name, one, other)
        naive = significance.mcnemar(labels, first[0], second[0]).pvalue < 0.05
        seen.append([own.low <= true <= own.high, gap.low <= 0 <= gap.high, gap.pvalue < 0.05, naive])
    names = ("coverage", "coverage_of_a_difference", "test_size", "mcnemar_size")
    return dict(zip(names, np.mean(seen, axis=0).tolist(), strict=True))


@functools.cache
def moved_by(training, num_sets=200) -> float:
    """Standard deviation of the accuracy of a fold's network, on so many speakers that only its training moves it."""
    rng, values = np.random.default_rng(0), []
    for _ in range(num_sets):
        labels, decisions, _, _ = draw(rng, num_speakers=600, num_systems=1, training=training, num_folds=1)
        values.append(np.mean(decisions == labels))
    return float(np.std(values))


def _row(num_sets, training, speakers, seeds) -> dict:
    points, effect = training
    row = {"training_sd_points": points, "training_sd_measured": round(100 * moved_by(effect), 1)}
    row |= {"speakers": speakers, "seeds": seeds, "data_sets": num_sets}
    row |= simulate(num_sets, num_speakers=speakers, num_seeds=seeds, training=effect)
    print(row, flush=True)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=10_000, help="data sets a line")
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    cells = itertools.product(TRAINING.items(), (24, 10), (1, 3, 5))
    rows = joblib.Parallel(chosen.workers)(joblib.delayed(_row)(chosen.sets, *cell) for cell in cells)
    pd.DataFrame(rows).to_csv(FILE, index=False, float_format="%.4f", lineterminator="\n")


if __name__ == "__main__":
    from tests.support import simulate_statistics  # worker processes find functions by their module's name

    simulate_statistics.main()
