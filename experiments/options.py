"""Options that several verbs share."""

from pathlib import Path

import click

DATA = click.option(
    "--data",
    envvar="SER_DATA",
    type=click.Path(path_type=Path),
    help="Folder that holds corpora under their names, or one corpus's own root (also: SER_DATA).",
)
RESULTS = click.option(
    "--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Results folder."
)
