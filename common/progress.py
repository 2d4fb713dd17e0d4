"""Progress on standard error: a bar on a terminal and in a notebook, occasional lines in a log file."""

import sys

from tqdm import tqdm

SECONDS = 30  # between two lines where standard error is no terminal


def bar(iterable=None, **options) -> tqdm:
    """A tqdm bar; `options` are tqdm's.

    If standard error is a file or a pipe, at most one line is written per `SECONDS`, and one at the end unless
    `leave=False`. The lines have no carriage returns.
    """
    if sys.stderr.isatty() or "ipykernel" in sys.modules:
        return tqdm(iterable, **options)
    quiet = {"mininterval": SECONDS, "miniters": 1, "ascii": True, "ncols": 100, "delay": options.pop("delay", SECONDS)}
    return tqdm(iterable, **quiet, **options, file=_Lines(sys.stderr))


class _Lines:
    """Writes complete lines to a text file, without the carriage returns and blanks by which bars overwrite a line."""

    def __init__(self, file):
        self._file = file

    def write(self, text):
        if line := text.replace("\r", "").strip():
            self._file.write(f"{line}\n")

    def flush(self):
        self._file.flush()
