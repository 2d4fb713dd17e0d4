"""Write results/report: an index page, a page for each paper and corpus variant, and one on methods; all offline."""

import dataclasses
import json
import re
import urllib.parse
from collections import Counter
from pathlib import Path

import jinja2
import markupsafe
from markdown_it import MarkdownIt

from common import markup, records
from common.atomic_file import write_set
from common.errors import InputError
from common.evaluation import reported_results
from common.folds import leakage
from common.utterance import slug
from experiments.evaluation import reproduction, system_results
from experiments.evidence import annotations, human_reference, latencies
from experiments.report import figures
from experiments.tables import ablation_effects, formats, layout, paper_page
from experiments.tables.all_tables import all_sheets, other_sheets

MOST_BYTES = 2_000_000  # of all pages and figures together
KINDS = {"confusion": "Confusion matrix", "recalls": "Recall of every test speaker", "curves": "Learning curves"}
ON_CORPUS = (  # (heading, prefix of the sheet's name, whether it is open)
    ("Protocols side by side", "protocols", True),
    ("In noise", "noise", True),
    ("Pairs of systems", "compare", False),
    ("Classes", "per_class", False),
    ("Errors by agreement of people", "errors", False),
)
READ_FIRST, READ_LATER = ("What we find",), ("From the paper to the code", "Deviations", "Open questions")
PRESET = "paper"


@records.without_garbage_collection()
def write(root, papers=reported_results.PAPERS) -> Path:
    """Draw the figures and write the pages; returns the path of the index page.

    Raises:
        InputError: a record or a paper.toml is damaged, or the folder is not writable.
    """
    results = system_results.group(records.read_all(root))
    folder = Path(root, "report")
    places = {"results": root, "folder": folder / "figures"}
    drawn = figures.draw(results, ablation_effects.ablations(papers), **places)
    more = {"measured": latencies.read(root), "other": other_sheets(root), "paper_figures": _paper_figures(root)}
    more |= {"people": human_reference.read(root), "rated": annotations.read_all(root)}
    rendered = pages(results, reported_results.read_all(papers), drawn, papers, **more)
    images = drawn | {name: image["image"] for name, image in more["paper_figures"].items()}
    contents = {folder / name: text for name, text in rendered.items()}
    contents |= {folder / "figures" / name: image for name, image in images.items()}
    try:
        write_set(contents)
        for pattern in ("*.html", "*.csv", "*.tex", "figures/*.svg", "figures/*.png"):
            for path in folder.glob(pattern):
                if path not in contents:
                    path.unlink()
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}); choose another --results") from error
    return folder / "index.html"


def faults(root) -> list[str]:
    """Faults of the written pages: a total above 2 MB, or broken links."""
    folder = Path(root, "report")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    problems = [f"{folder} has {size:,} bytes; at most {MOST_BYTES:,}"] if size > MOST_BYTES else []
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.html"))}
    anchors = {name: set(re.findall(r'\bid="([^"]+)"', text)) for name, text in texts.items()}
    for name, text in texts.items():
        for link in dict.fromkeys(re.findall(r'\b(?:href|src)="([^"]+)"', text)):
            address, _, anchor = urllib.parse.unquote(link).partition("#")
            if address.startswith(("https:", "http:", "data:")):
                continue
            target = address or name
            if not (folder / target).is_file() or (anchor and anchor not in anchors.get(target, ())):
                problems.append(f"{name}: the link {link} is broken")
    return problems


