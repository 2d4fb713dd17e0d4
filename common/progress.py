"""Progress on standard error: a bar that moves on a terminal and in a notebook, a line now and then in a log file."""

import sys

from tqdm import tqdm

SECONDS = 30  # between two lines where standard error is no terminal


def bar(iterable=None, **options) -> tqdm:
    """A tqdm bar; `options` are tqdm's.

    Where standard error is a file or a pipe, at most one line in `SECONDS`, and one at the end of a bar that stays,
    each a line of its own without carriage returns.
    """
    if sys.stderr.isatty() or "ipykernel" in sys.modules:
        return tqdm(iterable, **options)
    quiet = {"mininterval": SECONDS, "miniters": 1, "ascii": True, "ncols": 100, "delay": options.pop("delay", SECONDS)}
    return tqdm(iterable, **quiet, **options, file=_Lines(sys.stderr))


class _Lines:
    """A text file that gets whole lines; bars write carriage returns and blanks over what they wrote before."""

    def __init__(self, file):
        self._file = file

    def write(self, text):
        if line := text.replace("\r", "").strip():
            self._file.write(f"{line}\n")

    def flush(self):
        self._file.flush()
