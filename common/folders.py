"""Walk through folders and their subfolders."""

import os
from pathlib import Path


def walk(root, depth=None):
    """Yield each folder below `root` with its file names. Links are followed, but no folder is visited twice.

    Args:
        root: where to start.
        depth: levels below `root` to visit; None visits all.

    Yields:
        (folder, sorted file names).
    """
    seen, top = set(), len(Path(root).parts)
    for folder, subfolders, names in os.walk(root, followlinks=True):
        subfolders.sort()
        real = os.path.realpath(folder)
        if depth is not None and len(Path(folder).parts) - top >= depth:
            subfolders.clear()
        if real in seen:
            subfolders.clear()
        else:
            seen.add(real)
            yield folder, sorted(names)
