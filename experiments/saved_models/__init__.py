"""Saved systems: their files, model cards, predictions, LiteRT and ONNX.

May import evaluation, evidence, catalog and common.
"""

__all__ = ["litert", "many_recordings", "model_card", "models", "predict"]
