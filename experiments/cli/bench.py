"""The verb `bench`. What starts Keras or reads audio is imported when it runs."""

from pathlib import Path

import click

from common.atomic_file import require_writable
from common.errors import InputError
from experiments.cli.options import DATA, names_of, refuse_for_corpora, refuse_ignored

SECTIONS = ("training", "features", "batches", "overhead", "memory", "prediction")
OF_RECORDINGS = ("features", "overhead")  # sections that --corpus concerns


@click.command("bench")
@click.option("--only", callback=names_of, help=f"Comma-separated sections: {', '.join(SECTIONS)}; all if absent.")
@click.option("--corpus", "corpus_name", help="Recordings for features and overhead; synthetic ones if absent.")
@DATA
@click.option("--smallest", is_flag=True, help="A rehearsal at tiny sizes; writes nothing unless --results is given.")
@click.option("--results", type=click.Path(path_type=Path), help="Results folder; results if absent.")
def bench_command(only, corpus_name, data, smallest, results):
    """How fast this machine trains, reads and predicts, as ratios of one run: RESULTS/bench.json.

    About ten minutes on two cores that do nothing else. A section measured again replaces its older self, the others
    stay; `tabulate` puts them into a table.

    Example: python -m experiments bench
    """
    chosen = _chosen(only)
    if not set(chosen) & set(OF_RECORDINGS):
        refuse_ignored(["corpus_name", "data"], f"only {' and '.join(OF_RECORDINGS)} take recordings")
    if corpus_name is None:
        refuse_ignored(["data"], "no --corpus is named, so that synthetic speech is used")
    refuse_for_corpora([corpus_name] if corpus_name else [])
    from experiments.evidence import benchmarks

    kept = results or (None if smallest else Path("results"))
    if kept is not None:
        require_writable(kept)
        benchmarks.read(kept)  # a damaged file is named before minutes are spent
    from experiments.benchmark import timing

    for section in chosen:
        conditions = timing.conditions(rehearsal=smallest)
        conditions["command"] = _command(section, corpus_name)
        click.echo(f"{section}, load average {conditions['load_average']}")
        figures = []
        for figure in _measure(section, smallest, corpus_name, data):
            click.echo(f"  {benchmarks.line(figure)}")
            figures.append(figure)
        if kept is not None:
            path = benchmarks.keep(kept, {section: {"conditions": conditions, "figures": figures}})
    click.echo(f"{path}: `tabulate` makes the table" if kept is not None else "a rehearsal: nothing is written")


def _chosen(only) -> tuple[str, ...]:
    """The sections to measure, in the order of `SECTIONS`."""
    if only is None:
        return SECTIONS
    if unknown := sorted(set(only) - set(SECTIONS)):
        raise InputError(f"bench has no section {unknown[0]!r}; choose from {', '.join(SECTIONS)}")
    return tuple(name for name in SECTIONS if name in only)


def _command(section, corpus_name) -> str:
    """What measures a section again."""
    from experiments.evaluation.system_results import shell_line

    corpus = ["--corpus", corpus_name] if corpus_name and section in OF_RECORDINGS else []
    return shell_line(["bench", "--only", section, *corpus])


def _measure(section, smallest, corpus_name, data):
    """The figures of a section, one after the other as they are measured."""
    from experiments.benchmark import batches, features, prediction, processes, training

    if section == "training":
        return training.measure(training.SMALLEST if smallest else training.Size())
    if section == "features":
        size = features.SMALLEST if smallest else features.Size()
        return features.measure(size, corpus_name, data)
    if section == "batches":
        return batches.measure(batches.SMALLEST if smallest else batches.Size())
    if section == "overhead":
        usual = processes.REAL_OVERHEAD if corpus_name else processes.Overhead()
        size = processes.SMALLEST_OVERHEAD if smallest else usual
        return processes.overhead(size, corpus_name, data)
    if section == "memory":
        return processes.memory(processes.SMALLEST_MEMORY if smallest else processes.Memory())
    return prediction.measure(prediction.SMALLEST if smallest else prediction.Size())
