"""Draw learning curves, confusion matrices and recalls from records, as reproducible SVG files.

There is one figure of each kind per system and protocol, over all folds and seeds, and one figure per group of systems
(see forest.py).
"""

import dataclasses
import functools
import hashlib
import json
from pathlib import Path

import joblib
import numpy as np
from matplotlib.figure import Figure

from common import code_version, processes, records
from common.evaluation import metrics
from common.utterance import stem_of
from experiments.report import drawing, forest, speaker_recalls

FULL = "paper"  # the preset
KEYS = "keys.json"
PARALLEL_FROM = 12  # systems; for fewer, starting processes takes longer than it saves
PANELS = (  # title, y label, training curve, validation curve
    ("training and validation: of examples", "loss (nats, with regularisation)", "loss", "val_loss"),
    ("training: of examples; validation: of utterances", "accuracy", "accuracy", "val_wa"),
)


def draw(systems, ablations=frozenset(), *, results=None, folder=None) -> dict[str, bytes]:
    """{file name: SVG bytes} of full trainings within a corpus, or of all systems if there are no full trainings.

    Args:
        systems: SystemResults.
        ablations: names of systems that are only compared in a ledger, and not in groups.
        results: the folder of the records.
        folder: of figures drawn earlier, which are reused if their records and code are unchanged; the returned file
            `KEYS` has the hashes of both.
    """
    full = [system for system in systems if system.preset == FULL and not system.trained_on]
    groups = forest.groups(systems, ablations)
    subjects = {stem(system): [system] for system in full or systems} | groups
    keys = {name: _key(members, results) for name, members in subjects.items()} if folder else {}
    images = _drawn_before(folder, keys) if folder else {}
    new = [name for name in subjects if name not in images]
    alone = [name for name in new if name not in groups]
    workers = joblib.cpu_count() if len(alone) >= PARALLEL_FROM else 1
    with processes.pool():
        tasks = (joblib.delayed(_of_system)(dataclasses.replace(subjects[name][0])) for name in alone)
        images |= zip(alone, joblib.Parallel(n_jobs=workers)(tasks), strict=True)
    with drawing.style():
        images |= {name: {name: drawing.svg(forest.forest(groups[name]))} for name in new if name in groups}
    drawn = {name: image for subject in subjects for name, image in images[subject].items()}
    if folder:
        known = {name: [keys[name], list(images[name])] for name in subjects}
        drawn[KEYS] = json.dumps(known, indent=1).encode()
    return drawn


def _of_system(system) -> dict[str, bytes]:
    names = [name for *_, train, valid in PANELS for name in (train, valid)]
    has_history = any(record.history.get(name) for record in system.records_used for name in names)
    kinds = {"curves": curves} if has_history else {}
    kinds |= {"confusion": confusion, "recalls": speaker_recalls.recalls}
    with drawing.style():
        return {f"{stem(system)}-{kind}.svg": drawing.svg(make(system)) for kind, make in kinds.items()}


def _key(systems, results) -> str:
    """Hash of everything that the figures of these systems depend on: code, versions, and the record files."""
    places = [records.record_path(results, record) for system in systems for record in system.records]
    files = [(str(path), status.st_size, status.st_mtime_ns) for path in places for status in [path.stat()]]
    return hashlib.sha256(json.dumps([_code(), files]).encode()).hexdigest()


@functools.cache
def _code() -> list:
    style = drawing.STYLE.read_text(encoding="utf-8")
    return [code_version.code_version(__name__), code_version.versions(("matplotlib", "numpy", "scipy")), style]


def _drawn_before(folder, keys) -> dict[str, dict[str, bytes]]:
    """{subject: its figures in the folder}, for subjects with an unchanged key."""
    try:
        known = json.loads(Path(folder, KEYS).read_text(encoding="utf-8"))
        return {
            name: {file: Path(folder, file).read_bytes() for file in known[name][1]}
            for name, key in keys.items()
            if known.get(name, [None])[0] == key
        }
    except (OSError, ValueError, TypeError, AttributeError, IndexError):  # no report yet, or one of another version
        return {}


def stem(system) -> str:
    """Stem of the file names of a system's figures."""
    return stem_of((system.paper, system.variant), system.corpus_variant, (system.protocol, system.preset))


