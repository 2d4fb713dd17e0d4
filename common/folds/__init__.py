"""Folds: how utterances are split, whether a split leaks, fold files of other programs, and a user's own.

May use common's own files, common.corpora and common.features.
"""

__all__ = ["cross_corpus", "fold_files", "leakage", "splits", "user_folds"]
