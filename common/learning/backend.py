"""Fix the arithmetic of trainings (threads, kernels), and import Keras without TensorFlow's start-up messages.

Import this module before TensorFlow, which reads the environment variables below when it is loaded. Results are
identical bit for bit on machines with the same `arithmetic()` and `processor()`.
"""

import contextlib
import functools
import os
import platform
import re
import sys
import warnings
from pathlib import Path

THREADS = 1  # of one training: sums depend on it; more processes, not more threads, use more cores
INSTRUCTIONS = ("avx", "avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "sve")
NUMBERS = {"family": "cpu family", "model": "model", "stepping": "stepping"}  # as /proc/cpuinfo names them
VARIABLES = {
    "TF_NUM_INTRAOP_THREADS": str(THREADS),
    "TF_NUM_INTEROP_THREADS": str(THREADS),
    # TensorFlow enables oneDNN's kernels by default only on some processors. On others it would be three times slower
    # without them, and the last bits would differ.
    "TF_ENABLE_ONEDNN_OPTS": "1",
}

_too_late = "tensorflow" in sys.modules and any(os.environ.get(name) != value for name, value in VARIABLES.items())
if _too_late:
    warnings.warn(
        "TensorFlow was imported before this suite, so that its threads and kernels are not those of the records; "
        "import papers or experiments first",
        stacklevel=2,
    )
os.environ.update(VARIABLES)
os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # whatever Keras's own settings file says
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up lines would break the progress bars


def arithmetic() -> dict:
    """Settings that the last bits of a training depend on, besides the processor: backend, threads, kernels."""
    name = os.environ["KERAS_BACKEND"]
    own = name == "tensorflow"  # the two settings are TensorFlow's
    return {"backend": name, "threads": THREADS if own else None, "onednn": not _too_late if own else None}


@functools.cache
def processor(cpuinfo=Path("/proc/cpuinfo")) -> dict:
    """Name, family, model and stepping of this processor, and which of `INSTRUCTIONS` it has.

    The name is not sufficient: processors called "AMD EPYC" differ in speed by a factor of three. Values that the
    system does not provide are None.
    """
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    fields = dict(re.findall(r"^([^\t:]+)\t*: (.*)$", text.split("\n\n")[0], re.MULTILINE))
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return {
        "processor": fields.get("model name") or platform.processor(),
        **{f"processor_{key}": fields.get(name) for key, name in NUMBERS.items()},
        "instructions": " ".join(flag for flag in INSTRUCTIONS if flag in flags),
    }


@functools.cache
def start():
    """Import Keras once per process, without TensorFlow's start-up messages.

    C++ code writes them before it reads any setting, so the file descriptor itself is redirected.
    """
    with standard_error_closed():
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow

            tensorflow.get_logger().setLevel("ERROR")  # such as its warnings of retracing
            tensorflow.config.experimental.enable_op_determinism()
            tensorflow.config.list_physical_devices()


@contextlib.contextmanager
def standard_error_closed():
    """Discard standard error, including the output of C++ code, by redirecting the file descriptor."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
