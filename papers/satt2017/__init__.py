"""Satt, Rozenberg, Hoory: "Efficient Emotion Recognition from Speech Using Deep Learning on Spectrograms" (2017).

Claim: convolutions, or convolutions and one LSTM, on raw log-spectrograms of parts of at most 3 s recognise four
emotions of IEMOCAP as well as systems that use whole sentences (68.8 % overall accuracy); a two-step predictor gains
class accuracy; and spectrograms reduced to the harmonics of the detected pitch avoid most of the loss of accuracy in
loud noise.
"""

from papers.satt2017.decision import predict
from papers.satt2017.features import features
from papers.satt2017.protocol import RECIPES, change, folds, select

__all__ = ["COMPARED", "RECIPES", "change", "features", "folds", "predict", "select"]

COMPARED = ("cnn3_lstm_20hz",)  # default systems of a comparison: they train within minutes
