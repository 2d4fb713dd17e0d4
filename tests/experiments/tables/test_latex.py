"""The committed LaTeX tables compile in a one-column and a two-column template and stay within the text block."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

TABLES = Path(__file__).resolve().parents[3] / "results" / "tables"
PREAMBLE = r"\usepackage[utf8]{inputenc}\usepackage[T1]{fontenc}\usepackage{booktabs,graphicx,textcomp}"


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex: apt-get install texlive-latex-base")
@pytest.mark.parametrize("columns", ["onecolumn", "twocolumn"])
def test_tables_compile_and_fit_the_text_block(columns, tmp_path):
    tables = "\n".join(rf"\input{{{path.resolve()}}}\clearpage" for path in sorted(TABLES.glob("*.tex")))
    text = rf"\documentclass[a4paper,{columns}]{{article}}{PREAMBLE}\begin{{document}}{tables}\end{{document}}"
    (tmp_path / "all.tex").write_text(text, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True)
    log = (tmp_path / "all.log").read_text(encoding="latin-1")
    assert done.returncode == 0, log[-2000:]
    assert re.findall(r"^Overfull \\hbox.*", log, re.MULTILINE) == []
    assert (tmp_path / "all.pdf").stat().st_size > 10_000
