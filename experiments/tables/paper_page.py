"""The generated block of a paper's README: reproduction of its numbers and statements, and links to all tables."""

from collections import Counter

from common import markup
from common.evaluation.reported_results import ReportedResult
from common.folds import leakage
from common.utterance import slug
from experiments.evaluation import reproduction
from experiments.evaluation.system_results import shell_line
from experiments.tables import class_rates, formats, layout, paper_vs_ours
from experiments.tables.formats import Column, Table

TABLES = "../../results/tables"
PRESET = "paper"


def block(paper, results, rated=None) -> str:
    """The block as Markdown, also for a method without published numbers.

    Args:
        paper: of common/evaluation/reported_results.
        results: SystemResults of all papers.
        rated: annotations.Annotations by corpus variant.
    """
    own = [system for system in results if system.paper == paper.name and not system.synthetic]
    full = [system for system in own if system.preset == PRESET]
    blocks = [f"<!-- {formats.GENERATED} -->"]
    if paper.published:
        outcomes = [reproduction.compare(number, results, rated) for number in paper.published]
        blocks += [formats.markdown_table(headline(outcomes)), counted(paper, outcomes)]
    if paper.statements:
        blocks.append(statements(in_words(paper, results)))
    if own and not paper.published:
        blocks.append(formats.markdown_table(runs(full or own)))
    blocks.append(_links(paper, own))
    return "\n\n".join(blocks)


def headline(outcomes) -> Table:
    """The paper's headline numbers, then all others that were compared: paper, ours, status."""
    first = [outcome for outcome in outcomes if outcome.number.headline]
    others = [outcome for outcome in outcomes if outcome.ours and outcome not in first]
    rows = [paper_vs_ours.row(outcome) for outcome in (*first, *others)]
    notes = (paper_vs_ours.IN_BRACKETS,) if any(outcome.ours for outcome in outcomes) else ()
    return Table("", rows, HEADLINE, (), notes)


def _number(row, field) -> str:
    return f"{paper_vs_ours.number_in_words(row, field)} ({row['where']})"


def _ours(row, field) -> str:
    """Our number, or in parentheses that of the most similar run, which is not used for the verdict."""
    shown = paper_vs_ours.OURS.show(row, field)
    if shown == formats.NONE and not formats.is_missing(row["nearest"]):
        return f"({paper_vs_ours.show(row['metric'], row['nearest'])} on {row['nearest_run']})"
    return shown


HEADLINE = (
    Column("published number", "variant", _number),
    paper_vs_ours.PAPER,
    Column("ours", "ours", _ours),
    paper_vs_ours.STATUS,
)


def counted(paper, outcomes) -> str:
    """The counts of all verdicts on the paper's numbers, and the command for those not run."""
    kinds = Counter(map(reproduction.kind, outcomes))
    counts = ", ".join(f"{kind} {kinds[kind]}" for kind in reproduction.KINDS if kinds[kind])
    every = f"[every number]({TABLES}/paper_vs_ours_{paper.name}.md)"
    line = f"{len(outcomes)} published numbers: {counts} ({every})."
    waiting = [outcome.number for outcome in outcomes if outcome.verdict.startswith("not run")]
    return f"{line} Those not run: {markup.markdown_code(_command(paper, waiting))}" if waiting else line


def in_words(paper, results) -> Table:
    """The paper's statements without numbers, each with a difference of ours and whether it agrees."""
    rows = [_finding(paper, reproduction.check_statement(statement, paper, results)) for statement in paper.statements]
    notes = (
        "Per cent, with the 95 % interval, from the run most similar to the paper's. Agrees, contradicts: the whole "
        "interval is on this side of zero.",
    )
    return Table("", rows, WORDS, (), notes)


