"""Does the 95 % interval cover 95 %, does the 5 % test reject 5 %? `python -m tests.support.simulate_statistics` (two
minutes).

The population: speakers drawn at random, RAVDESS's design (4 neutral and 8 of each of seven classes a speaker). An
utterance of class k by speaker g is decided rightly by a system with probability

    sigmoid(logit(base_k) + speaker_g + speaker_class_gk + difficulty_i + match_mg + match_class_mgk),

all effects normal; the match of a system m to a speaker is its own, everything else is shared. The systems are
exchangeable, so "no difference" is true. True metrics are those of 40,000 speakers. A smaller run of the same functions
is part of the tests.

Lines "one training" add an effect of the network that a system has in each of six folds, which the speakers of that
fold share: methods that are equal on average over trainings, of which one training each is seen.
"""

import argparse

import numpy as np

from common.evaluation import intervals, metrics, significance

CLASSES = ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
SUPPORT = np.array([4, 8, 8, 8, 8, 8, 8, 8])  # utterances of each class a speaker
BASE = np.array([0.45, 0.80, 0.45, 0.40, 0.70, 0.55, 0.60, 0.65])
SPREAD = {"speaker": 0.4, "speaker_class": 0.6, "difficulty": 1.0, "match": 0.3, "match_class": 0.5}
NUM_FOLDS = 6


def draw(rng, *, num_speakers, num_systems=2, base=BASE, spread=SPREAD):
    """labels (N,), decisions (M, N) and groups (N,) of one data set, N = 60 utterances a speaker."""
    labels = np.tile(np.repeat(np.arange(len(CLASSES)), SUPPORT), num_speakers)
    groups = np.repeat(np.arange(num_speakers), SUPPORT.sum())

    def normal(name, *shape):
        return spread[name] * rng.standard_normal(shape)

    num_classes = len(CLASSES)
    shared = normal("speaker", num_speakers, 1) + normal("speaker_class", num_speakers, num_classes)  # (G, K)
    own = normal("match", num_systems, num_speakers, 1) + normal("match_class", num_systems, num_speakers, num_classes)
    logits = np.log(base / (1 - base))[labels] + (shared + own)[:, groups, labels]  # (M, N)
    logits = logits + normal("difficulty", labels.size)
    if "training" in spread:
        logits = logits + normal("training", num_systems, NUM_FOLDS)[:, groups % NUM_FOLDS]
    right = rng.random(logits.shape) < 1 / (1 + np.exp(-logits))
    wrong = (labels + rng.integers(1, num_classes, logits.shape)) % num_classes
    wrong = np.where(rng.random(logits.shape) < 0.02, metrics.NO_DECISION, wrong)
    return labels, np.where(right, labels, wrong), groups


def truth(metric, **options):
    """The metric of 40,000 speakers."""
    labels, decisions, _ = draw(np.random.default_rng(99), num_speakers=40_000, num_systems=1, **options)
    confusion = metrics.confusion_matrix(labels, decisions[0], num_classes=len(CLASSES))
    return metrics.by_name(metric, CLASSES)(confusion)


def counts(labels, decisions, groups):
    """(G, S, K, K+1)."""
    return metrics.confusion_by_group(labels, decisions, groups, num_classes=len(CLASSES))


def coverage(*, num_sets, num_speakers=24, metric="ua", clusters="speaker", num_seeds=1, seed=1, **options):
    """Shares of data sets whose interval, and whose percentile interval, hold the truth, and the mean width."""
    true = truth(metric, **options)
    rng = np.random.default_rng(seed)
    ours, percentile, widths = [], [], []
    for number in range(num_sets):
        labels, decisions, groups = draw(rng, num_speakers=num_speakers, num_systems=num_seeds, **options)
        cells = counts(labels, decisions, groups if clusters == "speaker" else np.arange(labels.size))
        settings = dict(replicates=1_000, seed=number)
        interval = intervals.interval(metrics.by_name(metric, CLASSES), cells, **settings)
        ours.append(interval.low <= true <= interval.high)
        widths.append(interval.high - interval.low)
        replicates = intervals.resample(metrics.by_name(metric, CLASSES), cells, **settings)
        low, high = np.nanquantile(replicates, [0.025, 0.975])
        percentile.append(low <= true <= high)
    return float(np.mean(ours)), float(np.mean(percentile)), float(np.mean(widths))


