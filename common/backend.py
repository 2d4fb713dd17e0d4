"""Start Keras and its backend: quietly, and with deterministic kernels."""

import contextlib
import functools
import os


@functools.cache
def start():
    """Import Keras once per process, TensorFlow's start-up chatter kept off the progress bars.

    The chatter is written by C++ code before any setting is read, so the file descriptor itself is turned away.
    """
    with _standard_error_closed():
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow

            tensorflow.config.experimental.enable_op_determinism()
            tensorflow.config.list_physical_devices()


@contextlib.contextmanager
def _standard_error_closed():
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
