"""One package per paper. A paper may import common, but no other paper."""

from common.learning import backend  # noqa: F401 (before TensorFlow is imported anywhere)
