"""Numbers from decisions: metrics, intervals, tests, agreement of annotators, and the results that papers report.

May use common's own files alone.
"""

__all__ = ["agreement", "intervals", "metrics", "reported_results", "significance"]
