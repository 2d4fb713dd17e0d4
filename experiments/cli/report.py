"""The verb `report`."""

import click

from experiments.cli.options import RESULTS_READ


@click.command("report")
@RESULTS_READ
@click.option("--check", is_flag=True, help="Then exit with status 1 if the pages exceed 2 MB or a link is broken.")
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
