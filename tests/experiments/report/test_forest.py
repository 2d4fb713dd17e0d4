"""The figure of systems side by side: what it draws, by hand."""

import numpy as np

from common import records
from experiments.evaluation import system_results
from experiments.report import forest
from experiments.tables import all_tables
from tests.support.records_by_hand import many, part, record


def test_a_speaker_s_own_ua_needs_all_classes():
    speakers = ["a"] * 4 + ["b"] * 2 + ["c"] * 2
    test = part([0, 0, 0, 1, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1, 1, 0], speakers)
    (system,) = system_results.group([record(test)])
    np.testing.assert_allclose(forest.of_speakers(system), [(2 / 3 + 1) / 2, (0 + 1) / 2])  # c has one class


def test_one_figure_a_group_of_two_or_more():
    runs = [many(right, variant=f"v{right}") for right in (1, 3, 2)]
    leaky = [many(2, variant=name, protocol="leaky_segments") for name in ("v1", "v2")]
    groups = forest.groups(system_results.group([*runs, *leaky, many(2, protocol="random")]))
    (name,) = groups
    assert name == "forest-ravdess-strong-paper-paper.svg"
    axes = forest.forest(groups[name]).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["emmert/v1", "emmert/v2", "emmert/v3"]
    marks = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata()) == 1]
    assert [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in marks] == [
        (25, 0),
        (50, 1),
        (75, 2),
    ]
    assert axes.lines[0].get_xdata()[0] == 50  # chance of two classes


def test_what_a_reader_must_know_is_in_the_title():
    results = system_results.group(
        [many(r, variant=f"v{r}", limits="cut to 2 s", notes=["random weights"]) for r in (1, 2)]
    )
    title = forest.forest(results).get_suptitle()
    assert "cut to 2 s" in title and "emmert/v1: random weights" in title and "ravdess/strong" in title


def test_the_figure_of_the_first_page_follows_the_records(tmp_path):
    shared = {"corpus_variant": "ravdess/4hap", "protocol": "speaker_independent"}
    failed = {"loss": 0.7, "ua": 0.5, "largest_share": 1.0, "epochs": 5, "kept": 1, "stopped_by": "patience"}
    networks = {"network": failed | {"patience": 4, "num_classes": 2}}
    for right, paper, ended in ((2, "emmert", {}), (3, "lim2016", networks)):
        run = many(right, paper=paper, networks=ended, limits="cut to 2.0 s", **shared)
        records.write(run, root=tmp_path)
    path = tmp_path / "tables" / "headline.svg"
    drawn = {"figure": forest.headline_svg}
    assert path in all_tables.update(tmp_path, check=True, **drawn)
    assert not (tmp_path / "tables").exists()
    assert path in all_tables.update(tmp_path, **drawn)
    text = path.read_text(encoding="utf-8")
    assert ">emmert/mfcc<" in text and ">lim2016/mfcc (1 underfitted)<" in text
    assert ">ravdess/4hap<" in text and ">cut to 2.0 s<" in text
    assert all_tables.update(tmp_path, **drawn) == []
