"""From records to numbers: systems, their metrics with intervals, comparisons, reproduction.

May use common alone.
"""
