"""Escape external text (from records, manifests, models) for Markdown, LaTeX, HTML and the terminal.

In all formats, control and bidirectional characters become escapes; line ends and tabs become spaces.
"""

import re

import tabulate

from common.errors import printable

_MARKDOWN = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "](": "\\]("} | {c: f"\\{c}" for c in "\\|*`~"}
_MARKDOWN_SPECIAL = re.compile(r"\]\(|[&<>\\|*`~]|(?<![^\W_])_|_(?![^\W_])")  # `_` within a word is not markup
_LATEX = tabulate.LATEX_ESCAPE_RULES | {  # LaTeX's default font encoding prints the first four as other characters
    "|": "\\textbar{}",
    '"': "\\char34{}",
    "`": "\\textasciigrave{}",
    "--": "-{}-",
    "—": "---",  # inputenc needs extra packages for this and the following characters
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
    """The value as one line of printable text."""
    text = str(value)
    return text if text.isprintable() else printable(re.sub(r"\r\n|[\r\n\t\x0b\x0c\u2028\u2029]", " ", text))


def markdown(text) -> str:
    """A text inside a sentence or a cell of GitHub's Markdown."""
    return _MARKDOWN_SPECIAL.sub(lambda match: _MARKDOWN.get(match[0], "\\_"), visible(text))


def markdown_code(text) -> str:
    """A text as Markdown code, to be copied unchanged: the fence is longer than any run of backticks in the text."""
    text = visible(text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{text}{space}{fence}"


def latex(text) -> str:
    """A text inside a sentence or a cell of LaTeX; needs the packages listed in experiments/tables/formats.latex."""
    escaped = _LATEX_SPECIAL.sub(lambda match: _LATEX[match[0]], visible(text))
    return f"{{}}{escaped}" if escaped.startswith(("[", "*")) else escaped  # else \\ before it takes them as options


def finalize(value):
    """For Jinja's `Environment(finalize=...)`, before its own escaping: `visible` texts, unchanged markup."""
    return visible(value) if type(value) is str else value
