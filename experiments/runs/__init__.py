"""From options to records: plan, schedule and train folds; and audit them.

May import saved_models, evaluation, evidence, catalog and common.
"""

__all__ = ["audit", "compare", "dry_run", "jobs", "train_fold"]