def statements(table) -> str:
    """The number of statements that agree, and a folded table of those that were run."""
    ran = table.frame[table.frame["difference"].notna()]
    kinds = Counter(outcome.partition(":")[0].partition(";")[0] for outcome in table.frame["outcome"])
    counts = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
    line = f"{len(table.frame)} statements in words: {counts} ([every statement]({TABLES}/statements.md))."
    if ran.empty:
        return line
    columns = tuple(column for column in table.columns if column.field != "place")
    shown = formats.markdown_table(table.changed(rows=ran, columns=columns))
    return f"<details><summary>Statements of the paper</summary>\n\n{shown}\n\n</details>\n\n{line}"


def words_sheet(papers, results) -> formats.Sheet:
    """`in_words` of all papers, one table per paper."""
    tables = [(paper, in_words(paper, results)) for paper in papers if paper.statements]
    captioned = tuple(table.changed(caption=paper.title) for paper, table in tables)
    return formats.Sheet("statements", "Statements of the papers about their results", captioned)


def _finding(paper, finding) -> dict:
    statement = finding.statement
    if statement.classes:
        ours = f"{statement.first}: recall of {' and '.join(statement.classes)} − recall of the others"
    else:
        name, _, emotion = statement.metric.partition(":")
        metric = f"recall of {emotion}" if emotion else name.upper()
        ours = f"{statement.first} − {statement.second}, {metric}"
    return {
        "paper": paper.name,
        "statement": statement.id,
        "text": statement.text,
        "where": statement.where,
        "ours": ours,
        "expect": statement.expect,
        **formats.interval_fields("difference", finding.difference),
        "outcome": "; ".join([finding.outcome, *finding.failed]),
        "place": finding.place,
    }


WORDS = (
    Column("statement", "text", lambda row, field: f"“{row[field]}” ({row['where']})"),
    formats.text("ours", "ours"),
    formats.estimate("difference [95 %]", "difference", difference=True),
    formats.text("outcome", "outcome"),
    formats.text("on", "place", none=formats.NONE),
)


def _command(paper, numbers: list[ReportedResult]) -> str:
    variants = ",".join(dict.fromkeys(number.variant for number in numbers if number.variant))
    words = ["run", paper.name, *(["--variant", variants] if variants else []), "--data", "DIR"]
    return shell_line([*words, *(["--seeds", paper.seeds] if paper.seeds != "0" else [])])


def runs(own) -> Table:
    """The results of a paper's systems on all corpora, protocols without leakage first."""
    ordered = _ordered(own)
    rows = layout.rows(ordered, layout.UA_AND_WA)
    notes = ["UA and WA in per cent, folds pooled, mean over seeds; intervals 95 %, over speakers and trainings."]
    if leaky := sorted({s.protocol for s in ordered if leakage.is_leaky(s.protocol)}):
        notes.append(f"{', '.join(leaky)}: training and test share recordings; not comparable with other rows.")
    return Table("", rows, RUNS, (), tuple(notes))


def _ordered(own):
    """Protocols without leakage first, results within a corpus before those across corpora."""
    return sorted(
        own, key=lambda s: (leakage.is_leaky(s.protocol), s.trained_on, s.corpus_variant, s.protocol, s.preset)
    )


RUNS = (
    formats.text("system", "variant"),
    formats.text("corpus", "corpus_variant"),
    layout.PLACE,
    formats.estimate("UA [95 %]", "ua"),
    formats.estimate("WA [95 %]", "wa"),
    layout.CONVERGED,
    layout.NOTES,
)


def _links(paper, own) -> str:
    """Links to the tables of the paper."""
    corpora = sorted({system.corpus_variant for system in own})
    links = [f"[{corpus}]({TABLES}/systems_{slug(corpus)}.md)" for corpus in corpora]
    tables = [f"all systems on {', '.join(links)}"] if links else []
    tables += [f"[class rates]({TABLES}/class_rates_{paper.name}.md)"] if has_class_rates(paper) else []
    tables.append(f"[cost]({TABLES}/cost.md)")
    tables.append(f"[run status]({TABLES}/run_status_{paper.name}.md)")
    return f"More tables: {'; '.join(tables)}."


def has_class_rates(paper) -> bool:
    """Whether the paper prints a table of class rates."""
    return bool(class_rates.split([reproduction.compare(number, []) for number in paper.published])[0])
