"""The verb `draw`: which systems and sentences it takes, and the files that it writes."""

import dataclasses
import json
from importlib import metadata

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from common import records
from common.errors import InputError
from common.features import speech_synthesis
from common.learning.training import Fitted
from common.utterance import Fold, Utterance
from experiments import catalog
from experiments.__main__ import main
from experiments.report import html_page, paper_figures
from experiments.saved_models import litert, models
from tests.support.records_by_hand import part, record

RATE = 16_000
CLASSES = ("anger", "happiness", "neutral", "sadness")
TESTED = ("v-sadness", "v-neutral-2", "v-anger", "v-neutral-1", "v-happiness")  # in no order of the alphabet
ROWS = (("fixed_length", "variable_length"), ("fixed_length_20hz", "variable_length_20hz"))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """calls.csv: one speaker, a sentence of each emotion, two of neutral."""
    folder = tmp_path_factory.mktemp("calls")
    speaker = speech_synthesis.make_speaker("v", "female")
    lines = ["file,emotion,speaker"]
    for name in TESTED:
        emotion = name.split("-")[1]
        said = speech_synthesis.speak(
            emotion, speaker, "give me the other one over there", seed=len(name), sample_rate_hz=RATE
        )
        soundfile.write(folder / f"{name}.wav", said, RATE)
        lines.append(f"{name}.wav,{emotion},v")
    (folder / "calls.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(autouse=True)
def keras_alone(monkeypatch):
    """No LiteRT file beside the saved network, which takes seconds: figures are drawn from Keras's."""
    monkeypatch.setattr(litert, "write", lambda network, path: "not written")


def saved(root, paper, variant, **changes):
    """An untrained system at preset smoke with its record: under root/models and root/results."""
    recipe = catalog.recipe(paper, variant, "smoke")
    network = catalog.paper(paper).build(recipe, len(CLASSES))
    labels = [CLASSES.index(name.split("-")[1]) for name in TESTED]
    tested = part(labels, labels, ["v"] * len(TESTED), TESTED, classes=CLASSES)
    fields = {
        "paper": paper,
        "variant": variant,
        "preset": "smoke",
        "corpus": "manifest:calls",
        "corpus_variant": "manifest:calls",
        "protocol": "speaker_independent",
        "fold": "fold_2",
        "num_folds": 6,
        "classes": list(CLASSES),
        "recipe": json.loads(json.dumps(dataclasses.asdict(recipe))),
        "environment": {"keras": metadata.version("keras")},
        "cost": {"seconds_fit": 1.0, "peak_memory_mib": 1.0, "parameters": 1},
    }
    run = record(tested, **(fields | changes))
    path = records.write(run, root=root / "results")
    utterances = tuple(Utterance(id=i, path="", emotion="anger", speaker="v") for i in TESTED)
    fold = Fold("fold_2", train=utterances, valid=utterances, test=utterances)
    place = root / "models" / path.relative_to(root / "results").with_suffix("")
    models.save(Fitted(network, {}), run, fold, place)
    return run


@pytest.fixture
def drawn(recordings, tmp_path, monkeypatch):
    """Function: draws a paper from what was saved in tmp_path."""
    monkeypatch.chdir(recordings)

    def draw(paper, into="figures", **options):
        places = {"saved": tmp_path / "models", "data": None, "results": tmp_path / "results", "into": tmp_path / into}
        return paper_figures.draw(paper, **(places | options))

    draw.root = tmp_path
    return draw


def test_the_figures_of_ma_from_both_of_its_systems(drawn):
    for variant in ROWS[0]:
        saved(drawn.root, "ma2018", variant)
    paths = drawn("ma2018")
    assert [path.name for path in paths] == ["figure_2.png", "figure_3.png"]
    second, third = (path.with_suffix(".txt").read_text() for path in paths)
    assert "neutral v-neutral-2." in second and "v-neutral-1" not in second  # the first of the record, not of the names
    assert "anger v-anger, happiness v-happiness, sadness v-sadness." in third
    assert "ma2018/fixed_length, ma2018/variable_length on manifest:calls" in second
    assert "preset smoke, seed 0, fold_2" in second and "Recordings: a user's own recordings" in second
    again = drawn("ma2018", into="again")
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]
    assert all(path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5000 for path in paths)


def test_the_figures_of_satt_and_the_page_that_shows_them(drawn):
    saved(drawn.root, "satt2017", "cnn3_lstm_20hz", limits="cut <to> 2 s")
    paths = drawn("satt2017", into="results/figures")
    assert [path.stem for path in paths] == ["figures_2_and_3", "figure_4", "figure_5"]
    assert all("v-neutral-2" in path.with_suffix(".txt").read_text() for path in paths)
    report = html_page.write(drawn.root / "results").parent
    text = (report / "paper-satt2017.html").read_text(encoding="utf-8")
    assert 'id="paper-figures"' in text and "figures 2 and 3" in text and "cut &lt;to&gt; 2 s." in text
    assert sorted((report / "figures").glob("satt2017-figure*.png")) and html_page.faults(drawn.root / "results") == []
    assert 'id="paper-figures"' not in (report / "paper-ma2018.html").read_text(encoding="utf-8")


# which systems


def planted(root, *places):
    for place in places:
        folder = root / "runs" / "ma2018" / place
        folder.mkdir(parents=True)
        (folder / models.DESCRIPTION).touch()


