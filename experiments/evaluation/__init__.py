"""From records to numbers: systems, their metrics with intervals, comparisons, reproduction.

May use common alone.
"""

__all__ = ["comparisons", "noise_conditions", "plausible_ranges", "reproduction", "results", "scores", "system_results"]
