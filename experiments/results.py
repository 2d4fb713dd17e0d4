"""Recorded results in Python: systems, their metrics and predictions as DataFrames, and paired differences.

>>> from experiments import results
>>> results.read("results").query("metric == 'ua' and part == 'test'")  # doctest: +SKIP
"""

from common import records
from common.errors import InputError
from experiments.evaluation import comparisons, system_results
from experiments.evaluation import results as evaluation_results

__all__ = ["compare", "predictions", "read", "systems"]


def systems(root="results") -> list:
    """The SystemResults of a results folder, sorted by corpus variant, protocol, preset and name.

    Raises:
        InputError: records are damaged or inconsistent.
    """
    return system_results.group(records.read_all(root))


def read(root="results"):
    """A DataFrame with all metrics of all systems in a results folder, see `evaluation.results.frame`.

    Raises:
        InputError: as `systems`.
    """
    return evaluation_results.frame(systems(root))


def predictions(root="results"):
    """A DataFrame with all predictions recorded in a results folder, see `evaluation.results.predictions`.

    Raises:
        InputError: records are damaged.
    """
    return evaluation_results.predictions(records.read_all(root))


def compare(a, b, metric="ua"):
    """The difference of a pooled metric between systems `a` and `b`, with its 95 % interval (`intervals.difference`).

    Args:
        a, b: from `systems`, on the same corpus variant; each with its paper's decision rule.
        metric: a key of `common.evaluation.metrics.BY_NAME`, such as `wa` or `recall:anger`.

    Returns:
        intervals.Estimate of a - b, a difference of fractions.

    Raises:
        InputError: the corpus variants differ, the metric is unknown, or there is no interval; the message has the
            reason.
    """
    if a.corpus_variant != b.corpus_variant:
        raise InputError(
            f"{a.name} is on {a.corpus_variant}, {b.name} on {b.corpus_variant}; take two systems on the same one"
        )
    try:
        return comparisons.difference(a, b, metric)
    except ValueError as error:
        raise InputError(f"{metric} of {a.name} and {b.name} cannot be compared: {error}") from error
