import json

import pytest

from common.errors import InputError
from common.utterance import Corpus, Utterance
from experiments.evaluation import system_results
from experiments.evidence import human_reference, recognition_rates
from experiments.tables import all_tables, systems
from experiments.tables.formats import NONE
from tests.support.records_by_hand import many
from tests.support.table_rows import rows


def heard(emotion, share):
    return Utterance(id=f"{emotion}{share}", path=None, emotion=emotion, speaker="03", recognition=share)


def test_the_human_row_by_hand():
    utterances = [heard("anger", 1.0), heard("anger", 0.9), heard("anger", 0.8), heard("fear", 0.5)]
    assert recognition_rates.expected_recall(utterances) == pytest.approx({"anger": 0.9, "fear": 0.5})
    assert recognition_rates.expected_accuracy(utterances) == pytest.approx(0.8)  # (1 + 0.9 + 0.8 + 0.5) / 4


def test_the_human_row_needs_the_listening_test():
    with pytest.raises(InputError, match=r"1 of 2 utterances .* fear.* erkennung.txt"):
        recognition_rates.expected_recall([heard("anger", 1.0), heard("fear", None)])


def corpus(*utterances):
    return Corpus(name="emodb-2s", variant="emodb-2s", utterances=utterances, limits="cut to 2 s")


def test_a_listening_test_becomes_a_row_below_the_systems(tmp_path):
    people = corpus(heard("anger", 1.0), heard("anger", 0.9), heard("anger", 0.8), heard("fear", 0.5))
    path = human_reference.write_listeners(people, tmp_path)
    assert path == tmp_path / "human" / "emodb-2s-listeners.json"
    (row,) = human_reference.read(tmp_path)
    assert row["ua"] == pytest.approx(0.7) and row["wa"] == pytest.approx(0.8) and row["n"] == 4
    results = system_results.group([many(2, corpus_variant="emodb-2s")])
    (table,) = all_tables.with_people(systems.systems_sheet("emodb-2s", results), [row], "emodb-2s").tables
    below = rows(table)[-1]
    assert below.shown["UA [95 %]"] == "70.0" and below.shown["WA [95 %]"] == "80.0" and below.data["n"] == 4
    assert below.shown["system, rule"] == "human" and NONE not in below.shown["notes"]
    assert {below.shown[name] for name in ("converged", "seeds")} == {NONE}
    assert "all with protocol paper and preset paper" in table.caption and "protocol, preset" not in below.shown


def test_systems_with_several_protocols_keep_a_column_for_them():
    results = system_results.group([many(2), many(3, protocol="random")])
    (table,) = systems.systems_sheet("ravdess/strong", results).tables
    assert [row.shown["protocol, preset"] for row in rows(table)] == ["paper, paper", "random, paper"]
    assert "all with" not in table.caption


def test_a_corpus_without_listeners_has_no_row(tmp_path):
    assert human_reference.write_listeners(corpus(heard("anger", 1.0), heard("fear", None)), tmp_path) is None
    assert human_reference.read(tmp_path) == []


@pytest.mark.parametrize("content", ["", "[]", json.dumps({"wa": 1})])
def test_a_damaged_row_is_named(tmp_path, content):
    (tmp_path / "human").mkdir()
    (tmp_path / "human" / "x.json").write_text(content)
    with pytest.raises(InputError, match="x.json is not a human reference"):
        human_reference.read(tmp_path)
