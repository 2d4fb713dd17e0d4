"""Tables of class rates as printed, what has been run of a paper, and the form of the pages."""

import re
from pathlib import Path

import pytest

from common.evaluation.reported_results import ReportedResult
from experiments.evaluation import reproduction, system_results
from experiments.tables import class_rates, run_status
from tests.support.records_by_hand import part, record
from tests.support.table_rows import rows

ROOT = Path(__file__).resolve().parents[3]
MATRICES = "errors_"  # tables of decisions have a column a class
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("papers/*/README.md")), *sorted((ROOT / "results").glob("*.md"))]
PAGES += [path for path in sorted((ROOT / "results" / "tables").glob("*.md")) if not path.name.startswith(MATRICES)]
RUN = {"paper": "lim2016", "variant": "cnn", "corpus": "emodb", "recipe": {"corpus": "emodb"}}
TEST = part([0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1], speakers=[f"s{i}" for i in range(6)])
ON_EMODB = RUN | {"corpus_variant": "emodb"}
PRINTED = {  # metric -> (row of the paper's table, printed value)
    "precision:anger": ("Anger", 0.9158),
    "recall:anger": ("Anger", 0.8),
    "f1:anger": ("Anger", 0.85),
    "precision:sadness": ("Sadness", 0.7),
    "recall:sadness": ("Sadness", 0.71),
    "f1:sadness": ("Sadness", 0.72),
    "macro_precision": ("Average", 0.8079),
    "ua": ("Average", 0.755),
    "macro_f1": ("Average", 0.785),
    "sd:macro_f1": ("Average", 0.0239),
    "sd_repeats:macro_f1": ("Average", 0.0239),
}


def number(metric, where, value, **changes):
    fields = {"paper": "lim2016", "variant": "cnn", "corpus": "emodb", "aggregation": "fold_mean", "id": metric}
    return ReportedResult(metric=metric, where=where, value=value, **(fields | changes))


def compared(results):
    numbers = [number(metric, f"Table II, {row}", value) for metric, (row, value) in PRINTED.items()]
    numbers.append(number("wa", "section V", 0.8))
    return [reproduction.compare(n, results) for n in numbers]


def cells(table):
    return {row.shown["class"]: list(row.shown.values())[1:] for row in rows(table)}


def test_a_table_of_class_rates_stands_as_printed_with_ours_in_the_same_cells():
    worse = part([0, 0, 1, 1], [0, 0, 0, 1], speakers=["s0", "s1", "s2", "s3"], ids=["a", "b", "c", "d"])
    both = record(TEST, num_folds=2, **ON_EMODB), record(worse, fold="fold_2", num_folds=2, **ON_EMODB)
    results = system_results.group(both)
    (of_classes,), others = class_rates.split(compared(results))
    table = class_rates.table(of_classes)
    shown = cells(table)
    assert list(shown) == ["anger", "sadness", "average", "± over folds", "± over repeats"]
    # precision, recall, F1 of the folds by hand: anger 1, 3/4, 6/7 and 2/3, 1, 4/5; sadness 2/3, 1, 4/5 and 1, 1/2, 2/3
    for name, ours in {
        "anger": ("83.3", "87.5", "82.9"),
        "sadness": ("83.3", "75.0", "73.3"),
        "average": ("83.3", "81.2", "78.1"),
    }.items():
        assert [cell.split(" ")[0] for cell in shown[name][1::2]] == list(ours)
    assert shown["anger"][::2] == ["91.58", "80.00", "85.00"]
    # F1 of the folds: (6/7 + 4/5) / 2 = 0.8286 and (4/5 + 2/3) / 2 = 0.7333, 0.0952 apart, over the square root of two
    assert shown["± over folds"] == ["—"] * 4 + ["2.39", "6.7"]
    assert shown["± over repeats"][4:] == ["2.39", "—"] and class_rates.REPEATS in table.notes
    assert "(emodb, protocol paper, preset paper, seed 0)" in table.caption and class_rates.NEAREST not in table.notes
    assert [comparison.number.metric for comparison in others] == ["wa"]
    recalls = [comparison for comparison in of_classes if comparison.number.metric.startswith("recall")]
    assert class_rates.split(recalls) == ([], recalls)  # each keeps its row and verdict


def test_the_nearest_run_stands_in_for_one_of_the_papers_kind_and_says_so():
    near = record(TEST, corpus_variant="emodb-2s", preset="quick", limits="cut", **RUN)
    table = class_rates.table(class_rates.split(compared(system_results.group([near])))[0][0])
    assert cells(table)["anger"][1].startswith("100.0")
    assert "(emodb-2s, protocol paper, preset quick, seed 0)" in table.caption and class_rates.NEAREST in table.notes
    assert any(note.endswith("not run 11.") for note in table.notes)


