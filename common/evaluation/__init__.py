"""Numbers from decisions: metrics, intervals, tests, agreement of annotators, and the results that papers report.

May use common's own files alone.
"""
