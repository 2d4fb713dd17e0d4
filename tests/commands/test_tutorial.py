"""The tutorial notebook: what is in git of it, and all its cells run as a student runs them, on synthetic speech."""

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "experiments" / "tutorial.ipynb"
STORED = json.loads(NOTEBOOK.read_text(encoding="utf-8"))


def cells(kind):
    """Source by id of the cells of a kind."""
    sources = {cell["id"]: "".join(cell["source"]) for cell in STORED["cells"] if cell["cell_type"] == kind}
    assert sources
    return sources


def test_git_holds_no_outputs_and_nothing_that_changes_with_a_run():
    assert set(STORED["metadata"]) == {"kernelspec", "language_info"}
    assert STORED["metadata"]["language_info"] == {"name": "python"}  # no version of whoever saved it last
    ids = Counter(cell["id"] for cell in STORED["cells"])
    assert max(ids.values()) == 1 and all(re.fullmatch(r"[a-z-]+", name) for name in ids)
    for cell in STORED["cells"]:
        assert cell["metadata"] == {}
        assert cell.get("outputs", []) == [] and cell.get("execution_count") is None


def test_links_and_named_files_are_there():
    text = "\n".join(cells("markdown").values())
    links = re.findall(r"\]\((\.\./[^)#]+)\)", text)
    assert len(links) >= 5
    named = [f"../{name}" for name in re.findall(r"`(results/[\w./-]+)`", text)]
    assert [name for name in links + named if not (NOTEBOOK.parent / name).is_file()] == []


@pytest.mark.parametrize("start", [ROOT, NOTEBOOK.parent], ids=["root", "experiments"])
def test_the_first_cell_goes_to_the_root(monkeypatch, start):
    monkeypatch.chdir(start)
    exec(next(iter(cells("code").values())), {})
    assert Path.cwd() == ROOT


def execute(cache, monkeypatch):
    """The notebook with its outputs, run in a kernel of its own from the folder in which Jupyter starts it."""
    nbclient = pytest.importorskip("nbclient", reason="no nbclient: install requirements-notebook.txt")
    pytest.importorskip("ipykernel", reason="no ipykernel: install requirements-notebook.txt")
    import nbformat

    monkeypatch.setenv("SER_CACHE", str(cache))
    monkeypatch.delenv("SER_DATA", raising=False)
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):  # neither a user's settings nor traces
        monkeypatch.setenv(name, str(cache / name.lower()))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    place = {"metadata": {"path": str(NOTEBOOK.parent)}}
    nbclient.NotebookClient(notebook, timeout=900, kernel_name="python3", resources=place).execute()
    return notebook


def shown(notebook, name):
    """What a cell prints, and the MIME types of what it displays."""
    (cell,) = (cell for cell in notebook.cells if cell.id == name)
    printed = "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
    return printed, {kind for output in cell.outputs for kind in output.get("data", ())}


def recalls(records):
    """Mean recall of records, by counting, folds and seeds together."""
    right, all_of = Counter(), Counter()
    for record in records:
        part = record["parts"]["test"]
        (scores,) = part["scores"].values()
        for label, row in zip(part["labels"], scores, strict=True):
            all_of[label] += 1
            right[label] += max(row) > 0 and row.index(max(row)) == label
    assert len(all_of) == 4
    return sum(right[k] / all_of[k] for k in all_of) / 4


@pytest.mark.notebook
def test_every_cell_runs_and_the_table_says_what_the_records_hold(tmp_path, monkeypatch):
    notebook = execute(tmp_path, monkeypatch)

    results = tmp_path / "tutorial" / "results"
    records = [json.loads(path.read_text()) for path in results.joinpath("runs").rglob("*.json")]
    assert all(record["synthetic"] for record in records)
    by_protocol = {name: [r for r in records if r["protocol"] == name] for name in ("random", "speaker_independent")}
    folds = {name: {(r["seed"], r["fold"]) for r in members} for name, members in by_protocol.items()}
    assert {name: len(members) for name, members in folds.items()} == {"random": 30, "speaker_independent": 18}

    (path,) = results.joinpath("tables").glob("protocols_*.csv")
    (row,) = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    assert row["corpus_variant"] == "ravdess-synthetic/4hap"
    ua, beside = (recalls(by_protocol[name]) for name in ("random", "speaker_independent"))
    table = [float(row[name]) for name in ("ua", "ua_beside", "ua_difference")]
    assert table == pytest.approx([ua, beside, ua - beside], abs=1e-6)
    by_hand = re.findall(r"UA ([\d.]+) %", shown(notebook, "by-hand")[0])
    assert by_hand == [f"{100 * beside:.1f}", f"{100 * ua:.1f}"]

    assert {"text/html", "text/plain"} <= shown(notebook, "recording")[1]  # the player
    for name in ("spectrogram", "train", "score"):
        assert "image/png" in shown(notebook, name)[1]
    assert "211,075" in shown(notebook, "build")[0]  # III-A of Emmert, Gera and Jankó

    independent, random = shown(notebook, "audit")[0].split("random, ")
    assert "FAIL" not in independent and "FAIL fold_1 speaker" in random
    assert "FAIL fold_1 file: segments of" in shown(notebook, "leaky")[0]