def test_a_cell_is_of_the_run_that_the_caption_names_or_empty():
    near = RUN | {"corpus_variant": "emodb-2s", "limits": "cut"}
    full = record(TEST, **near)
    quick = [record(TEST, preset="quick", seed=seed, **near) for seed in (0, 1)]  # two seeds have a spread over repeats
    table = class_rates.table(class_rates.split(compared(system_results.group([full, *quick])))[0][0])
    assert "preset paper, seed 0)" in table.caption
    assert cells(table)["± over repeats"][5] == "—" and class_rates.REPEATS in table.notes


def test_without_a_run_the_papers_numbers_stand_alone_with_the_command():
    table = class_rates.table(class_rates.split(compared([]))[0][0])
    assert {cell for row in cells(table).values() for cell in row[1::2]} == {"—"} and "(not run)" in table.caption
    assert [command for _, command in table.commands] == [
        "python -m experiments run lim2016 --variant cnn --protocol paper --preset paper --seeds 0"
    ]


class Paper:
    name = "lim2016"
    published = [number("wa", "II", 0.9), number("wa", "IV", 0.9, variant="td_cnn"), number("wa", "V", 0.8, variant="")]


def test_every_system_protocol_and_preset_is_run_or_not_run():
    at_random = ON_EMODB | {"protocol": "random", "preset": "quick", "num_folds": 2}
    runs = [
        record(TEST, corpus_variant="emodb", num_folds=2, **RUN),
        *(record(TEST, seed=seed, fold=fold, **at_random) for seed in (1, 2) for fold in ("fold_1", "fold_2")),
        record(TEST, seed=5, **at_random),
        record(TEST, corpus_variant="emodb", protocol="text_independent", preset="smoke", **RUN),
        record(TEST, corpus_variant="ravdess-synthetic", synthetic=True, **(RUN | {"corpus": "ravdess-synthetic"})),
        record(TEST, corpus_variant="emodb-2s", limits="cut", **(RUN | {"corpus": "emodb-2s"})),
        record(TEST, corpus_variant="ravdess/4hap", **(RUN | {"corpus": "ravdess", "variant": "lstm"})),
    ]
    on_emodb, on_the_copy, on_ravdess = run_status.tables_of(Paper, system_results.group(runs))
    assert list(on_emodb.shown) == ["system", "protocol", "quick", "paper"]
    assert [list(row.shown.values()) for row in rows(on_emodb)] == [
        ["cnn", "paper", "not run", "seed 0: 1/2"],
        ["cnn", "random", "seeds 1-2: 2/2; seed 5: 1/2", "not run"],
        *([name, protocol, "not run", "not run"] for name in ("td_cnn", "lstm") for protocol in ("paper", "random")),
    ]
    assert [row.shown["paper"] for row in rows(on_the_copy)] == ["seed 0: 1/1", "not run", "not run"]
    ((_, command),) = on_ravdess.commands
    assert "--corpus ravdess --emotions 4hap --protocol PROTOCOL" in command
    assert [row.shown["paper"] for row in rows(on_ravdess)] == ["not run", "not run", "seed 0: 1/1"]
    (bare,) = run_status.tables_of(Paper, [])
    assert [list(row.shown.values()) for row in rows(bare)] == [
        [name, "paper", "not run", "not run"] for name in ("cnn", "td_cnn")
    ]
    assert "on emodb:" in bare.caption and "--corpus" not in bare.commands[0][1]


def test_runs_with_labels_of_the_users_own_have_a_table_and_a_command_of_their_own():
    on = RUN | {"corpus": "ravdess"}
    variants = ("ravdess", "ravdess/calm=neutral", "ravdess/labels=map", "ravdess/labels=other")
    runs = [record(TEST, seed=seed, corpus_variant=name, **on) for seed, name in enumerate(variants)]
    _, *tables = run_status.tables_of(Paper, system_results.group(runs))  # the first is what the paper states on EmoDB
    cells = [rows(table)[0].shown["paper"] for table in tables]
    assert cells == [f"seed {seed}: 1/1" for seed in range(4)]
    options = [table.commands[0][1].split(" --corpus ravdess ")[1].split("--protocol")[0] for table in tables]
    assert options == ["", "--labels calm=neutral ", "--labels FILE ", "--labels FILE "]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_pages_have_tables_of_seven_columns_and_papers_pages_250_lines(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if re.fullmatch(r"\|[-:|]+\|", line)]
    assert all(line.count("|") <= 8 for line in rules)
    unfolded = re.sub(r"<details>.*?</details>", "", "\n".join(lines), flags=re.DOTALL).splitlines()
    assert path.parent.parent.name != "papers" or len(unfolded) <= 250
