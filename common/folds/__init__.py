"""Folds: how utterances are split, whether a split leaks, and fold files of other programs.

May use common's own files, common.corpora and common.features.
"""

__all__ = ["fold_files", "leakage", "splits"]
