"""Training of networks: backend, batches, layers, training and its cache. No other package of common imports Keras.

May import the modules directly in common, and common.evaluation.
"""

from common.learning import backend  # noqa: F401 (before TensorFlow is imported anywhere)

__all__ = ["backend", "batching", "diagnostics", "layers", "training"]
