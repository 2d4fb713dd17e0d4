"""Records -> files: forms, escaping, --check, READMEs, and what it needs to run."""

import csv
import dataclasses
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common import records
from common.errors import InputError
from common.evaluation import metrics, reported_results
from experiments.evaluation import system_results
from experiments.report import html_page
from experiments.tables import all_tables, formats, pairs, systems
from tests.support.records_by_hand import many, part, record, unbalanced
from tests.support.table_rows import rows

ROOT = Path(__file__).resolve().parents[3]
PAPER = """
[paper]
title = "A & B: 100 % <sure>"
authors = ["A"]
corpus = "ravdess/strong"
classes = ["anger", "sadness"]

[[published]]
id = "test-wa"
variant = "mfcc"
metric = "wa"
value = 0.5
corpus = "ravdess/strong"
where = "V-C | VII"
note = "50_50 & more"

[[published]]
id = "other"
variant = "own_cnn"
metric = "ua"
value = 0.35
corpus = "ravdess"
where = "VI"
approximate = true
"""


@pytest.fixture
def project(tmp_path):
    """A papers folder with one paper, its README, and the committed results folder beside it."""
    paper = tmp_path / "papers" / "emmert"
    paper.mkdir(parents=True)
    (paper / "paper.toml").write_text(PAPER, encoding="utf-8")
    (paper / "README.md").write_text(
        f"# Emmert\n\n{all_tables.BEGIN}\nlast week's\n{all_tables.END}\n\nafter\n", encoding="utf-8"
    )
    for seed in range(2):
        records.write(many([1, 2, 3, 2, 1, 2, 3, 2], seed=seed), root=tmp_path / "results")
    return tmp_path


def run(project, **options):
    return all_tables.update(project / "results", papers=project / "papers", **options)


def test_tables_are_written_once_and_are_the_same_every_time(project):
    written = run(project)
    names = {path.name for path in written}
    assert {"paper_vs_ours_emmert.md", "systems_ravdess-strong.csv", "per_class_ravdess-strong.tex", "cost.md"} <= names
    assert run(project) == run(project, check=True) == []
    texts = {path: path.read_bytes() for path in written}
    tables = [path for path in written if path.name != "README.md"]
    for path in tables:
        path.write_bytes(b"")
    assert sorted(run(project)) == sorted(tables)
    assert texts == {path: path.read_bytes() for path in written}


def test_check_names_a_changed_byte_and_writes_nothing(project):
    run(project)
    path = project / "results" / "tables" / "systems_ravdess-strong.md"
    good = path.read_bytes()
    path.write_bytes(good.replace(b"50.0", b"50.1", 1))
    assert run(project, check=True) == [path]
    assert path.read_bytes() != good
    run(project)
    assert path.read_bytes() == good


def test_a_table_without_records_is_stale(project):
    run(project)
    stale = [project / "results" / "tables" / f"systems_gone.{form}" for form in ("csv", "md")]
    users = project / "results" / "tables" / "notes.md"
    for path in (*stale, users):
        path.write_text(f"<!-- {formats.GENERATED} -->" if path == stale[1] else "mine")
    assert run(project, check=True) == stale
    run(project)
    assert [path.exists() for path in (*stale, users)] == [False, False, True]


