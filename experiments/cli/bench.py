"""The commands `bench` and `latency`. Modules that start Keras or read audio are imported when they run."""

from pathlib import Path

import click

from common.atomic_file import require_writable
from common.errors import InputError
from experiments.cli.options import RESULTS, names_of, refuse_ignored
from experiments.evidence import benchmarks, latencies


@click.command("bench")
@click.option("--smallest", is_flag=True, help="Test run at the smallest sizes; writes nothing without --results.")
@click.option("--results", type=click.Path(path_type=Path), help="Results folder; default: results.")
def bench_command(smallest, results):
    """Measure the speed of training, features and prediction, as ratios of one run: RESULTS/bench.json.

    About ten minutes on two idle cores. `tabulate` writes its table.

    Example: python -m experiments bench
    """
    kept = results or (None if smallest else Path("results"))
    if kept is not None:
        require_writable(kept)
    from experiments.benchmark import measurements, timing

    conditions = timing.conditions(rehearsal=smallest)
    click.echo(f"load average {conditions['load_average']}")
    figures = []
    for figure in measurements.measure(smallest=smallest):
        click.echo(f"  {benchmarks.line(figure)}")
        figures.append(figure)
        if kept is not None:  # after each, so that an interrupted run keeps what it measured
            path = benchmarks.keep(kept, conditions, figures)
    click.echo("a rehearsal: nothing is written" if kept is None else f"{path}: `tabulate` makes the table")


@click.command("latency")
@click.option("--papers", callback=names_of, help="Comma-separated; all if absent.")
@click.option(
    "--systems", "names", callback=names_of, help="paper/variant, comma-separated; all of the papers if absent."
)
@click.option("--repeat", type=click.IntRange(1), default=20, show_default=True, help="Timed calls; the median counts.")
@RESULTS
def latency_command(papers, names, repeat, results):
    """Milliseconds from a 3-second recording to its posteriors, on one thread of this machine: RESULTS/latency.json.

    Every system at its paper's settings, with random initial weights; run it on an idle machine. Earlier measurements
    of other systems are kept. A system that cannot run is reported with the reason, and the others are measured.

    Example: python -m experiments latency --papers emmert
    """
    if names:
        refuse_ignored(["papers"], "--systems names what is measured")
    pairs = _systems(papers, names)
    require_writable(results)
    from experiments.benchmark import latency

    latencies.read(results)  # reports a damaged file before the long measurement
    refused = []
    for paper, variant in pairs:
        try:
            measured = latency.measure(paper, variant, repeat=repeat)
        except InputError as error:
            refused.append(error)
            click.echo(f"{paper}/{variant}: not measured: {error}")
            continue
        path = latencies.keep(results, {f"{paper}/{variant}": measured})
        spent = measured["features_ms"] + measured["network_ms"]
        click.echo(
            f"{paper}/{variant}: {measured['features_ms']:.1f} ms + {measured['network_ms']:.1f} ms = {spent:.1f} ms, "
            f"real-time factor {measured['real_time_factor']:.2g}"
        )
    if len(refused) == len(pairs):
        raise refused[0]
    click.echo(
        f"{path}: {len(pairs) - len(refused)} of {len(pairs)} systems measured; `tabulate` puts them into the tables"
    )


def _systems(papers, names) -> list[tuple[str, str]]:
    """(paper, variant) of the systems to measure."""
    from experiments import catalog

    if names is not None:
        pairs = [tuple(name.split("/", 1)) for name in names]
        if wrong := [pair[0] for pair in pairs if len(pair) != 2]:
            raise InputError(f"{wrong[0]!r} is not a system; write paper/variant, for example emmert/mfcc")
        for paper, variant in pairs:
            catalog.recipe(paper, variant, "paper")
        return pairs
    return [(name, variant) for name in papers or catalog.NAMES for variant in catalog.paper(name).RECIPES]
