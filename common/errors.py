"""The one exception that means "the user's input is at fault"."""


class InputError(ValueError):
    """What came, what was expected, what to do: one sentence. The command line turns it into exit status 2."""