def difference_coverage(*, num_sets, num_speakers=24, metric="ua", seed=2, **options):
    """Share of data sets whose interval of the difference holds 0."""
    rng = np.random.default_rng(seed)
    held = []
    for number in range(num_sets):
        labels, (first, second), groups = draw(rng, num_speakers=num_speakers, **options)
        cells = [counts(labels, decisions, groups) for decisions in (first, second)]
        interval = intervals.difference(metrics.by_name(metric, CLASSES), *cells, replicates=1_000, seed=number)
        held.append(interval.low <= 0 <= interval.high)
    return float(np.mean(held))


def rejections(*, num_sets, num_speakers=24, level=0.05, seed=3, **options):
    """Shares of data sets in which each test rejects a true "no difference"."""
    rng = np.random.default_rng(seed)
    pvalues = []
    for _ in range(num_sets):
        labels, (first, second), groups = draw(rng, num_speakers=num_speakers, **options)
        cells = [counts(labels, decisions, groups) for decisions in (first, second)]
        clustered = [significance.paired_permutation(metric, *cells) for metric in (metrics.ua, metrics.wa)]
        pvalues.append([t.pvalue for t in (*clustered, significance.mcnemar(labels, first, second))])
    rejected = np.mean(np.array(pvalues) < level, axis=0)
    return dict(zip(("permutation_ua", "permutation_wa", "mcnemar"), rejected.tolist(), strict=True))


def _accuracy_of_a_fold(sd, seed):
    """Of one network, on so many speakers of its fold that only its training moves it."""
    spread = {name: 0.0 for name in SPREAD} | {"difficulty": SPREAD["difficulty"], "training": sd}
    labels, decisions, groups = draw(np.random.default_rng(seed), num_speakers=1_200, num_systems=1, spread=spread)
    here = groups % NUM_FOLDS == 0
    return np.mean(decisions[0, here] == labels[here])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=1_000, help="data sets a line")
    num_sets = parser.parse_args().sets
    labels, decisions, groups = draw(np.random.default_rng(0), num_speakers=2_000, num_systems=1)
    per_speaker = np.array([np.mean(decisions[0, groups == g] == labels[groups == g]) for g in range(2_000)])
    print(f"standard deviation of a speaker's accuracy: {per_speaker.std():.3f}; data sets a line: {num_sets}")

    print("\ncoverage of the nominal 95 % interval      ours  percentile  mean width")
    high = np.full(len(CLASSES), 0.98)
    lines = {
        "ua, 24 speakers": {},
        "wa, 24 speakers": {"metric": "wa"},
        "macro_f1, 24 speakers": {"metric": "macro_f1"},
        "ua, mean of 3 seeds, 24 speakers": {"num_seeds": 3},
        "ua, 10 speakers": {"num_speakers": 10},
        "ua, 5 speakers": {"num_speakers": 5},
        "ua, 3 speakers": {"num_speakers": 3},
        "ua near 0.95, 24 speakers": {"base": high},
        "ua near 0.95, 10 speakers": {"base": high, "num_speakers": 10},
        "ua, 24 speakers, utterances resampled": {"clusters": "utterance"},
    }
    for name, options in lines.items():
        ours, percentile, width = coverage(num_sets=num_sets, **options)
        print(f"{name:40} {ours:6.1%}  {percentile:10.1%}  {width:10.3f}", flush=True)
    for num_speakers in (24, 10, 5):
        held = difference_coverage(num_sets=num_sets, num_speakers=num_speakers)
        print(f"{f'difference of ua, {num_speakers} speakers':40} {held:6.1%}", flush=True)

    for sd in (0.1, 0.2):
        moved = np.std([_accuracy_of_a_fold(sd, seed) for seed in range(200)])
        print(f"a training effect of sd {sd:g} moves the accuracy of a fold's network by {moved:.3f} (sd)")
    print("\nrejections of a true null at 5 %         permutation_ua  permutation_wa  mcnemar")
    unmatched = SPREAD | {"match": 0.0, "match_class": 0.0}
    lines = {
        "24 speakers": {},
        "10 speakers": {"num_speakers": 10},
        "6 speakers": {"num_speakers": 6},
        "24 speakers, no match to speakers": {"spread": unmatched},
        **{f"24 speakers, one training, sd {sd:g}": {"spread": SPREAD | {"training": sd}} for sd in (0.1, 0.2)},
        "10 speakers, one training, sd 0.2": {"spread": SPREAD | {"training": 0.2}, "num_speakers": 10},
    }
    for name, options in lines.items():
        shares = rejections(num_sets=num_sets, **options)
        print(f"{name:40} {'  '.join(f'{share:14.1%}' for share in shares.values())}", flush=True)


if __name__ == "__main__":
    main()
