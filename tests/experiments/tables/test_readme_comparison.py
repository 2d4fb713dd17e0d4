"""The first page's tables: who is in them, in which order."""

import re

from experiments.evaluation import system_results
from experiments.tables import readme_comparison
from tests.support.records_by_hand import many

SHARED = {"protocol": "speaker_independent"}


def systems_of(text):
    """The first cells of the tables' rows, without headings and rules."""
    return re.findall(r"^\| (\w+/\w+) ", text, flags=re.MULTILINE)


def test_methods_of_two_papers_highest_ua_first():
    runs = [
        many(1, **SHARED),
        many(3, paper="lim2016", variant="cnn", **SHARED),
        many(2, paper="lim2016", variant="lstm", **SHARED),
        many(3, paper="lim2016", variant="the_same_again", **SHARED),
        many(4, variant="mfcc_unscaled", **SHARED),
    ]
    text = readme_comparison.comparisons(system_results.group(runs), {"emmert/mfcc_unscaled"})
    assert systems_of(text) == ["lim2016/cnn", "lim2016/lstm", "emmert/mfcc"]
    assert "| 75.0 [" in text and "results/tables/compare_ravdess-strong.md" in text
    assert text.count("`python -m experiments run ") == 3  # `compare` would choose four emotions here


def test_the_command_makes_all_rows():
    names = [{"variant": "mfcc", "seed": 2}, {"paper": "lim2016", "variant": "cnn", "seed": 0}]
    runs = [many(2 + k, corpus_variant="ravdess/4hap", **name, **SHARED) for k, name in enumerate(names)]
    again = "python -m experiments compare --corpus ravdess --emotions 4hap --preset paper --seeds 0,2 --systems"
    assert f"`{again} emmert/mfcc,lim2016/cnn`" in readme_comparison.comparisons(system_results.group(runs))


def test_the_command_of_all_rows_has_the_users_labels():
    runs = [
        many(hits, corpus_variant="ravdess/very calm=neutral/4hap", paper=paper, **SHARED)
        for hits, paper in ((2, "emmert"), (3, "lim2016"))
    ]
    again = "compare --corpus ravdess --emotions 4hap --labels 'very calm=neutral' --preset paper --seeds 0 --systems"
    assert f"{again} emmert/mfcc,lim2016/mfcc`" in readme_comparison.comparisons(system_results.group(runs))


def test_reduced_presets_are_left_out():
    runs = [many(2, paper=paper, preset="quick", **SHARED) for paper in ("emmert", "lim2016")]
    assert systems_of(readme_comparison.comparisons(system_results.group(runs))) == []


def test_one_paper_alone_other_protocols_and_synthetic_recordings_are_left_out():
    runs = [many(1, **SHARED), many(2, variant="own_cnn", **SHARED), many(2, paper="lim2016", protocol="random")]
    runs += [many(3, paper=paper, corpus_variant="emodb-synthetic", **SHARED) for paper in ("emmert", "lim2016")]
    assert systems_of(readme_comparison.comparisons(system_results.group(runs))) == []
