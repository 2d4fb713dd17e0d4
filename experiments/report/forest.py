"""Forest plots: UA of several systems with intervals, and for one group also the UA of each test speaker."""

import numpy as np
from matplotlib.figure import Figure

from common.evaluation import metrics
from common.folds import leakage
from common.utterance import stem_of
from experiments.evaluation import comparisons, system_results
from experiments.report import drawing
from experiments.tables import layout

ROW_INCHES = 0.42
WIDTH_INCHES = 9


def groups(systems, ablations=frozenset()) -> dict[str, list]:
    """{file name: members} for every corpus variant, protocol and preset with two or more methods.

    Leaky protocols and trainings on another corpus are left out.
    """
    compared = {
        group: comparisons.distinct_systems(members, ablations)[0]
        for group, members in system_results.by_group([s for s in systems if not s.trained_on]).items()
    }
    return {
        stem_of(("forest",), corpus, (protocol, preset)) + ".svg": members
        for (corpus, protocol, preset), members in compared.items()
        if len(members) > 1 and not leakage.is_leaky(protocol)
    }


def forest(members) -> Figure:
    """One row per system, the highest UA on top; systems without a UA have an empty row."""
    rows = layout.rows(members, layout.UA_AND_WA).assign(system=members)
    ranked = list(rows.sort_values(["ua", "paper", "variant"], na_position="first").itertuples())
    figure = Figure(figsize=(WIDTH_INCHES, 1.8 + ROW_INCHES * len(ranked)), layout="constrained")
    axes = figure.subplots()
    chance = 100 * metrics.chance(len(members[0].classes))
    axes.axvline(chance, color=drawing.GREY, linestyle="--", linewidth=1, label="chance")
    for row, each in enumerate(ranked):
        values, colour = 100 * of_speakers(each.system), drawing.of_paper(each.paper)
        axes.plot(values, np.full(len(values), row), "|", color=colour, markersize=9, alpha=0.5, zorder=1)
        _interval(axes, each, row, colour, markersize=6)
    axes.plot([], [], "o-", color=drawing.INK, linewidth=2, label="UA, pooled, with its 95 % interval")
    axes.plot([], [], "|", color=drawing.INK, markersize=9, alpha=0.5, label="UA of one test speaker")
    axes.set_yticks(range(len(ranked)), [each.system.name for each in ranked])
    axes.set_xlim(0, 100)
    axes.set_xlabel("UA (%)")
    axes.set_ylim(-0.7, len(ranked) - 0.3)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    _title(figure, members)
    return figure


def _interval(axes, each, row, colour, markersize):
    """Draw a UA as a dot and its interval as a line, in per cent; missing values draw nothing."""
    value, low, high = 100 * np.array([each.ua, each.ua_low, each.ua_high], dtype=float)  # missing: NaN
    axes.plot([low, high], [row, row], color=colour, linewidth=2, zorder=2)
    axes.plot(value, row, "o", color=colour, markersize=markersize, zorder=3)


def headline_svg(by_corpus) -> str:
    """`headline` as SVG, for `all_tables.update`."""
    with drawing.style():
        return drawing.svg(headline(by_corpus)).decode()


def headline(by_corpus) -> Figure:
    """UA of the systems in the README's tables, in per cent with 95 % intervals; one panel per corpus.

    Args:
        by_corpus: corpus variant -> SystemResults.
    """
    tallest = max(map(len, by_corpus.values()))
    figure = Figure(figsize=(WIDTH_INCHES, 0.9 + 0.26 * tallest), layout="constrained")
    for axes, (corpus, members) in zip(
        figure.subplots(1, len(by_corpus), squeeze=False)[0], by_corpus.items(), strict=True
    ):
        names = [
            f"{system.name} ({system.num_underfitted} underfitted)" if system.num_underfitted else system.name
            for system in members
        ]
        rows = layout.rows(members, layout.UA_AND_WA).assign(name=names)
        ranked = list(rows.sort_values(["ua", "name"], na_position="first").itertuples())
        axes.axvline(100 * metrics.chance(len(members[0].classes)), color=drawing.GREY, linestyle="--", linewidth=1)
        for row, each in enumerate(ranked):
            _interval(axes, each, row, drawing.of_paper(each.paper), markersize=5)
        axes.set_yticks(range(len(ranked)), [each.name for each in ranked])
        axes.set(xlim=(0, 100), xlabel="UA (%), 95 % interval; dashed: chance")
        axes.set_title("\n".join(filter(None, [corpus, members[0].limits.partition(":")[0]])))
    return figure


def of_speakers(system) -> np.ndarray:
    """(G,) UA of each test speaker, over all seeds; without speakers who lack a class, for whom UA is undefined."""
    values = metrics.ua(system.counts().cells.sum(axis=(1, 2)), undefined="nan")  # (G,)
    return values[~np.isnan(values)]


def _title(figure, members):
    corpus, protocol, preset = members[0].group
    sizes = ", ".join(sorted({system.num_test for system in members}))
    lines = [f"{corpus}, protocol {protocol}, preset {preset}; n = {sizes} test utterances per seed", members[0].limits]
    lines += sorted({f"{s.name}: {'; '.join(s.caveats)}" for s in members if s.caveats})
    lines += [f"seeds {', '.join(sorted({system_results.ranges(s.seeds) for s in members}))}"]
    drawing.title(figure, lines)
