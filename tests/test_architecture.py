"""The arrows of the design, the ledgers, and the size of files: read from the source, nothing imported."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {"common": {"common"}, "papers": {"common"}, "experiments": {"common", "papers", "experiments"}}
PAPERS = sorted(path.parent for path in (ROOT / "papers").glob("*/__init__.py"))
WITHOUT_KERAS = [
    "utterance",
    "listeners",
    "corpora",
    "splits",
    "leakage",
    "audio",
    "feature_store",
    "metrics",
    "statistics",
    "records",
    "published",
]


def local_imports(source):
    """Dotted names that a source file imports, absolute imports only."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def violations(root):
    """Imports against the arrows: common knows no paper, a paper knows no other paper and no experiment."""
    for layer, allowed in MAY_IMPORT.items():
        for path in sorted((root / layer).rglob("*.py")):
            parts = path.relative_to(root).parts
            own_paper = f"papers.{parts[1]}." if layer == "papers" else None
            for name in local_imports(path.read_text(encoding="utf-8")):
                target = name.split(".")[0]
                is_own = own_paper and f"{name}.".startswith(own_paper)
                if target in MAY_IMPORT and target not in allowed and not is_own:
                    yield f"{path.relative_to(root)}: {name}"


def test_the_arrows_hold():
    assert len(list((ROOT / "common").rglob("*.py"))) > 10
    assert list(violations(ROOT)) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("common/metrics.py", "from papers.lim2016 import model"),
        ("common/metrics.py", "import experiments.run"),
        ("papers/ma2018/model.py", "from papers.satt2017 import model"),
        ("papers/ma2018/model.py", "from experiments import run"),
    ],
)
def test_a_wrong_arrow_is_seen(tmp_path, file, line):
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(line)
    assert len(list(violations(tmp_path))) == 1


@pytest.mark.parametrize("name", WITHOUT_KERAS)
def test_metadata_and_metrics_need_no_keras(name):
    place = ROOT / "common" / name
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    assert files
    for path in files:
        imported = {name.split(".")[0] for name in local_imports(path.read_text(encoding="utf-8"))}
        assert not imported & {"keras", "tensorflow", "jax"}, path


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_every_deviation_in_the_code_has_a_ledger_row_and_every_row_its_place(paper):
    rows = re.findall(r"^\|\s*(D\d+)\s*\|", (paper / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows and len(rows) == len(set(rows))
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(paper.glob("*.py")))
    marks = set(re.findall(r"\bD\d+\b", source))
    assert marks == set(rows)


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_ledger_rows_name_their_kind_and_reason(paper):
    text = (paper / "README.md").read_text(encoding="utf-8")
    for line in re.findall(r"^\|\s*D\d+\s*\|.*$", text, re.MULTILINE):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert len(cells) == 6, line
        assert cells[1] in {"silent", "ambiguous", "impossible", "chosen"}, line
        assert all(cells[1:5]), line


def test_no_file_outgrows_its_reader():
    long = {
        str(path.relative_to(ROOT)): count
        for folder in ("common", "papers", "experiments", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 350
    }
    assert long == {}
