"""Figure of the differences between test speakers: recall of each class for each speaker, and pooled."""

import numpy as np
from matplotlib.figure import Figure

from common.evaluation import metrics
from experiments.report import drawing

ROW_INCHES = 0.6
STEP = 0.06  # of a row, between speakers of equal recall
HEIGHT = 0.8  # of a row, the highest column of equal recalls


def recalls(system) -> Figure:
    """A row per class: a small dot for each test speaker with this class, and a large one for all utterances.

    The system's first decision rule is used, and counts of several seeds are added. If only some speakers have a class,
    its label states their number.
    """
    cells = system.counts().cells.sum(axis=(1, 2))  # (G, K, K+1)
    support, each = metrics.support(cells), metrics.recall(cells, undefined="nan")  # (G, K)
    together = metrics.recall(cells.sum(axis=0), undefined="nan")  # (K,)
    figure = Figure(figsize=(6.4, 2.0 + ROW_INCHES * len(system.classes)), layout="constrained")
    axes, own = figure.subplots(), drawing.of_paper(system.paper)
    labels = []
    for row, name in enumerate(reversed(system.classes)):
        k = len(system.classes) - 1 - row
        present = support[:, k] > 0
        values = each[present, k]
        axes.plot(100 * values, row + stacked(values), ".", color=drawing.GREY, markersize=5, zorder=1)
        if present.any():
            axes.plot(100 * together[k], row, "o", color=own, markersize=6, zorder=2)
        labels.append(name if present.all() else f"{name} ({present.sum()} of {len(present)} speakers)")
    axes.plot([], [], "o", color=own, label="recall, all utterances")
    axes.plot([], [], ".", color=drawing.GREY, markersize=5, label="recall of one test speaker")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlim(-2, 102)
    axes.set_ylim(-0.7, len(labels) - 0.3)
    axes.set_xlabel("recall (%)")
    drawing.system_title(figure, system, f"{len(support)} speakers")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def stacked(values) -> np.ndarray:
    """(N,) vertical offsets that stack equal values, which are frequent for speakers with few utterances.

    A stack is never higher than its row.
    """
    offsets = np.zeros(len(values))
    for value in np.unique(values):
        (equal,) = np.nonzero(values == value)
        step = min(STEP, HEIGHT / len(equal))
        offsets[equal] = step * (np.arange(len(equal)) - (len(equal) - 1) / 2)
    return offsets
