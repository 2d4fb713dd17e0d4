"""System against system on identical test utterances, with Holm's adjustment."""

import itertools

from common.evaluation import significance
from common.utterance import slug
from experiments.evaluation.comparisons import compare, distinct_systems
from experiments.evaluation.system_results import by_group, ranges
from experiments.tables import formats, layout
from experiments.tables.formats import Column, Sheet, Table
from experiments.tables.layout import identity, surroundings

METHOD_NOTES = (
    "First minus second, in per cent; 95 % intervals, the same speakers resampled for both; several seeds: mean over "
    "seeds, or, where each seed tests other utterances, all seeds pooled. UA p: permutation of speakers between the "
    "two systems, an answer for speakers at large, but of these trainings: another seed may move it by points.",
    "McNemar: exact, on the utterances of the lowest seed that both have (b: first alone right, c: second alone); "
    "it takes utterances as independent, an answer for these speakers only. Holm: over the pairs of this table.",
)


FEW_SPEAKERS = 12  # up to here the smallest possible p is worth saying
LEVEL = 0.05
UNREACHABLE = (
    ": no difference, however large, can be significant here. The intervals are not corrected for the number of pairs: "
    "of twenty differences that are none, one interval excludes 0"
)


def pairs_sheet(corpus, systems, ablations=frozenset()) -> Sheet | None:
    """A table per protocol and preset; None where no two systems share their test utterances.

    Every pair of a table counts in Holm's adjustment, so that it holds methods alone.

    Args:
        corpus: the corpus variant of all systems.
        systems: SystemResults.
        ablations: names of systems that are compared elsewhere, with the one whose choice they change.
    """
    tables = []
    ordered = sorted(systems, key=lambda s: (s.protocol, s.preset, s.paper, s.variant))
    for (_, protocol, preset), members in by_group(ordered).items():
        methods, left_out = distinct_systems(members, ablations)
        compared = [pair for two in itertools.combinations(methods, 2) if (pair := compare(*two))]
        if compared:
            tables.append(_table(corpus, protocol, preset, compared, left_out))
    return Sheet(f"compare_{slug(corpus)}", f"System against system on {corpus}", tuple(tables)) if tables else None


def _p_value(heading, field) -> Column:
    return Column(heading, field, lambda row, field: formats.p_value(row[field]))


COLUMNS = (
    layout.system_name("first"),
    layout.system_name("second", prefix="second_"),
    formats.estimate("UA difference [95 %]", "ua_difference", difference=True),
    formats.estimate("WA difference [95 %]", "wa_difference", difference=True),
    _p_value("UA p, Holm", "permutation_p_holm"),
    _p_value("McNemar p, Holm", "mcnemar_p_holm"),
    layout.NOTES,
)


def _table(corpus, protocol, preset, compared, left_out) -> Table:
    rows = [_row(pair) for pair in compared]
    for test in ("permutation", "mcnemar"):
        adjusted = significance.holm([row[f"{test}_p"] for row in rows])
        for row, p in zip(rows, adjusted.tolist(), strict=True):
            row[f"{test}_p_holm"] = p
    used = [s for _, s in sorted({s.name: s for pair in compared for s in (pair.first, pair.second)}.items())]
    if (num_speakers := len(set(compared[0].first.tested().speakers))) <= FEW_SPEAKERS:
        least = 2 ** (1 - num_speakers)
        after = min(1, least * len(compared))
        note = f"With {num_speakers} speakers no UA p can be below {least:.3g}, after Holm's correction {after:.3g}"
        left_out = [f"{note}{UNREACHABLE if after > LEVEL else ''}.", *left_out]
    caption = layout.caption(f"Pairs under protocol {protocol}, preset {preset},", corpus, used)
    return Table(caption, rows, COLUMNS, layout.commands(used), (*METHOD_NOTES, *left_out))


def _row(pair) -> dict:
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
        "permutation_p": pair.permutation.pvalue,
        "permutation_p_holm": None,  # of all pairs of the table
        "mcnemar_p": pair.mcnemar.pvalue,
        "mcnemar_p_holm": None,
        "only_first_right": pair.mcnemar.only_first,
        "only_second_right": pair.mcnemar.only_second,
        **surroundings(pair.first),
        "notes": "; ".join(notes),
    }
