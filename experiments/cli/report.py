"""The verbs `report` and `draw`."""

from pathlib import Path

import click

from common.atomic_file import require_writable
from common.errors import InputError
from experiments.cli.options import DATA, RESULTS_READ

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("report")
@RESULTS_READ
@click.option("--check", is_flag=True, help="Exit with status 1 if the pages exceed 2 MB or a link is broken.")
def report_command(results, check):
    """Write the report: results/report/index.html and its pages.

    Example: python -m experiments report --results results/local
    """
    from experiments.report import html_page

    click.echo(f"report: {html_page.write(results)}")
    faults = html_page.faults(results) if check else []
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        raise click.exceptions.Exit(1)


@click.command("draw")
@click.argument("paper")
@click.option(
    "--models", "saved", type=FOLDER, help="Folder written by `run --models`; if absent, figures of recordings."
)
@DATA
@click.option("--corpus", help="With --models, the folder name of a variant, for example ravdess-4hap; else a corpus.")
@RESULTS_READ
@click.option("--into", type=FOLDER, help="Parent of the written folder PAPER; RESULTS/figures if absent.")
def draw_command(paper, saved, data, corpus, results, into):
    """Draw a paper's own figures from saved systems: the lowest fold, the first test sentence of each emotion.

    Without --models, draw the paper's figures of recordings: lim2016 speech in segments, satt2017 pitch in noise.

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
