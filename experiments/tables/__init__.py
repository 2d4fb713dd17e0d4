"""Numbers as tables, and tables as Markdown, CSV and LaTeX.

May use evaluation, evidence and common.
"""

__all__ = ["ablation_effects", "all_tables", "formats", "layout", "paper_page"]
