"""The one exception that means "the user's input is at fault", and how its sentences are put together."""

SHOWN = 10  # sentences before the rest is counted


class InputError(ValueError):
    """What came, what was expected, what to do: one sentence. The command line turns it into exit status 2."""


def listed(sentences) -> str:
    """A sentence a line: the first ten, and how many more there are."""
    sentences = list(sentences)
    rest = [f"and {len(sentences) - SHOWN} more"] if len(sentences) > SHOWN else []
    return "\n".join(sentences[:SHOWN] + rest)


def printable(text) -> str:
    """A text from elsewhere without control and bidirectional characters: those are written as escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
