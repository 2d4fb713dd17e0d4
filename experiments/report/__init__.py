"""The HTML report, its figures, and the papers' own figures.

May import tables, saved_models, evaluation, evidence, catalog and common.
"""

__all__ = ["forest", "html_page", "paper_figures"]
