"""The systems of results/models: they load here, are what their records say, and answer without Keras.

`python -m tests.experiments.saved_models.test_shipped` writes their cards anew, after a change of the template.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from common import corpora, records
from experiments.__main__ import main
from experiments.saved_models import model_card, models, predict

ROOT = Path(__file__).resolve().parents[3] / "results"
FOLDERS = sorted(path.parent for path in ROOT.glob("models/*/config.json"))
LARGEST_BYTES = 3_000_000  # of a folder: everybody who clones the repository gets it
shipped = pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)


def record_of(described) -> records.RunRecord:
    keys = {name: getattr(described, name) for name in records.KEY}
    return records.read(records.path_of(ROOT, **keys))


def card_of(folder) -> str:
    """The card of a shipped system: of its own description, and the test part of its record."""
    saved = models.load(folder, keras=True)
    described = dataclasses.replace(saved.record, parts=record_of(saved.record).parts)
    return model_card.text(described, saved.speakers, {models.ONLY: saved.model})


def test_there_are_some():
    assert {folder.name for folder in FOLDERS} >= {
        "emmert-mfcc",
        "satt2017-cnn5_20hz",
        "chernykh2018-one_label",
        "chernykh2018-ctc",
    }


@shipped
def test_a_shipped_system_fits_this_suite_and_belongs_to_a_record(folder):
    saved = models.load(folder)
    assert not saved.differs and saved.runtime == "LiteRT"
    recorded = record_of(saved.record)
    assert recorded.fold_fingerprint == saved.record.fold_fingerprint
    confusion = np.array(recorded.parts["test"]["confusion"])
    ua = 100 * np.mean(np.diag(confusion) / confusion.sum(axis=1))
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"| UA, mean recall of the classes | {ua:.1f} |" in card
    assert "CC BY-NC-SA 4.0" in card
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < LARGEST_BYTES


@shipped
def test_its_card_is_that_of_the_template(folder):
    assert (folder / models.CARD).read_text(encoding="utf-8") == card_of(folder)


@shipped
def test_a_shipped_system_answers(folder, tmp_path, tone):
    soundfile.write(tmp_path / "tone.wav", tone(2.0), 16000)
    outcome = CliRunner().invoke(main, ["predict", str(folder), str(tmp_path / "tone.wav"), "--json"])
    assert outcome.exit_code == 0, outcome.output
    (prediction,) = json.loads(outcome.stdout)["predictions"]
    assert prediction["decision"] in {"anger", "happiness", "neutral", "sadness", None}


@pytest.mark.corpus
@shipped
def test_a_shipped_system_gives_the_scores_of_its_record(folder, corpora_dir):
    saved = models.load(folder)
    recorded = record_of(saved.record)
    files = {u.id: u.path for u in corpora.load(saved.record.corpus, corpora_dir).utterances}
    predictor, tested = predict.Predictor(saved), recorded.parts["test"]["utterances"]
    for number in range(0, len(tested), len(tested) // 5):
        scores = predictor.piece(files[tested[number]]).scores
        for rule, of_all in recorded.parts["test"]["scores"].items():
            assert list(scores[rule].values()) == pytest.approx(of_all[number], abs=1e-4), (tested[number], rule)


if __name__ == "__main__":
    for place in FOLDERS:
        (place / models.CARD).write_text(card_of(place), encoding="utf-8")
