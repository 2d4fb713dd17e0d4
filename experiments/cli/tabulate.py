"""The verb `tabulate`."""

import click

from experiments.cli.options import RESULTS_READ


@click.command("tabulate")
@click.option("--check", is_flag=True, help="Write nothing; exit status 1 where what is there differs.")
@RESULTS_READ
def tabulate_command(check, results):
    """Rebuild every table from the records, and the figure of the first page.

    Example: python -m experiments tabulate --results results/local
    """
    from experiments.report import forest
    from experiments.tables import all_tables

    differing = all_tables.update(results, check=check, figure=forest.headline_svg)
    for path in differing:
        done = "written" if path.exists() else "removed: it has no records"
        click.echo(f"{path} {'differs from its records' if check else done}")
    if check and differing:
        raise click.exceptions.Exit(1)
