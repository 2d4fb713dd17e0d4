"""Texts from elsewhere (records, manifests, models) inside Markdown, LaTeX, HTML and a terminal: never read as markup.

Control and bidirectional characters are written as escapes in all of them, line ends and tabs are spaces.
"""

import re

import tabulate

from common.errors import printable

_MARKDOWN = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "](": "\\]("} | {c: f"\\{c}" for c in "\\|*`~"}
_MARKDOWN_SPECIAL = re.compile(r"\]\(|[&<>\\|*`~]|(?<![^\W_])_|_(?![^\W_])")  # `_` within a word is no markup
_LATEX = tabulate.LATEX_ESCAPE_RULES | {  # pandas leaves < > | " ` and double hyphens, which some fonts print as others
    "|": "\\textbar{}",
    '"': "\\char34{}",
    "`": "\\textasciigrave{}",
    "--": "-{}-",
    "—": "---",  # from here on what inputenc knows only with extra packages
    "–": "--",
    "±": r"$\pm$",
    "≈": r"$\approx$",
    "−": r"$-$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "§": r"\S{}",
    "†": r"\textdagger{}",
}
_LATEX_SPECIAL = re.compile("|".join(map(re.escape, sorted(_LATEX, key=len, reverse=True))))


def visible(value) -> str:
    """One line of text in which every character is seen."""
    text = str(value)
    return text if text.isprintable() else printable(re.sub(r"\r\n|[\r\n\t\x0b\x0c\u2028\u2029]", " ", text))


def markdown(text) -> str:
    """A text inside a sentence or a cell of GitHub's Markdown."""
    return _MARKDOWN_SPECIAL.sub(lambda match: _MARKDOWN.get(match[0], "\\_"), visible(text))


def markdown_code(text) -> str:
    """A text as code in Markdown, to be copied as it is: the fence is longer than any row of backticks in it."""
    text = visible(text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{text}{space}{fence}"


def latex(text) -> str:
    """A text inside a sentence or a cell of LaTeX; packages as experiments/tables/formats.latex."""
    escaped = _LATEX_SPECIAL.sub(lambda match: _LATEX[match[0]], visible(text))
    return f"{{}}{escaped}" if escaped.startswith(("[", "*")) else escaped  # which a line end before would take


def finalize(value):
    """For Jinja's `Environment(finalize=...)`, before its own escaping: texts are made visible, markup stays."""
    return visible(value) if type(value) is str else value
