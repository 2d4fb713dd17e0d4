"""Evaluation: metrics, intervals, significance tests, annotator agreement, and the results reported in papers.

May import only the modules directly in common.
"""

__all__ = ["agreement", "intervals", "metrics", "reported_results", "significance"]
