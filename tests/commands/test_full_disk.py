"""Places that take no files: one sentence, nothing half written, what is finished is kept."""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from common import records
from common.atomic_file import require_writable
from common.corpora import synthetic
from common.errors import InputError
from common.features import feature_store
from common.learning import training
from experiments.__main__ import main
from experiments.cli import new
from experiments.report import html_page
from experiments.tables import all_tables
from tests.support.records_by_hand import part, record

resource = pytest.importorskip("resource", reason="limits of a process are POSIX")


@contextlib.contextmanager
def files_up_to(num_bytes):
    """As on a disk that is nearly full: the system refuses what goes beyond (with EFBIG, where a disk says ENOSPC)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    writes_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # Python would keep a truncated .pyc
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.dont_write_bytecode = writes_none


def files(folder):
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def test_a_store_entry_that_does_not_fit(tmp_path):
    place = tmp_path / "ab" / "abc.npy"
    with files_up_to(1000), pytest.raises(InputError, match=r"feature store .* \(File too large\); free some space"):
        feature_store.write(place, np.zeros((1, 1000), "float32"))
    assert not files(tmp_path)


def test_a_record_that_does_not_fit(tmp_path):
    with files_up_to(100), pytest.raises(InputError, match=r"fold_1\.json cannot be written \(File too large\)"):
        records.write(record(part([0, 1], [0, 1])), root=tmp_path)
    assert not files(tmp_path)


def test_a_checkpoint_that_does_not_fit_leaves_the_last_one(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((100,)), keras.layers.Dense(100)])
    model.compile("adam")
    path = tmp_path / "c.npz"
    backup = training.Backup(path, batches=None)
    backup.set_model(model)
    backup._write(0)
    before = path.read_bytes()
    with files_up_to(1000), pytest.raises(InputError, match=r"checkpoint .* \(File too large\); free .* SER_CACHE"):
        backup._write(1)
    assert files(tmp_path) == [path]
    assert path.read_bytes() == before


@pytest.fixture
def smoke(tmp_path, monkeypatch):
    """Function: a run of the fastest system in an empty place, under a limit."""
    synthetic.synthesize("ravdess", tmp_path / "ravdess", speakers=3, files=8, workers=1, progress=False)
    monkeypatch.setenv("SER_CACHE", str(tmp_path / "cache"))

    def run(limit):
        command = ["run", "chernykh2018", "--variant", "dummy", "--corpus", "ravdess", "--data", tmp_path]
        command += ["--protocol", "speaker_independent", "--preset", "smoke", "--folds", 1, "--workers", 1]
        with files_up_to(limit):
            return CliRunner().invoke(main, [str(word) for word in (*command, "--results", tmp_path / "results")])

    return run


def test_a_run_that_fills_the_disk_says_so_and_goes_on_when_there_is_space(smoke, tmp_path):
    for limit, place in (
        (1_000, "feature store"),
        (5_200, "fold_1.json"),
    ):  # features fit into 5.2 kB, the record does not
        result = smoke(limit)
        assert result.exit_code == 2, result.output
        assert place in result.output and "cannot be written (File too large)" in result.output, result.output
        assert "Traceback" not in result.output
        assert not list((tmp_path / "results").rglob("fold_1*"))
    _, unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    result = smoke(unlimited)
    assert result.exit_code == 0, result.output
    assert list((tmp_path / "results").rglob("fold_1.json"))
    assert not list(tmp_path.rglob("*.tmp*"))


@pytest.fixture
def read_only():
    """A folder that this process may not write to; root gives its rights away for as long."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if is_root:
                os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX")
def test_a_read_only_results_folder_is_refused_before_anything_is_done(read_only):
    with pytest.raises(InputError, match=r"cannot be written \(Permission denied\); give .* --results"):
        require_writable(read_only)
    with pytest.raises(InputError, match=r"cannot be written \(Permission denied\); give .* --results"):
        records.write(record(part([0, 1], [0, 1])), root=read_only)


def test_a_catalog_that_does_not_fit_stays_whole_and_the_new_method_is_taken_back(tmp_path):
    place = tmp_path / "experiments" / "catalog.py"
    place.parent.mkdir()
    (tmp_path / "papers").mkdir()
    lines = "# one more\n" * 2000  # the catalog is longer than the files of a new method
    place.write_text('NAMES = (\n    "emmert",\n)\n' + lines)
    before = place.read_bytes()
    with (
        files_up_to(len(before) - 1),
        pytest.raises(InputError, match=r"catalog\.py cannot be written \(File too large\)"),
    ):
        new.write("my_method", tmp_path)
    assert files(tmp_path) == [place] and place.read_bytes() == before
    with files_up_to(100), pytest.raises(InputError, match=r"papers.my_method.* cannot be written \(File too large\)"):
        new.write("my_method", tmp_path)
    assert files(tmp_path) == [place] and not list((tmp_path / "papers").iterdir())


def test_pages_that_do_not_fit_leave_the_old_set(tmp_path):
    records.write(record(part([0, 1], [0, 1])), root=tmp_path)
    html_page.write(tmp_path)
    before = {path: path.read_bytes() for path in files(tmp_path / "report")}
    assert {path.suffix for path in before} >= {".html", ".svg"}
    records.write(record(part([0, 1], [0, 1]), variant="another"), root=tmp_path)
    with (
        files_up_to(max(map(len, before.values())) - 1),
        pytest.raises(InputError, match=r"report.* cannot be written \(File too large\)"),
    ):
        html_page.write(tmp_path)
    assert {path: path.read_bytes() for path in files(tmp_path / "report")} == before


def test_tables_that_do_not_fit_leave_the_old_set(tmp_path):
    records.write(record(part([0, 1], [0, 1])), root=tmp_path)
    all_tables.update(tmp_path, papers=tmp_path / "papers")
    before = {path: path.read_bytes() for path in files(tmp_path / "tables")}
    records.write(record(part([0, 1], [0, 1]), variant="another"), root=tmp_path)
    sizes = [len(text.encode()) for text in all_tables.expected(tmp_path, tmp_path / "papers").values()]
    assert min(sizes) < max(sizes)
    with files_up_to(max(sizes) - 1), pytest.raises(InputError, match=r"tables.* cannot be written \(File too large\)"):
        all_tables.update(tmp_path, papers=tmp_path / "papers")
    assert {path: path.read_bytes() for path in files(tmp_path / "tables")} == before
