"""The verb `export`."""

from pathlib import Path

import click

from common.atomic_file import require_writable
from experiments.cli.options import DATA, RESULTS_READ


@click.command("export")
@RESULTS_READ
@click.option(
    "--into", type=click.Path(path_type=Path), required=True, help="Folder for folds, audformat, predictions."
)
@click.option(
    "--tensorboard", is_flag=True, help="Learning curves as well, for `tensorboard --logdir INTO/tensorboard`."
)
@DATA
def export_command(results, into, tensorboard, data):
    """Write fold files (CSV), audformat databases of the folds and every utterance's predictions, from the records."""
    require_writable(into, "--into")
    from experiments.export import export, learning_curves

    done = export.export(results, into, data)
    click.echo(f"{into}: {done.folds} folds, predictions of {done.predictions} records")
    if tensorboard:
        runs = learning_curves.export(results, into / "tensorboard")
        click.echo(f"{into / 'tensorboard'}: learning curves of {runs} fold{'s' if runs > 1 else ''}")
    for sentence in done.missing:
        click.echo(sentence)
