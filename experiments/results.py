"""What was recorded, for Python: systems, their numbers and their predictions as DataFrames, paired differences.

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
        InputError: damaged records, or records that do not belong together.
    """
    return system_results.group(records.read_all(root))


def read(root="results"):
    """Every number of every system below a results folder: `evaluation.results.frame`; errors as `systems`."""
    return evaluation_results.frame(systems(root))


def predictions(root="results"):
    """Every prediction recorded below a results folder: `evaluation.results.predictions`.

    Raises:
        InputError: damaged records.
    """
    return evaluation_results.predictions(records.read_all(root))


def compare(a, b, metric="ua"):
    """A pooled metric of system `a` minus that of `b`, with its 95 % interval: the same speakers resampled for both.

    Args:
        a, b: of `systems`, on one corpus variant. Each under its paper's own decision rule.
        metric: a name of `common.evaluation.metrics.BY_NAME`, such as `wa` or `recall:anger`.

    Returns:
        intervals.Estimate, a difference of fractions.

    Raises:
        InputError: systems on different corpus variants, no such metric, or no interval, with the reason.
    """
    if a.corpus_variant != b.corpus_variant:
        raise InputError(
            f"{a.name} is on {a.corpus_variant}, {b.name} on {b.corpus_variant}; take two systems on the same one"
        )
    try:
        return comparisons.difference(a, b, metric)
    except ValueError as error:
        raise InputError(f"{metric} of {a.name} and {b.name} cannot be compared: {error}") from error
