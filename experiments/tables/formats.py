"""Tables as data, and their three forms: Markdown, CSV (fractions) and LaTeX (booktabs)."""

import csv
import dataclasses
import io
import math

import tabulate

GENERATED = "made by `python -m experiments tabulate` from what results and papers/*/paper.toml hold; do not edit"
NONE = "—"
PAGE_ROWS = 45  # that a page holds, in LaTeX at \scriptsize
NUMERIC = set("0123456789+−≈<")  # with what a number's cell begins

MARKDOWN = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": " ", "|": "\\|", "*": "\\*", "`": "\\`", "](": "\\]("}
LATEX = {  # what inputenc knows only with extra packages; tabulate has escaped the special characters before
    "—": "---",
    "–": "--",
    "±": r"$\pm$",
    "≈": r"$\approx$",
    "−": r"$-$",
    "§": r"\S{}",
    "†": r"\textdagger{}",
}


@dataclasses.dataclass(frozen=True)
class Row:
    """One row: what people read, by heading, and what programs read, by field."""

    shown: dict[str, str]
    data: dict


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows under the same headings.

    Args:
        caption: one line with corpus variant, n and label set.
        commands: lines printed below, each (what it makes, command).
        notes: lines printed below.
    """

    caption: str
    rows: list[Row]
    commands: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def headings(self) -> list[str]:
        return list(self.rows[0].shown)

    @property
    def right_aligned(self) -> list[bool]:
        """Columns that hold numbers."""
        starts = [{row.shown[heading][:1] for row in self.rows} for heading in self.headings]
        return [bool(found - {NONE}) and found <= NUMERIC | {NONE} for found in starts]


@dataclasses.dataclass(frozen=True)
class Sheet:
    """The tables of one file name; accuracies on different label sets stand in different tables."""

    name: str
    title: str
    tables: tuple[Table, ...]


def per_cent(value, digits=1) -> str:
    """0.4952 -> "49.5"; no value, "—"."""
    return NONE if value is None or math.isnan(value) else f"{100 * value:.{digits}f}"


def signed_per_cent(value) -> str:
    return NONE if value is None else f"{100 * value:+.1f}".replace("-", "−")


def with_interval(number, show=per_cent) -> str:
    """`49.5 [45.1, 54.0]`, without brackets where there is no interval, "—" where there is no number."""
    if number is None:
        return NONE
    value = show(number.value)
    return value if number.low is None else f"{value} [{show(number.low)}, {show(number.high)}]"


def p_value(p) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def fraction(value):
    """For CSV: six decimals, no value as an empty cell."""
    return "" if value is None or math.isnan(value) else round(float(value), 6)


def interval_fields(name, number) -> dict:
    """`ua`, `ua_low`, `ua_high` for CSV."""
    values = (None, None, None) if number is None else (number.value, number.low, number.high)
    return dict(zip((name, f"{name}_low", f"{name}_high"), map(fraction, values), strict=True))


def markdown(sheet) -> str:
    blocks = [f"# {sheet.title}", f"<!-- {GENERATED} -->"]
    blocks += [markdown_table(table) for table in sheet.tables]
    return "\n\n".join(blocks) + "\n"


def markdown_table(table) -> str:
    """Caption, table, notes, commands."""
    blocks = [f"**{_markdown(table.caption)}**", _tabulate(table, "github", _markdown)]
    if table.notes:
        blocks.append("\n".join(f"* {_markdown(note)}" for note in table.notes))
    if table.commands:
        blocks.append("\n".join(f"* {_markdown(what)}: `{command}`" for what, command in table.commands))
    return "\n\n".join(blocks)


def _markdown(text) -> str:
    """A cell without what Markdown or HTML would read as markup."""
    for character, replacement in MARKDOWN.items():
        text = text.replace(character, replacement)
    return text


def latex(sheet) -> str:
    """A `table` for each, a `longtable` where a page is too short; needs booktabs, inputenc (utf8) and longtable."""
    blocks = [f"% {GENERATED}"]
    for table in sheet.tables:
        below = [_latex(note) for note in table.notes]
        below += [f"{_latex(what)}: \\texttt{{{_latex_code(command)}}}" for what, command in table.commands]
        caption, body = f"\\caption{{{_latex(table.caption)}}}", _tabulate(table, "latex_booktabs", str).splitlines()
        begin, end = ["\\begin{table}", "\\centering", "\\scriptsize", caption], "\\end{table}"
        if len(table.rows) > PAGE_ROWS:
            begin, body, end = ["{\\scriptsize"], _longtable(body, caption), "\\par}"
        blocks.append("\n".join([*begin, *body, *(f"\\par\\raggedright {line}" for line in below), end]))
    return _without_rare_characters("\n\n".join(blocks) + "\n")


def _longtable(lines, caption) -> list[str]:
    """The lines of a `tabular` as those of a table that goes on from page to page, its headings on each."""
    columns, rows = lines[0].removeprefix("\\begin{tabular}"), lines.index("\\midrule") + 1
    begin = [f"\\begin{{longtable}}{columns}", f"{caption}\\\\", *lines[1:rows], "\\endfirsthead"]
    return [*begin, *lines[1:rows], "\\endhead", *lines[rows:-1], "\\end{longtable}"]


def _latex(text) -> str:
    return "".join(tabulate.LATEX_ESCAPE_RULES.get(character, character) for character in text)


def _latex_code(text) -> str:
    return _latex(text).replace("--", "-{}-")  # some fonts make a dash of two hyphens


def _without_rare_characters(text) -> str:
    for character, replacement in LATEX.items():
        text = text.replace(character, replacement)
    return text


def _tabulate(table, form, escape) -> str:
    headings = table.headings
    return tabulate.tabulate(
        [[escape(row.shown[heading]) for heading in headings] for row in table.rows],
        headers=[escape(heading) for heading in headings],
        tablefmt=form,
        colalign=["right" if right else "left" for right in table.right_aligned],
        disable_numparse=True,
    )


def as_csv(sheet) -> str:
    """All rows of a sheet; every row names its corpus variant."""
    rows = [row.data for table in sheet.tables for row in table.rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
