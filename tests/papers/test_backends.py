"""A network of every paper trains under TensorFlow and under JAX, and with the same weights both decide the same."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from common.evaluation import reported_results
from experiments import catalog
from tests.support import both_backends
from tests.support.both_backends import SYSTEMS

pytestmark = pytest.mark.jax
SECONDS = 600


def test_both_backends_train_and_predict_the_same(tmp_path):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("no jax: install requirements-jax.txt")
    both_backends.run_all(tmp_path)  # under the one of this process
    (other,) = {"tensorflow", "jax"} - {keras.backend.backend()}
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "KERAS_BACKEND": other, "PYTHONPATH": str(root), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, str(root / "tests" / "support" / "both_backends.py"), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, f"{other}: {done.stderr[-2000:]}"
    for paper, variant in SYSTEMS.items():
        ours, theirs = (np.load(tmp_path / f"{backend}-{paper}-{variant}.npz") for backend in ("tensorflow", "jax"))
        assert np.isfinite(theirs["loss"]).all() and theirs["loss"].shape == ours["loss"].shape
        for rule in set(ours.files) - {"loss"}:
            np.testing.assert_allclose(theirs[rule], ours[rule], atol=1e-4, err_msg=f"{paper}/{variant}, {rule}")


def test_every_paper_with_a_network_is_tried():
    published = {paper.name for paper in reported_results.read_all() if paper.authors}
    assert set(SYSTEMS) == published & set(catalog.NAMES)
    assert all(variant in catalog.paper(paper).RECIPES for paper, variant in SYSTEMS.items())
