"""The verb `export`."""

from pathlib import Path

import click

from common.atomic_file import require_writable
from experiments.cli.options import DATA, RESULTS_READ, names_of


@click.command("export")
@RESULTS_READ
@click.option(
    "--into", type=click.Path(path_type=Path), required=True, help="Folder for folds, audformat, predictions."
)
@click.option(
    "--tensorboard", is_flag=True, help="Learning curves as well, for `tensorboard --logdir INTO/tensorboard`."
)
@DATA
@click.option(
    "--corpus",
    "corpus_names",
    callback=names_of,
    help="manifest:FILE or audformat:DIR of records of your own recordings, comma-separated: names their files.",
)
def export_command(results, into, tensorboard, data, corpus_names):
    """Write fold files (CSV), audformat databases of the folds and every utterance's predictions, from the records.

    With --data and --corpus, files are named by their path below the corpus's root, which `audit --audio` takes;
    otherwise by their stem. Either way `run --protocol folds:DIR` finds them in the corpus.
    """
    require_writable(into, "--into")
    from experiments.export import export, learning_curves

    done = export.export(results, into, data, corpus_names or ())
    click.echo(f"{into}: {done.folds} folds, predictions of {done.predictions} records")
    if tensorboard:
        runs = learning_curves.export(results, into / "tensorboard")
        click.echo(f"{into / 'tensorboard'}: learning curves of {runs} fold{'s' if runs > 1 else ''}")
    for sentence in done.missing:
        click.echo(sentence)
