"""The listening test: study plan, web page, answers file and scores.

May import tables, evidence and common.
"""

__all__ = ["answers_file", "human_score", "study_plan", "web_page"]
