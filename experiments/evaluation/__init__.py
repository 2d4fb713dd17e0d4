"""Evaluation of records: systems, their metrics with intervals, comparisons, reproduction.

May import only common.
"""

__all__ = ["comparisons", "noise_conditions", "reproduction", "results", "system_results"]
