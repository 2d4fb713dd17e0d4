"""Ma, Wu, Jia, Xu, Meng, Cai: "Emotion recognition from variable-length speech segments" (Interspeech 2018).

Claim: a network that takes sentences whole, because masks keep the padding of a batch out of its convolutions, pooling
and recurrence, recognises four emotions of IEMOCAP better than the same network on parts of at most 3 s.
"""

from papers.ma2018.features import features
from papers.ma2018.protocol import RECIPES, folds, select

__all__ = ["RECIPES", "build", "features", "fit", "folds", "predict", "prepare", "select"]


def __getattr__(name):  # Keras is imported where something is built or trained, not where recipes are listed
    if name in ("build", "fit", "predict", "prepare"):
        from papers.ma2018 import model

        return getattr(model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
