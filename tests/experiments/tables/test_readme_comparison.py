"""The first page's tables: who is in them, in which order."""

import dataclasses
import re

import scipy.stats

from common.evaluation.reported_results import Contrast, Paper, ReportedResult
from experiments.evaluation import comparisons, system_results
from experiments.tables import formats, readme_comparison
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
    text = readme_comparison.block(system_results.group(runs), [], ablations={"emmert/mfcc_unscaled"})
    assert systems_of(text) == ["lim2016/cnn", "lim2016/lstm", "emmert/mfcc"]
    assert "| 75.0\u00a0[" in text and "results/tables/compare_ravdess-strong.csv" in text
    (table,) = readme_comparison.sheet(system_results.group(runs), [], {"emmert/mfcc_unscaled"}).tables
    assert len(table.commands) == 3  # `compare` would choose four emotions here


def command_of(runs):
    (table,) = readme_comparison.sheet(system_results.group(runs), []).tables
    ((_, command),) = table.commands
    return command


def test_the_command_makes_all_rows():
    names = [{"variant": "mfcc", "seed": 2}, {"paper": "lim2016", "variant": "cnn", "seed": 0}]
    runs = [many(2 + k, corpus_variant="ravdess/4hap", **name, **SHARED) for k, name in enumerate(names)]
    again = "python -m experiments compare --corpus ravdess --emotions 4hap --preset paper --seeds 0,2 --systems"
    assert command_of(runs) == f"{again} emmert/mfcc,lim2016/cnn"


def test_the_command_of_all_rows_has_the_users_labels():
    runs = [
        many(hits, corpus_variant="ravdess/very calm=neutral/4hap", paper=paper, **SHARED)
        for hits, paper in ((2, "emmert"), (3, "lim2016"))
    ]
    again = "compare --corpus ravdess --emotions 4hap --labels 'very calm=neutral' --preset paper --seeds 0 --systems"
    assert command_of(runs) == f"python -m experiments {again} emmert/mfcc,lim2016/mfcc"


def test_reduced_presets_are_left_out():
    runs = [many(2, paper=paper, preset="quick", **SHARED) for paper in ("emmert", "lim2016")]
    assert systems_of(readme_comparison.block(system_results.group(runs), [])) == []


def test_one_paper_alone_other_protocols_and_synthetic_recordings_are_left_out():
    runs = [many(1, **SHARED), many(2, variant="own_cnn", **SHARED), many(2, paper="lim2016", protocol="random")]
    runs += [many(3, paper=paper, corpus_variant="emodb-synthetic", **SHARED) for paper in ("emmert", "lim2016")]
    assert systems_of(readme_comparison.block(system_results.group(runs), [])) == []


def test_a_system_without_a_seed_on_all_folds_is_left_out():
    runs = [many(1, **SHARED), many(2, paper="lim2016", **SHARED)]
    runs.append(dataclasses.replace(many(4, paper="satt2017", **SHARED), num_folds=6))
    assert systems_of(readme_comparison.block(system_results.group(runs), [])) == ["lim2016/mfcc", "emmert/mfcc"]


CONTRASTS = (
    Contrast(paper="lim2016", id="a", first=("cnn",), second=("lstm",), where="IV"),
    Contrast(paper="lim2016", id="b", first=("cnn", "lstm"), second=("emmert/mfcc", "emmert/own_cnn"), where="V"),
    Contrast(paper="lim2016", id="c", first=("td_cnn",), second=("cnn",), where="VI"),
)


def of_folds(by_fold, **changes):
    """A record a fold: four speakers of four utterances each; `by_fold` says how many of four are right."""
    for number, right in enumerate(by_fold, start=1):
        run = many(right, num_speakers=4, fold=f"fold_{number}", **SHARED, **changes)
        test = run.parts["test"]
        test["utterances"] = [f"f{number}{name}" for name in test["utterances"]]
        test["speakers"] = [f"f{number}{name}" for name in test["speakers"]]
        yield dataclasses.replace(run, num_folds=len(by_fold))


