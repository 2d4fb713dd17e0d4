"""The verbs of `python -m experiments`, and what they share."""

from common.learning import backend  # noqa: F401 (before TensorFlow is imported anywhere)
