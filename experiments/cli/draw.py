"""The verb `draw`."""

from pathlib import Path

import click

from common.atomic_file import require_writable
from experiments.cli.options import DATA, RESULTS_READ

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("draw")
@click.argument("paper")
@click.option("--models", "saved", type=FOLDER, required=True, help="Folder that `run --models` filled.")
@DATA
@click.option("--corpus", help="Corpus variant as its folder is called, for example ravdess-4hap; the first if absent.")
@RESULTS_READ
@click.option("--into", type=FOLDER, help="Where a folder PAPER is written; RESULTS/figures if absent.")
def draw_command(paper, saved, data, corpus, results, into):
    """Draw a paper's own figures from saved systems: the lowest fold, the first test sentence of each emotion.

    Example: python -m experiments draw satt2017 --models MODELS --data DIR
    """
    into = into or results / "figures"
    require_writable(into, "--into")
    from experiments.report import paper_figures

    for path in paper_figures.draw(paper, saved=saved, data=data, results=results, into=into, corpus=corpus):
        click.echo(f"{path} written")
