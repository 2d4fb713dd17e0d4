"""Benchmarks of training, features and prediction on this machine.

May import runs, saved_models, evidence, catalog and common.
"""

__all__ = ["latency", "measurements", "timing"]
