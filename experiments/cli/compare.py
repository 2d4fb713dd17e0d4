"""The verb `compare`."""

import click

from experiments.cli.options import (
    Explained,
    names_of,
    recipe_changes,
    refuse_for_corpora,
    refuse_ignored,
    training_options,
)


@click.command("compare", cls=Explained)
@click.option("--papers", callback=names_of, help="Comma-separated; all if absent.")
@click.option("--systems", "names", callback=names_of, help="paper/variant, comma-separated; the papers' main ones.")
@click.option("--corpus", "corpus_names", callback=names_of, help="Comma-separated; those found, else synthetic ones.")
@click.option(
    "--protocol",
    "protocols",
    callback=names_of,
    default="speaker_independent",
    show_default=True,
    help="Comma-separated, see below: random and text_independent beside it show the effect of known speakers.",
)
@click.option("--preset", default="quick", show_default=True, help="paper, quick or smoke; see below.")
@training_options
def compare_command(papers, names, corpus_names, protocols, preset, **options):
    """Every paper's systems on the same folds of the same utterances; then tables and the report.

    \b
    Example: python -m experiments compare
    Example: python -m experiments compare --corpus ravdess --data DIR --preset paper --seeds 0-2
    """  # noqa: D301  (click reads \b)
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
    found = corpus_names or compare.corpora_of(protocols, data)
    run.train(systems, found, protocols, options)
    if preset == "smoke":
        click.echo("preset smoke trains for an epoch or two: it shows the machinery; --preset quick gives numbers")
