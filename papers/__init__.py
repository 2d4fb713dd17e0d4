"""The papers, a package each; a paper uses common and no other paper."""

from common.learning import backend  # noqa: F401 (before TensorFlow is imported anywhere)
