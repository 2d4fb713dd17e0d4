"""Text that Markdown, or HTML inside it, would read as markup."""

MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": " ", "|": "\\|", "*": "\\*", "`": "\\`", "](": "\\]("}


def escaped(text) -> str:
    r"""A table's cell, or a sentence, without what would be read as markup.

    >>> print(escaped("a<b & *c*"))
    a&lt;b &amp; \*c\*
    """
    for character, replacement in MARKUP.items():
        text = text.replace(character, replacement)
    return text
