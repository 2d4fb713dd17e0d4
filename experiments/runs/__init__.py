"""From options to records: plan, schedule, train a fold; and the audit of the folds.

May use saved_models, evaluation, evidence, catalog and common.
"""

__all__ = ["audit", "compare", "dry_run", "jobs", "train_fold"]
