"""Train and test one job, and write its record. Runs in a worker process."""

import dataclasses
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from common import records
from common.code_version import versions
from common.errors import InputError
from common.evaluation import metrics
from common.features import feature_store
from common.learning import backend
from experiments import catalog
from experiments.evidence import audits
from experiments.saved_models import models

VERSIONS_OF = ("keras", "tensorflow", "jax", "numpy", "scipy", "librosa", "soundfile", "scikit-learn", "opensmile")
VERSIONS_OF += ("torch", "transformers")


def run_job(job, report=None) -> str:
    """Run a job unless its record exists; returns the record's path. Repeated calls are safe."""
    if job.path.exists():
        return str(job.path)
    backend.start()
    paper = catalog.paper(job.system.paper)
    parts = {name: part_of(job, name) for name in job.features}
    begin = time.monotonic()
    fitted = _fitted(job, paper, parts, report)
    seconds = sum(fitted.history.get("seconds", ())) or time.monotonic() - begin
    scored = {name: _scored(paper.predict(fitted, part, job.system.recipe), part) for name, part in parts.items()}
    scored["train"] = {name: scored["train"][name] for name in ("confusion", "cross_entropy")}
    record = _record(job, fitted, scored, seconds)
    if job.model_folder:
        models.save(fitted, record, job.fold, job.model_folder)
    try:
        records.write(record, root=job.results)
    except InputError:
        if not job.path.exists():  # else another run has finished the same fold, with the same result
            raise
    audits.keep_training_ids(job.results, job.fold_fingerprint, job.fold)
    job.clear_up()
    _release(fitted)
    return str(job.path)


def _fitted(job, paper, parts, report):
    try:
        return paper.fit(
            job.system.recipe, parts["train"], parts["valid"], seed=job.seed, checkpoint=job.checkpoint, report=report
        )
    except InputError as error:
        raise InputError(f"{job.system.name}, {job.protocol}, {job.fold.name} of seed {job.seed}: {error}") from error


def _release(fitted):
    from common.learning.training import release

    release([network for network in _networks(fitted) if hasattr(network, "layers")])  # estimators have none


def _networks(fitted) -> list:
    return list(fitted.model.values()) if isinstance(fitted.model, dict) else [fitted.model]


def part_of(job, name):
    """A part of a job's fold as a Subset; `name` is a key of `FoldJob.features`."""
    from common.learning.batching import Subset

    utterances = getattr(job.fold, name.split(":")[0])
    return Subset(utterances, feature_store.StoredFeatures(job.features[name]), job.classes)


def _scored(scores, part) -> dict:
    """A part of a record; confusion matrix and cross-entropy are those of the first rule."""
    headline = next(iter(scores.values()))
    decisions = metrics.decide(headline)
    return {
        "utterances": [u.id for u in part.utterances],
        "speakers": [u.speaker for u in part.utterances],
        "labels": part.labels.tolist(),
        "scores": {rule: _short(values) for rule, values in scores.items()},
        "confusion": metrics.confusion_matrix(part.labels, decisions, num_classes=len(part.classes)).tolist(),
        "cross_entropy": _cross_entropy(part.labels, headline),
    }


def _short(values) -> list:
    """Float32 values as the shortest decimals that represent them exactly."""
    return [[float(str(value)) for value in row] for row in np.asarray(values, dtype="float32")]


def _cross_entropy(labels, scores):
    """Mean cross-entropy; None if scores do not sum to one (counts of votes, decoded labels) or there are none."""
    probabilities = len(labels) and np.allclose(scores.sum(axis=1), 1.0, atol=1e-3)
    return float(metrics.cross_entropy(labels, scores)) if probabilities else None


def _record(job, fitted, scored, seconds):
    networks = _networks(fitted)
    recipe = job.system.recipe
    return records.RunRecord(
        paper=job.system.paper,
        variant=job.system.variant,
        preset=job.system.preset,
        corpus=job.corpus.name,
        corpus_variant=job.corpus.variant,
        synthetic=job.corpus.synthetic,
        limits=job.corpus.limits,
        protocol=job.protocol,
        seed=job.seed,
        fold=job.fold.name,
        num_folds=job.num_folds,
        notes=[*filter(None, (getattr(recipe, "note", ""), job.system.note))],
        warnings=list(job.corpus.warnings),
        audit=list(job.audit),
        trained_on=job.corpus.training.variant if job.corpus.training else "",
        classes=list(job.classes),
        counts={name: _counts(part) for name, part in job.fold.parts.items()},
        recipe=job.settings,
        parts=scored,
        history=fitted.history,
        networks={name: dataclasses.asdict(network) for name, network in fitted.networks.items()},
        best_epoch=fitted.best_epoch,
        regularisation=sum(float(value) for network in networks for value in getattr(network, "losses", ())),
        corpus_fingerprint=job.corpus_fingerprint,
        fold_fingerprint=job.fold_fingerprint,
        environment=environment(),
        cost={
            "seconds_fit": round(seconds, 3),
            "peak_memory_mib": peak_memory_mib(),
            "parameters": sum(_trained_parameters(network) for network in networks),
        },
    )


def _trained_parameters(network) -> int:
    from common.learning.training import trained_parameters

    return trained_parameters(network) if hasattr(network, "trainable_variables") else 0


def _counts(utterances) -> dict[str, int]:
    emotions = [u.emotion for u in utterances]
    return {emotion: emotions.count(emotion) for emotion in sorted(set(emotions))}


def environment() -> dict:
    """Versions, arithmetic, processor and commit, without names of persons or machines."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **backend.processor(),
        **backend.arithmetic(),
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no", "--", "common", "papers", "experiments")),
        **versions(VERSIONS_OF),
    }


def _git(*arguments) -> str:
    """What git prints, which must not lock the repository: the user works in it, and this process may be killed."""
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", *arguments],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def peak_memory_mib() -> float | None:
    """Largest resident size of this process so far, in MiB; None if the system does not provide it."""
    if os.name != "posix":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
