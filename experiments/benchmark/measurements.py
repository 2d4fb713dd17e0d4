"""The figures of `bench`, in the order of its table."""

import tempfile
from pathlib import Path

from experiments.benchmark import features, peers, prediction, processes, training


def measure(*, smallest=False):
    """Yield every figure as it is measured; one that cannot be measured says why and stops no other.

    Args:
        smallest: a rehearsal at tiny sizes.
    """
    with tempfile.TemporaryDirectory() as folder:
        for number, measured in enumerate((training, features, prediction, processes, peers)):
            place = Path(folder, str(number))
            place.mkdir()
            yield from measured.measure(place, smallest=smallest)
