"""How fast this machine trains, reads and predicts.

May use runs, saved_models, evidence, catalog and common.
"""

__all__ = ["latency", "measurements", "timing"]
