"""The verbs of `python -m experiments` and the packages behind them."""

from common.learning import backend  # noqa: F401 (before TensorFlow is imported anywhere)
