"""The results in the main README: reproduction of published numbers, and methods on unseen speakers."""

import dataclasses
from collections import Counter

from common.utterance import slug
from experiments.evaluation import comparisons as evaluation_comparisons
from experiments.evaluation import reproduction
from experiments.evaluation.system_results import by_group, corpus_words, label_words, ranges, shell_line
from experiments.tables import contrasts, formats, layout, paper_page, protocols, systems
from experiments.tables.formats import Column, Sheet, Table

PROTOCOL = "speaker_independent"
PRESET = "paper"
LINKS = (
    "[LaTeX](results/tables/headline.tex) · [CSV](results/tables/headline.csv) · [commands](results/COMMANDS.md) · "
    "[contrasts](results/tables/contrasts.md)"
)
ABOUT = (
    "Per cent, folds pooled, mean over seeds; 95 % intervals over speakers and trainings. Systems that share a letter "
    "do not differ significantly (5 %, Holm over all pairs). Epochs: median over folds."
)
ONE_SEED = "One seed: the interval is for this training only and covers variation between folds, but not between seeds."


def block(all_systems, papers, rated=None, ablations=frozenset()) -> str:
    """The block as Markdown: published numbers, tables of systems by UA, and contrasts registered before the runs.

    There is a table for each corpus of recordings on which two or more papers have systems at preset paper. Reduced
    presets are left out, since they would compare training budgets.

    Args:
        all_systems: SystemResults.
        papers: of common/evaluation/reported_results; those without a system in a table are listed below it.
        rated: annotations.Annotations by corpus variant.
        ablations: names of systems that are only compared in a ledger; left out.
    """
    blocks = [f"<!-- {formats.GENERATED} -->", _published(all_systems, papers, rated)]
    reproduced = _reproduced(all_systems, papers, rated)
    blocks += [formats.markdown_table(reproduced)] if len(reproduced.frame) else []
    shown = headlines(all_systems, ablations)
    tables = [_table(corpus, members, papers) for corpus, members in shown.items()]
    shared = [note for note in (tables[0].notes if tables else ()) if all(note in table.notes for table in tables)]
    for table in tables:
        own = tuple(note for note in table.notes if note not in shared)
        blocks.append(formats.markdown_table(table.changed(notes=own, commands=())))
    if shown:
        pairs = " · ".join(f"[all pairs on {name}](results/tables/compare_{slug(name)}.csv)" for name in shown)
        links = " · ".join([LINKS, pairs, *_across(all_systems)])
        compared = [contrasts.in_words(corpus, members, papers) for corpus, members in shown.items()]
        blocks += ["\n".join(f"* {note}" for note in (*shared, *compared)), links]
    return "\n\n".join(blocks)


def _across(all_systems) -> list[str]:
    """A link to the table across corpora, with the ranges of UA across and within corpora for the same systems."""
    sheet = protocols.cross_corpus_sheet([s for s in all_systems if s.preset == PRESET and not s.synthetic])
    if sheet is None:
        return []
    rows = [row for table in sheet.tables for row in table.frame.to_dict("records")]
    both = [row for row in rows if not any(formats.is_missing(row[name]) for name in ("ua", "ua_beside"))]
    ends = [[formats.per_cent(end(row[name] for row in both)) for end in (min, max)] for name in ("ua", "ua_beside")]
    words = ", UA {} to {} instead of {} to {}".format(*ends[0], *ends[1]) if both else ""
    return [f"[trained on one corpus, tested on another{words}](results/tables/{sheet.name}.md)"]


def sheet(all_systems, papers, ablations=frozenset()) -> Sheet | None:
    """The README's tables as results/tables/headline; arguments as for `block`."""
    by_corpus = headlines(all_systems, ablations)
    tables = tuple(_table(corpus, members, papers) for corpus, members in by_corpus.items())
    return Sheet("headline", "Methods on unseen speakers", tables) if tables else None


def contrasts_sheet(all_systems, papers, ablations=frozenset()) -> Sheet | None:
    """The contrasts of these tables, including those not run; arguments as for `block`."""
    by_corpus = headlines(all_systems, ablations)
    tables = tuple(contrasts.table(corpus, members, papers) for corpus, members in by_corpus.items())
    return Sheet("contrasts", "Contrasts registered before the runs", tables) if tables else None


def _reproduced(all_systems, papers, rated) -> Table:
    """A row per paper: its first headline number and ours."""
    rows = []
    for paper in papers:
        named = [number for number in paper.published if number.headline][:1]
        outcomes = [reproduction.compare(number, all_systems, rated) for number in named]
        rows += paper_page.headline(outcomes).frame.to_dict("records") if outcomes else []
    return Table("", rows, REPRODUCED, (), ())


REPRODUCED = (
    formats.text("paper", "paper"),
    *(dataclasses.replace(c, heading="published") if c.field == "published" else c for c in paper_page.HEADLINE),
)


