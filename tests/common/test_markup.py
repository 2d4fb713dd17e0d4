"""Texts from elsewhere in Markdown and LaTeX: read back by other people's parsers, they are the same texts."""

import random
import re

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from common import markup

PIECES = [
    "a",
    "_x_",
    "__",
    "*",
    "`",
    "``",
    "|",
    "\\",
    "\\|",
    "<b>",
    "&amp;",
    "&",
    "[a](http://b)",
    "![i](j)",
    "~~s~~",
    "#",
]
PIECES += ["1.", "-", "--", " ", '"', "'", "$x^2$", "%", "{", "}", "~", "^", "é", "漢", "<!--", "-->", "]("]
HIDDEN = ["\x00", "\x1b[31m", "\u202e", "\u2066", "\u200b", "\ufeff", "\ud800"]
RNG = random.Random(0)
TEXTS = [*PIECES, *("x" + "".join(RNG.choices(PIECES, k=6)) + "y" for _ in range(300))]


def cell_of(text):
    """What a cell of a GitHub table holds, by its tokens; no token but text is in it."""
    table = f"| head |\n|---|\n| {text} |\n"
    (tokens,) = [
        t.children
        for t in MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(table)
        if t.type == "inline" and t.content != "head"
    ]
    assert {token.type for token in tokens} <= {"text", "text_special"}, tokens
    return "".join(token.content for token in tokens)


def test_a_cell_of_markdown_is_its_text():
    for text in TEXTS:
        if text.strip():
            assert cell_of(markup.markdown(text)) == text.strip(), text


def test_code_of_markdown_is_its_text():
    for text in TEXTS:
        if text.strip():
            (inline,) = [t for t in MarkdownIt().parse(f"* {markup.markdown_code(f'x {text}')}") if t.type == "inline"]
            assert [t.content for t in inline.children if t.type == "code_inline"] == [
                f"x {text}".rstrip(" ") + " " * (len(text) - len(text.rstrip(" ")))
            ], text


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("form", [markup.visible, markup.markdown, markup.markdown_code, markup.latex])
def test_what_cannot_be_seen_is_an_escape(form, hidden):
    assert form(f"a{hidden}b\nc").isprintable()


def test_jinja_leaves_numbers_and_markup_as_they_are():
    assert markup.finalize("a\u202eb") == "a\\u202eb" and markup.finalize(3) == 3


def test_latex_is_as_pandas_escapes_it():
    """Where pandas is right: it leaves < > | and quotes, and sets a space of its own behind a backslash."""
    for text in TEXTS:
        plain = re.sub(r'[\s<>|"`\\]|--', "", text)
        if plain and not plain.startswith(("[", "*")):
            table = pd.DataFrame({"x": [plain]}).to_latex(index=False, header=False, escape=True)
            theirs = re.search(r"\\midrule\n(.*) \\\\\n\\bottomrule", table)[1]
            theirs = theirs.replace(r"\textasciicircum ", r"\^{}").replace(r"\textasciitilde ", r"\textasciitilde{}")
            assert theirs == markup.latex(plain), text


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("[a]", "{}[a]"),  # \\[a] would be a length
        ("*a", "{}*a"),
        ('a|b "c" <', "a\\textbar{}b \\char34{}c\\char34{} \\ensuremath{<}"),
        ("a\\b", "a\\textbackslash{}b"),
        ("run --seeds 0", "run -{}-seeds 0"),
        ("a — b ± 1", "a --- b $\\pm$ 1"),
    ],
)
def test_what_latex_would_print_as_something_else(text, latex):
    assert markup.latex(text) == latex
