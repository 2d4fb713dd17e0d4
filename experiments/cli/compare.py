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

FIRST_LOOK_FOLDS = (1, 2)
REAL_THING = """\
This was synthetic speech: a check that everything runs, no result. With recordings:
  python -m experiments corpora fetch ravdess --into data
  python -m experiments compare --data data --preset paper     (hours on two cores; --dry-run says how many)"""


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
@click.option("--preset", help="paper, quick or smoke, see below; quick if absent, on synthetic speech paper.")
@training_options
def compare_command(papers, names, corpus_names, protocols, preset, **options):
    """Every paper's systems on the same folds of the same utterances; then their table.

    Without a corpus: one system of each paper on two folds of synthetic speech, in five minutes.

    \b
    Example: python -m experiments compare
    Example: python -m experiments compare --corpus ravdess --data DIR --preset paper --seeds 0-2
    """  # noqa: D301  (click reads \b)
    from experiments.cli import run
    from experiments.runs import compare

    compare.require_honest(protocols)
    data = options["data"]
    is_first_look = not (names or corpus_names) and compare.is_synthetic(protocols, data)
    if names:
        refuse_ignored(["papers"], "--systems names what is compared")
    refuse_for_corpora(corpus_names or (), options["labels"])
    pairs = [tuple(name.split("/", 1)) for name in names or ()]
    preset = preset or ("paper" if is_first_look else "quick")
    pairs = pairs or compare.main_systems(papers, first_only=is_first_look)
    if is_first_look:
        options["folds"] = options["folds"] or FIRST_LOOK_FOLDS
    systems = compare.systems(pairs, preset, **recipe_changes(options))
    options["emotions"] = options["emotions"] or (compare.EMOTIONS,)
    corpora = corpus_names or compare.corpora_of(protocols, data)
    run.train(systems, corpora, protocols, options)
    if preset == "smoke":
        click.echo("preset smoke trains for an epoch or two: it shows the machinery; --preset quick gives numbers")
    elif is_first_look:
        click.echo(REAL_THING)
