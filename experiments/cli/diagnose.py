"""The verb `diagnose`."""

import math
import tempfile
from pathlib import Path

import click

from common.errors import InputError
from common.utterance import emotions_of
from experiments.cli.options import DATA, LABELS, SEED, SET, names_of, refuse_for_corpora


@click.command("diagnose")
@click.argument("systems", nargs=-1, required=True)
@click.option("--corpus", help="The paper's own if absent.")
@DATA
@click.option("--protocol", default="speaker_independent", show_default=True)
@click.option("--emotions", callback=names_of, default="4hap", show_default=True)
@LABELS
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--store", type=click.Path(path_type=Path), help="Feature store; SER_CACHE/features if absent.")
@SET
def diagnose_command(systems, corpus, data, protocol, emotions, labels, seed, store, assignments):
    """Diagnose the first steps of a training: activations and gradients by layer, loss, dead units.

    SYSTEMS are written paper/variant. Only the training part of the first fold is used, and nothing is written.

    Example: python -m experiments diagnose satt2017/cnn3_lstm_20hz --corpus ravdess --data DIR
    """
    refuse_for_corpora([corpus] if corpus else [], labels)
    from common import corpora
    from common.features import feature_store
    from common.learning import backend
    from experiments import catalog
    from experiments.runs import compare, jobs, train_fold

    backend.start()
    from common.learning.diagnostics import diagnose

    for system in compare.systems([name.split("/", 1) for name in systems], "paper", assignments=assignments):
        with tempfile.TemporaryDirectory() as nowhere:
            (job,) = jobs.plan(
                system,
                corpora.load(corpus or system.recipe.corpus, data, labels),
                emotions=emotions_of(emotions),
                protocol=protocol,
                seeds=(seed,),
                fold_names=("fold_1",),
                workers=1,
                store=store or feature_store.cache_dir() / "features",
                results=nowhere,
            )
        network, batches = catalog.paper(system.paper).prepare(
            system.recipe, train_fold.part_of(job, "train"), seed=seed
        )
        if not hasattr(network, "layers"):
            raise InputError(f"{system.name} is not a network: it has no layers to diagnose")
        click.echo(_table(system, job, diagnose(network, batches)))


def _table(system, job, diagnosis) -> str:
    from tabulate import tabulate

    heads = ("layer", "activation RMS", "gradient/weight RMS", "dead units %", "after 100 steps %")
    rows = [
        (
            layer.name,
            layer.activation_rms,
            layer.gradient_share,
            _percent(layer.dead_before),
            _percent(layer.dead_after),
        )
        for layer in diagnosis.layers
    ]
    losses = ", ".join(f"{step}: {loss:.3f}" for step, loss in diagnosis.losses.items())
    return (
        f"{system.name} on {job.corpus.variant}, {job.protocol}, {job.fold.name}, seed {job.seed}\n"
        f"{tabulate(rows, heads, floatfmt='.3g')}\n"
        f"loss on 64 training examples by step (ln {len(job.classes)} = {math.log(len(job.classes)):.3f}): {losses}\n"
    )


def _percent(share):
    return "" if share is None else f"{100 * share:.0f}"