def pages(results, known, drawn, papers, *, people=(), measured=None, rated=None, other=(), paper_figures=None):
    """{file name: text} of all pages.

    Args:
        results: SystemResults.
        known: papers of common/evaluation/reported_results.
        drawn: SVG figures by file name.
        papers: the folder of the papers.
        people: human references.
        measured: latencies by system.
        rated: annotations.Annotations by corpus variant.
        other: sheets of tables that are not made from records.
        paper_figures: the papers' own figures, from `_paper_figures`.
    """
    ablations = ablation_effects.ablations(papers)
    sheets = [*all_sheets(results, known, people, measured, rated, ablations), *other]
    outcomes = {
        paper.name: [reproduction.compare(number, results, rated) for number in paper.published] for paper in known
    }
    corpora = layout.by_corpus([system for system in results if not system.trained_on])
    site = _Site(known, [corpus for corpus, _ in corpora])
    texts = {"index.html": _index(site, results, known, outcomes, sheets, drawn, corpora)}
    for paper in known:
        own = [system for system in results if system.paper == paper.name]
        drawings = {name: each for name, each in (paper_figures or {}).items() if each["paper"] == paper.name}
        text = _of_paper(site, paper, papers, own, outcomes[paper.name], sheets, drawn, drawings)
        texts[f"paper-{paper.name}.html"] = text
    texts |= {f"corpus-{slug(corpus)}.html": _of_corpus(site, corpus, own, sheets, drawn) for corpus, own in corpora}
    texts["methods.html"] = _methods(site, results, sheets)
    for sheet in _headlines(sheets):
        texts |= {f"{sheet.name}.csv": formats.as_csv(sheet), f"{sheet.name}.tex": formats.latex(sheet)}
    return texts


def _headlines(sheets) -> list:
    return [sheet for sheet in sheets if sheet.name.startswith("headline")]


def _index(site, results, known, outcomes, sheets, drawn, corpora) -> str:
    headlines = _headlines(sheets)
    return site.page(
        "index.html",
        title="Five speech-emotion papers, rerun",
        cards=_cards(results, outcomes, headlines, sheets),
        reproduced=_reproduced(known, outcomes),
        headlines=[table for sheet in headlines for table in sheet.tables],
        downloads=[f"{sheet.name}.{form}" for sheet in headlines for form in ("csv", "tex")],
        forests=_forests(drawn, PRESET),
        across=_tables(sheets, "cross_corpus"),
        leaks=_tables(sheets, "protocols"),
        corpora=[_corpus_line(corpus, members) for corpus, members in corpora],
        num_records=sum(len(system.records) for system in results),
    )


def _of_paper(site, paper, papers, own, outcomes, sheets, drawn, drawings) -> str:
    readme = Path(papers, paper.name, "README.md")
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    every = _tables(sheets, f"paper_vs_ours_{paper.name}") + _tables(sheets, f"class_rates_{paper.name}")
    return site.page(
        "paper.html",
        title=paper.title,
        paper=paper,
        claim=_claim(text),
        headline=paper_page.headline(outcomes) if paper.published else None,
        counted=_html(paper_page.counted(paper, outcomes)) if paper.published else "",
        first=_sections(text, READ_FIRST),
        runs=paper_page.runs(own) if any(not system.synthetic for system in own) else None,
        later=_sections(text, READ_LATER),
        every=every,
        figures=_figures(own, drawn),
        own_figures=drawings,
    )


def _of_corpus(site, corpus, members, sheets, drawn) -> str:
    return site.page(
        "corpus.html",
        title=corpus,
        page_name=f"corpus-{slug(corpus)}.html",
        limits=members[0].limits,
        systems=_systems(sheets, corpus),
        sections=[(heading, _named(sheets, prefix, corpus), is_open) for heading, prefix, is_open in ON_CORPUS],
        forests=_forests(drawn, PRESET, slug(corpus)),
        more_forests=_forests(drawn, "", slug(corpus)),
    )


def _methods(site, results, sheets) -> str:
    names = (("Cost", "cost"), ("Speed", "bench"), ("Leakage audit of our folds", "audit"))
    return site.page(
        "methods.html",
        title="Cost, speed, audit and how to rerun",
        sections=[(heading, _tables(sheets, name)) for heading, name in names],
        environments=_environments(results),
        commands=list(dict.fromkeys(system.command for system in results)),
    )


