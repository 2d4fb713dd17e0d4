"""Files in a results folder other than records: annotations, human reference, benchmarks, latency, audits.

May import only common.
"""

__all__ = ["annotations", "audits", "benchmarks", "human_reference", "latencies"]
