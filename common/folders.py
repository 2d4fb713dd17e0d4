"""Folders and all that is below them."""

import os
from pathlib import Path


def walk(root, depth=None):
    """Each folder below `root` with its files' names; links to folders are followed, but no folder is visited twice."""
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
