"""The listening test: its study, its page, its answers and its score.

May use tables, evidence and common.
"""
