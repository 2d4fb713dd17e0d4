"""The kernels of every way into this suite, and what records say of the processor."""

import os
import subprocess
import sys
from pathlib import Path

from common.learning import backend

ROOT = Path(__file__).resolve().parents[3]
ONEDNN = "oneDNN custom operations are on"  # TensorFlow's own line
CPUINFO = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 1
model name\t: AMD EPYC
stepping\t: 2
flags\t\t: fpu avx avx2 fma sse4_1

processor\t: 1
model name\t: another
"""


def run(program, **variables):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "KERAS_"))}
    environment = kept | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "0"} | variables
    return subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True)


ENTRIES = """
import importlib, os, sys
given = dict(os.environ)
for entry in ("experiments", "common.learning.batching", "papers.emmert.resnet"):  # the last imports Keras itself
    assert "tensorflow" not in sys.modules, "imported too early to hold the next way against it"
    for name in [name for name in sys.modules if name.split(".")[0] in ("common", "experiments", "papers")]:
        del sys.modules[name]
    os.environ.clear()
    os.environ.update(given)
    importlib.import_module(entry)
    print(os.environ["TF_NUM_INTRAOP_THREADS"], os.environ["TF_ENABLE_ONEDNN_OPTS"])
assert "tensorflow" in sys.modules
"""


def test_tensorflow_runs_with_onednn_on_one_thread_whatever_is_imported_first():
    ended = run(ENTRIES, TF_ENABLE_ONEDNN_OPTS="0")
    assert ended.returncode == 0, ended.stderr
    assert ONEDNN in ended.stderr and ended.stdout.splitlines() == ["1 1"] * 3


def test_a_tensorflow_that_came_first_is_warned_of_and_recorded(tmp_path):
    (tmp_path / "tensorflow.py").touch()  # what matters is that it came first
    program = "import tensorflow; from common.learning import backend; print(backend.arithmetic()['onednn'])"
    ended = run(program, TF_ENABLE_ONEDNN_OPTS="0", PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]))
    assert "TensorFlow was imported before this suite" in ended.stderr and ended.stdout.split()[-1] == "False"


def test_the_processor_is_named_by_more_than_its_name(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(CPUINFO)
    assert backend.processor(cpuinfo) == {
        "processor": "AMD EPYC",
        "processor_family": "25",
        "processor_model": "1",
        "processor_stepping": "2",
        "instructions": "avx avx2 fma",
    }


def test_a_system_without_cpuinfo_has_a_name_alone(tmp_path):
    described = backend.processor(tmp_path / "missing")
    assert described["processor_family"] is None and described["instructions"] == ""


TRAINING = """
import numpy as np
from common.learning import backend
backend.start()
import keras
keras.utils.set_random_seed(0)
for units in range(6):  # as many shapes: TensorFlow warns of retracing from the fifth on
    network = keras.Sequential([keras.layers.Dense(2)])
    network.compile(loss="mse")
    network.fit(np.ones((3, units + 1)), np.ones((3, 2)), verbose=0)
    network.predict(np.ones((3 + units, units + 1)), verbose=0)
"""


def test_training_writes_nothing_to_standard_error():
    ended = run(TRAINING, TF_CPP_MIN_LOG_LEVEL="3")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
