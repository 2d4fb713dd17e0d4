"""Code that all methods and experiments share; it does not depend on any paper.

Modules directly in this package (errors, utterance, records, atomic_file, ...) import only each other.
"""
