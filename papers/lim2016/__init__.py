"""Lim, Jang & Lee (2016): "Speech Emotion Recognition using Convolutional and Recurrent Neural Networks" (APSIPA ASC).

Claim: spectrogram images alone, without hand-crafted features, classify EmoDB's seven emotions with a macro F1 of
86.06 % (CNN), 78.31 % (LSTM) and 86.65 % (time-distributed CNN followed by LSTM) in ten-fold cross-validation.
"""

from papers.lim2016.decision import predict
from papers.lim2016.features import features
from papers.lim2016.protocol import RECIPES, folds, select

__all__ = ["COMPARED", "RECIPES", "features", "folds", "predict", "select"]

COMPARED = ("cnn", "lstm")  # default systems of a comparison: they train within minutes
