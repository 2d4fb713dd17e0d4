"""The verb `compare`."""

from pathlib import Path

import click

from common.errors import InputError
from experiments.cli.options import (
    TEST_CORPORA,
    Explained,
    names_of,
    recipe_changes,
    refuse_for_corpora,
    refuse_ignored,
    training_options,
    with_places,
)

FIRST_LOOK_FOLDS = (1, 2)
BY_GRID = "papers names corpus_names protocols test_corpora preset emotions seeds assignments".split()
REAL_THING = """\
This was synthetic speech: a check that everything runs, not a result. With recordings:
  python -m experiments corpora fetch ravdess --into data
  python -m experiments compare --data data --preset paper     (hours on two cores; --dry-run estimates them)"""


@click.command("compare", cls=Explained)
@click.option(
    "--grid",
    "grid_file",
    type=click.Path(path_type=Path),
    help="TOML file of systems, corpora, protocols, seeds and values of --set; shows the hours first, writes a table.",
)
@click.option("--papers", callback=names_of, help="Comma-separated; all if absent.")
@click.option("--systems", "names", callback=names_of, help="paper/variant, comma-separated; the papers' main ones.")
@click.option("--corpus", "corpus_names", callback=names_of, help="Comma-separated; all present ones, else synthetic.")
@click.option(
    "--protocol",
    "protocols",
    callback=names_of,
    default="speaker_independent",
    show_default=True,
    help="Comma-separated, see below; add random and text_independent to see the effect of known speakers.",
)
@TEST_CORPORA
@click.option("--preset", default="quick", show_default=True, help="paper, quick or smoke; see below.")
@training_options
def compare_command(grid_file, papers, names, corpus_names, protocols, preset, **options):
    """Train the systems of all papers on the same folds of the same utterances, and print their table.

    Without a corpus: one system of each paper on two folds of synthetic speech, in a few minutes.

    \b
    Example: python -m experiments compare
    Example: python -m experiments compare --corpus ravdess --data DIR --preset paper --seeds 0-2
    Example: python -m experiments compare --grid grid.toml --data DIR
    """  # noqa: D301  (click reads \b)
    from experiments.cli import run
    from experiments.runs import compare

    if grid_file:
        refuse_ignored([*BY_GRID, *compare.OPTIONS], f"{grid_file} defines the comparison")
        _run_grid(grid_file, options)
        return
    compare.require_honest(protocols)
    compare.require_pair(protocols, options["test_corpora"])
    data = options["data"]
    is_first_look = not (names or corpus_names) and compare.is_synthetic(protocols, data)
    if names:
        refuse_ignored(["papers"], "--systems selects the systems")
    refuse_for_corpora([*(corpus_names or ()), *options["test_corpora"]], options["labels"])
    pairs = [tuple(name.split("/", 1)) for name in names or ()]
    if not pairs:
        pairs = compare.first_look_systems(papers, preset) if is_first_look else compare.main_systems(papers)
    if not corpus_names and options["test_corpora"]:
        raise InputError("protocol cross_corpus needs the training corpus; give it with --corpus")
    if is_first_look:
        options["folds"] = options["folds"] or FIRST_LOOK_FOLDS
    systems = compare.systems(pairs, preset, **recipe_changes(options))
    options["emotions"] = options["emotions"] or (compare.EMOTIONS,)
    corpora = corpus_names or compare.corpora_of(protocols, data)
    run.train(systems, corpora, protocols, options)
    if preset == "smoke":
        click.echo("preset smoke trains for an epoch or two and only checks that everything runs; use --preset quick")
    elif is_first_look:
        click.echo(REAL_THING)


def _run_grid(grid_file, options):
    """Print the estimated cost of a grid, train the folds without records, and write the grid's table."""
    from experiments.cli import grid, run
    from experiments.runs import compare, dry_run

    chosen = grid.read(grid_file)
    refuse_for_corpora([*chosen.corpora, *chosen.test_corpora], options["labels"])
    recipe_changes(options)
    is_plan = options.pop("dry_run")
    options |= {name: getattr(chosen, name) for name in ("seeds", "emotions", "protocols", "test_corpora")}
    options = with_places(options)
    estimates = dry_run.show(chosen.systems, chosen.corpora, **options)
    if is_plan:
        click.echo("Nothing was trained or recorded.")
        return
    variants = {(estimated.corpus, estimated.trained_on) for estimated in estimates}
    outcome = compare.train(chosen.systems, chosen.corpora, **options)
    run.show(*outcome, options["results"], (chosen.name, lambda record: chosen.has(record, variants)))
