"""Emmert, Gera, Jankó: "Speech-based emotion recognition" (Budapest University of Technology and Economics).

Claim: of three networks on RAVDESS (MFCC with a small 1-D CNN, a frozen ImageNet ResNet50, an own 2-D CNN on
spectrogram slices) the MFCC network is best, with 49.5 % of 105 test files of seven strongly acted emotions.
"""

from papers.emmert.features import features
from papers.emmert.protocol import RECIPES, folds, select

__all__ = ["RECIPES", "build", "features", "fit", "folds", "predict", "prepare", "select"]


def __getattr__(name):  # Keras is imported where something is built or trained, not where recipes are listed
    if name in ("build", "fit", "predict", "prepare"):
        from papers.emmert import model

        return getattr(model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
