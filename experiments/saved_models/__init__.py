"""Fitted systems on disk, and what is done with them: cards, predictions, LiteRT.

May use evaluation, evidence, catalog and common.
"""

__all__ = ["litert", "many_recordings", "model_card", "models", "predict"]
