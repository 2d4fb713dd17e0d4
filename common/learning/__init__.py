"""Training of networks: backend, batches, layers, training, its cache; the only room of common that imports Keras.

May use common's own files and common.evaluation.
"""

from common.learning import backend  # noqa: F401 (before TensorFlow is imported anywhere)

__all__ = ["backend", "batching", "diagnostics", "layers", "training"]
