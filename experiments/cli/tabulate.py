"""The verb `tabulate`."""

import click

from experiments.cli.options import RESULTS_READ


@click.command("tabulate")
@click.option("--check", is_flag=True, help="Write nothing; exit with status 1 if a table is out of date.")
@RESULTS_READ
def tabulate_command(check, results):
    """Rebuild all tables from the records, and the figure in the README.

    Example: python -m experiments tabulate --results results/local
    """
    from experiments.report import forest
    from experiments.tables import all_tables

    differing = all_tables.update(results, check=check, figure=forest.headline_svg)
    for path in differing:
        done = "written" if path.exists() else "removed: it has no records"
        click.echo(f"{path} {'is out of date' if check else done}")
    if check and differing:
        raise click.exceptions.Exit(1)
