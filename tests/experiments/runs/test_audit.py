"""The audits of our folds: kept, counted, and shown in a table; the audit itself is tested in test_leakage.py."""

import json

import pytest
from click.testing import CliRunner

from common.errors import InputError
from common.features import feature_store
from common.folds.leakage import Finding
from common.utterance import Corpus, Utterance
from experiments.__main__ import main
from experiments.evidence import audits as evidence_audits
from experiments.runs import audit, jobs
from experiments.tables import evidence as evidence_tables
from experiments.tables import formats
from papers import lim2016, satt2017
from tests.support.table_rows import rows

SHARED = (
    Finding("WARN", "fold_1", "speaker", "2 of 4 speakers in test also in train", 2),
    Finding("WARN", "fold_2", "speaker", "3 of 4 speakers in test also in train", 3),
    Finding("WARN", "fold_2", "speaker", "1 of 4 speakers in valid also in train", 1),
)
REPEATED = (Finding("WARN", "fold_1,fold_3", "repeated", "an utterance is tested twice", 1),)


def audited(system="a/one", findings=SHARED, **changes):
    usual = {"protocol": "random", "corpus_variant": "ravdess/4hap", "num_folds": 3}
    return audit.Audited(system=system, findings=tuple(findings), **(usual | changes))


def table_of(tmp_path, *audits):
    audit.keep(audits, tmp_path)
    return evidence_tables.audit_sheet(evidence_audits.read(tmp_path))


def test_findings_are_counted_by_kind_and_systems_with_the_same_folds_share_a_row(tmp_path):
    sheet = table_of(tmp_path, audited(), audited("b/two"), audited("c/three", REPEATED))
    (table,) = sheet.tables
    assert table.caption == "Folds on ravdess/4hap"
    assert [row.shown for row in rows(table)] == [
        {
            "protocol": "random",
            "systems": "a/one and 1 more",
            "folds": "3, seeds 0",
            "verdict": "WARN",
            "shared test speakers": "3 (2 folds, WARN)",
            "shared test sentences": "none",
            "else": "speaker in validation: 1 (1 fold, WARN)",
        },
        {
            "protocol": "random",
            "systems": "c/three",
            "folds": "3, seeds 0",
            "verdict": "WARN",
            "shared test speakers": "none",
            "shared test sentences": "none",
            "else": "repeated: 1 (2 folds, WARN)",
        },
    ]
    assert "a/one, b/two" in formats.as_csv(sheet)


def test_folds_that_a_corpus_refuses_have_no_row_and_clean_ones_pass(tmp_path):
    refused = audited("a/one", (), corpus_variant="emodb", num_folds=0, refused="it has no sessions")
    sheet = table_of(tmp_path, refused, audited("a/one", ()))
    assert [[row.shown["verdict"] for row in rows(table)] for table in sheet.tables] == [["PASS"]]
    assert evidence_tables.audit_sheet([]) is None


def test_folds_are_audited_with_the_emotions_of_a_run_and_of_a_comparison():
    def selections(paper, *emotions):
        spoken = [Utterance(id=f"{e}{s}", path=None, emotion=e, speaker=s) for e in emotions for s in "ab"]
        corpus = Corpus(name="emodb", variant="emodb", utterances=tuple(spoken))
        taken, refused = audit._selections(paper, next(iter(paper.RECIPES.values()))["paper"], corpus)
        return [selected.variant for selected in taken], list(refused)

    four = ("anger", "happiness", "neutral", "sadness")
    assert selections(lim2016, "boredom", *four) == (["emodb", "emodb/4hap"], [])
    assert selections(satt2017, "boredom", *four) == (["emodb/4hap"], [])
    kept, (reason,) = selections(lim2016, "boredom", *four[1:])
    assert (kept, "has no anger" in reason) == (["emodb"], True)


def test_audits_of_corpora_that_are_not_at_hand_now_are_kept(tmp_path):
    audit.keep([audited(), audited(corpus_variant="emodb-2s")], tmp_path)
    audit.keep([audited("b/two", corpus_variant="emodb-2s/4hap")], tmp_path)
    kept = [(a["system"], a["corpus_variant"]) for a in evidence_audits.read(tmp_path)]
    assert kept == [("a/one", "ravdess/4hap"), ("b/two", "emodb-2s/4hap")]


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"schema": 9, "audits": []}), json.dumps({"schema": 1})])
def test_a_damaged_file_is_one_sentence(tmp_path, text):
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(InputError, match="audit.json (is damaged|has schema) .*audit --keep results"):
        evidence_audits.read(tmp_path)


def test_fold_files_are_not_kept_as_ours(tmp_path):
    (tmp_path / "fold_1_train.csv").write_text("file,speaker,emotion\na,1,x\n")
    result = CliRunner().invoke(main, ["audit", str(tmp_path), "--keep", str(tmp_path)])
    assert result.exit_code == 2
    assert "it applies only to the audit of our own folds" in result.output


def test_a_file_is_hashed_once_until_it_changes(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(feature_store.audio, "fingerprint", lambda path: read.append(str(path)) or path.read_text())
    (tmp_path / "a.wav").write_text("first")
    first = Utterance(id="a", path=tmp_path / "a.wav", emotion="anger", speaker="s")
    for _ in range(2):
        assert jobs.audio_hashes([first], workers=1) == {"a": "first"}
    assert len(read) == 1
    (tmp_path / "a.wav").write_text("changed")
    assert jobs.audio_hashes([first], workers=1) == {"a": "changed"}
    assert len(read) == 2
