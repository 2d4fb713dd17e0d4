"""The verb `compare`."""

import click

from experiments.cli.options import (
    names_of,
    recipe_changes,
    refuse_for_corpora,
    refuse_ignored,
    training_options,
)


@click.command("compare")
@click.option("--papers", callback=names_of, help="Comma-separated; all if absent.")
@click.option("--systems", "names", callback=names_of, help="paper/variant, comma-separated; the papers' main ones.")
@click.option("--corpus", "corpus_names", callback=names_of, help="Comma-separated; those found, else synthetic ones.")
@click.option(
    "--protocol",
    "protocols",
    callback=names_of,
    default="speaker_independent",
    show_default=True,
    help="Comma-separated: random and text_independent beside it show what knowing speakers and sentences is worth; "
    "folds:DIR or folds:FILE for your own, folds for columns split and fold.",
)
@click.option("--preset", default="quick", show_default=True, help="paper, quick or smoke.")
@training_options
def compare_command(papers, names, corpus_names, protocols, preset, **options):
    """Every paper's systems on the same folds of the same utterances; then tables and the report."""
    from experiments.cli import run
    from experiments.runs import compare

    compare.require_honest(protocols)
    if names:
        refuse_ignored(["papers"], "--systems names what is compared")
    refuse_for_corpora(corpus_names or (), options["labels"])
    pairs = [tuple(name.split("/", 1)) for name in names] if names else compare.main_systems(papers)
    systems = compare.systems(pairs, preset, **recipe_changes(options))
    options["emotions"] = options["emotions"] or (compare.EMOTIONS,)
    data = options["data"]
    corpora = corpus_names or compare.corpora_of(protocols, data)
    run.train(systems, corpora, protocols, options)
    if preset == "smoke":
        click.echo("preset smoke trains for an epoch or two: it shows the machinery; --preset quick gives numbers")
