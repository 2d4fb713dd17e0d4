"""Tables as frames and columns, and their three forms: Markdown, CSV (fractions) and LaTeX (booktabs)."""

import dataclasses
import functools
import math
import re
from collections.abc import Callable

import pandas as pd

from common import markup

GENERATED = "made by `python -m experiments tabulate` from what results and papers/*/paper.toml hold; do not edit"
NONE = "—"
NOTES = "notes"  # the heading of a column that becomes footnotes
PAGE_ROWS = 40  # that a page holds, in LaTeX at \footnotesize
LONG_TEXT = 32  # characters of a cell that stays in one line, in LaTeX
NUMERIC = set("0123456789+−≈<")  # with what a number's cell begins


@dataclasses.dataclass(frozen=True)
class Column:
    """One column for people: its heading, the field of the frame that it starts from, and how that is shown.

    Args:
        show: function of a row (field -> value) and the field, giving the cell's text; it may read other fields too.
    """

    heading: str
    field: str
    show: Callable[[dict, str], str]


@dataclasses.dataclass(frozen=True)
class Table:
    """Numbers by row and field, and the columns that people read.

    Args:
        caption: one line with corpus variant, n and label set.
        rows: dictionaries field -> value, rates as fractions; a field that a row lacks is empty. Or such a frame.
        columns: what Markdown and LaTeX show; CSV has every field.
        commands: lines printed below, each (title, command).
        notes: lines printed below.
    """

    caption: str
    rows: dataclasses.InitVar[list[dict] | pd.DataFrame]
    columns: tuple[Column, ...]
    commands: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    frame: pd.DataFrame = dataclasses.field(init=False)

    def __post_init__(self, rows):
        object.__setattr__(self, "frame", pd.DataFrame(rows, dtype=object))

    def changed(self, **changes) -> "Table":
        """As `dataclasses.replace`."""
        return dataclasses.replace(self, **({"rows": self.frame} | changes))

    @functools.cached_property
    def shown(self) -> pd.DataFrame:
        """The cells' texts, by heading."""
        rows = self.frame.to_dict("records")
        return pd.DataFrame({c.heading: [c.show(row, c.field) for row in rows] for c in self.columns}, dtype=object)

    @functools.cached_property
    def right_aligned(self) -> list[bool]:
        """Columns that hold numbers."""
        starts = [{cell[:1] for cell in self.shown[heading]} for heading in self.shown]
        return [bool(first - {NONE}) and first <= NUMERIC | {NONE} for first in starts]


@dataclasses.dataclass(frozen=True)
class Sheet:
    """The tables of one file name; accuracies on different label sets stand in different tables.

    Args:
        evidence: rows of the CSV where it holds more than the tables.
    """

    name: str
    title: str
    tables: tuple[Table, ...]
    evidence: list[dict] | None = None


def is_missing(value) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def text(heading, field, *, none=NONE) -> Column:
    """A column of values as they are; `none` where there is an empty text."""

    def show(row, field):
        value = row.get(field)
        return NONE if is_missing(value) else str(value) or none

    return Column(heading, field, show)


def rate(heading, field, *, digits=1) -> Column:
    """A column of fractions, in per cent."""
    return Column(heading, field, lambda row, field: per_cent(row.get(field), digits))


def estimate(heading, field, *, difference=False) -> Column:
    """A column of rates, or differences of rates, with their intervals: `field`, `field_low` and `field_high`."""
    return Column(heading, field, lambda row, field: interval_text(row, field, difference=difference))


def per_cent(value, digits=1) -> str:
    """0.4952 -> "49.5"; no value, "—"."""
    return NONE if is_missing(value) else f"{100 * value:.{digits}f}"


def signed_per_cent(value) -> str:
    return NONE if is_missing(value) else f"{100 * value:+.1f}".replace("-", "−")


def interval_text(row, field, *, difference=False) -> str:
    """`49.5 [45.1, 54.0]`, without brackets where there is no interval, "—" where there is no number."""
    show = signed_per_cent if difference else per_cent
    value, low, high = (row.get(name) for name in (field, f"{field}_low", f"{field}_high"))
    return show(value) if is_missing(low) else f"{show(value)} [{show(low)}, {show(high)}]"


def with_interval(number) -> str:
    """`interval_text` of an Estimate, or of none."""
    return interval_text(interval_fields("number", number), "number")


def p_value(p) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def interval_fields(name, number=None) -> dict:
    """`ua`, `ua_low`, `ua_high` of an Estimate, or of none."""
    values = (None, None, None) if number is None else (number.value, number.low, number.high)
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def footnoted(table) -> Table:
    """The table for people: the texts of its column "notes" stand below it, each once, and its cells hold their marks.

    A column in which nothing stands is left out.
    """
    column = next((column for column in table.columns if column.heading == NOTES), None)
    if column is None:
        return table
    texts = [text for text in dict.fromkeys(table.shown[NOTES]) if text != NONE]
    others = tuple(each for each in table.columns if each is not column)
    if not texts:
        return table.changed(columns=others)
    marks = {text: f"({k})" for k, text in enumerate(texts, 1)}
    marked = Column(NOTES, column.field, lambda row, field: marks.get(column.show(row, field), NONE))
    below = tuple(f"{mark} {text}" for text, mark in marks.items())
    return table.changed(columns=(*others, marked), notes=(*table.notes, *below))


