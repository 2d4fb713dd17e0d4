"""results/runs and papers/*/paper.toml -> results/tables and the results block of each paper's README.

Needs neither TensorFlow nor audio. What is written depends on the records alone: no time, no random state.
"""

import contextlib
import dataclasses
import functools
import textwrap
from pathlib import Path

import pandas as pd
import tabulate

from common import markup, records
from common.atomic_file import write_set
from common.errors import InputError
from common.evaluation import reported_results
from experiments.evaluation import reproduction, system_results
from experiments.evidence import annotations, audits, benchmarks, human_reference, latencies
from experiments.tables import (
    ablation_effects,
    class_rates,
    evidence,
    formats,
    layout,
    noise,
    pairs,
    paper_page,
    paper_vs_ours,
    protocols,
    readme_comparison,
    run_status,
    systems,
)

FORMS = {"md": formats.markdown, "csv": formats.as_csv, "tex": formats.latex}
COMMANDS = "COMMANDS.md"
FIGURE = "headline.svg"
BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
TERMINAL_COLUMNS = 120


@records.without_garbage_collection()
def update(root, check=False, papers=reported_results.PAPERS, figure=None) -> list[Path]:
    """Bring the tables up to date with the records.

    Args:
        root: results folder. READMEs are filled from the committed one alone, the sibling of `papers`.
        check: write nothing.
        papers: the folder of the papers.
        figure: function of {corpus variant: SystemResults} giving SVG, the figure of the first page; None draws none.

    Returns:
        The files that differ from what they should be (a table that should not be there is one), or that differed
        before they were written.

    Raises:
        InputError: a damaged record or paper.toml, a README without its markers, or a folder that cannot be written.
    """
    wanted = expected(root, papers, figure)
    present = {path for form in FORMS for path in Path(root, "tables").glob(f"*.{form}")}
    differing = sorted(path for path, text in wanted.items() if _read(path) != text.encode())
    stale = sorted(path for path in present - wanted.keys() if _is_generated(path))
    if not check:
        _write({path: wanted[path] for path in differing}, stale)
    return differing + stale


def update_corpora(root, found_records, papers=reported_results.PAPERS) -> list[Path]:
    """Write the tables of some corpus variants alone; returns the Markdown files.

    Args:
        root: results folder.
        found_records: all that it holds of these corpus variants.
        papers: the folder of the papers.

    Raises:
        InputError: as `update`.
    """
    results = [system for system in system_results.group(found_records) if not system.trained_on]
    beside = human_reference.read(root), annotations.read_all(root), ablation_effects.ablations(papers)
    known = _shown(root, papers, reported_results.read_all(papers), results)
    sheets = [
        sheet for corpus, members in layout.by_corpus(results) for sheet in _of_corpus(corpus, members, known, *beside)
    ]
    _write({Path(root, "tables", f"{s.name}.{form}"): render(s) for s in sheets for form, render in FORMS.items()})
    return [Path(root, "tables", f"{sheet.name}.md") for sheet in sheets]


def _write(files, stale=()):
    """Write all files or none, then remove those that are stale."""
    try:
        write_set(files)
        for path in stale:
            path.unlink()
    except OSError as error:
        raise InputError(
            f"{error.filename or next(iter(files))} cannot be written ({error.strerror}); choose another --results"
        ) from error


def _is_generated(path) -> bool:
    """Whether a table was made by this command, as its Markdown says; a user's own file stays."""
    return formats.GENERATED.encode() in (_read(path.with_suffix(".md")) or b"")


