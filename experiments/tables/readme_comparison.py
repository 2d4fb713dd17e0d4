"""The comparison on the repository's first page: methods on unseen speakers, with each paper's decision rule."""

from common.utterance import slug
from experiments.evaluation import comparisons as evaluation_comparisons
from experiments.evaluation.system_results import by_group, corpus_words, label_words, ranges, shell_line
from experiments.tables import formats, layout, systems
from experiments.tables.formats import Table

PROTOCOL = "speaker_independent"
PRESET = "paper"


def comparisons(all_systems, ablations=frozenset(), papers=()) -> str:
    """Markdown: a table for each real corpus on which two papers or more have systems at preset paper, by UA.

    Reduced presets are left out: they would compare training budgets.

    Args:
        all_systems: SystemResults.
        ablations: names of systems that only a ledger compares; left out.
        papers: names of all papers; those without a system in a table are named below it.
    """
    blocks = [f"<!-- {formats.GENERATED} -->"]
    for corpus, members in _compared(all_systems, ablations):
        tested = f"results/tables/compare_{slug(corpus)}.md"
        blocks += [
            formats.markdown_table(_table(corpus, members, papers)),
            f"Paired tests: [{tested}]({tested})",
        ]
    return "\n\n".join(blocks)


def sheet(all_systems, ablations=frozenset(), papers=()) -> formats.Sheet | None:
    """The first page's tables as results/tables/headline; arguments as for `comparisons`."""
    tables = tuple(_table(corpus, members, papers) for corpus, members in _compared(all_systems, ablations))
    return formats.Sheet("headline", "Methods on unseen speakers", tables) if tables else None


def _compared(all_systems, ablations):
    """(corpus variant, its systems) of each table."""
    real = [s for s in all_systems if (s.protocol, s.preset) == (PROTOCOL, PRESET) and not s.synthetic]
    for (corpus, _, _), candidates in sorted(by_group(real).items()):
        members, _ = evaluation_comparisons.distinct_systems(candidates, ablations)
        if len({system.paper for system in members}) > 1:
            yield corpus, members


def _table(corpus, members, papers) -> Table:
    rows = layout.rows(members, layout.UA_AND_WA)
    rows = rows.assign(epochs=list(map(systems.epochs_kept_and_run, members)))
    ranked = rows.sort_values(["ua", "paper", "variant"], ascending=[False, True, True])[FIELDS]
    caption = layout.caption("Unseen speakers", corpus, members)
    notes = [
        "Per cent, with each paper's decision rule, folds pooled; intervals are 95 %, over speakers. "
        "Epochs: median over folds. Trained out: networks whose training was finished (results/README.md).",
    ]
    if missing := sorted(set(papers) - {system.paper for system in members}):
        notes.append(f"Not run yet on these folds: {', '.join(missing)}.")
    return Table(caption, ranked, COLUMNS, _commands(members), tuple(notes))


FIELDS = [  # of the CSV
    *layout.WHO,
    *("n", "folds", "seeds", "trained_out", "notes", *formats.interval_fields("ua"), "ua_why_none"),
    *(*formats.interval_fields("wa"), "wa_why_none", "epochs"),
]


def _commands(members):
    """The command that makes all rows of a table, or one a row where `compare` would choose emotions itself."""
    record = members[0].records[0]
    corpus, emotions = corpus_words(record)
    if not emotions:
        return layout.commands(members)
    names, seeds = ",".join(sorted(s.name for s in members)), ranges({seed for s in members for seed in s.seeds})
    words = ["compare", "--corpus", corpus, "--emotions", emotions, *label_words(record), "--preset", PRESET]
    return (("All of these rows", shell_line([*words, "--seeds", seeds, "--systems", names])),)


COLUMNS = (
    layout.system_name(),
    formats.estimate("UA", "ua"),
    formats.estimate("WA", "wa"),
    formats.text("epochs kept / run", "epochs"),
    layout.TRAINED_OUT,
    formats.text("seeds", "seeds"),
    layout.NOTES,
)