def test_the_readme_gets_its_results_between_the_markers(project):
    run(project)
    text = (project / "papers" / "emmert" / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# Emmert\n\n<!-- results:begin -->\n") and text.endswith("<!-- results:end -->\n\nafter\n")
    assert "last week's" not in text
    table, _, below = text.partition("2 published numbers: ")
    assert "| mfcc: WA, test (V-C \\| VII) |" in table and "not run 2" in below.splitlines()[0]
    assert "(ravdess)" not in table and "systems_ravdess-strong.md" in below


def test_the_headline_number_stands_first_and_what_was_not_run_is_counted(project):
    toml = project / "papers" / "emmert" / "paper.toml"
    toml.write_text(PAPER.replace('id = "other"', 'id = "other"\nheadline = true'), encoding="utf-8")
    run(project)
    text = (project / "papers" / "emmert" / "README.md").read_text(encoding="utf-8")
    first, second = re.findall(r"^\| (\w+): \w+, test .*$", text, re.MULTILINE)
    assert (first, second) == ("own_cnn", "mfcc")


def test_the_first_page_gets_its_comparison_between_the_markers(project):
    page = project / "README.md"
    page.write_text("# Suite\n\n<!-- results:begin -->\nold\n<!-- results:end -->\nafter\n")
    run(project)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Suite\n") and text.endswith("<!-- results:end -->\nafter\n") and "\nold\n" not in text
    page.write_text("# Suite\n")
    with pytest.raises(InputError, match="README.md lacks"):
        run(project)


def test_another_results_folder_leaves_the_readme_alone(project):
    readme = project / "papers" / "emmert" / "README.md"
    before = readme.read_bytes()
    elsewhere = project / "elsewhere"
    (project / "results").rename(elsewhere)
    assert all_tables.update(elsewhere, papers=project / "papers")
    assert readme.read_bytes() == before


def test_a_method_without_a_paper_gets_its_results_and_has_no_table_of_published_numbers(project):
    readme = project / "papers" / "mine" / "README.md"
    readme.parent.mkdir()
    readme.write_text(f"# My method\n\n{all_tables.BEGIN}\n{all_tables.END}\n", encoding="utf-8")
    records.write(many([1, 2, 3, 2, 1, 2, 3, 2], paper="mine", variant="svm"), root=project / "results")
    written = run(project)
    assert "| svm " in readme.read_text(encoding="utf-8")
    assert [path.name for path in written if path.name.startswith("paper_vs_ours") and path.suffix == ".md"] == [
        "paper_vs_ours_emmert.md"
    ]
    pages = html_page.pages([], reported_results.read_all(project / "papers"), {}, project / "papers")
    assert "My method" in pages["paper-mine.html"]


def test_a_readme_without_markers_is_the_users_fault(project):
    (project / "papers" / "emmert" / "README.md").write_text("# Emmert\n")
    with pytest.raises(InputError, match="lacks <!-- results:begin -->"):
        run(project)


def test_without_records_every_number_is_not_run(project):
    text = "".join(sheet_texts([], project))
    assert re.findall(r"\| ([^|]+) \|$", text, re.MULTILINE).count("not run") == 2
    assert "python -m experiments run" not in "".join(sheet_texts([], project, formats.markdown))


def test_a_paper_that_ran_on_synthetic_speech_alone_has_a_page_without_runs(project):
    shutil.rmtree(project / "results" / "runs")
    records.write(many(2, corpus_variant="ravdess-synthetic"), root=project / "results")
    run(project)
    page = (project / "papers" / "emmert" / "README.md").read_text(encoding="utf-8")
    assert "published number" in page and "All runs" not in page


def sheet_texts(runs, project, form=formats.markdown):
    known = reported_results.read_all(project / "papers")
    return [form(sheet) for sheet in all_tables.all_sheets(system_results.group(runs), known)]


def test_csv_holds_fractions_and_the_command(project):
    run(project)
    text = (project / "results" / "tables" / "systems_ravdess-strong.csv").read_text(encoding="utf-8")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["wa_pooled"], row["ua_pooled"], row["chance_ua"], row["majority_wa"]) == ("0.5", "0.5", "0.5", "0.5")
    assert (row["n"], row["folds"], row["seeds"]) == ("32", "1/1", "0-1")
    assert 0.3 < float(row["ua_pooled_low"]) < 0.5 < float(row["ua_pooled_high"]) < 0.7
    assert row["command"].endswith("--variant mfcc --protocol paper --preset paper --seeds 0-1")


def test_markdown_and_latex_escape_what_they_would_read_as_markup(project):
    runs = [unbalanced(notes=["<script>alert('x')</script> | 5 % & $x_1$"])]
    (markdown,) = [text for text in sheet_texts(runs, project) if text.startswith("# Systems")]
    assert r"&lt;script&gt;alert('x')&lt;/script&gt; \| 5 % &amp; $x_1$" in markdown
    (latex,) = [t for t in sheet_texts(runs, project, formats.latex) if r"\begin{table" in t and "Systems, all" in t]
    assert r"\ensuremath{<}script\ensuremath{>}" in latex and r"5 \% \& \$x\_1\$" in latex
    assert latex.count(r"\begin{table*}") == latex.count(r"\bottomrule") == latex.count(r"\end{table*}") == 1
    assert formats.latex(formats.Sheet("s", "", (formats.Table("a--b ±", [], ()),))).count(r"a-{}-b $\pm$") == 1