def curves(system) -> Figure:
    """Loss and accuracy over epochs: dots for the epochs kept, a thick line for the mean of all trainings.

    Thin lines are the seeds, each the mean of its folds; of one seed they are its folds.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    first = (
        ", of several networks the first" if any(":" in name for r in system.records_used for name in r.history) else ""
    )
    thin = "seeds" if len(system.seeds) > 1 else "folds"
    drawing.system_title(figure, system, f"{len(system.records_used)} trainings{first}; thin lines are {thin}")
    own = drawing.of_paper(system.paper)
    for axes, (of_what, label, train, valid) in zip(figure.subplots(1, 2), PANELS, strict=True):
        for name, colour, words in ((train, drawing.GREY, "training"), (valid, own, "validation")):
            _lines(axes, [(r.seed, r.history[name]) for r in system.records_used if r.history.get(name)], colour, words)
        kept = [(r.best_epoch + 1, r.history[valid][r.best_epoch]) for r in system.records_used if _kept(r, valid)]
        if kept:
            axes.plot(*zip(*kept, strict=True), "o", color=drawing.INK, markersize=3, label="epoch kept", zorder=4)
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_ylabel(label)
        axes.set_title(of_what)
        if axes.has_data():
            axes.legend(frameon=False)
    figure.axes[1].set_ylim(0, 1)
    return figure


def _kept(record, name) -> bool:
    return record.best_epoch is not None and len(record.history.get(name, ())) > record.best_epoch


def _lines(axes, runs, colour, label):
    """Draw (seed, values) pairs and their mean."""
    if not runs:
        return
    values = [of_run for _, of_run in runs]
    seeds = {seed for seed, _ in runs}
    thin = (
        [_mean([of_run for seed, of_run in runs if seed == one]) for one in sorted(seeds)] if len(seeds) > 1 else values
    )
    for line in thin:
        axes.plot(np.arange(1, len(line) + 1), line, color=colour, linewidth=0.6, alpha=0.5)
    mean = _mean(values)
    axes.plot(np.arange(1, len(mean) + 1), mean, color=colour, linewidth=2, label=label)


def _mean(runs) -> np.ndarray:
    """Mean of each epoch, as far as half of the trainings go: beyond, it would be the mean of the few that went on."""
    values = np.full((len(runs), max(map(len, runs))), np.nan)
    for row, run in zip(values, runs, strict=True):
        row[: len(run)] = run
    running = np.sum(~np.isnan(values), axis=0) >= len(runs) / 2
    return np.nanmean(values[:, running], axis=0)


def confusion(system) -> Figure:
    """Confusion matrix in per cent of the true class, as text and colour; with a column "no decision" if needed."""
    pooled = metrics.pooled(system.confusions())
    names = [*system.classes, "no decision"] if pooled[:, -1].any() else system.classes
    counts = pooled[:, : len(names)]
    shares = counts / np.maximum(pooled.sum(axis=1, keepdims=True), 1)
    side = 2.4 + 0.5 * len(names)
    figure = Figure(figsize=(side + 1.2, side), layout="constrained")
    axes = figure.subplots()
    axes.pcolormesh(shares, cmap="cividis", vmin=0, vmax=1, edgecolors="none")
    axes.invert_yaxis()
    axes.set_aspect("equal")
    for (row, column), share in np.ndenumerate(shares):
        colour = "#000001" if share > 0.55 else "#ffffff"  # depends on the cell's colour, not on the page's scheme
        label = axes.text(column + 0.5, row + 0.5, f"{100 * share:.0f}", ha="center", va="center", color=colour)
        label.set_fontsize(8)
    totals = pooled.sum(axis=1)
    axes.set_xticks(np.arange(len(names)) + 0.5, names, rotation=45, ha="right", rotation_mode="anchor")
    rows = [f"{name} (n = {total})" for name, total in zip(system.classes, totals, strict=True)]
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    axes.tick_params(length=0)
    axes.set_xlabel("decided")
    axes.set_ylabel("true")
    axes.spines[:].set_visible(False)
    drawing.system_title(figure, system, f"{int(pooled.sum())} decisions, per cent of the true class")
    return figure
