"""The verb `run`, and the final output of `run` and `compare`."""

from pathlib import Path

import click

from common.errors import InputError
from experiments.cli.options import (
    PRESET,
    TEST_CORPORA,
    Explained,
    names_of,
    recipe_changes,
    refuse_for_corpora,
    training_options,
    with_places,
)


@click.command("run", cls=Explained)
@click.argument("paper")
@click.option("--variant", "variants", callback=names_of, help="One or more, comma-separated; the main ones if absent.")
@click.option(
    "--corpus", "corpus_name", help="NAME, NAME/VARIANT, manifest:FILE or audformat:DIR; else the paper's own."
)
@click.option(
    "--protocol",
    "protocols",
    callback=names_of,
    help="Comma-separated, see below; paper if absent, speaker_independent on another corpus.",
)
@TEST_CORPORA
@PRESET
@training_options
def run_command(paper, variants, corpus_name, protocols, preset, **options):
    """Train and test one paper's systems.

    \b
    Example: python -m experiments run emmert --variant mfcc --data DIR
    Example: python -m experiments run satt2017 --corpus ravdess --emotions 4hap --data DIR

    Systems changed by --set are recorded under another name, for example cnn3_lstm_20hz+learning_rate=0.0003, with a
    note that begins "modified", and are not compared with published numbers.
    """  # noqa: D301  (click reads \b)
    from experiments import catalog
    from experiments.runs import compare

    variants = variants or catalog.paper(paper).COMPARED
    systems = compare.systems([(paper, variant) for variant in variants], preset, **recipe_changes(options))
    protocols = protocols or _usual_protocol(systems[0].recipe, corpus_name)
    compare.require_pair(protocols, options["test_corpora"])
    named = [corpus_name] if corpus_name else []
    refuse_for_corpora([*named, *options["test_corpora"]], options["labels"])
    train(systems, [corpus_name], protocols, options)


def _usual_protocol(recipe, corpus_name) -> tuple[str, ...]:
    """The paper's own split on its corpus; else, or for a method without a paper, speaker-independent folds."""
    own = recipe.corpus.partition("/")[0]
    if "paper" in recipe.protocols and (corpus_name or own).partition("/")[0] == own:
        return ("paper",)
    click.echo(f"protocol speaker_independent: the paper's own split is for {own}", err=True)
    return ("speaker_independent",)


def train(systems, corpus_names, protocols, options):
    """Train and print the results, or with --dry-run print the estimated cost."""
    from experiments.runs import compare, dry_run

    if options.pop("dry_run"):
        dry_run.show(systems, corpus_names, protocols=protocols, **with_places(options))
        click.echo("Nothing was trained or recorded.")
        return
    show(*compare.train(systems, corpus_names, protocols=protocols, **with_places(options)), options["results"])


def _underfitted(recorded):
    """A sentence on each system of a run that has underfitted networks."""
    from experiments.evaluation import system_results

    for system in system_results.group(recorded):
        for sentence in system.underfitted:
            yield f"{system.name} on {system.corpus_variant}, {system.protocol}, preset {system.preset}: {sentence}"


def show(done, refused, failed, results, chosen=None):
    """Print the table of the systems that ran, write the tables of their corpora, and print the next commands.

    Args:
        done, refused, failed: as `compare.train` returns them.
        results: the results folder.
        chosen: (name, predicate on records) of a grid: its table, of these records only, is written to `grids`.

    Raises:
        InputError: folds failed (after the tables of the other folds are printed and written), or the tables cannot be
            written.
    """
    try:
        _show(done, refused, results, chosen)
    except InputError as error:
        raise InputError("\n".join([str(error), *_failures(failed)])) from error
    if failed:
        raise InputError("\n".join(_failures(failed)))


def _show(done, refused, results, chosen):
    from common import records
    from experiments.evaluation import system_results
    from experiments.tables import all_tables

    corpora = list(dict.fromkeys(corpus for _, corpus in done))
    ran = {(system.paper, system.variant, system.preset, corpus) for system, corpus in done}
    of_corpora = records.read_all(results, corpora)
    recorded = [
        record for record in of_corpora if (record.paper, record.variant, record.preset, record.corpus_variant) in ran
    ]
    if chosen:
        name, holds = chosen
        click.echo(all_tables.write_grid(results, name, list(filter(holds, of_corpora))))
    else:
        click.echo(all_tables.table_for_terminal(recorded))
    for sentence in [*refused, *_underfitted(recorded)]:
        click.echo(sentence)
    for path in all_tables.update_corpora(results, of_corpora):
        click.echo(f"table: {path} (.csv, .tex)")
    where = [] if results == Path("results") else ["--results", str(results)]
    for verb, makes in (("tabulate", "all tables and the headline figure"), ("report", "pages with all figures")):
        click.echo(f"next: {system_results.shell_line([verb, *where])}    ({makes})")


def _failures(failed) -> list[str]:
    if not failed:
        return []
    count = "1 fold failed and has" if len(failed) == 1 else f"{len(failed)} folds failed and have"
    return [f"{count} no record; the records of all others are kept:", *dict.fromkeys(map(str, failed))]
