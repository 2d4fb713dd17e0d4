"""What every method and every experiment shares; knows no paper.

The room's own files (errors, utterance, records, atomic_file) use nothing of this project but each other.
"""
