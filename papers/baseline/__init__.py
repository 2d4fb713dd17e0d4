"""Baselines: a linear support vector machine on statistics of a whole utterance, 80 of MFCC or the 88 of eGeMAPS.

No paper's method. A network that does not beat these two has not earned its cost: they are what the field compares
with, train in seconds, and have one setting, which is chosen inside the training part. On request the same machine
takes embeddings of a self-supervised network.
"""

from papers.baseline.decision import predict
from papers.baseline.features import features
from papers.baseline.protocol import RECIPES, change, fetch, files, folds, restored, select

__all__ = ["COMPARED", "RECIPES", "change", "features", "fetch", "files", "folds", "predict", "restored", "select"]

COMPARED = ("mfcc_svm", "egemaps_svm")  # what a comparison takes where none is named: it has to fit minutes
