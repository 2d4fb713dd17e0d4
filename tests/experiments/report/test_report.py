"""The pages: well-formed, self-contained, escaped, linked, small, the same every time; and their figures."""

import html.parser
import xml.etree.ElementTree

import numpy as np
import pytest

from common import records
from common.evaluation import reported_results
from experiments.evaluation import system_results
from experiments.report import figures, html_page
from tests.support.records_by_hand import many, part, record

NASTY = "<script>alert('x')</script>"
PAPER = """
[paper]
title = "T <script>"
authors = ["A & B"]
corpus = "ravdess/strong"
classes = ["anger", "sadness"]

[[published]]
id = "n"
variant = "mfcc"
metric = "wa"
value = 0.5
corpus = "ravdess/strong"
where = "<script>"
"""
README = """# P

**Claim.** It is
better.

## What we find

* [a table](../../results/tables/x.md) and [a page](https://example.org/)

## From the paper to the code

| paper | here |
|---|---|
| § 1 | <img src=x onerror=alert(1)> ![a](http://example.org/a.png) [b](javascript:alert(1)) |

## Deviations

### D1. Rate (silent)

*Paper:* nothing.

## Results

not shown
"""


class Page(html.parser.HTMLParser):
    """Open elements, what does not match, what is loaded, scripts and the text of cells."""

    VOID = {"meta", "img", "br", "hr", "link", "input", "wbr"}

    def __init__(self, text):
        super().__init__()
        self.open, self.mismatched, self.loaded, self.scripts, self.ids, self.cells = [], [], [], 0, [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.loaded += [
            attributes[name] for name in ("src", "srcset", "data", "poster", "action") if name in attributes
        ]
        self.loaded += [attributes["href"]] if tag in ("link", "base") else []
        self.scripts += tag == "script"
        self.ids += [attributes["id"]] if "id" in attributes else []
        assert not any(name.startswith("on") for name in attributes)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.mismatched.append((tag, self.getpos()))

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th", "button"):
            self.cells.append(data)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The page of two systems, one with a nasty name, on nasty classes."""
    root = tmp_path_factory.mktemp("project")
    paper = root / "papers" / "emmert"
    paper.mkdir(parents=True)
    (paper / "paper.toml").write_text(PAPER, encoding="utf-8")
    (paper / "README.md").write_text(README, encoding="utf-8")
    classes = [NASTY, "sadness"]
    records.write(many(2, notes=[NASTY]), root=root / "results")
    records.write(many(3, classes=classes, corpus_variant="manifest:calls", limits="few & <b>"), root=root / "results")
    return html_page.write(root / "results", root / "papers").parent


def texts(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.html"))}


def test_there_is_an_index_and_a_page_for_each_paper_and_corpus(written):
    pages = ["corpus-manifest-calls.html", "corpus-ravdess-strong.html", "index.html", "methods.html"]
    assert list(texts(written)) == [*pages, "paper-emmert.html"]


def test_pages_are_well_formed_and_load_their_own_figures_alone(written):
    for text in texts(written).values():
        page = Page(text)
        assert (page.open, page.mismatched) == ([], [])
        assert len(page.ids) == len(set(page.ids))
        assert all(address.startswith("figures/") for address in page.loaded)
        assert "@import" not in text and "url(" not in text and "fetch(" not in text
    assert Page(texts(written)["paper-emmert.html"]).loaded


def test_nothing_from_a_record_or_a_readme_becomes_markup(written):
    cells = []
    for text in texts(written).values():
        page = Page(text)
        assert page.scripts == 1  # the page's own
        assert "<script>alert" not in text and "<b>few" not in text and "T <script>" not in text
        assert 'src="http' not in text and "<img src=x" not in text and 'href="javascript' not in text
        cells += page.cells
    assert NASTY in cells and "few &amp; &lt;b&gt;" in texts(written)["index.html"]


def test_a_long_name_may_break_at_its_slash_and_stays_escaped():
    assert str(html_page.breakable("a<b/c_d")) == "a&lt;b/<wbr>c_<wbr>d"


def test_the_index_counts_published_numbers_as_the_readme_does(written):
    assert "published numbers compared: 0 reproduced, 0 ours higher, 0 ours lower" in texts(written)["index.html"]


def test_a_papers_page_has_its_claim_findings_numbers_runs_and_ledger(written):
    text = texts(written)["paper-emmert.html"]
    order = ["It is\nbetter", "Did it reproduce?", "What we find", "All runs", "Every published number", "D1. Rate"]
    places = [text.index(words) for words in order]
    assert places == sorted(places) and "not shown" not in text
    assert "a table" in text and "results/tables/x.md" not in text and 'href="https://example.org/"' in text
    assert "mfcc: WA, test" in text


def test_commands_and_environments_are_on_the_page_of_methods(written):
    text = texts(written)["methods.html"]
    assert "python -m experiments run emmert --variant mfcc --protocol paper --preset paper --seeds 0" in text


def test_too_many_bytes_and_links_that_lead_nowhere_are_faults(written, monkeypatch):
    root = written.parent
    assert html_page.faults(root) == []
    monkeypatch.setattr(html_page, "MOST_BYTES", 1000)
    (size,) = html_page.faults(root)
    assert "at most 1,000" in size
    monkeypatch.undo()
    figure = next((written / "figures").glob("*.svg"))
    kept = figure.read_bytes()
    figure.unlink()
    (broken,) = html_page.faults(root)
    assert broken == f"paper-emmert.html: the link figures/{figure.name} is broken"
    figure.write_bytes(kept)


def test_a_figure_is_drawn_again_where_its_records_changed_alone(tmp_path):
    paths = [records.write(many(2, variant=name), root=tmp_path) for name in ("changed", "same")]
    figures_folder = html_page.write(tmp_path).parent / "figures"
    drawn = {path: path.read_bytes() for path in figures_folder.glob("*-confusion.svg")}
    assert len(drawn) == 2
    for path in drawn:
        path.write_bytes(b"of the run before")
    paths[0].write_text(f"{paths[0].read_text()}\n")
    html_page.write(tmp_path)
    for path, image in drawn.items():
        assert path.read_bytes() == (image if "changed" in path.name else b"of the run before")


def test_leaky_and_reduced_systems_stand_apart_from_full_trainings():
    options = {"corpus_variant": "emodb"}
    runs = [many(1, **options), many(2, preset="quick", **options), many(4, protocol="leaky_segments", **options)]
    text = html_page.pages(system_results.group(runs), [], {}, reported_results.PAPERS)["corpus-emodb.html"]
    parts = [text.index(words) for words in ("Full trainings", "Reduced trainings", 'class="box"', "Leaky on purpose")]
    assert parts == sorted(parts)
    assert "25.0" in text[parts[0] : parts[1]] and "100.0" not in text[: parts[2]]


def test_the_pages_and_figures_are_the_same_every_time(written):
    root = written.parent
    files = {path: path.read_bytes() for path in written.rglob("*") if path.is_file()}
    stale = [written / "figures" / "stale.svg", written / "paper-gone.html"]
    for path in stale:
        path.write_bytes(b"")
    html_page.write(root, root.parent / "papers")
    assert files == {path: path.read_bytes() for path in written.rglob("*") if path.is_file()}
    assert not any(path.exists() for path in stale)


def test_figures_have_two_colour_schemes_and_no_background(written):
    text = next((written / "figures").glob("*-confusion.svg")).read_text(encoding="utf-8")
    xml.etree.ElementTree.fromstring(text)
    assert "prefers-color-scheme:dark" in text and "var(--c0)" in text and "#1B1F24" in text and "#E6EDF3" in text
    assert 'id="patch_1"' not in text


def test_a_report_without_records_says_so(tmp_path):
    text = html_page.write(tmp_path / "results", tmp_path / "papers").read_text(encoding="utf-8")
    assert "There is no record yet." in text
    assert Page(text).mismatched == []


def test_a_section_ends_at_the_next_heading():
    html_of = html_page.markdown_section("## A\n\none\n\n### sub\n\ntwo\n\n## B\n\nthree\n", "A")
    assert "one" in html_of and "two" in html_of and "three" not in html_of
    assert html_page.markdown_section("# A\n", "A") == ""


def test_confusion_in_per_cent_with_undecided():
    (system,) = system_results.group([record(part([0, 0, 1, 1], [0, 1, 1, -1]))])
    axes = figures.confusion(system).axes[0]
    assert [text.get_text() for text in axes.texts] == ["50", "50", "0", "0", "50", "50"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["anger (n = 2)", "sadness (n = 2)"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["anger", "sadness", "no decision"]
    np.testing.assert_allclose(axes.collections[0].get_array(), [[0.5, 0.5, 0], [0, 0.5, 0.5]])
    (decided,) = system_results.group([record(part([0, 0, 1, 1], [0, 1, 1, 0]))])
    assert [label.get_text() for label in figures.confusion(decided).axes[0].get_xticklabels()] == ["anger", "sadness"]


def test_curves_have_a_line_a_fold_their_mean_and_the_epochs_kept():
    histories = [{"loss": [3.0, 1.0], "val_loss": [2.0, 4.0]}, {"loss": [1.0, 1.0, 7.0], "val_loss": [2.0, 2.0, 2.0]}]
    runs = [many(2, seed=seed, history=history) for seed, history in enumerate(histories)]
    (system,) = system_results.group(runs)
    loss, accuracy = figures.curves(system).axes
    assert all(tick == int(tick) for axes in (loss, accuracy) for tick in axes.get_xticks())  # there are three
    lines = {line.get_label(): line for line in loss.lines}
    np.testing.assert_allclose(lines["training"].get_ydata(), [2, 1, 7])
    np.testing.assert_allclose(lines["validation"].get_ydata(), [2, 3, 2])
    np.testing.assert_allclose(lines["epoch kept"].get_xydata(), [[2, 4], [2, 2]])
    assert len(loss.lines) == 7 and len(accuracy.lines) == 0
    assert loss.get_xlabel() == "epoch" and loss.get_ylabel().startswith("loss")


def test_a_system_that_never_trained_in_epochs_has_no_curves():
    drawn = figures.draw(system_results.group([many(2, history={}, best_epoch=None)]))
    assert [name.rsplit("-", 1)[1] for name in drawn] == ["confusion.svg", "recalls.svg"]
    assert all(data.startswith(b"<svg") for data in drawn.values())


def test_reduced_trainings_are_drawn_where_there_is_no_full_one():
    full, reduced = many(2), many(3, preset="quick")
    assert all("-quick-" not in name for name in figures.draw(system_results.group([full, reduced])))
    assert all("-quick-" in name for name in figures.draw(system_results.group([reduced])))


def test_the_committed_papers_make_pages():
    rendered = html_page.pages([], reported_results.read_all(), {}, reported_results.PAPERS)
    assert all(Page(text).mismatched == [] for name, text in rendered.items() if name.endswith(".html"))
    satt = rendered["paper-satt2017.html"]
    assert satt.index("68.8 %") < satt.index("What we find") and "D18" in satt