def markdown(sheet) -> str:
    """Title and tables; their commands are in results/COMMANDS.md."""
    blocks = [f"# {markup.markdown(sheet.title)}", f"<!-- {GENERATED} -->"]
    blocks += [markdown_table(table.changed(commands=())) for table in sheet.tables]
    more = " with more rows" if sheet.evidence else ""
    below = f"[CSV{more}]({sheet.name}.csv), [LaTeX]({sheet.name}.tex)"
    if any(table.commands for table in sheet.tables):
        below += "; the commands that make these rows: [COMMANDS.md](../COMMANDS.md)"
    return "\n\n".join([*blocks, below]) + "\n"


def commands(sheets) -> str:
    """results/COMMANDS.md: the commands of all rows, each once, under the first sheet that has them."""
    seen, blocks = set(), ["# Commands that make the rows of the tables", f"<!-- {GENERATED} -->"]
    for sheet in sheets:
        own = dict.fromkeys(pair for table in sheet.tables for pair in table.commands if pair not in seen)
        seen |= own.keys()
        if own:
            blocks.append(f"## {sheet.name}")
            blocks.append(
                "\n".join(f"* {markup.markdown(title)}: {markup.markdown_code(command)}" for title, command in own)
            )
    return "\n\n".join(blocks) + "\n"


def _in_one_line(text) -> str:
    """No-break spaces within a number and its interval: `75.2 [69.6, 80.1]`."""
    return INTERVAL.sub(lambda match: match[0].replace(" ", "\u00a0"), text)


INTERVAL = re.compile(r"^\S+( %)? \[[^\]]*\]")


def markdown_table(table) -> str:
    """Caption, table, notes, commands."""
    table = footnoted(table)
    cells = table.shown.map(markup.markdown).map(_in_one_line).rename(columns=markup.markdown)
    alignment = ["right" if right else "left" for right in table.right_aligned]
    body = cells.to_markdown(index=False, tablefmt="github", colalign=alignment, disable_numparse=True)
    blocks = [f"**{markup.markdown(table.caption)}**"] if table.caption else []
    blocks.append(body)
    if table.notes:
        blocks.append("\n".join(f"* {markup.markdown(note)}" for note in table.notes))
    if table.commands:
        blocks.append(
            "\n".join(
                f"* {markup.markdown(title)}: {markup.markdown_code(command)}" for title, command in table.commands
            )
        )
    return "\n\n".join(blocks)


FIT = r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%"  # never wider than the text block


def latex(sheet) -> str:
    """A `table*` for each table, several where a page is too short; needs booktabs, graphicx and inputenc (utf8).

    `table*` spans both columns of a two-column template and is `table` in a one-column one.
    """
    blocks = [f"% {GENERATED}; commands: results/COMMANDS.md"]
    for table in map(footnoted, sheet.tables):
        cells = table.shown.map(markup.latex).rename(columns=markup.latex)
        columns = list(map(_alignment, table.right_aligned, cells, (cells[name] for name in cells)))
        for heading, kind in zip(cells, columns, strict=True):
            cells[heading] = cells[heading].map(_breakable) if kind[0] == "p" else cells[heading]
        alignment, caption = "".join(columns), _breakable(markup.latex(table.caption))
        for start in range(0, max(len(cells), 1), PAGE_ROWS):
            part = cells.iloc[start : start + PAGE_ROWS]
            is_last = start + PAGE_ROWS >= len(cells)
            body = _tabular(part, alignment)
            lines = ["\\begin{table*}", "\\centering", "\\footnotesize"]
            lines += [f"\\caption{{{caption}{' (continued)' if start else ''}}}", FIT, f"{body}}}"]
            lines += [f"\\par\\raggedright {markup.latex(note)}" for note in table.notes if is_last]
            blocks.append("\n".join([*lines, "\\end{table*}"]))
    return "\n\n".join(blocks) + "\n"


def _breakable(text) -> str:
    """Long names may be broken after + / and _."""
    return re.sub(r"(?<=\w)([+/]|\\_)(?=\w)", r"\g<0>\\allowbreak{}", text)


def _tabular(cells, alignment) -> str:
    """Texts that are LaTeX already, between booktabs' rules."""
    heading, *rows = (" & ".join(row) + r" \\" for row in [list(cells), *cells.to_numpy().tolist()])
    lines = [rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", heading, r"\midrule", *rows, r"\bottomrule"]
    return "\n".join([*lines, r"\end{tabular}"])


def _alignment(is_right, heading, cells) -> str:
    """Right, left, or a paragraph where a text is too long for a line."""
    longest = max(map(len, [heading, *cells]))
    return "r" if is_right else "l" if longest <= LONG_TEXT else rf"p{{{min(longest, 50) * 0.4:.1f}em}}"


def as_csv(sheet) -> str:
    """All rows of a sheet with every field, numbers with six decimals; every row names its corpus variant."""
    if sheet.evidence is None:
        frame = pd.concat([table.frame for table in sheet.tables], ignore_index=True)
    else:
        frame = pd.DataFrame(sheet.evidence, dtype=object)
    return frame.map(_csv_cell).to_csv(index=False, lineterminator="\n")


def _csv_cell(value):
    if is_missing(value):
        return ""
    return round(float(value), 6) if isinstance(value, float) else value
