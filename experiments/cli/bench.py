"""The verbs `bench` and `latency`, which measure the speed of this machine; Keras and audio are imported on use."""

from pathlib import Path

import click

from common.atomic_file import require_writable
from common.errors import InputError
from experiments.cli.options import DATA, RESULTS, names_of, refuse_for_corpora, refuse_ignored
from experiments.evidence import benchmarks, latencies

SECTIONS = tuple(benchmarks.TITLES)
OF_RECORDINGS = ("features", "overhead")  # sections that use --corpus


@click.command("bench")
@click.option("--only", callback=names_of, help=f"Comma-separated sections: {', '.join(SECTIONS)}; all if absent.")
@click.option("--corpus", "corpus_name", help="Recordings for features and overhead; synthetic ones if absent.")
@DATA
@click.option("--smallest", is_flag=True, help="A test run at tiny sizes; writes nothing unless --results is given.")
@click.option("--results", type=click.Path(path_type=Path), help="Results folder; results if absent.")
def bench_command(only, corpus_name, data, smallest, results):
    """Measure how fast this machine trains, reads and predicts: RESULTS/bench.json.

    Takes about ten minutes on two idle cores. A section measured again replaces its older results; other sections are
    kept. `tabulate` puts them into a table.

    Example: python -m experiments bench
    """
    chosen = _sections(only)
    if not set(chosen) & set(OF_RECORDINGS):
        refuse_ignored(["corpus_name", "data"], f"only {' and '.join(OF_RECORDINGS)} use recordings")
    if corpus_name is None:
        refuse_ignored(["data"], "no --corpus is given, so synthetic speech is used")
    refuse_for_corpora([corpus_name] if corpus_name else [])
    kept = results or (None if smallest else Path("results"))
    if kept is not None:
        require_writable(kept)
        benchmarks.read(kept)  # raises for a damaged file before minutes are spent
    from experiments.benchmark import sections, timing

    for section in chosen:
        conditions = timing.conditions(rehearsal=smallest)
        conditions["command"] = _command(section, corpus_name)
        click.echo(f"{section}, load average {conditions['load_average']}")
        figures = []
        for figure in sections.measure(section, smallest=smallest, corpus_name=corpus_name, data=data):
            click.echo(f"  {benchmarks.line(figure)}")
            figures.append(figure)
        if kept is not None:
            path = benchmarks.keep(kept, {section: {"conditions": conditions, "figures": figures}})
    click.echo(f"{path}: `tabulate` writes the table" if kept is not None else "a test run: nothing is written")


def _sections(only) -> tuple[str, ...]:
    """The sections to measure, in the order of `SECTIONS`."""
    if only is None:
        return SECTIONS
    if unknown := sorted(set(only) - set(SECTIONS)):
        raise InputError(f"bench has no section {unknown[0]!r}; choose from {', '.join(SECTIONS)}")
    return tuple(name for name in SECTIONS if name in only)


def _command(section, corpus_name) -> str:
    """The command that measures a section again."""
    from experiments.evaluation.system_results import shell_line

    corpus = ["--corpus", corpus_name] if corpus_name and section in OF_RECORDINGS else []
    return shell_line(["bench", "--only", section, *corpus])


@click.command("latency")
@click.option("--papers", callback=names_of, help="Comma-separated; all if absent.")
@click.option(
    "--systems", "names", callback=names_of, help="paper/variant, comma-separated; all of the papers if absent."
)
@click.option("--repeat", type=click.IntRange(1), default=20, show_default=True, help="Timed calls; the median counts.")
@RESULTS
def latency_command(papers, names, repeat, results):
    """Milliseconds from a 3-second recording to its posteriors, on one thread of this machine: RESULTS/latency.json.

    Measures systems at their papers' settings, with random initial weights. Run it on an idle machine. Earlier results
    are kept, except those of systems measured again. If a system cannot run, the reason is printed and the others are
    still measured.

    Example: python -m experiments latency --papers emmert
    """
    if names:
        refuse_ignored(["papers"], "--systems selects the systems")
    pairs = _systems(papers, names)
    require_writable(results)
    from experiments.benchmark import latency

    latencies.read(results)  # raises for a damaged file before minutes are spent
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
