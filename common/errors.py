"""The exception for faulty user input, and helpers that format its messages."""

LISTED = 10  # items before the rest is counted


class InputError(ValueError):
    """Faulty user input. The message states the input, what was expected, and a remedy; the exit status is 2."""


def listed(items, limit=LISTED, separator=", ") -> str:
    """The first few items, and the number of the others."""
    items = list(map(str, items))
    rest = f"{separator}and {len(items) - limit} more" if len(items) > limit else ""
    return separator.join(items[:limit]) + rest


def unusable(faults, total) -> str:
    """One message about unusable recordings: the first few of `faults`, and their number out of `total`."""
    if len(faults) == 1:
        return faults[0]
    return f"{len(faults)} of {total} recordings cannot be used:\n" + listed(faults, separator="\n")


def printable(text) -> str:
    """External text with control and bidirectional characters written as escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
