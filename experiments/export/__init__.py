"""The records for other programs: fold files, audformat, predictions, TensorBoard.

May use evaluation, evidence, catalog and common.
"""

__all__ = ["export", "learning_curves", "shareable"]