def test_every_latex_row_has_as_many_cells_as_columns(project):
    for text in sheet_texts([many(2), many(3, variant="own_cnn")], project, formats.latex):
        text = re.sub(r"p\{[\d.]+em\}", "p", text)  # a column of long cells
        columns = len(text.partition(r"\begin{tabular}{")[2].partition("}")[0])
        for line in text.splitlines():
            if line.endswith(r"\\"):
                assert line.replace(r"\&", "").count("&") == columns - 1


def test_a_latex_table_longer_than_a_page_goes_on_with_its_headings(project):
    (sheet,) = [s for s in all_tables.all_sheets(system_results.group([many(2)]), []) if s.name.startswith("systems")]
    (table,) = sheet.tables
    long = table.changed(rows=table.frame.to_dict("records") * (formats.PAGE_ROWS + 1))
    text = formats.latex(dataclasses.replace(sheet, tables=(long,)))
    first, second = text.split(r"\begin{table*}")[1:]
    assert (first.count("emmert/mfcc"), second.count("emmert/mfcc")) == (formats.PAGE_ROWS, 1)
    assert r"\toprule" in first and r"\toprule" in second and "(continued)" in second
    assert "Per cent" not in first and "Per cent" in second


def test_accuracies_on_different_label_sets_never_share_a_table(project):
    runs = [many(2), many(2, corpus_variant="ravdess"), many(3, variant="own_cnn", corpus_variant="ravdess")]
    for paper_sheet in all_tables.all_sheets(system_results.group(runs), []):
        for table in paper_sheet.tables:
            if paper_sheet.name != "cost":
                assert len({row.data["corpus_variant"] for row in rows(table)}) == 1
            assert "classes" in table.caption and "n = 32" in table.caption


def test_every_caption_says_when_speech_is_synthetic(project):
    limits = "synthetic speech: a software check, not a result"
    options = {"synthetic": True, "limits": limits, "corpus_variant": "ravdess-synthetic"}
    results = system_results.group([many(2, **options), many(3, variant="own_cnn", **options)])
    sheets = [sheet for sheet in all_tables.all_sheets(results, []) if sheet.name != "cost"]
    assert len(sheets) == 3
    assert all(limits in table.caption for sheet in sheets for table in sheet.tables)


def test_an_absent_class_is_shown_as_such():
    results = system_results.group([record(part([0, 0, 0, 0], [0, 0, 1, -1]))])
    (table,) = systems.systems_sheet("ravdess/strong", results).tables
    shown = rows(table)[0].shown
    assert (shown["WA [95 %]"].split()[0], shown["UA [95 %]"]) == ("50.0", "—")
    assert shown["notes"] == "no decision on 25.0 % of the utterances; no UA: sadness never occurs"
    (classes,) = systems.per_class_sheet("ravdess/strong", results).tables
    anger, sadness = rows(classes)
    assert (anger.shown["recall"], sadness.shown["recall"], sadness.shown["precision"]) == ("50.0", "—", "0.0")
    assert sadness.data["decided"] == 1


def test_ua_on_the_training_part_is_pooled_over_folds_and_stands_with_the_rule_it_was_kept_for():
    runs = [many(2, fold=f"fold_{k}", num_folds=2) for k in (1, 2)]
    for one in runs:
        one.parts["test"]["scores"]["votes"] = one.parts["test"]["scores"]["mean"]
    runs[1].parts["train"] = {"confusion": [[0, 4, 2], [0, 10, 0]], "cross_entropy": 0.5}
    (table,) = systems.systems_sheet("ravdess/strong", system_results.group(runs)).tables
    trained = {row.data["rule"]: row.data["ua_training"] for row in rows(table)}
    assert trained["mean"] == pytest.approx((9 / 16 + 1) / 2)  # anger 9 of 10 and 0 of 6, sadness 20 of 20
    assert formats.is_missing(trained["votes"])


def test_cost_says_what_a_fold_took():
    runs = [
        unbalanced(seed=s, cost={"seconds_fit": t, "peak_memory_mib": 100 + s, "parameters": 7})
        for s, t in enumerate((1, 9, 2))
    ]
    (table,) = systems.cost_sheet(system_results.group(runs)).tables
    (row,) = rows(table)
    assert (row.shown["seconds per fold"], row.shown["parameters"]) == ("2.0", "7")
    assert (row.data["peak_memory_mib"], row.data["machine"]) == (102, "a processor, 1 thread")