class _Site:
    """Templates and navigation of all pages."""

    def __init__(self, known, corpora):
        self.environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent / "pages"),
            autoescape=True,
            finalize=markup.finalize,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.filters["breakable"] = breakable
        self.environment.globals |= {"generated": formats.GENERATED, "footnoted": formats.footnoted, "kinds": KINDS}
        self.nav = [("index.html", "Overview")]
        ordered = sorted(known, key=lambda paper: not paper.published)  # methods without a paper come last
        self.nav += [(f"paper-{paper.name}.html", short_name(paper.name)) for paper in ordered]
        self.nav += [(f"corpus-{slug(corpus)}.html", corpus) for corpus in corpora]
        self.nav += [("methods.html", "Cost and methods")]

    def page(self, template, **content) -> str:
        return self.environment.get_template(f"{template}.j2").render(nav=self.nav, **content)


def breakable(name) -> markupsafe.Markup:
    """A name such as `baseline/mfcc_svm` for HTML; a narrow column breaks it after `/` and `_` first."""
    return markupsafe.Markup(re.sub(r"([/_])", r"\1<wbr>", str(markupsafe.escape(markup.visible(name)))))


def short_name(name) -> str:
    """`lim2016` -> `Lim 2016`."""
    return re.sub(r"(?<=[a-z])(?=\d{4}$)", " ", name).replace("_", " ").capitalize()


@dataclasses.dataclass(frozen=True)
class Card:
    """One large number of the index page."""

    number: str
    words: str


def _cards(results, outcomes, headlines, sheets) -> list[Card]:
    published = [outcome for own in outcomes.values() for outcome in own]
    compared, came_out = reproduction.counted(published)
    words = f"published numbers compared: {came_out}"
    cards = [Card(f"{compared} of {len(published)}", words)] if published else []
    cards.append(
        Card(str(len({s.name for s in results})), f"systems in {sum(len(s.records) for s in results)} records")
    )
    frames = [table.frame for sheet in headlines for table in sheet.tables]
    trained = [cell for frame in frames for cell in frame.get("converged", ()) if "/" in str(cell)]
    if trained:
        pairs = [str(cell).split(",")[0].split("/") for cell in trained]
        done, of = (sum(int(pair[k]) for pair in pairs) for k in (0, 1))
        cards.append(Card(f"{done} of {of}", "networks of the headline comparison converged"))
    rows = [row for table in _tables(sheets, "protocols") for row in table.frame.to_dict("records")]
    leaky = [row for row in rows if leakage.is_leaky(row["protocol"]) and not formats.is_missing(row["ua_difference"])]
    if leaky:
        most = max(leaky, key=lambda row: row["ua_difference"])
        words = f"points of UA added by a leaky split to {most['paper']}/{most['variant']}"
        cards.append(Card(formats.signed_per_cent(most["ua_difference"]), words))
    return cards


def _reproduced(known, outcomes) -> list[dict]:
    """A row per paper: its first headline number and ours."""
    rows = []
    for paper in known:
        named = [outcome for outcome in outcomes[paper.name] if outcome.number.headline]
        if named:
            (row, *_) = paper_page.headline(named[:1]).shown.to_dict("records")
            rows.append({"paper": paper, "name": short_name(paper.name)} | {"cells": list(row.values())})
    return rows


def _tables(sheets, prefix) -> list:
    return [table for sheet in sheets if sheet.name.startswith(prefix) for table in sheet.tables]


def _named(sheets, prefix, corpus) -> list:
    names = (f"{prefix}_{slug(corpus)}", f"{prefix}_differences_{slug(corpus)}")
    return [table for sheet in sheets if sheet.name in names for table in sheet.tables]


FULL, REDUCED = "Full trainings", "Reduced trainings: not a comparison of methods"
LEAKY = "Leaky on purpose: training and test parts share recordings"


