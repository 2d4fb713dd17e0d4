"""The verb `draw`."""

from pathlib import Path

import click

from common.atomic_file import require_writable
from common.errors import InputError
from experiments.cli.options import DATA, RESULTS_READ

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("draw")
@click.argument("paper")
@click.option(
    "--models", "saved", type=FOLDER, help="Folder that `run --models` filled; if absent, figures of recordings."
)
@DATA
@click.option(
    "--corpus", help="With --models a variant as its folder is called, for example ravdess-4hap; else a corpus."
)
@RESULTS_READ
@click.option("--into", type=FOLDER, help="Where a folder PAPER is written; RESULTS/figures if absent.")
def draw_command(paper, saved, data, corpus, results, into):
    """Draw a paper's own figures from saved systems: the lowest fold, the first test sentence of each emotion.

    Without --models, what it shows of the recordings of a corpus: lim2016 the speech in a segment, satt2017 pitch in
    noise.

    Example: python -m experiments draw lim2016 --corpus ravdess --data DIR
    """
    if not (saved or corpus):
        raise InputError("name a folder of saved systems with --models, or recordings with --corpus")
    into = into or results / "figures"
    require_writable(into, "--into")
    from experiments.report import paper_figures

    if saved:
        drawn = paper_figures.draw(paper, saved=saved, data=data, results=results, into=into, corpus=corpus)
    else:
        drawn = paper_figures.draw_recordings(paper, data=data, into=into, corpus=corpus)
    for path in drawn:
        click.echo(f"{path} written")
