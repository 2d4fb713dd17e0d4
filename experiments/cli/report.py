"""The verb `report`."""

import click

from experiments.cli.options import RESULTS_READ


@click.command("report")
@RESULTS_READ
@click.option("--check", is_flag=True, help="Write nothing; exit status 1 if the page lags behind its records.")
def report_command(results, check):
    """Write the page results/report/index.html."""
    from experiments.report import html_page

    if not check:
        click.echo(f"report: {html_page.write(results)}")
    elif not html_page.is_current(results):
        click.echo("report/index.html differs from its records")
        raise click.exceptions.Exit(1)
