"""Elements shared by tables: captions, commands, and the fields that identify a row."""

import itertools

import pandas as pd

from common.evaluation import metrics
from experiments.evaluation import results
from experiments.evaluation.system_results import ranges
from experiments.tables import formats


def system_name(heading="system", prefix="", *, rules=False, place=False) -> formats.Column:
    """A column of `paper/variant`, from the fields of `identity`.

    Args:
        heading: of the column.
        prefix: of the fields.
        rules: whether to append the decision rule.
        place: whether to append protocol and preset.
    """

    def show(row, field):
        names = (row.get(f"{prefix}paper"), row.get(field))
        name = "/".join(name for name in names if not formats.is_missing(name))
        if rules and not formats.is_missing(row.get("rule")):
            name += f", {row['rule']}"
        return f"{name}, {_place(row, field)}" if place else name

    return formats.Column(heading, f"{prefix}variant", show)


def _place(row, _) -> str:
    names = [row.get(field) for field in ("protocol", "preset")]
    return ", ".join(name for name in names if not formats.is_missing(name)) or formats.NONE


PLACE = formats.Column("protocol, preset", "protocol", _place)
SEEDS = formats.text("seeds", "seeds")
COUNTED = (formats.text("n", "n"), formats.text("folds", "folds"), SEEDS)
CONVERGED = formats.text("converged", "converged")
NOTES = formats.text("notes", "notes")
UA_AND_WA = {"ua": results.UA, "wa": results.WA}  # for `rows`


WHO = [*results.KEY, "command", "num_classes", "chance_ua", "majority_wa", "limits"]  # `identity` and `surroundings`


def counted(system) -> dict:
    """The fields of `COUNTED`."""
    return {"n": system.num_test, "folds": system.folds, "seeds": ranges(system.seeds)}


def value_or_reason(function, *arguments, **options):
    """(function's result, "") or (None, message of its ValueError)."""
    try:
        return function(*arguments, **options), ""
    except ValueError as error:
        return None, str(error)


def by_corpus(systems):
    """[(corpus variant, its SystemResults)], sorted."""
    ordered = sorted(systems, key=lambda s: (s.corpus_variant, s.protocol, s.preset, s.paper, s.variant))
    return [(name, list(members)) for name, members in itertools.groupby(ordered, key=lambda s: s.corpus_variant)]


def caption(title, corpus, systems) -> str:
    """A caption with title, corpus variant, n, label set, chance, majority and the corpus's limits."""
    classes = systems[0].classes
    sizes = sorted({s.num_test for s in systems}, key=lambda n: [int(part) for part in n.split("–")])
    words = [
        f"{title} on {corpus}",
        f"n = {', '.join(sizes)} test utterances per seed",
        f"{len(classes)} classes ({', '.join(classes)}), chance UA {formats.per_cent(1 / len(classes))} %, "
        f"majority WA {_majorities(systems)} %",
        systems[0].limits,
    ]
    return "; ".join(filter(None, words))


def _majorities(systems) -> str:
    """WA of always predicting the most frequent class; a range if systems tested different utterances."""
    shares = sorted(system.majority for system in systems)
    return "–".join(dict.fromkeys(map(formats.per_cent, (shares[0], shares[-1]))))


def without_constant_place(title, columns, systems) -> tuple[str, tuple]:
    """(title, columns) with protocol and preset in the title, and no column for them, if all systems share them."""
    places = {(system.protocol, system.preset) for system in systems}
    if len(places) > 1:
        return title, columns
    ((protocol, preset),) = places
    return f"{title}, all with protocol {protocol} and preset {preset},", tuple(
        column for column in columns if column is not PLACE
    )


def commands(systems) -> tuple[tuple[str, str], ...]:
    return tuple((f"{s.name} on {s.corpus_variant}, {s.protocol}, preset {s.preset}", s.command) for s in systems)


def identity(system, rule="") -> dict:
    """The fields that identify a row."""
    return {
        "corpus_variant": system.corpus_variant,
        "protocol": system.protocol,
        "preset": system.preset,
        "paper": system.paper,
        "variant": system.variant,
        "rule": rule or system.rules[0],
        "command": system.command,
    }


def surroundings(system) -> dict:
    """The fields needed to interpret an accuracy: number of classes, chance, majority, the corpus's limits."""
    return {
        "num_classes": len(system.classes),
        "chance_ua": metrics.chance(len(system.classes)),
        "majority_wa": system.majority,
        "limits": system.limits,
    }


def rows(systems, numbers, *, own_rule=True, intervals=True) -> pd.DataFrame:
    """One row per system with its paper's decision rule, or per system and rule, in the order of the systems.

    Metrics of classes give one row per class. The fields are `identity`, `surroundings`, and those of
    `results.wide(..., numbers)`.
    """
    about = [
        identity(system, rule) | surroundings(system)
        for system in systems
        for rule in (system.rules[:1] if own_rule else system.rules)
    ]
    measured = results.wide(systems, numbers, own_rule=own_rule, intervals=intervals)
    return pd.DataFrame(about, dtype=object).merge(measured, on=results.KEY)
