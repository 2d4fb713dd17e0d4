"""Which systems on which corpora; train what has no record yet; show what came out."""

import dataclasses
import itertools
from pathlib import Path

import click

from common import corpora, records
from common.errors import InputError
from common.features import feature_store
from common.folds import leakage
from common.utterance import LABEL_SETS
from experiments import catalog
from experiments.evidence import annotations, human_reference
from experiments.runs import jobs, schedule

SYNTHETIC_LAYOUTS = ("ravdess",)
EMOTIONS = "4hap"  # of a comparison that names none: the four that every corpus has


def main_systems(papers=None):
    """(paper, variant) of the systems that a comparison has by default."""
    for name in papers or ():
        catalog.paper(name)
    return [(name, v) for name, variants in catalog.COMPARED.items() if not papers or name in papers for v in variants]


def systems(pairs, preset, *, weights="imagenet", noises=None, snr_db=0.0):
    """Systems of (paper, variant) pairs.

    Args:
        pairs: of names.
        preset: paper, quick or smoke.
        weights: other than "imagenet" replaces those of a pretrained front end.
        noises: folder of a user's own recordings for systems that are tested in noise; None keeps the built-in ones.
        snr_db: level of those noises.
    """
    made = []
    for pair in pairs:
        if len(pair) != 2:
            raise InputError(f"{pair[0]!r} is no system; write paper/variant, for example emmert/mfcc")
        paper, variant = pair
        recipe = catalog.recipe(paper, variant, preset)
        if getattr(recipe.front_end, "pretrained", False) and weights != "imagenet":
            variant, recipe = _with_weights(paper, variant, preset, recipe, weights)
        if getattr(recipe, "test_front_ends", ()) and (noises or snr_db):
            recipe = _with_noises(recipe, noises, snr_db)
        made.append(jobs.Experiment(paper=paper, variant=variant, preset=preset, recipe=recipe))
    return made


def _with_weights(paper, variant, preset, recipe, weights):
    if weights == "none":
        return f"{variant}_random", catalog.recipe(paper, f"{variant}_random", preset)
    from papers.emmert import resnet

    front_end = dataclasses.replace(recipe.front_end, weights=resnet.install(weights))
    return variant, dataclasses.replace(recipe, front_end=front_end)


def _with_noises(recipe, folder, snr_db):
    from papers.satt2017 import protocol

    if folder is None:
        return protocol.with_built_in_noises(recipe, snr_db=snr_db)
    return protocol.with_noises(recipe, folder, snr_db=snr_db)


def require_honest(protocols):
    """Raise InputError for a protocol that exists to show what leakage does: its numbers stand beside no other's."""
    if leaky := next((protocol for protocol in protocols if leakage.is_leaky(protocol)), None):
        raise InputError(
            f"compare does not take {leaky}: parts of one recording lie on both sides of its split; "
            "`run` trains it alone, and its tables say leaky"
        )


def corpora_found(data):
    """Names of the corpora that are there."""
    return tuple(name for name in corpora.CORPORA if corpora.find(name, data))


def synthetic_corpora(data):
    """Write the built-in corpora where they are not there yet; returns their names and folder.

    Raises:
        InputError: a folder of corpora was named, but none is in it.
    """
    corpora.require_none_named(data)
    from common.corpora import synthetic

    folder = feature_store.cache_dir() / "synthetic"
    for layout in SYNTHETIC_LAYOUTS:
        synthetic.synthesize(layout, folder / layout)
    click.echo("no corpus found: the built-in synthetic one is used (it checks the machinery, not the science)")
    return {layout: folder for layout in SYNTHETIC_LAYOUTS}


def train(
    chosen,
    corpus_names,
    *,
    protocols,
    data,
    emotions,
    seeds,
    fold_names,
    workers,
    store,
    results,
    models=None,
    scheduler=None,
    labels=None,
    strict=False,
):
    """Plan and run all jobs; a system that cannot run is named with its reason and stops no other.

    Args:
        chosen: SystemResults.
        corpus_names: names (None: the paper's own corpus), or a dict name -> folder.
        protocols, emotions, seeds, fold_names, workers, store, results, models, scheduler: as on the command line.
        data: folder of the corpora.
        labels: the user's mapping, common.corpora.labels.Labels.
        strict: whether what is doubtful of a corpus is an error.

    Returns:
        The systems that have records now; a sentence on each that cannot run there; and what went wrong with folds.

    Raises:
        InputError: nothing at all could be run.
    """
    records.require_writable(Path(results, "runs"))
    if models:
        records.require_writable(models, "--models")
    schedule.require(scheduler, results)
    planned, pairs, refused, first_error = [], [], [], None
    for name in corpus_names:
        folder = corpus_names[name] if isinstance(corpus_names, dict) else data
        for system, protocol in itertools.product(chosen, protocols):
            try:
                corpus = corpora.load(name or system.recipe.corpus, folder, labels)
                planned += jobs.plan(
                    system,
                    corpus,
                    emotions=emotions and _emotions(emotions),
                    protocol=protocol,
                    seeds=seeds,
                    fold_names=fold_names,
                    workers=workers,
                    store=store,
                    results=results,
                    models=models,
                    strict=strict,
                )
                selected = catalog.paper(system.paper).select(corpus, system.recipe, emotions and _emotions(emotions))
                human_reference.write_listeners(selected, results)
                annotations.write(selected, results)
                pairs.append(system)
            except InputError as error:
                first_error = first_error or error
                refused.append(f"{system.name} on {name or system.recipe.corpus}, {protocol}: not run: {error}")
    if not pairs:
        raise first_error
    return pairs, refused, schedule.run(planned, workers=workers, scheduler=scheduler)


def _emotions(names):
    return LABEL_SETS.get(names[0], names) if len(names) == 1 else names
