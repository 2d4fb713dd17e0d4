"""The files under results that are no records: annotations, human reference, speed, latency, audits.

May use common alone.
"""

__all__ = ["annotations", "audits", "benchmarks", "human_reference", "latencies"]
