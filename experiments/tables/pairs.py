"""System against system on identical test utterances, with Holm's adjustment."""

import itertools

from common.evaluation import significance
from common.utterance import slug
from experiments.evaluation.comparisons import compare, methods_of
from experiments.evaluation.system_results import by_group, ranges
from experiments.tables import formats
from experiments.tables.formats import Row, Sheet, Table
from experiments.tables.layout import caption, commands, identity, surroundings

NOTES = (
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
    made = []
    ordered = sorted(systems, key=lambda s: (s.protocol, s.preset, s.paper, s.variant))
    for (_, protocol, preset), members in by_group(ordered).items():
        methods, left_out = methods_of(members, ablations)
        found = [p for one, other in itertools.combinations(methods, 2) if (p := compare(one, other))]
        if found:
            made.append(_table(corpus, protocol, preset, found, left_out))
    return Sheet(f"compare_{slug(corpus)}", f"System against system on {corpus}", tuple(made)) if made else None


def _table(corpus, protocol, preset, found, left_out) -> Table:
    tests = ("permutation", "mcnemar")
    adjusted = {name: significance.holm([getattr(pair, name).pvalue for pair in found]) for name in tests}
    rows = [_row(pair, *(float(adjusted[name][i]) for name in tests)) for i, pair in enumerate(found)]
    used = [s for _, s in sorted({s.name: s for p in found for s in (p.first, p.second)}.items())]
    if (num_speakers := len(set(found[0].first.tested().speakers))) <= FEW_SPEAKERS:
        least = 2 ** (1 - num_speakers)
        after = min(1, least * len(found))
        note = f"With {num_speakers} speakers no UA p can be below {least:.3g}, after Holm's correction {after:.3g}"
        left_out = [f"{note}{UNREACHABLE if after > LEVEL else ''}.", *left_out]
    what = f"Pairs under protocol {protocol}, preset {preset},"
    return Table(caption(what, corpus, used), rows, commands(used), (*NOTES, *left_out))


def _row(pair, permutation_holm, mcnemar_holm) -> Row:
    b, c = pair.mcnemar.only_first, pair.mcnemar.only_second
    values = {
        "UA p": pair.permutation.pvalue,
        "UA p, Holm": permutation_holm,
        "McNemar p": pair.mcnemar.pvalue,
        "McNemar p, Holm": mcnemar_holm,
    }
    shown = {
        "first": pair.first.name,
        "second": pair.second.name,
        "n": str(pair.num_utterances),
        "folds": pair.first.folds,
        "seeds": ranges(pair.seeds),
        "UA difference": _difference(pair.ua),
        "WA difference": _difference(pair.wa),
        **{name: formats.p_value(p) for name, p in values.items()},
        "b : c": f"{b} : {c}",
        "notes": "; ".join(dict.fromkeys([*pair.first.caveats, *pair.second.caveats, *filter(None, [pair.why_none])]))
        or formats.NONE,
    }
    data = identity(pair.first) | {"second_paper": pair.second.paper, "second_variant": pair.second.variant}
    data |= {"n": pair.num_utterances, "seeds": ranges(pair.seeds), "folds": pair.first.folds}
    data |= {"second_command": pair.second.command}
    data |= _fields("ua_difference", pair.ua) | _fields("wa_difference", pair.wa)
    names = ("permutation_p", "permutation_p_holm", "mcnemar_p", "mcnemar_p_holm")
    data |= {name: formats.fraction(p) for name, p in zip(names, values.values(), strict=True)}
    return Row(shown, data | {"only_first_right": b, "only_second_right": c} | surroundings(pair.first))


def _difference(interval) -> str:
    if interval is None:
        return formats.NONE
    value, low, high = map(formats.signed_per_cent, (interval.value, interval.low, interval.high))
    return f"{value} [{low}, {high}]"


def _fields(name, interval) -> dict:
    values = (None, None, None) if interval is None else (interval.value, interval.low, interval.high)
    return dict(zip((name, f"{name}_low", f"{name}_high"), map(formats.fraction, values), strict=True))
