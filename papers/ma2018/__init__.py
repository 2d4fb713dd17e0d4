"""Ma, Wu, Jia, Xu, Meng, Cai: "Emotion recognition from variable-length speech segments" (Interspeech 2018).

Claim: a network that takes sentences whole, because masks keep the padding of a batch out of its convolutions, pooling
and recurrence, recognises four emotions of IEMOCAP better than the same network on parts of at most 3 s.
"""

from papers.ma2018.decision import predict
from papers.ma2018.features import features
from papers.ma2018.protocol import RECIPES, folds, select

__all__ = ["COMPARED", "RECIPES", "features", "folds", "predict", "select"]

COMPARED = (
    "variable_length_20hz",
    "fixed_length_20hz",
)  # what a comparison takes where none is named: it has to fit minutes