def contrasts_of(text):
    """First cell -> (p, Holm; verdict) of the table of contrasts."""
    lines = [line for line in text.partition("Contrasts registered")[2].splitlines() if line.startswith("|")]
    heading, _, *cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rows = [dict(zip(heading, row, strict=True)) for row in cells if row[0].startswith("lim2016")]
    return {row["first − second"]: (row["p, Holm"], row["verdict"]) for row in rows}


def test_contrasts_are_tested_over_folds_and_corrected_for_all_that_were_written_down():
    first, second, other = [3, 4, 3, 4, 3, 4], [1, 2, 1, 2, 2, 1], [3, 4, 3, 4, 4, 3]
    runs = [
        *of_folds(first, paper="lim2016", variant="cnn"),
        *of_folds(second, paper="lim2016", variant="lstm"),
        *of_folds(other),
    ]
    paper = Paper(name="lim2016", title="", contrasts=CONTRASTS)
    systems = system_results.group(runs)
    shown = contrasts_of(formats.markdown(readme_comparison.contrasts_sheet(systems, [paper])))
    p = scipy.stats.ttest_rel(first, second).pvalue  # WA and UA of equal folds
    assert shown["lim2016/cnn − lstm"] == (f"{min(1, 3 * p):.3f}".replace("0.000", "<0.001"), "first higher")
    assert shown["lim2016/cnn − emmert/mfcc"] == ("1.000", "not significantly different")
    assert shown["lim2016/td_cnn − cnn"] == ("—", "not run: first")
    words = readme_comparison.block(systems, [paper])
    assert "3 contrasts registered before the runs" in words
    assert "significant (5 %, Holm): lim2016/cnn − lstm +50.0 [" in words
    assert "Not significantly different: lim2016/cnn − emmert/mfcc. Not run: 1." in words


def test_a_contrast_with_a_network_that_did_not_learn_says_so():
    stuck = {"num_classes": 2, "ua": 0.5, "loss": 0.69, "largest_share": 0.9, "patience": 3, "kept": 0}
    networks = {"own": stuck | {"epochs": 4, "stopped_by": "patience"}}
    runs = [*of_folds([3, 2, 3], paper="lim2016", variant="cnn", networks=networks)]
    runs += [*of_folds([1, 2, 1], paper="lim2016", variant="lstm"), *of_folds([1, 1, 2])]
    shown = system_results.group(runs), [Paper(name="lim2016", title="", contrasts=CONTRASTS[:1])]
    contrasts = contrasts_of(formats.markdown(readme_comparison.contrasts_sheet(*shown)))
    assert "lim2016/cnn underfitted: 3 of 3 networks" in contrasts["lim2016/cnn − lstm"][1]
    assert "3 underfitted" in readme_comparison.block(*shown)


def test_systems_that_do_not_differ_share_a_letter():
    """The best and the worst differ; the one between differs from neither, for its folds scatter."""
    runs = [
        *of_folds([4, 4, 4, 3, 4, 4]),
        *of_folds([2, 4, 1, 4, 0, 4], variant="between"),
        *of_folds([1, 1, 1, 1, 1, 2], paper="lim2016", variant="cnn"),
    ]
    systems = system_results.group(runs)
    letters = {s.variant: group for s, group in comparisons.letters(systems).items()}
    assert set(letters["between"]) >= set(letters["mfcc"]) | set(letters["cnn"])
    assert not set(letters["mfcc"]) & set(letters["cnn"])


def test_the_first_page_says_first_how_the_published_numbers_came_out():
    numbers = tuple(
        ReportedResult(paper="emmert", id=name, variant=variant, metric="wa", value=0.5, corpus=corpus, where="V")
        for name, variant, corpus in (("a", "mfcc", "ravdess/strong"), ("b", "cnn", "iemocap"), ("c", "", "ravdess"))
    )
    results = system_results.group([many([1, 2, 3, 2, 1, 2, 3, right], seed=right) for right in range(1, 4)])
    text = readme_comparison.block(results, [Paper(name="emmert", title="", published=numbers)])
    assert text.split("\n\n")[1].startswith(
        "Of 3 published numbers, 1 could be compared (emmert): 1 reproduced, 0 ours higher, 0 ours lower. 1 are not run"
    )
