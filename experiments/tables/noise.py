"""Tables of systems in noise: each condition and means over conditions, and differences between systems."""

import itertools

import pandas as pd

from common.utterance import slug
from experiments.evaluation import comparisons
from experiments.evaluation.noise_conditions import ALL_CONDITIONS, CLEAN, conditions_of, describe, parts_of, stem
from experiments.evaluation.system_results import common_seeds, ranges
from experiments.tables import formats, layout
from experiments.tables.formats import Sheet, Table

DIFFERENCE_NOTE = (
    "First minus second, in per cent, folds pooled; 95 % intervals over speakers and trainings, paired between systems "
    "and noises."
)

NOISE_COLUMNS = (
    layout.system_name(),
    layout.PLACE,
    formats.text("condition", "condition"),
    formats.estimate("UA [95 %]", "ua_pooled"),
    formats.estimate("WA [95 %]", "wa_pooled"),
    layout.SEEDS,
    layout.NOTES,
)
DIFFERENCE_COLUMNS = (
    layout.system_name("first"),
    layout.system_name("second", prefix="second_"),
    layout.PLACE,
    formats.text("condition", "condition"),
    formats.estimate("UA difference [95 %]", "ua_difference", difference=True),
    formats.estimate("WA difference [95 %]", "wa_difference", difference=True),
    layout.SEEDS,
    layout.NOTES,
)


def noise_sheet(corpus, systems) -> Sheet | None:
    """Clean, each condition, and means over similar and over all signals; None if no system was tested in noise."""
    noisy = _noisy(systems)
    if not noisy:
        return None
    notes = [
        "WA and UA in per cent with the system's first rule, folds pooled, with 95 % intervals over speakers and "
        "trainings. Means weight all conditions equally.",
        "Noise is added only to the test part; the SNR is the mean power of the recording over that of the noise.",
        *_notes_on_signals(noisy),
    ]
    rows = pd.concat([frame for system in noisy for frame in _rows(system)])[NOISE_FIELDS]
    caption = layout.caption("Systems in noise", corpus, noisy)
    table = Table(caption, rows, NOISE_COLUMNS, layout.commands(noisy), tuple(notes))
    return Sheet(f"noise_{slug(corpus)}", f"Systems in noise on {corpus}", (table,))


def _noisy(systems) -> list:
    return [s for s in systems if any(part.startswith("test:") for record in s.records_used for part in record.parts)]


def _notes_on_signals(systems) -> list[str]:
    """Signals and levels of each system; systems with the same conditions share a line."""
    noises = {}
    for system in systems:
        conditions, why = layout.value_or_reason(conditions_of, system)
        noises.setdefault(why or describe(conditions), []).append(f"{system.name} ({system.protocol}, {system.preset})")
    return [f"{', '.join(names)}: {words}." for words, names in noises.items()]


NOISE_FIELDS = [  # of the CSV
    *(*layout.WHO, "condition", "signals", "snr_db", "n", "folds", "seeds"),
    *(*formats.interval_fields("ua_pooled"), *formats.interval_fields("wa_pooled"), "notes"),
]


def _rows(system):
    """Yield a frame with one row for clean, for each condition and for each mean."""
    conditions, why = layout.value_or_reason(conditions_of, system)
    parts = {"in noise": (ALL_CONDITIONS, {})} if why else parts_of(conditions)  # its row states the reason
    for condition, (part, added) in {CLEAN: ("test", {}), **parts}.items():
        rows = layout.rows([system], {f"{metric}_pooled": (metric, part, "pooled") for metric in ("ua", "wa")})
        rows["condition"] = condition
        rows["signals"] = "+".join(stem(noise) for noise, _ in added.values())
        rows["snr_db"] = "+".join(f"{level:g}" for level in sorted({level for _, level in added.values()}))
        rows["notes"] = ["; ".join([*system.caveats, *filter(None, rows["ua_pooled_why_none"])])]
        yield rows


def differences_sheet(corpus, systems) -> Sheet | None:
    """Clean and means over noises, for all pairs of systems with the same noises; None if there are none."""
    ordered = sorted(_noisy(systems), key=lambda s: (*s.group, s.paper, s.variant))
    alike = [pair for pair in itertools.combinations(ordered, 2) if _have_same_noises(*pair)]
    if not alike:
        return None
    used = list(dict.fromkeys(itertools.chain.from_iterable(alike)))
    table = Table(
        layout.caption("Differences in noise", corpus, used),
        [row for first, second in alike for row in _difference_rows(first, second)],
        DIFFERENCE_COLUMNS,
        layout.commands(used),
        (DIFFERENCE_NOTE,),
    )
    return Sheet(f"noise_differences_{slug(corpus)}", f"Differences between systems in noise on {corpus}", (table,))


def _have_same_noises(first, second) -> bool:
    if first.group != second.group or first.classes != second.classes or not common_seeds(first, second):
        return False
    conditions, _ = layout.value_or_reason(conditions_of, first)
    return bool(conditions) and conditions == layout.value_or_reason(conditions_of, second)[0]


def _difference_rows(first, second):
    means = {words: [f"test:{name}" for name in alike] for words, (_, alike) in _means(conditions_of(first)).items()}
    for condition, parts in {CLEAN: ["test"], **means}.items():
        yield _difference_row(first, second, condition, parts)


def _means(conditions) -> dict:
    return {words: part for words, part in parts_of(conditions).items() if words not in conditions}


def _difference_row(first, second, condition, parts) -> dict:
    seeds = common_seeds(first, second)
    row = layout.identity(first) | layout.surroundings(first)
    row |= {"second_paper": second.paper, "second_variant": second.variant, "condition": condition}
    row |= {"n": first.num_test, "folds": first.folds, "seeds": ranges(seeds)}
    reasons = []
    for metric in ("ua", "wa"):
        options = {"parts": parts, "seeds": seeds}
        estimate, why = layout.value_or_reason(comparisons.difference, first, second, metric, **options)
        row |= formats.interval_fields(f"{metric}_difference", estimate)
        reasons += [f"no {metric.upper()} difference: {why}"] if why else []
    return row | {"notes": "; ".join(reasons)}