def expected(root, papers=reported_results.PAPERS, figure=None) -> dict[Path, str]:
    """Every generated file below a results folder, and the READMEs, with its text."""
    known = reported_results.read_all(papers)
    results = system_results.group(records.read_all(root))
    people = human_reference.read(root)
    rated = annotations.read_all(root)
    ablations = ablation_effects.ablations(papers)
    shown = _shown(root, papers, known, results)
    sheets = [*all_sheets(results, shown, people, latencies.read(root), rated, ablations), *other_sheets(root)]
    files = {
        Path(root, "tables", f"{sheet.name}.{form}"): render(sheet)
        for sheet in sheets
        for form, render in FORMS.items()
    }
    files[Path(root, COMMANDS)] = formats.commands(sheets)
    if figure and (by_corpus := readme_comparison.headlines(results, ablations)):
        files[Path(root, "tables", FIGURE)] = figure(by_corpus)
    return files | (readmes(results, known, papers, rated, ablations) if _is_committed(root, papers) else {})


def _is_committed(root, papers) -> bool:
    return Path(root).resolve() == Path(papers).resolve().parent / "results"


def _shown(root, papers, known, results) -> list:
    """All papers in the committed results; elsewhere those that ran."""
    return [p for p in known if _is_committed(root, papers) or any(s.paper == p.name for s in results)]


def all_sheets(results, known, people=(), measured=None, rated=None, ablations=frozenset()) -> list[formats.Sheet]:
    """The tables, from records and what is known beside them; pure.

    Args:
        results: SystemResults.
        known: papers of common/evaluation/reported_results.
        people: human rows.
        measured: latencies by system.
        rated: raters' answers by corpus variant.
        ablations: names of the systems that only a ledger compares.
    """
    sheets = [sheet for paper in known for sheet in _of_paper(paper, results, rated)]
    sheets += [paper_page.words_sheet(known, results)] if any(paper.statements for paper in known) else []
    first_page = (readme_comparison.sheet, readme_comparison.contrasts_sheet)
    sheets += filter(None, (make(results, known, ablations) for make in first_page))
    sheets += filter(None, [protocols.cross_corpus_sheet(results, known)])
    for corpus, members in layout.by_corpus([system for system in results if not system.trained_on]):
        sheets += _of_corpus(corpus, members, known, people, rated, ablations)
    return [*sheets, evidence.beside_cost(systems.cost_sheet(results), results, measured or {})] if results else sheets


def _of_corpus(corpus, members, known, people, rated, ablations) -> list[formats.Sheet]:
    """The tables of a corpus variant: its systems, classes, pairs, protocols, noises and errors."""
    first, *reduced = systems.sheets(corpus, members)
    sheets = [with_people(first, people, corpus), *reduced]
    for make in (
        systems.per_class_sheet,
        functools.partial(pairs.pairs_sheet, ablations=ablations, papers=known),
        protocols.protocols_sheet,
        noise.noise_sheet,
        noise.differences_sheet,
    ):
        sheet = make(corpus, members)
        sheets += [sheet] if sheet else []
    if rated and corpus in rated:
        from experiments.tables import error_structure

        decisions_of = {paper.name for paper in known if paper.decisions}
        sheet = error_structure.errors_sheet(corpus, members, rated[corpus], decisions_of)
        sheets += [sheet] if sheet else []
    return sheets


def _of_paper(paper, results, rated) -> list[formats.Sheet]:
    """A paper's numbers beside ours, its class rates in the form of its own tables, and what has been run of it."""
    own = [system for system in results if system.paper == paper.name]
    status = f"run_status_{paper.name}", f"{paper.title}: what has been run", tuple(run_status.tables_of(paper, own))
    if not paper.published:
        return [formats.Sheet(*status)] if status[-1] else []
    outcomes = [reproduction.compare(number, results, rated) for number in paper.published]
    rates = tuple(map(class_rates.table, class_rates.split(outcomes)[0]))
    sheets = [paper_vs_ours.sheet(paper, results, rated), formats.Sheet(*status)]
    return sheets + (
        [formats.Sheet(f"class_rates_{paper.name}", f"{paper.title}: class rates as printed", rates)] if rates else []
    )


def other_sheets(root) -> list[formats.Sheet]:
    """The tables of what is known beside the records: the audit of our folds, the speed of this suite."""
    sheets = [evidence.audit_sheet(audits.read(root)), evidence.speed_sheet(benchmarks.read(root))]
    return [sheet for sheet in sheets if sheet]


