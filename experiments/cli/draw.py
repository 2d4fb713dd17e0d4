"""The verb `draw`."""

from pathlib import Path

import click

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("draw")
@click.argument("paper")
@click.option("--models", "saved", type=FOLDER, required=True, help="Folder that `run --models` filled.")
@click.option(
    "--data",
    envvar="SER_DATA",
    type=FOLDER,
    help="Folder that holds corpora under their names, or one corpus's own root (also: SER_DATA).",
)
@click.option("--corpus", help="Corpus variant as its folder is called, for example ravdess-4hap; the first if absent.")
@click.option("--results", type=FOLDER, default=Path("results"), show_default=True, help="Records of those systems.")
@click.option("--into", type=FOLDER, help="Where a folder PAPER is written; RESULTS/figures if absent.")
def draw_command(paper, saved, data, corpus, results, into):
    """Draw a paper's own figures from saved systems: the lowest fold, the first test sentence of each emotion."""
    from experiments.report import paper_figures

    into = into or results / "figures"
    for path in paper_figures.draw(paper, saved=saved, data=data, results=results, into=into, corpus=corpus):
        click.echo(f"{path} written")
