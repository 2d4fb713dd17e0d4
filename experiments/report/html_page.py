"""results/report/index.html: what is known from the records and the papers, on one page that needs no network."""

import base64
import dataclasses
import json
import re
from collections import Counter
from pathlib import Path

import jinja2
import pandas as pd
from markdown_it import MarkdownIt

from common import markup, records
from common.atomic_file import write_text
from common.evaluation import reported_results
from experiments.evaluation import comparisons, reproduction, system_results
from experiments.evidence import annotations, human_reference, latencies
from experiments.report import figures
from experiments.tables import ablation_effects, formats, layout
from experiments.tables.all_tables import all_sheets, other_sheets

SECTIONS = (  # (anchor, heading, names of sheets, a sentence on how to read them)
    (
        "papers",
        "Papers against ours",
        "paper_vs_ours",
        "One row per published number; the rule is in results/README.md.",
    ),
    (
        "systems",
        "Systems",
        "systems",
        "One table per corpus variant and label set: accuracies are never compared across.",
    ),
    ("compare", "System against system", "compare", "Pairs that tested the same utterances in the same folds."),
    ("protocols", "Protocols side by side", "protocols", "The same system with and without its test speakers known."),
    (
        "errors",
        "Where systems err",
        "errors",
        "By how sure people were of an utterance, after Chernykh 2018; where raters or listeners were asked.",
    ),
    ("noise", "In noise", "noise", "Systems whose test part was heard again with noise added."),
    ("audit", "Leakage audit", "audit", "What the parts of our folds share, and whether they may."),
    ("classes", "Classes", "per_class", "Precision, recall and F1 of every class."),
    ("cost", "Cost", "cost", "What a training takes on the machines of these records."),
    ("bench", "Speed", "bench", "What one machine does, each figure with its target."),
)
PIXELS = re.compile(r"(?<=data:image/png;base64,)[\w+/=]+")
README_HEADINGS = ("Section map", "Deviations ledger", "What stays open")


def write(root, papers=reported_results.PAPERS) -> Path:
    """Draw the figures, write the page, return its path.

    Raises:
        InputError: a damaged record or paper.toml, or a folder that cannot be written to.
    """
    drawn, text = _made(root, papers)
    figures.write(root, drawn)
    return write_text(_path(root), text, "choose another --results")


def is_current(root, papers=reported_results.PAPERS) -> bool:
    """Whether the page says what the records say; the pixels of its figures are not looked at."""
    _, text = _made(root, papers)
    path = _path(root)
    return path.is_file() and PIXELS.sub("", path.read_text(encoding="utf-8")) == PIXELS.sub("", text)


def _path(root) -> Path:
    return Path(root, "report", "index.html")


def _made(root, papers) -> tuple[dict[str, bytes], str]:
    """The figures by file name, and the page."""
    results = system_results.group(records.read_all(root))
    drawn = figures.draw(results, ablation_effects.ablations(papers))
    more = {"measured": latencies.read(root), "paper_figures": _paper_figures(root)}
    more |= {"people": human_reference.read(root), "rated": annotations.read_all(root), "other": other_sheets(root)}
    return drawn, page(results, reported_results.read_all(papers), drawn, papers, **more)


