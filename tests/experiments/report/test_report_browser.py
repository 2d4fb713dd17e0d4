"""A page of the report in a real Chromium, from the disk: sorting by keyboard, narrow windows, colours, print."""

import pytest

from common import records
from experiments.report import html_page
from tests.support.records_by_hand import many, record, unbalanced

pytestmark = pytest.mark.browser
SYSTEM_TABLE = "table.sortable"
CONTRAST = """(() => {
  const light = colour => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  return Math.min(...[...document.querySelectorAll("h1, h2, p, td, th button, a, code, summary, .limits")].map(e => {
    const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  }));
})()"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page of three systems with limits and many columns, as a file's address."""
    root = tmp_path_factory.mktemp("results")
    for number in range(3):
        test = many(number + 1, variant=f"system_{number}", corpus_variant="emodb-2s", limits="cut to 2.0 s", seed=0)
        records.write(test, root=root)
    records.write(unbalanced(variant="other"), root=root)
    records.write(
        record(
            unbalanced().parts["test"], corpus_variant="ravdess/anger+disgust+fear+happiness+neutral", variant="third"
        ),
        root=root,
    )
    return (html_page.write(root).parent / "corpus-emodb-2s.html").resolve().as_uri()


@pytest.fixture
def page(browser, address):
    opened = browser.new_page()
    opened.goto(address)
    yield opened
    assert browser.complaints == []
    assert all(url.startswith(address.rpartition("/")[0]) for url in browser.asked if not url.startswith("data:"))


def column(page, heading):
    """The texts of a column of the first systems table."""
    return page.evaluate(
        """([table, heading]) => {
          const found = document.querySelector(table);
          const index = [...found.querySelectorAll("th")].findIndex(th => th.textContent === heading);
          return [...found.tBodies[0].rows].map(row => row.cells[index].textContent);
        }""",
        [SYSTEM_TABLE, heading],
    )


def test_a_table_is_sorted_by_keyboard(page):
    button = page.locator(f"{SYSTEM_TABLE} th button", has_text="UA [95 %]").first
    button.focus()
    page.keyboard.press("Enter")
    rising = column(page, "UA [95 %]")
    assert [float(cell.split()[0]) for cell in rising] == [25.0, 50.0, 75.0]
    assert button.evaluate("b => b.parentElement.getAttribute('aria-sort')") == "ascending"
    page.keyboard.press("Space")
    assert column(page, "UA [95 %]") == rising[::-1]
    assert column(page, "system, rule") == [f"emmert/system_{k}, mean" for k in (2, 1, 0)]


def test_the_focus_reaches_links_tables_and_details_and_is_seen(page):
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break  # past the last element
        seen.add(page.evaluate("document.activeElement.tagName + '.' + document.activeElement.className"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert {"A.", "DIV.scroll", "BUTTON."} <= seen


def test_the_page_is_as_wide_as_the_window_and_wide_tables_scroll(page):
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    page.evaluate("[...document.images].forEach(image => image.loading = 'eager')")
    page.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    scrolling = "[...document.querySelectorAll('.scroll')].some(e => e.scrollWidth > e.clientWidth)"
    assert page.evaluate(scrolling) == (page.viewport_size["width"] < 500)


def test_text_stands_out_in_both_colour_schemes(page):
    assert page.evaluate(CONTRAST) >= 4.5  # WCAG 2.1, AA


def test_on_paper_everything_is_open_and_nothing_is_cut(page, tmp_path):
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("[...document.querySelectorAll('details')].every(d => d.open)")
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    page.set_viewport_size({"width": 1122, "height": 793})  # A4, landscape, at 96 pixels an inch
    assert page.evaluate("document.documentElement.scrollWidth") == 1122
    page.pdf(path=tmp_path / "page.pdf", format="A4", landscape=True)
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
