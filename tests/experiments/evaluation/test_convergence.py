"""The rule that says whether a network learnt, on cases by hand."""

import dataclasses
import math

import pandas as pd
import pytest

from experiments.evaluation import convergence, system_results
from experiments.tables import all_tables
from tests.support.records_by_hand import many, unbalanced

LEARNT = {
    "epochs": 30,
    "kept": 19,
    "stopped_by": "patience",
    "patience": 10,
    "loss": 0.3,
    "ua": 0.95,
    "largest_share": 0.3,
    "num_classes": 4,
}


def state(validation_ua=None, **changes):
    return str(convergence.state(LEARNT | changes, validation_ua))


def test_a_training_that_patience_ended_is_converged():
    assert state() == "converged"


@pytest.mark.parametrize(
    "changes",
    [
        {"ua": 0.349},  # chance is 0.25
        {"loss": 0.981 * math.log(4)},
        {"largest_share": 0.91},
        {"kept": 0},
        {"num_classes": 2, "ua": 0.59, "loss": 0.5},
        {"num_classes": 2, "ua": 0.8, "loss": 0.69},
    ],
)
def test_a_network_that_did_not_learn(changes):
    assert state(**changes) == "underfitted"
    assert state(**changes, stopped_by="limit") == "underfitted"


def test_the_borders_are_those_written_down():
    assert state(ua=0.351) == state(loss=0.979 * math.log(4)) == state(largest_share=0.9) == "converged"
    assert state(kept=0, patience=None) == "converged"  # nothing was selected


def test_a_limit_before_patience_ran_out_cuts_short():
    assert state(stopped_by="limit") == "not converged"


def test_a_fixed_number_of_epochs_is_judged_by_its_last_fifth():
    fixed = {"stopped_by": "limit", "patience": None}
    assert state([0.5] * 8 + [0.6, 0.6], **fixed) == "not converged"
    assert state([0.5] * 6 + [0.6, 0.6, 0.605, 0.605], **fixed) == "converged"
    assert state(None, ua=0.89, **fixed) == "not converged"
    assert state(None, ua=0.91, **fixed) == "converged"


def test_every_network_of_a_record_has_a_state():
    record = unbalanced()
    assert convergence.states(record) == {}
    pair = LEARNT | {"num_classes": 2, "ua": 0.55, "loss": 0.69}
    two = dataclasses.replace(record, networks={"all_classes": LEARNT, "anger": pair})
    assert convergence.states(two) == {"all_classes": "converged", "anger": "underfitted"}


def test_a_network_that_did_not_learn_is_named_in_every_table_of_its_system():
    speakers = [2, 1, 1, 0, 1, 2, 2, 1]
    own = {"corpus_variant": "ravdess/4hap", "protocol": "speaker_independent", "fold": "fold_1"}
    stuck = LEARNT | {"num_classes": 2, "ua": 0.5, "loss": 0.69}
    records = [many(speakers, variant="own_cnn", networks={"own": stuck}, **own), many([2] * 8, **own)]
    systems = system_results.group(records)
    (failed,) = [system for system in systems if system.variant == "own_cnn"]
    assert failed.converged == "0/1" and failed.underfitted == ["underfitted: 1 of 1 networks (seed 0 fold_1)"]
    named = {}
    for sheet in all_tables.all_sheets(systems, {}):
        for frame in [pd.DataFrame(sheet.evidence)] if sheet.evidence else [table.frame for table in sheet.tables]:
            if "notes" in frame and "own_cnn" in frame.to_csv():
                of_it = frame[frame.apply(lambda row: "own_cnn" in " ".join(map(str, row)), axis=1)]
                named[sheet.name] = of_it["notes"].str.contains("underfitted: 1 of 1 networks").all()
    assert {name.partition("_")[0] for name in named} >= {"systems", "compare"} and all(named.values()), named
