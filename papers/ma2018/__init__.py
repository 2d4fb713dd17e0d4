"""Ma, Wu, Jia, Xu, Meng, Cai: "Emotion recognition from variable-length speech segments" (Interspeech 2018).

Claim: with masks that exclude the padding of a batch from convolutions, pooling and recurrence, a network trained on
whole sentences recognises four emotions of IEMOCAP better than the same network on parts of at most 3 s.
"""

from papers.ma2018.decision import predict
from papers.ma2018.features import features
from papers.ma2018.protocol import RECIPES, folds, select

__all__ = ["COMPARED", "RECIPES", "features", "folds", "predict", "select"]

COMPARED = ("variable_length_20hz", "fixed_length_20hz")  # default systems of a comparison: they train within minutes
