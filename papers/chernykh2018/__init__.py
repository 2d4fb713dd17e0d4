"""Chernykh & Prikhodko: "Emotion recognition from speech with recurrent neural networks", arXiv 1701.08071v2, 2018.

Claim: a bidirectional LSTM over 34 acoustic features per 0.1 s, trained with connectionist temporal classification
(CTC), can ignore parts of an utterance without emotion. On IEMOCAP (four emotions, sessions held out) it therefore has
a higher mean class accuracy (54 %) than one label for the whole sequence (49 %) or for every frame (41 %); humans reach
70 %.
"""

from papers.chernykh2018.decision import predict, timeline
from papers.chernykh2018.features import features
from papers.chernykh2018.protocol import RECIPES, folds, select

__all__ = ["COMPARED", "RECIPES", "features", "folds", "predict", "select", "timeline"]

COMPARED = ("one_label", "ctc", "framewise", "dummy")  # default systems of a comparison
