"""The tables of systems in noise: each condition with its means, and what one system gains over another there."""

import functools
import itertools

from common.utterance import slug
from experiments.evaluation.noise_conditions import (
    CLEAN,
    EVERY,
    describe,
    difference,
    mean,
    means_of,
    measure,
    of,
    stem,
)
from experiments.evaluation.system_results import common_seeds, ranges
from experiments.tables import formats, layout
from experiments.tables.formats import Sheet, Table

DIFFERENCE_NOTE = (
    "First minus second, per cent, folds pooled; 95 % intervals over speakers, the same for both and in all noises."
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
)


def noise_sheet(corpus, systems) -> Sheet | None:
    """Clean, every condition, the means of like signals, the mean of all; None where nothing was heard in noise."""
    noisy = _noisy(systems)
    if not noisy:
        return None
    notes = [
        "Per cent, each paper's rule, folds pooled; 95 % intervals over speakers. A mean counts every noise once.",
        "Noise is added to the test part only; level: mean power of the recording to mean power of the noise.",
        *_notes_on_signals(noisy),
    ]
    rows = [row for system in noisy for row in _rows(system)]
    caption = layout.caption("Systems in noise", corpus, noisy)
    table = Table(caption, rows, NOISE_COLUMNS, layout.commands(noisy), tuple(notes))
    return Sheet(f"noise_{slug(corpus)}", f"Systems in noise on {corpus}", (table,))


def _noisy(systems) -> list:
    return [s for s in systems if any(part.startswith("test:") for record in s.used for part in record.parts)]


def _notes_on_signals(systems) -> list[str]:
    """Which signals and level each system heard; systems that heard the same share a line."""
    heard = {}
    for system in systems:
        conditions, why = layout.attempt(of, system)
        heard.setdefault(why or describe(conditions), []).append(f"{system.name} ({system.protocol}, {system.preset})")
    return [f"{', '.join(names)}: {words}." for words, names in heard.items()]


def _rows(system):
    yield _row(system, CLEAN, {}, functools.partial(measure, system))
    conditions, why = layout.attempt(of, system)
    if why:
        yield _row(system, "in noise", {}, functools.partial(measure, system, part=EVERY))  # says why there is none
        return
    for name, heard in conditions.items():
        yield _row(system, name, {name: heard}, functools.partial(measure, system, part=f"test:{name}"))
    for words, alike in means_of(conditions):
        yield _row(system, words, alike, functools.partial(mean, system, conditions=alike))


def _row(system, condition, conditions, number_of) -> dict:
    """One row; `number_of(metric)` gives its numbers, `conditions` are those that stand behind them."""
    (ua, why), (wa, _) = (layout.attempt(number_of, metric) for metric in ("ua", "wa"))
    return {
        **layout.identity(system),
        **layout.surroundings(system),
        "condition": condition,
        "signals": "+".join(stem(noise) for noise, _ in conditions.values()),
        "snr_db": "+".join(f"{level:g}" for level in sorted({level for _, level in conditions.values()})),
        **layout.counted(system),
        **formats.interval_fields("ua_pooled", ua),
        **formats.interval_fields("wa_pooled", wa),
        "notes": "; ".join([*system.caveats, *filter(None, [why, ua and ua.why_none])]),
    }


def differences_sheet(corpus, systems) -> Sheet | None:
    """Clean and the means over noises, for every two systems that heard the same; None where there are none."""
    ordered = sorted(_noisy(systems), key=lambda s: (*s.group, s.paper, s.variant))
    alike = [pair for pair in itertools.combinations(ordered, 2) if _heard_the_same(*pair)]
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
    return Sheet(f"noise_differences_{slug(corpus)}", f"System against system in noise on {corpus}", (table,))


def _heard_the_same(first, second) -> bool:
    if first.group != second.group or first.classes != second.classes or not common_seeds(first, second):
        return False
    heard, _ = layout.attempt(of, first)
    return bool(heard) and heard == layout.attempt(of, second)[0]


def _difference_rows(first, second):
    heard = of(first)
    yield _difference_row(first, second, CLEAN, ["test"])
    for words, members in means_of(heard):
        yield _difference_row(first, second, words, [f"test:{name}" for name in members])


def _difference_row(first, second, condition, parts) -> dict:
    row = layout.identity(first) | layout.surroundings(first)
    row |= {"second_paper": second.paper, "second_variant": second.variant, "condition": condition}
    row |= {"n": first.n, "folds": first.folds, "seeds": ranges(common_seeds(first, second))}
    for metric in ("ua", "wa"):
        estimate, _ = layout.attempt(difference, first, second, metric, parts)
        row |= formats.interval_fields(f"{metric}_difference", estimate)
    return row
