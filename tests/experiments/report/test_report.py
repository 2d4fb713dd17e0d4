"""The page: well-formed, self-contained, escaped, the same every time; and its figures."""

import html.parser

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

## Section map

| paper | here |
|---|---|
| § 1 | <img src=x onerror=alert(1)> ![a](http://example.org/a.png) [b](javascript:alert(1)) |

## Deviations ledger

| id | kind |
|---|---|
| D1 | silent |

## Results

not shown
"""


class Page(html.parser.HTMLParser):
    """Open elements, what does not match, what is loaded, scripts and the text of cells."""

    VOID = {"meta", "img", "br", "hr", "link", "input"}

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
    path = html_page.write(root / "results", root / "papers")
    return path


def test_the_page_is_well_formed_and_loads_nothing(written):
    page = Page(written.read_text(encoding="utf-8"))
    assert (page.open, page.mismatched) == ([], [])
    assert page.loaded and all(address.startswith("data:image/png;base64,") for address in page.loaded)
    text = written.read_text(encoding="utf-8")
    assert "@import" not in text and "url(" not in text and "fetch(" not in text


def test_nothing_from_a_record_or_a_readme_becomes_markup(written):
    text = written.read_text(encoding="utf-8")
    page = Page(text)
    assert page.scripts == 1  # the page's own
    assert "<script>alert" not in text and "<b>" not in text and "T <script>" not in text
    assert NASTY in page.cells and "few &amp; &lt;b&gt;" in text
    assert 'src="http' not in text and "<img src=x" not in text and 'href="javascript' not in text


def test_sections_ledgers_and_commands_are_there(written):
    text = written.read_text(encoding="utf-8")
    page = Page(text)
    wanted = {"summary", "papers", "systems", "classes", "cost", "figures", "ledgers", "environment", "rerun"}
    assert wanted <= set(page.ids) and len(page.ids) == len(set(page.ids))
    assert {"D1", "silent", "§ 1"} <= {cell.strip() for cell in page.cells}
    assert "not shown" not in text
    assert "python -m experiments run emmert --variant mfcc --protocol paper --preset paper --seeds 0" in text


def test_the_summary_prefers_complete_systems_and_names_incomplete_ones():
    half = many(4, variant="own_cnn", num_folds=2)
    text = html_page.page(system_results.group([many(2), half]), [], {}, reported_results.PAPERS)
    row = text[text.index('id="summary"') :].split("<tbody>")[1].split("</tbody>")[0]
    assert "emmert/mfcc" in row and "own_cnn" not in row
    text = html_page.page(system_results.group([half]), [], {}, reported_results.PAPERS)
    row = text[text.index('id="summary"') :].split("<tbody>")[1].split("</tbody>")[0]
    assert "emmert/own_cnn" in row and "seed 0 incomplete" in row


def test_the_page_and_its_figures_are_the_same_every_time(written):
    root, folder = written.parent.parent, written.parent / "figures"
    before = {path: path.read_bytes() for path in [written, *folder.glob("*.png")]}
    (folder / "stale.png").write_bytes(b"")
    assert html_page.write(root, root.parent / "papers") == written
    assert before == {path: path.read_bytes() for path in [written, *folder.glob("*.png")]}
    assert len(before) == 7


def test_a_page_is_current_until_its_records_or_its_text_change(tmp_path):
    records.write(many(2), root=tmp_path)
    assert not html_page.is_current(tmp_path)
    page = html_page.write(tmp_path)
    assert html_page.is_current(tmp_path)
    page.write_text(page.read_text(encoding="utf-8").replace("base64,iVBOR", "base64,iVBORw"), encoding="utf-8")
    assert html_page.is_current(tmp_path)  # another machine's pixels
    page.write_text(page.read_text(encoding="utf-8").replace("emmert/mfcc", "emmert/mfdd"), encoding="utf-8")
    assert not html_page.is_current(tmp_path)
    html_page.write(tmp_path)
    records.write(many(3, variant="own_cnn"), root=tmp_path)
    assert not html_page.is_current(tmp_path)


def test_a_page_without_records_says_so(tmp_path):
    text = html_page.write(tmp_path / "results", tmp_path / "papers").read_text(encoding="utf-8")
    assert "There is no record yet." in text
    assert Page(text).mismatched == []


def test_a_section_ends_at_the_next_heading():
    html_of = html_page.markdown_section("## A\n\none\n\n### sub\n\ntwo\n\n## B\n\nthree\n", "A")
    assert "one" in html_of and "two" in html_of and "three" not in html_of
    assert html_page.markdown_section("# A\n", "A") == ""


def test_confusion_counts_and_undecided_are_drawn():
    (system,) = system_results.group([record(part([0, 0, 1, 1], [0, 1, 1, -1]))])
    axes = figures.confusion(system).axes[0]
    assert [text.get_text() for text in axes.texts] == ["1", "1", "0", "0", "1", "1"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["anger", "sadness", "no decision"]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.5, 0.5, 0], [0, 0.5, 0.5]])
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
    assert [name.rsplit("-", 1)[1] for name in drawn] == ["confusion.png", "recalls.png"]
    assert all(data.startswith(b"\x89PNG") for data in drawn.values())


def test_the_committed_papers_make_a_page(tmp_path):
    text = html_page.page([], reported_results.read_all(), {}, reported_results.PAPERS)
    assert "Deviations ledger" in text and Page(text).mismatched == []
