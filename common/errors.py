"""The one exception that means "the user's input is at fault", and how its sentences are put together."""

LISTED = 10  # items before the rest is counted


class InputError(ValueError):
    """What came, what was expected, what to do: one sentence. The command line turns it into exit status 2."""


def listed(items, limit=LISTED, separator=", ") -> str:
    """The first few items, and how many more there are."""
    items = list(map(str, items))
    rest = f"{separator}and {len(items) - limit} more" if len(items) > limit else ""
    return separator.join(items[:limit]) + rest


def unusable(faults, total) -> str:
    """One message on recordings that cannot be used: the first few of `faults`, and how many of `total` they are."""
    if len(faults) == 1:
        return faults[0]
    return f"{len(faults)} of {total} recordings cannot be used:\n" + listed(faults, separator="\n")


def printable(text) -> str:
    """A text from elsewhere without control and bidirectional characters: those are written as escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