def page(results, known, drawn, papers, *, people=(), measured=None, rated=None, other=(), paper_figures=()) -> str:
    """The page, from systems, papers and PNG files by name; the same input gives the same text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=markup.finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    ablations = ablation_effects.ablations(papers)
    sheets = [*all_sheets(results, known, people, measured, rated, ablations), *other]
    sections = [
        (
            anchor,
            heading,
            reading,
            [p for s in sheets if s.name.startswith(prefix) for t in s.tables for p in _folded(t)],
        )
        for anchor, heading, prefix, reading in SECTIONS
    ]
    return environment.get_template("html_page.html.j2").render(
        summary=_summary(results, ablations),
        verdicts=_verdict_counts(results, known, rated),
        sections=[section for section in sections if section[3]],
        figures=_figures(results, drawn),
        forests=[(name, _uri(data)) for name, data in drawn.items() if name.startswith("forest-")],
        paper_figures=paper_figures,
        papers=[(paper, _readme(Path(papers, paper.name, "README.md"))) for paper in known],
        environments=_environments(results),
        commands=list(dict.fromkeys(system.command for system in results)),
        limits=sorted({(system.corpus_variant, system.limits) for system in results if system.limits}),
        generated=formats.GENERATED,
    )


def _folded(table):
    """(table, "") with the rows that something was run for; (table, how many) with the others, to be opened."""
    waiting = pd.Series([_is_waiting(row) for row in table.frame.to_dict("records")], dtype=bool)
    if not waiting.all():
        yield table.changed(rows=table.frame[~waiting]), ""
        table = table.changed(notes=(), commands=())
    if waiting.any():
        yield table.changed(rows=table.frame[waiting]), f"{waiting.sum()} numbers not run: why, and the commands"


def _is_waiting(row):
    return row.get("verdict", "").startswith("not run") and not row["nearest_run"]


@dataclasses.dataclass(frozen=True)
class Best:
    """The system with the highest UA of a group, and how many it was compared with."""

    corpus: str
    protocol: str
    preset: str
    name: str
    ua: str
    num_systems: int
    chance: str
    seeds: str
    notes: str


def _summary(results, ablations) -> dict:
    best = []
    for (corpus, protocol, preset), members in system_results.by_group(results).items():
        methods, _ = comparisons.distinct_systems(members, ablations)
        rows = layout.rows(methods, layout.UA_AND_WA).assign(complete=[bool(s.complete) for s in methods])
        scored = rows.dropna(subset="ua").to_dict("records")
        if len(scored) > 1:
            first = max(scored, key=lambda row: (row["complete"], row["ua"]))
            name, ua = f"{first['paper']}/{first['variant']}", formats.interval_text(first, "ua")
            chance, notes = formats.per_cent(first["chance_ua"]), first["notes"] or formats.NONE
            best.append(Best(corpus, protocol, preset, name, ua, len(scored), chance, first["seeds"], notes))
    return {
        "records": sum(len(system.records) for system in results),
        "systems": len({system.name for system in results}),
        "corpora": len({system.corpus_variant for system in results}),
        "best": best,
    }


def _verdict_counts(results, known, rated) -> list[tuple[str, dict]]:
    """(paper, kind of verdict -> how many of its numbers)."""
    counted = []
    for paper in known:
        if paper.published:
            compared = [reproduction.compare(number, results, rated) for number in paper.published]
            kinds = Counter(reproduction.kind(comparison) for comparison in compared)
            counted.append((paper.name, {kind: kinds[kind] for kind in reproduction.KINDS}))
    return counted


def _figures(results, drawn) -> list[dict]:
    """Per system its images as data URIs with what they show."""
    shown = []
    for system in results:
        images = [
            (kind, _uri(drawn[name]))
            for kind in ("confusion", "recalls", "curves")
            if (name := f"{figures.stem(system)}-{kind}.png") in drawn
        ]
        title = f"{system.name} on {system.corpus_variant}, protocol {system.protocol}, preset {system.preset}"
        shown.append({"title": title, "images": images})
    return shown


def _uri(png) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _paper_figures(root) -> list[dict]:
    """The papers' own figures, which the verb `draw` made, as data URIs with the sentences of their captions."""
    return [
        {
            "what": f"{path.parent.name}, {path.stem.replace('_', ' ')}",
            "image": _uri(path.read_bytes()),
            "caption": path.with_suffix(".txt").read_text(encoding="utf-8").splitlines(),
        }
        for path in sorted(Path(root, "figures").glob("*/*.png"))
        if path.with_suffix(".txt").is_file()
    ]


def _readme(path) -> list[tuple[str, str]]:
    """(heading, HTML) of the sections of a paper's README that the page shows."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    return [(heading, html) for heading in README_HEADINGS if (html := markdown_section(text, heading))]


def markdown_section(text, heading) -> str:
    """The HTML of what stands under a second-level heading; raw HTML in it is escaped, images are not loaded."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    section = re.search(rf"^## {re.escape(heading)}[ \t]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return parser.render(re.sub(r"<!--.*?-->", "", section[1])) if section else ""


def _environments(results) -> list[tuple[int, list[tuple[str, str]]]]:
    """Distinct environments of the records, the most frequent first."""
    counted = Counter(json.dumps(record.environment, sort_keys=True) for s in results for record in s.records)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [(count, [(k, str(v)) for k, v in json.loads(text).items()]) for text, count in ordered]
