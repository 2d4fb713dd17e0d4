"""Baselines: a linear support vector machine on statistics of a whole utterance, 80 of MFCC or the 88 of eGeMAPS.

They are not from a paper. They are common baselines in the field, train in seconds, and have a single hyperparameter,
which is chosen within the training part; networks should outperform them. Other variants use embeddings of a
self-supervised network with the same classifier.
"""

from papers.baseline.decision import predict
from papers.baseline.features import features
from papers.baseline.protocol import RECIPES, change, fetch, files, folds, restored, select

__all__ = ["COMPARED", "RECIPES", "change", "features", "fetch", "files", "folds", "predict", "restored", "select"]

COMPARED = ("mfcc_svm", "egemaps_svm")  # default systems of a comparison
