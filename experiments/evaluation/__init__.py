"""From records to numbers: systems, their metrics with intervals, comparisons, reproduction.

May use common alone.
"""

__all__ = ["comparisons", "noise_conditions", "reproduction", "results", "system_results"]
