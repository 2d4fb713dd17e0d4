"""Run status of a paper: its systems by protocol and preset, one table per corpus."""

import itertools

from experiments.evaluation.system_results import corpus_words, label_words, labels_name, seeds_in_words, shell_line
from experiments.tables import formats
from experiments.tables.formats import Table

PRESETS = ("quick", "paper")
NOT_RUN = "not run"


def tables_of(paper, systems) -> list[Table]:
    """A table for each corpus with published numbers or with runs.

    Synthetic speech, preset `smoke` and runs across corpora (which have their own table) are left out.

    Args:
        paper: of common/evaluation/reported_results; all systems with published numbers have a row, run or not.
        systems: SystemResults of the paper.
    """
    stated = [number for number in paper.published if number.variant]
    real = sorted((s for s in systems if s.preset in PRESETS and not (s.synthetic or s.trained_on)), key=_chosen)
    run_on = {s.corpus_variant for s in real}
    tables = []
    for name in dict.fromkeys(number.corpus for number in stated if number.corpus not in run_on):
        own = [number for number in stated if number.corpus == name]
        tables.append(_table(paper.name, [name], [], _variants(own), _protocols(own), {}))
    for (_, corpus, emotions, _), members in itertools.groupby(real, key=_chosen):
        members = list(members)
        by_place = {(s.variant, s.protocol, s.preset): s for s in members}
        names = list(dict.fromkeys(s.corpus_variant for s in by_place.values()))
        protocols = _protocols([*(number for number in stated if number.corpus in names), *by_place.values()])
        on = ["--corpus", corpus, *(["--emotions", emotions] if emotions else []), *label_words(members[0].records[0])]
        tables.append(_table(paper.name, names, on, _variants([*stated, *real]), protocols, by_place))
    return tables


def _variants(numbers_or_systems) -> list[str]:
    return list(dict.fromkeys(each.variant for each in numbers_or_systems))


def _protocols(numbers_or_systems) -> list[str]:
    return sorted({each.protocol for each in numbers_or_systems})


def _chosen(system) -> tuple[str, str, str, str]:
    """The corpus's name in records, and the values of --corpus, --emotions and --labels."""
    record = system.records[0]
    return record.corpus, *corpus_words(record), labels_name(record)


def _table(paper, names, on, variants, protocols, by_place) -> Table:
    rows = [
        {"system": variant, "protocol": protocol}
        | {preset: _cell(by_place.get((variant, protocol, preset))) for preset in PRESETS}
        for variant, protocol in itertools.product(variants, protocols)
    ]
    columns = tuple(formats.text(heading, heading) for heading in ("system", "protocol", *PRESETS))
    placeholders = "--protocol PROTOCOL --preset PRESET --seeds SEEDS".split()
    words = ["run", paper, "--variant", "SYSTEM", *on, *placeholders]
    caption = f"Runs of {paper} on {', '.join(names)}: seeds and finished folds, by preset"
    return Table(caption, rows, columns, ((f"runs of {paper} on {', '.join(names)}", shell_line(words)),))


def _cell(system) -> str:
    """`seeds 0-2: 10/10; seed 3: 4/10`."""
    if system is None:
        return NOT_RUN
    total = system.records[0].num_folds
    by_count = {}
    for seed, records in sorted(system.by_seed.items()):
        by_count.setdefault(len(records), []).append(seed)
    return "; ".join(f"{seeds_in_words(seeds)}: {count}/{total}" for count, seeds in by_count.items())
