"""The listening test: its study, its page, its answers and its score.

May use tables, evidence and common.
"""

__all__ = ["answers_file", "human_score", "study_plan", "web_page"]