def test_the_terminal_table_fits_its_columns_and_ranks_by_ua():
    notes = ["a long note on random weights of the frozen base network"]
    runs = [many(r, variant=f"a_rather_long_variant_name_{r}", notes=notes, seed=10**r) for r in (1, 3, 2)]
    runs += [unbalanced(limits="synthetic speech: a software check, not a result", corpus_variant="ravdess-synthetic")]
    text = all_tables.table_for_terminal(runs)
    assert max(map(len, text.splitlines())) <= 120
    order = [text.index(value) for value in ("75.0", "50.0 [", "25.0")]
    assert order == sorted(order)
    assert "synthetic speech: a software check" in text and all_tables.table_for_terminal([]) == ""


def test_the_csv_of_pairs_holds_every_pair():
    sheets = all_tables.all_sheets(system_results.group([many(2), many(3, variant="own_cnn")]), [])
    (sheet,) = [s for s in sheets if "compare" in s.name]
    (row,) = csv.DictReader(io.StringIO(formats.as_csv(sheet)))
    assert (row["variant"], row["second_variant"], row["ua_difference"]) == ("mfcc", "own_cnn", "-0.25")
    assert (row["only_first_right"], row["only_second_right"]) == ("0", "8")


def test_methods_alone_are_paired():
    results = system_results.group(
        [many(2), many(3, variant="own_cnn"), many(3, variant="own_cnn_again"), many(1, variant="mfcc_unscaled")]
    )
    (sheet,) = [
        s for s in all_tables.all_sheets(results, [], ablations={"emmert/mfcc_unscaled"}) if "compare" in s.name
    ]
    (row,) = sheet.evidence
    assert (row["variant"], row["second_variant"]) == ("mfcc", "own_cnn")
    assert row["p_holm"] == row["p"]  # a family of one pair


def test_a_system_of_one_class_belongs_to_no_family():
    dummy = record(part([0, 1] * 16, [0] * 32, [f"s{i // 4}" for i in range(32)]), variant="dummy")
    results = system_results.group([many([1, 2, 3, 2, 1, 2, 3, 3]), many(3, variant="own_cnn"), dummy])
    rows_ = pairs.pairs_sheet("ravdess/strong", results).evidence
    family = {frozenset((row["variant"], row["second_variant"])): row for row in rows_}
    assert all((row["p_holm"] is None) == ("dummy" in names) for names, row in family.items())
    assert family[frozenset(("mfcc", "own_cnn"))]["p_holm"] == family[frozenset(("mfcc", "own_cnn"))]["p"]


def test_a_wrong_metric_changes_model_cards_too(monkeypatch):
    from experiments.saved_models import model_card

    right = model_card.scores(unbalanced())
    for metric in ("wa", "ua"):
        monkeypatch.setattr(metrics, metric, lambda *args, **options: 0.0)
    wrong = model_card.scores(unbalanced())
    assert (right.wa, right.ua) != (0, 0) and (wrong.wa, wrong.ua) == (0, 0)


def test_tables_and_report_need_neither_tensorflow_nor_audio():
    heavy = "{'tensorflow', 'keras', 'jax', 'torch', 'librosa', 'soundfile', 'sklearn', 'parselmouth'}"
    code = (
        "import sys; from experiments.tables import all_tables; from experiments.report import html_page; "
        f"sys.exit(' '.join({heavy} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("value", "shown"), [(0.49524, "49.5"), (0.0, "0.0"), (1.0, "100.0"), (None, "—"), (float("nan"), "—")]
)
def test_rates_are_shown_in_per_cent_with_one_decimal(value, shown):
    assert formats.per_cent(value) == shown


def test_small_p_values_are_not_rounded_to_nothing():
    assert [formats.p_value(p) for p in (0.0004, 0.001, 0.0316, 1.0)] == ["<0.001", "0.001", "0.032", "1.000"]


def test_the_terminal_says_why_there_is_no_interval():
    two = record(part([0, 1] * 4, [0, 1, 0, 1, 0, 0, 1, 1], ["a"] * 4 + ["b"] * 4))
    text = " ".join(all_tables.table_for_terminal([two]).split())
    assert "no interval: 2 speakers; an" in text and "needs 3 or more" in text
