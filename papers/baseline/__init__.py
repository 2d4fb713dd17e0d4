"""Baselines: a linear support vector machine on statistics of a whole utterance, 80 of MFCC or the 88 of eGeMAPS.

No paper's method. A network that does not beat these two has not earned its cost: they are what the field compares
with, train in seconds, and have one setting, which is chosen inside the training part.
"""

from papers.baseline.features import features
from papers.baseline.protocol import RECIPES, folds, select

__all__ = ["RECIPES", "build", "features", "fit", "folds", "predict", "select"]


def __getattr__(name):  # scikit-learn is imported where something is built or trained, not where recipes are listed
    if name in ("build", "fit", "predict"):
        from papers.baseline import model

        return getattr(model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
