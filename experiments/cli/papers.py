"""The verb `papers`."""

import dataclasses
import json

import click


@click.command("papers")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def papers_command(as_json):
    """List the systems: paper, variant, trained parameters, the paper's corpus.

    Example: python -m experiments papers
    """
    from common.evaluation import reported_results
    from experiments import catalog

    rows = []
    for name in catalog.NAMES:
        numbers = reported_results.read(name)
        for variant, presets in catalog.paper(name).RECIPES.items():
            recipe = presets["paper"]
            rows.append(
                {
                    "paper": name,
                    "variant": variant,
                    "parameters": recipe.num_parameters,
                    "corpus": recipe.corpus,
                    "protocols": list(recipe.protocols),
                    "presets": list(presets),
                    "published": [dataclasses.asdict(n) for n in numbers if n.variant == variant],
                }
            )
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    from tabulate import tabulate

    columns = ("paper", "variant", "parameters", "corpus")
    click.echo(tabulate([[row[c] for c in columns] for row in rows], headers=columns, intfmt=","))
    click.echo("\nnext: python -m experiments run PAPER --variant VARIANT --data DIR; protocols: run --help")