def with_people(sheet, people, corpus) -> formats.Sheet:
    """The systems table of a corpus variant with its human rows below the systems."""
    (table,) = sheet.tables
    added = [systems.human_row(row) for row in people if row["corpus_variant"] == corpus]
    frame = pd.concat([table.frame, pd.DataFrame(added, dtype=object)], ignore_index=True)
    return dataclasses.replace(sheet, tables=(table.changed(rows=frame),)) if added else sheet


def readmes(results, known, papers, rated=None, ablations=frozenset()) -> dict[Path, str]:
    """The README of each paper with its results block, and the first page with its comparison."""
    filled = {}
    for paper in known:
        path = Path(papers, paper.name, "README.md")
        if path.is_file():
            text = ablation_effects.fill(path.read_text(encoding="utf-8"), paper.name, results)
            filled[path] = _with_block(path, text, paper_page.block(paper, results, rated))
    first_page = Path(papers).parent / "README.md"
    if first_page.is_file():
        block = readme_comparison.block(results, known, rated, ablations)
        filled[first_page] = _with_block(first_page, first_page.read_text(encoding="utf-8"), block)
    return filled


def _with_block(path, text, block) -> str:
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"{path} lacks {BEGIN} or {END}; put both lines where its results belong")
    return f"{before}{begin}\n\n{block}\n\n{end}{after}"


def table_for_terminal(found_records) -> str:
    """What a comparison prints at its end: the systems of each group under the paper's own rule, highest UA first."""
    groups = system_results.by_group(system_results.group(found_records))
    return "\n\n".join(_terminal_block(*group, members) for group, members in groups.items())


def write_grid(root, name, chosen) -> str:
    """Write the one table of a grid's records, `grids/<name>` of a results folder; returns it for the terminal.

    Raises:
        InputError: the folder cannot be written.
    """
    sheet = systems.grid_sheet(name, system_results.group(chosen))
    files = {Path(root, "grids", f"{name}.{form}"): render(sheet) for form, render in FORMS.items()}
    try:
        write_set(files)
    except OSError as error:
        raise InputError(f"{root} cannot be written ({error.strerror}); choose another --results") from error
    (table,) = map(formats.footnoted, sheet.tables)
    words = (line for text in (table.caption, *table.notes) for line in textwrap.wrap(text, TERMINAL_COLUMNS))
    shown = table.shown.map(markup.visible)
    body = tabulate.tabulate(shown, headers="keys", showindex=False, tablefmt="simple", disable_numparse=True)
    return "\n".join([body, *map(markup.visible, words), f"this table: {Path(root, 'grids', name)}.md, .csv, .tex"])


def _terminal_block(corpus, protocol, preset, members) -> str:
    caption = layout.caption(f"Protocol {protocol}, preset {preset},", corpus, members)
    ranked = layout.rows(members, layout.UA_AND_WA).sort_values("ua", ascending=False, kind="stable")
    body = tabulate.tabulate(
        formats.Table(caption, ranked, TERMINAL).shown.map(markup.visible),
        headers="keys",
        showindex=False,
        tablefmt="simple",
        maxcolwidths=[32, 9, 6, 6, 20, 5, 30],
        colalign=("left",) + ("right",) * 5 + ("left",),
        disable_numparse=True,
    )
    return "\n".join([*textwrap.wrap(markup.visible(caption), TERMINAL_COLUMNS), body])


def _note(row, field) -> str:
    missing = next(
        (words for name, words in (("ua", "UA"), ("ua_low", "interval")) if formats.is_missing(row[name])), ""
    )
    why = f"no {missing}: {row['ua_why_none']}" if missing else ""
    return "; ".join(filter(None, (row[field], why)))


TERMINAL = (
    layout.system_name(),
    *layout.COUNTED,
    formats.estimate("UA % [95 %]", "ua"),
    formats.rate("WA %", "wa"),
    formats.Column("note", "notes", _note),
)


def _read(path) -> bytes | None:
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return None
