"""What of a paper has been run and what has not: its systems by protocol and preset, a table per corpus."""

import itertools

from experiments.systems import corpus_words, ranges
from experiments.tables import Row, Table

PRESETS = ("quick", "paper")
NOT_RUN = "not run"


def tables_of(paper, systems) -> list[Table]:
    """A table for each corpus that a paper has run on; synthetic speech and preset `smoke` are left out.

    Args:
        paper: of common/published; the systems that its numbers name have a row each, run or not.
        systems: those of the paper.
    """
    real = [s for s in systems if not s.synthetic and s.preset in PRESETS]
    variants = dict.fromkeys([n.variant for n in paper.published if n.variant] + [s.variant for s in real])
    grouped = itertools.groupby(sorted(real, key=_chosen), key=_chosen)
    return [_table(paper.name, variants, *words, list(members)) for (_, *words), members in grouped]


def _chosen(system) -> tuple[str, str, str]:
    """The corpus, of which a cut copy is another, and what --corpus and --emotions were."""
    record = system.records[0]
    return record.corpus, *corpus_words(record)


def _table(paper, variants, corpus, emotions, members) -> Table:
    found = {(s.variant, s.protocol, s.preset): s for s in members}
    places = list(itertools.product(sorted({s.protocol for s in members}), PRESETS))
    rows = []
    for variant in variants:
        cells = {f"{protocol}, {preset}": _cell(found.get((variant, protocol, preset))) for protocol, preset in places}
        rows.append(Row({"system": variant, **cells}, {}))
    on = f"--corpus {corpus}" + (f" --emotions {emotions}" if emotions else "")
    command = f"python -m experiments run {paper} --variant SYSTEM {on} --protocol PROTOCOL --preset PRESET --seeds 0"
    names = ", ".join(dict.fromkeys(s.corpus_variant for s in members))
    caption = f"What of {paper} has been run on {names}: seeds and finished folds, by protocol and preset"
    return Table(caption, rows, ((f"what is {NOT_RUN}, and more seeds", command),))


def _cell(system) -> str:
    """`seed 0: 10/10`."""
    if system is None:
        return NOT_RUN
    word = "seed" if len(system.seeds) == 1 else "seeds"
    return f"{word} {ranges(system.seeds)}: {system.folds}"
