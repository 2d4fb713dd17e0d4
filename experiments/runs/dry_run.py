"""Estimate the cost of a run: folds, hours, disk. Reads a few recordings and trains ten steps; records nothing."""

import dataclasses
import time

import click
import numpy as np

from common.features import audio
from common.learning import backend
from experiments import catalog
from experiments.runs import compare, jobs

RECORDINGS = 48  # of the training part of one fold, spread over its durations
WARM_STEPS, STEPS = 2, 10
VALIDATION = 1 / 3  # cost of predicting an example, relative to training on it
GIGABYTE = 1e9


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Estimated cost of the missing folds of one system with one protocol.

    Args:
        system, corpus, protocol: names.
        folds: trainings without a record, over all seeds.
        recordings, hours: number and total duration of the recordings in the selected corpus.
        train: utterances in the first fold's training part.
        features_h: core hours for computing the features.
        store_gb: size of the features on disk.
        epochs: largest number of epochs.
        training_h: core hours if every training runs to its last epoch.
        trained_on: the training corpus variant, "" if it is `corpus`.
    """

    system: str
    corpus: str
    protocol: str
    folds: int
    recordings: int
    hours: float
    train: int
    features_h: float = 0.0
    store_gb: float = 0.0
    epochs: int = 0
    training_h: float = 0.0
    trained_on: str = ""


def estimate(system, corpus, protocol, *, emotions, seeds, fold_names, workers, results) -> Estimate:
    """Estimate the cost from the first unfinished fold; arguments and errors as for `jobs.plan`."""
    waiting, selected, *_ = jobs.unfinished(
        system,
        corpus,
        emotions=emotions,
        protocol=protocol,
        seeds=seeds,
        fold_names=fold_names,
        workers=workers,
        results=results,
    )
    total_s = sum(_seconds(u) for u in selected.heard)
    planned = Estimate(
        system=system.name,
        corpus=selected.variant,
        protocol=protocol,
        folds=len(waiting),
        recordings=len(selected.heard),
        hours=total_s / 3600,
        train=len(waiting[0].fold.train) if waiting else 0,
        trained_on=selected.training.variant if selected.training else "",
    )
    if not waiting:
        return planned
    job = waiting[0]
    chosen = _spread(job.fold.train)
    chosen_s = sum(_seconds(u) for u in chosen)
    front_ends = 1 + len(getattr(system.recipe, "test_front_ends", ()))  # each is computed for all recordings
    _features(system, chosen[0])  # warm-up: imports and compilation are not counted
    begin = time.process_time()
    arrays = [_features(system, u) for u in chosen]
    features_s = time.process_time() - begin
    examples = sum(map(len, arrays)) / len(arrays)  # per utterance
    example_s = _seconds_of_an_example(system, job, chosen, arrays)
    epoch_s = example_s * examples * (len(job.fold.train) + VALIDATION * len(job.fold.valid))
    return dataclasses.replace(
        planned,
        features_h=front_ends * features_s / chosen_s * total_s / 3600,
        store_gb=front_ends * sum(a.nbytes for a in arrays) / chosen_s * total_s / GIGABYTE,
        epochs=system.recipe.max_epochs,
        training_h=epoch_s * system.recipe.max_epochs * len(waiting) / 3600,
    )


def _seconds(utterance) -> float:
    end_s = utterance.end_s
    if end_s is None:
        frames, rate = audio.duration(utterance.path)
        end_s = frames / rate
    return end_s - (utterance.start_s or 0.0)


def _spread(utterances):
    """Some utterances of every class, from short to long."""
    by_class = {}
    for utterance in sorted(utterances, key=_seconds):
        by_class.setdefault(utterance.emotion, []).append(utterance)
    each = max(2, RECORDINGS // len(by_class))
    picks = {name: np.linspace(0, len(of) - 1, min(each, len(of))).astype(int) for name, of in by_class.items()}
    return [by_class[name][k] for name, indices in picks.items() for k in indices]


def _features(system, utterance):
    front_end = system.recipe.front_end
    waveform, rate = audio.read_utterance(utterance, sample_rate_hz=front_end.sample_rate_hz)
    return catalog.paper(system.paper).features(waveform, rate, front_end)


def _seconds_of_an_example(system, job, utterances, arrays) -> float:
    """Training time per example and step; for a method without a network, the time of the whole fit per example."""
    backend.start()
    from common.learning.batching import Subset

    paper, part = catalog.paper(system.paper), Subset(utterances, arrays, job.classes)
    network, batches = paper.prepare(system.recipe, part, seed=0)
    if not hasattr(network, "train_on_batch"):
        begin = time.process_time()
        paper.fit(system.recipe, part, part, seed=0)
        return (time.process_time() - begin) / sum(map(len, arrays))
    for step in range(WARM_STEPS + STEPS):
        if step == WARM_STEPS:
            begin, seen = time.process_time(), 0
        inputs, labels, *weights = batches[step % len(batches)]
        network.train_on_batch(inputs, labels, *weights)
        if step >= WARM_STEPS:
            seen += len(labels)
    return (time.process_time() - begin) / seen


def show(chosen, corpus_names, *, protocols, data, emotions, labels, test_corpora=(), **options) -> list[Estimate]:
    """Print and return an Estimate per system, corpus and protocol; options as for `compare.train`."""
    from tabulate import tabulate

    from common.utterance import emotions_of

    emotions = emotions and emotions_of(emotions)
    kept = {name: options[name] for name in ("seeds", "fold_names", "workers", "results")}
    done, refused = compare.everywhere(
        lambda system, corpus, protocol: estimate(system, corpus, protocol, emotions=emotions, **kept),
        chosen,
        corpus_names,
        protocols=protocols,
        data=data,
        labels=labels,
        test_corpora=test_corpora,
    )
    estimates = [estimated for _, estimated in done]
    heads = ("system", "corpus", "protocol", "folds", "features, h", "disk, GB", "epochs", "training, h")
    rows = [
        (e.system, _corpora(e), e.protocol, e.folds, e.features_h, e.store_gb, e.epochs, e.training_h)
        for e in estimates
    ]
    click.echo(tabulate(rows, heads, floatfmt=".2f"))
    for sentence in refused:
        click.echo(sentence)
    workers = options["workers"]
    total_h = sum(e.features_h + e.training_h for e in estimates)
    click.echo(
        f"at most {total_h:.1f} hours of one core, {total_h / workers:.1f} with {workers} workers; less with early "
        "stopping. Features shared by several systems are counted for each."
    )
    return estimates


def _corpora(estimated) -> str:
    """The corpus, or `ravdess/4hap to emodb-2s/4hap` if the test corpus is another one."""
    return " to ".join(filter(None, (estimated.trained_on, estimated.corpus)))
