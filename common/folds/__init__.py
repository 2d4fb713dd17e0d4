"""Folds: splitting utterances, the leakage audit, fold files of other programs, and a user's own folds.

May import the modules directly in common, common.corpora and common.features.
"""

__all__ = ["cross_corpus", "fold_files", "leakage", "splits", "user_folds"]
