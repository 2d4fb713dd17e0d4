"""What people look at: the page, its figures, and the papers' own figures.

May use tables, saved_models, evaluation, evidence, catalog and common.
"""

__all__ = ["forest", "html_page", "paper_figures"]