def _systems(sheets, corpus) -> list[tuple[str, object]]:
    """(heading, table) of a corpus's systems: full, reduced, and leaky trainings, each with the highest UA first."""
    parts = {heading: [] for heading in (FULL, REDUCED, LEAKY)}
    for table in (*_named(sheets, "systems", corpus), *_named(sheets, "reduced", corpus)):
        frame = table.frame.sort_values("ua_pooled", ascending=False, kind="stable", na_position="last")
        frame = frame.sort_values("preset", key=lambda names: names.isna(), kind="stable")  # human rows come last
        leaky = frame["protocol"].map(lambda name: isinstance(name, str) and leakage.is_leaky(name)).astype(bool)
        full = frame["preset"].map(lambda name: formats.is_missing(name) or name == PRESET).astype(bool)
        for heading, rows in ((FULL, frame[full & ~leaky]), (REDUCED, frame[~full & ~leaky]), (LEAKY, frame[leaky])):
            if len(rows):
                parts[heading].append((heading, table.changed(rows=rows)))
    return [part for of_heading in parts.values() for part in of_heading]


def _corpus_line(corpus, members) -> dict:
    return {"name": corpus, "page": f"corpus-{slug(corpus)}.html", "systems": len({s.name for s in members})} | {
        "classes": len(members[0].classes),
        "limits": members[0].limits,
    }


def _forests(drawn, preset, corpus="") -> list[str]:
    """File names of forest plots of full trainings, or of reduced ones if `preset` is ""."""
    names = [name for name in drawn if name.startswith(f"forest-{corpus}-" if corpus else "forest-")]
    names = [name for name in names if "synthetic" not in name or corpus]
    return [name for name in names if name.endswith(f"-{PRESET}.svg") == (preset == PRESET)]


def _figures(systems, drawn) -> list[dict]:
    """The figures of each system: a title and {kind: file name}."""
    shown = []
    for system in systems:
        names = {kind: f"{figures.stem(system)}-{kind}.svg" for kind in KINDS}
        title = f"{system.variant} on {system.corpus_variant}, protocol {system.protocol}, preset {system.preset}"
        shown.append({"title": title, "images": {kind: name for kind, name in names.items() if name in drawn}})
    return shown


def _paper_figures(root) -> dict[str, dict]:
    """The papers' own figures, drawn by the verb `draw`: {file name in the report: paper, image, caption}."""
    return {
        f"{path.parent.name}-{path.name}": {
            "paper": path.parent.name,
            "image": path.read_bytes(),
            "what": path.stem.replace("_", " "),
            "caption": path.with_suffix(".txt").read_text(encoding="utf-8").splitlines(),
        }
        for path in sorted(Path(root, "figures").glob("*/*.png"))
        if path.with_suffix(".txt").is_file()
    }


def _claim(text) -> str:
    claim = re.search(r"^\*\*Claim\.\*\*.*?(?=\n\n)", text, re.MULTILINE | re.DOTALL)
    return _html(claim[0]) if claim else ""


def _sections(text, headings) -> list[tuple[str, str]]:
    return [(heading, html) for heading in headings if (html := markdown_section(text, heading))]


def markdown_section(text, heading) -> str:
    """The section under a second-level heading as HTML; raw HTML in it is escaped, images are left out."""
    section = re.search(rf"^## {re.escape(heading)}[ \t]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return _html(section[1]) if section else ""


def _html(markdown) -> str:
    """Markdown as HTML. Links to files of the repository become plain text, since they do not work in the report."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    text = re.sub(r"<!--.*?-->", "", markdown)
    return parser.render(re.sub(r"(?<!!)\[([^\]]+)\]\((?!https?:)[^)\s]*\)", r"\1", text))


def _environments(results) -> list[tuple[int, list[tuple[str, str]]]]:
    """Distinct environments of the records, the most frequent first."""
    counted = Counter(json.dumps(record.environment, sort_keys=True) for s in results for record in s.records)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [(count, [(k, str(v)) for k, v in json.loads(text).items()]) for text, count in ordered]
