import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.chromium import browser  # noqa: F401 (a fixture)
from tests.support.trained_systems import trained, untrained  # noqa: F401 (fixtures)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def corpora_dir():
    """The folder with the real recordings; without it the test is skipped, and says so."""
    folder = Path(os.environ.get("SER_DATA") or ROOT.parent / "shared" / "corpora")
    if not folder.is_dir():
        pytest.skip(f"no real recordings at {folder}; set SER_DATA")
    return folder


@pytest.fixture(scope="session")
def tone():
    """Function: seconds, rate -> a 220 Hz tone, float32 (N,)."""

    def make(seconds=0.2, rate=16000):
        return (0.3 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * rate)) / rate)).astype("float32")

    return make


@pytest.fixture(scope="session")
def recording(tmp_path_factory, tone):
    """One short WAV, to be linked many times into a tree."""
    path = tmp_path_factory.mktemp("recording") / "tone.wav"
    soundfile.write(path, tone(), 16000)
    return path


@pytest.fixture(scope="session")
def plant(recording):
    """Function: puts the recording at each of the paths."""

    def link(*paths):
        for folder in {Path(path).parent for path in paths}:
            folder.mkdir(parents=True, exist_ok=True)
        for path in paths:
            os.link(recording, path)

    return link


@pytest.fixture(scope="session")
def mark():
    """Function: writes the marker of a synthetic tree."""

    def write(root, layout, counts):
        marker = {"layout": layout, "counts": counts, "seed": 0, "generator": "by hand"}
        Path(root, "synthetic.json").write_text(json.dumps(marker), encoding="utf-8")

    return write
