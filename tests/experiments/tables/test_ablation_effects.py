"""A ledger's effect column: by hand, and left alone where there is nothing to say."""

import re
from pathlib import Path

import numpy as np

from experiments.evaluation import system_results
from experiments.tables import ablation_effects
from tests.support.records_by_hand import many

ROW = "| D3 | silent | says | we do | why | <!-- effect {} -->old<!-- /effect --> |"
LEDGER = "\n".join([ROW.format("mfcc_untrimmed mfcc"), "| D4 | silent | says | we do | why | none |"])


def systems_with(**other):
    """The usual system has three of every speaker's four utterances, the changed one has one."""
    usual = [many(3, seed=seed) for seed in (0, 1)]
    changed = [many(1, seed=seed, variant="mfcc_untrimmed", **other) for seed in (0, 1)]
    return system_results.group([*usual, *changed])


def test_changed_minus_usual_on_the_same_utterances():
    filled = ablation_effects.fill(LEDGER, "emmert", systems_with())
    cell = "`mfcc_untrimmed`: UA −50.0 [−50.0, −50.0] on ravdess/strong, paper, preset paper, seeds 0-1"
    assert filled == LEDGER.replace("old", cell)
    assert ablation_effects.fill(filled, "emmert", systems_with()) == filled


def test_other_folds_presets_or_papers_are_no_comparison():
    for other in ({"preset": "quick"}, {"protocol": "random"}, {"corpus_variant": "emodb"}):
        assert ablation_effects.fill(LEDGER, "emmert", systems_with(**other)) == LEDGER.replace("old", "not run")
    leaky = [many(3, protocol="leaky_segments"), many(1, variant="mfcc_untrimmed", protocol="leaky_segments")]
    assert ablation_effects.fill(LEDGER, "emmert", system_results.group(leaky)) == LEDGER.replace("old", "not run")
    assert ablation_effects.fill(LEDGER, "ma2018", systems_with()) == LEDGER.replace("old", "not run")
    assert ablation_effects.fill(LEDGER, "emmert", []) == LEDGER.replace("old", "not run")


def test_a_text_without_marks_stays_as_it_is():
    assert ablation_effects.fill("| D1 | effect |", "emmert", systems_with()) == "| D1 | effect |"


def test_two_rules_of_one_system():
    record = many(3)
    test = record.parts["test"]
    test["scores"]["sum"] = np.eye(2)[test["labels"]].tolist()  # always right
    filled = ablation_effects.fill(ROW.format("mfcc:sum mfcc"), "emmert", system_results.group([record]))
    cell = "`mfcc:sum`: UA +25.0 [+25.0, +25.0] on ravdess/strong, paper, preset paper, seed 0"
    assert filled == ROW.format("mfcc:sum mfcc").replace("old", cell)


def test_ablations_are_the_variants_of_the_marks_and_no_rules(tmp_path):
    for paper, mark in {"emmert": "mfcc_untrimmed mfcc", "ma2018": "ctc:sum ctc"}.items():
        (tmp_path / paper).mkdir()
        (tmp_path / paper / "README.md").write_text(ROW.format(mark))
    assert ablation_effects.ablations(tmp_path) == {"emmert/mfcc_untrimmed"}


def test_every_mark_in_a_ledger_is_read():
    for page in Path(ablation_effects.__file__).parents[2].glob("papers/*/README.md"):
        text = page.read_text(encoding="utf-8")
        read = ablation_effects.MARK.findall(text)
        assert len(read) == len(re.findall(r"<!--\s+effect\b", text)) == len(re.findall(r"<!--\s+/effect\b", text)), (
            page
        )
