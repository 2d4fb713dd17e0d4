"""The verbs of `python -m experiments`, and what they share."""

import os

THREADS = 1  # of one training: sums depend on it, so it is fixed; more processes, not more threads, use more cores

os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = str(THREADS)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up chatter hides the progress bars
