"""The figures of `bench`, in the order of its table."""

import tempfile
from pathlib import Path

from experiments.benchmark import features, peers, prediction, processes, training


def measure(*, smallest=False):
    """Yield every figure when it is measured; one that cannot be measured has the reason as its note.

    Args:
        smallest: test run at the smallest sizes.
    """
    with tempfile.TemporaryDirectory() as folder:
        for number, measured in enumerate((training, features, prediction, processes, peers)):
            place = Path(folder, str(number))
            place.mkdir()
            yield from measured.measure(place, smallest=smallest)
