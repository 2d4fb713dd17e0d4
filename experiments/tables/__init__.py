"""Tables of results, as Markdown, CSV and LaTeX.

May import evaluation, evidence and common.
"""

__all__ = ["ablation_effects", "all_tables", "formats", "layout", "paper_page"]
