"""Each number has one implementation: one that is set wrong changes every table that shows it, and no other.

The implementations are those that tests/common/evaluation checks by hand and against audmetric, scikit-learn and SciPy.
"""

import dataclasses

import numpy as np
import pytest

from common.evaluation import agreement, intervals, metrics, reported_results, significance
from experiments.evaluation import system_results
from experiments.evidence import annotations
from experiments.tables import all_tables, formats, readme_comparison
from tests.support.annotations_by_hand import corpus, recorded
from tests.support.records_by_hand import LABELS, RIGHT, SPEAKERS, many, noisy, part, record

SHEETS = (
    *("headline", "systems", "compare", "protocols", "per_class", "class_rates", "paper_vs_ours", "contrasts"),
    *("noise_differences", "noise", "errors", "cost", "run_status", "statements", "cross_corpus"),
)
NUMBERS = ("wa", "precision:anger", "recall:anger", "f1:anger")


def published():
    fields = {"paper": "emmert", "variant": "mfcc", "corpus": "ravdess/strong", "protocol": "paper", "value": 0.5}
    return [reported_results.ReportedResult(id=name, metric=name, where="Table I, row 1", **fields) for name in NUMBERS]


def runs():
    options = {"corpus_variant": "ravdess", "protocol": "speaker_independent"}
    undecided = np.where(np.arange(32) == 5, -1, LABELS)
    yield from (many([1, 2, 3, 2, 1, 2, 3, 2], **options), many(3, paper="lim2016", variant="cnn", **options))
    yield record(part(LABELS, undecided, SPEAKERS), variant="own_cnn", **options)
    yield from (many(3, corpus_variant="ravdess", protocol="random"), many([1, 2, 3, 2, 1, 2, 3, 2]))
    yield many([1, 2, 1, 2, 1, 3, 2, 1], corpus_variant="ravdess", trained_on="emodb", protocol="cross_corpus-emodb")
    yield noisy({"pop": RIGHT, "crowd_anger": ~RIGHT})
    yield noisy({"pop": ~RIGHT, "crowd_anger": LABELS == 0}, variant="noise_modified_10hz")
    yield from (recorded(seed) for seed in (0, 1))


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Function: the tables of every kind of sheet, and what README.md shows beside, from records read anew."""
    folder = tmp_path_factory.mktemp("results")
    annotations.write(corpus(), folder)

    def made_anew():
        results = system_results.group(list(runs()))
        known = {paper.name: paper for paper in reported_results.read_all() if paper.name in ("emmert", "chernykh2018")}
        known["chernykh2018"] = dataclasses.replace(known["chernykh2018"], published=())
        known["emmert"] = dataclasses.replace(known["emmert"], published=tuple(published()))
        by_kind = {"first page": readme_comparison.block(results, [])}
        for sheet in all_tables.all_sheets(results, known.values(), rated=annotations.read_all(folder)):
            kind = next(name for name in SHEETS if sheet.name.startswith(name))
            by_kind[kind] = by_kind.get(kind, "") + formats.markdown(sheet) + formats.as_csv(sheet)
        return by_kind

    return made_anew


@pytest.fixture(scope="module")
def right(texts):
    by_kind = texts()
    assert by_kind.keys() == {*SHEETS, "first page"}
    return by_kind


def scaled(function):
    return lambda *args, **options: 0.875 * function(*args, **options)


def shifted(function):
    """An Estimate, or a test's result, whose numbers are a little off."""

    def wrong(*args, **options):
        right = function(*args, **options)
        numbers = {name: value for name, value in vars(right).items() if isinstance(value, float)}
        return dataclasses.replace(right, **{name: 0.875 * value for name, value in numbers.items()})

    return wrong


def one_more(function):
    """An ErrorTable with an error more in each cell, or residuals with one more match."""

    def wrong(*args, **options):
        right = function(*args, **options)
        if isinstance(right, dict):
            return {name: dataclasses.replace(r, matching=r.matching + 1) for name, r in right.items()}
        return dataclasses.replace(right, errors=right.errors + 1)

    return wrong


RATES = {"headline", "systems", "compare", "protocols", "noise", "noise_differences", "cross_corpus", "first page"}
DIFFERENCES = {"compare", "contrasts", "protocols", "noise_differences", "statements", "cross_corpus"}
WITHOUT_CAPTION = {"cost", "run_status", "class_rates", "contrasts", "statements"}  # that names chance and majority
CHANGED = [  # implementation, how it is set wrong, the tables that show it
    (metrics, "wa", scaled, RATES | {"paper_vs_ours", "statements"}),
    (metrics, "ua", scaled, RATES | {"contrasts"}),
    (metrics, "macro_f1", scaled, {"systems"}),
    (metrics, "precision", scaled, {"per_class", "class_rates", "paper_vs_ours"}),
    (
        metrics,
        "recall",
        scaled,
        RATES | {"per_class", "class_rates", "contrasts", "paper_vs_ours", "statements"},
    ),  # UA is their mean
    (metrics, "f1", scaled, {"systems", "per_class", "class_rates", "paper_vs_ours"}),
    (metrics, "no_decision", scaled, {"systems"}),
    (metrics, "majority", scaled, {*SHEETS, "first page"} - WITHOUT_CAPTION),
    (metrics, "chance", scaled, {*SHEETS} - WITHOUT_CAPTION),
    (intervals, "interval", shifted, RATES | {"contrasts", "statements"}),
    (intervals, "difference", shifted, DIFFERENCES),
    (significance, "mcnemar", shifted, {"compare"}),
    (significance, "holm", scaled, {"compare", "contrasts"}),
    (agreement, "error_by_dissent", one_more, {"errors"}),
    (agreement, "residual_accuracy", one_more, {"errors"}),
    (agreement, "confusion", scaled, {"errors"}),
    (agreement, "share", scaled, {"errors"}),
]


@pytest.mark.parametrize(("module", "name", "wrong", "tables"), CHANGED, ids=[name for _, name, *_ in CHANGED])
def test_what_is_set_wrong_changes_every_table_that_shows_it(texts, right, monkeypatch, module, name, wrong, tables):
    monkeypatch.setattr(module, name, wrong(getattr(module, name)))
    changed = texts()
    assert {kind for kind in right if right[kind] != changed[kind]} == tables