def test_the_lowest_fold_that_all_systems_have(tmp_path):
    quick = "ravdess-4hap/speaker_independent-quick"
    planted(tmp_path, *(f"variable_length/{quick}/seed_0/fold_{k}" for k in (1, 2, 10)))
    planted(
        tmp_path, *(f"fixed_length/{quick}/seed_0/fold_{k}" for k in (10, 2)), f"fixed_length/{quick}/seed_1/fold_1"
    )
    folders = paper_figures.folders(tmp_path, "ma2018", ROWS)
    base = tmp_path / "runs" / "ma2018"
    assert folders == [base / variant / quick / "seed_0" / "fold_2" for variant in ROWS[0]]


def test_the_paper_s_own_row_and_preset_come_first(tmp_path):
    planted(tmp_path, *(f"{v}/ravdess-4hap/paper-paper/seed_0/fold_1" for v in ROWS[1]))
    assert paper_figures.folders(tmp_path, "ma2018", ROWS)[0].parts[-5] == "fixed_length_20hz"
    planted(tmp_path, *(f"{v}/emodb-2s-4hap/paper-smoke/seed_0/fold_1" for v in ROWS[0]))
    assert paper_figures.folders(tmp_path, "ma2018", ROWS)[0].parts[-5:-2] == (
        "fixed_length",
        "emodb-2s-4hap",
        "paper-smoke",
    )
    planted(tmp_path, *(f"{v}/ravdess-4hap/paper-quick/seed_3/fold_4" for v in ROWS[0]))
    assert paper_figures.folders(tmp_path, "ma2018", ROWS)[0].parts[-4:-2] == ("ravdess-4hap", "paper-quick")
    emodb = paper_figures.folders(tmp_path, "ma2018", ROWS, "emodb-2s-4hap")
    assert [folder.parts[-4] for folder in emodb] == ["emodb-2s-4hap"] * 2
    with pytest.raises(InputError, match="no fold of fixed_length with variable_length or .* on iemocap"):
        paper_figures.folders(tmp_path, "ma2018", ROWS, "iemocap")


# what is at fault


def test_other_recordings_than_those_of_the_record_are_refused(drawn, recordings):
    saved(drawn.root, "satt2017", "cnn3_lstm_20hz", corpus="manifest:short", corpus_variant="manifest:short")
    lines = (recordings / "calls.csv").read_text().splitlines()
    (recordings / "short.csv").write_text("\n".join(line for line in lines if "neutral" not in line) + "\n")
    with pytest.raises(InputError, match="lacks the test utterance v-neutral-2"):
        drawn("satt2017")
    (recordings / "short.csv").rename(recordings / "short.tsv")
    with pytest.raises(InputError, match="lacks the test utterance v-neutral-2"):
        drawn("satt2017")
    (recordings / "short.csv").touch()
    with pytest.raises(InputError, match=r"manifest:short: 2 tables short\.csv.* expected one"):
        drawn("satt2017")


def test_a_system_whose_record_is_another_training_is_refused(drawn):
    run = saved(drawn.root, "satt2017", "cnn3_lstm_20hz")
    path = records.record_path(drawn.root / "results", run)
    path.unlink()
    with pytest.raises(InputError, match="not a run record"):
        drawn("satt2017")
    records.write(dataclasses.replace(run, fold_fingerprint="another"), root=drawn.root / "results")
    with pytest.raises(InputError, match="another training"):
        drawn("satt2017")


def test_an_emotion_that_nobody_was_tested_on_is_one_sentence(drawn):
    saved(drawn.root, "satt2017", "cnn3_lstm_20hz")
    path = next((drawn.root / "results").rglob("*.json"))
    text = json.loads(path.read_text())
    test, classes = text["parts"]["test"], text["classes"]
    kept = [k for k, name in enumerate(test["utterances"]) if "neutral" not in name]
    for name in ("utterances", "speakers", "labels"):
        test[name] = [test[name][k] for k in kept]
    test["scores"] = {rule: [rows[k] for k in kept] for rule, rows in test["scores"].items()}
    test["confusion"] = [[test["labels"].count(k), *[0] * len(classes)] for k in range(len(classes))]
    text["counts"]["test"] = {name: test["labels"].count(k) for k, name in enumerate(classes)}
    path.write_text(json.dumps(text))
    with pytest.raises(InputError, match="needs neutral, which the test part lacks"):
        drawn("satt2017")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["emmert", "--models", "."], "emmert has no figures of its own; choose from lim2016, satt2017, ma2018"),
        (["nobody2019", "--models", "."], "unknown paper"),
        (["ma2018", "--models", "nowhere"], "nowhere has no fold of fixed_length with variable_length"),
        (["ma2018"], "--models"),
        (["ma2018", "--corpus", "ravdess"], "ma2018 has no figures of recordings only"),
        (["lim2016", "--models", "."], "lim2016 has no figures of saved systems"),
    ],
)
def test_the_command_says_what_is_missing(arguments, expected):
    result = CliRunner().invoke(main, ["draw", *arguments])
    assert result.exit_code == 2 and expected in result.output.replace("\n", " "), result.output


def test_every_paper_with_figures_keeps_the_contract():
    having = [name for name in catalog.NAMES if not isinstance(_figures(name), InputError)]
    assert having == ["lim2016", "satt2017", "ma2018"]
    assert all(
        hasattr(_figures(name), "paper_figures") or hasattr(_figures(name), "recording_figures") for name in having
    )
    for name in (name for name in having if hasattr(_figures(name), "paper_figures")):
        rows = _figures(name).SYSTEMS
        assert all(variant in catalog.paper(name).RECIPES for row in rows for variant in row)
        assert len({len(row) for row in rows}) == 1 and np.size(rows) > 0


def _figures(name):
    try:
        return catalog.figures_of(name)
    except InputError as error:
        return error
