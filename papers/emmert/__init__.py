"""Emmert, Gera, Jankó: "Speech-based emotion recognition" (Budapest University of Technology and Economics).

Claim: of three networks on RAVDESS (MFCC with a small 1-D CNN, a frozen ImageNet ResNet50, an own 2-D CNN on
spectrogram slices) the MFCC network is best, with 49.5 % of 105 test files of seven strongly acted emotions.
"""

from papers.emmert.decision import predict
from papers.emmert.features import features
from papers.emmert.protocol import RECIPES, change, fetch, files, folds, restored, select

__all__ = [
    "COMPARED",
    "RECIPES",
    "change",
    "features",
    "fetch",
    "files",
    "folds",
    "predict",
    "restored",
    "select",
]

COMPARED = ("mfcc", "own_cnn", "resnet50")  # default systems of a comparison: they train within minutes
