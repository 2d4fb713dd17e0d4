"""Export of records for other programs: fold files, audformat, predictions, TensorBoard.

May import evaluation, evidence, catalog and common.
"""

__all__ = ["export", "learning_curves", "shareable"]
