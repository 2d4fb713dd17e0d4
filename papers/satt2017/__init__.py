"""Satt, Rozenberg, Hoory: "Efficient Emotion Recognition from Speech Using Deep Learning on Spectrograms" (2017).

Claim: convolutions, or convolutions and one LSTM, on raw log-spectrograms of parts of at most 3 s recognise four
emotions of IEMOCAP as well as systems that use whole sentences (68.8 % overall accuracy); a two-step predictor gains
class accuracy; and keeping only what a voice of the detected pitch can have made takes most of the harm out of loud
noise.
"""

from papers.satt2017.decision import predict
from papers.satt2017.features import features
from papers.satt2017.protocol import RECIPES, change, folds, select

__all__ = ["COMPARED", "RECIPES", "change", "features", "folds", "predict", "select"]

COMPARED = ("cnn3_lstm_20hz",)  # what a comparison takes where none is named: it has to fit minutes
