"""Pairwise comparisons of systems on identical test utterances: contrasts as a table, all pairs as CSV."""

from common.utterance import slug
from experiments.evaluation.comparisons import adjusted, distinct_systems, pairs_of
from experiments.evaluation.system_results import by_group, ranges
from experiments.tables import contrasts, formats
from experiments.tables.formats import Sheet
from experiments.tables.layout import identity, surroundings

PRESET = "paper"


def pairs_sheet(corpus, systems, ablations=frozenset(), papers=()) -> Sheet | None:
    """The contrasts of each protocol at preset paper, and all pairs in the CSV.

    None if no two systems share their test utterances.

    Args:
        corpus: the corpus variant of all systems.
        systems: SystemResults.
        ablations: names of systems that are only compared in a ledger.
        papers: of common/evaluation/reported_results.
    """
    tables, rows = [], []
    ordered = sorted(systems, key=lambda s: (s.protocol, s.preset, s.paper, s.variant))
    for (_, protocol, preset), members in by_group(ordered).items():
        methods, _ = distinct_systems(members, ablations)
        pairs = pairs_of(methods)
        rows += [_row(pair, p) for pair, p in zip(pairs, adjusted(pairs), strict=True)]
        if pairs and preset == PRESET and any(paper.contrasts for paper in papers):
            table = contrasts.table(corpus, members, papers)
            tables.append(table.changed(caption=f"Protocol {protocol}: {table.caption}"))
    if not rows:
        return None
    return Sheet(f"compare_{slug(corpus)}", f"Pairs of systems on {corpus}", tuple(tables), evidence=rows)


def _row(pair, p_holm) -> dict:
    notes = dict.fromkeys([*pair.first.caveats, *pair.second.caveats, *filter(None, [pair.why_none])])
    return {
        **identity(pair.first),
        "second_paper": pair.second.paper,
        "second_variant": pair.second.variant,
        "n": pair.num_utterances,
        "seeds": ranges(pair.seeds),
        "folds": pair.first.folds,
        "second_command": pair.second.command,
        **formats.interval_fields("ua_difference", pair.ua),
        **formats.interval_fields("wa_difference", pair.wa),
        "p": pair.pvalue,
        "p_holm": p_holm,
        "mcnemar_p": pair.mcnemar.pvalue,
        "only_first_right": pair.mcnemar.only_first,
        "only_second_right": pair.mcnemar.only_second,
        **surroundings(pair.first),
        "notes": "; ".join(notes),
    }