def headlines(all_systems, ablations=frozenset()) -> dict[str, list]:
    """{corpus variant: SystemResults in its headline table}: those with a seed that ran on all folds."""
    whole = [system for system in all_systems if system.complete and not system.synthetic]
    real = [system for system in whole if (system.protocol, system.preset) == (PROTOCOL, PRESET)]
    chosen = {}
    for (corpus, _, _), candidates in sorted(by_group(real).items()):
        members, _ = evaluation_comparisons.distinct_systems(candidates, ablations)
        if len({system.paper for system in members}) > 1:
            chosen[corpus] = members
    return chosen


def _published(all_systems, papers, rated) -> str:
    """The counts of verdicts on all published numbers, in words."""
    outcomes = [reproduction.compare(n, all_systems, rated) for paper in papers for n in paper.published]
    kinds = Counter(map(reproduction.kind, outcomes))
    compared, came_out = reproduction.counted(outcomes)
    whose = ", ".join(sorted({o.number.paper for o in outcomes if reproduction.kind(o) in reproduction.COMPARED}))
    hits, total = reproduction.held_out(outcomes)
    check = f" Of our own seeds, {hits} of {total} are reproduced by the other seeds of their system." if total else ""
    return (
        f"Of {len(outcomes)} published numbers, {compared} could be compared{f' ({whose})' if whose else ''}: "
        f"{came_out}. {kinds['not run']} are not run, {kinds['not comparable']} not comparable, "
        f"{kinds[reproduction.BUILT]} were used to build a reconstruction, {kinds[reproduction.NO_SYSTEM]} are not of "
        "a rebuilt system (quoted, or human). Reproduced: the paper's run could be another seed of ours "
        f"([rule](results/README.md#the-verdict-rule)).{check}"
    )


def _table(corpus, members, papers) -> Table:
    grouped = evaluation_comparisons.letters(members)
    rows = layout.rows(members, layout.UA_AND_WA)
    rows = rows.assign(
        epochs=list(map(systems.epochs_kept_and_limit, members)),
        letters=[grouped.get(system, "") for system in members],
        trained=list(map(_converged, members)),
        published=[_stated(system, papers) for system in members],
    )
    ranked = rows.sort_values(["ua", "paper", "variant"], ascending=[False, True, True])[FIELDS]
    caption = layout.caption("Unseen speakers", corpus, members)
    notes = [ABOUT, *([ONE_SEED] if any(len(system.seeds) == 1 for system in members) else [])]
    notes += [f"{system.name}: {'; '.join(system.caveats)}" for system in members if system.caveats]
    if missing := sorted({paper.name for paper in papers} - {system.paper for system in members}):
        notes.append(f"Not run on all of these folds: {', '.join(missing)}.")
    return Table(caption, ranked, COLUMNS, _commands(members), tuple(notes))


FIELDS = [  # of the CSV
    *layout.WHO,
    *("n", "folds", "seeds", "converged", "notes", *formats.interval_fields("ua"), "ua_why_none"),
    *(*formats.interval_fields("wa"), "wa_why_none", "epochs", "letters", "trained", "published"),
]


def _converged(system) -> str:
    """`5/6, 1 underfitted`."""
    failed = f", {system.num_underfitted} underfitted" if system.num_underfitted else ""
    return f"{system.converged or formats.NONE}{failed}" if failed else system.converged


def _stated(system, papers) -> str:
    """`UA 62.0 on iemocap`: the paper's own number for this system, UA before WA."""
    numbers = [n for paper in papers if paper.name == system.paper for n in paper.published]
    for metric in ("ua", "wa"):
        for number in numbers:
            if (number.variant, number.metric, number.part, number.rule) == (system.variant, metric, "test", ""):
                return f"{metric.upper()} {formats.per_cent(number.value)} on {number.corpus}"
    return ""


def _commands(members):
    """The command for all rows of a table, or one per row if `compare` would select other emotions."""
    record = members[0].records[0]
    corpus, emotions = corpus_words(record)
    if not emotions:
        return layout.commands(members)
    names, seeds = ",".join(sorted(s.name for s in members)), ranges({seed for s in members for seed in s.seeds})
    words = ["compare", "--corpus", corpus, "--emotions", emotions, *label_words(record), "--preset", PRESET]
    return (("All rows", shell_line([*words, "--seeds", seeds, "--systems", names])),)


def _ua_with_letters(row, field) -> str:
    return " ".join(filter(None, [formats.interval_text(row, field), row["letters"]]))


def _published_on(row, field) -> str:
    """`UA 49.0 (iemocap)`: the corpus without its subset, which is in the CSV."""
    number, on, corpus = row[field].partition(" on ")
    return f"{number} ({corpus.partition('/')[0]})" if on else formats.NONE


COLUMNS = (
    layout.system_name(),
    Column("UA", "ua", _ua_with_letters),
    formats.rate("WA", "wa"),
    formats.text("epochs kept / limit", "epochs", none=formats.NONE),
    formats.text("converged", "trained", none=formats.NONE),
    formats.text("seeds", "seeds"),
    Column("published", "published", _published_on),
)
