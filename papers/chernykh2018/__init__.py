"""Chernykh & Prikhodko: "Emotion recognition from speech with recurrent neural networks", arXiv 1701.08071v2, 2018.

Claim: a bidirectional LSTM over 34 acoustic features per 0.1 s, trained with connectionist temporal classification
(CTC), may pass over the parts of an utterance that carry no emotion, and so is better on IEMOCAP (54 % mean class
accuracy, four emotions, sessions held out) than one label for the whole sequence (49 %) or for every frame (41 %);
people reach 70 %.
"""

from papers.chernykh2018.decision import predict, timeline
from papers.chernykh2018.features import features
from papers.chernykh2018.protocol import RECIPES, folds, select

__all__ = ["COMPARED", "RECIPES", "features", "folds", "predict", "select", "timeline"]

COMPARED = (
    "one_label",
    "ctc",
    "framewise",
    "dummy",
)  # what a comparison takes where none is named: it has to fit minutes
