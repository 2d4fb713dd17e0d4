"""Systems that are saved once for the tests that read them back: two of one fold, trained, and untrained networks."""

import functools

import numpy as np
import pytest
from click.testing import CliRunner

from common import records
from experiments.__main__ import main
from tests.support.records_by_hand import part, record

SYSTEMS = ("ctc", "framewise")
RELEASED = []  # by job of `trained`, by network: whether it was empty before its release and after it


def run(*arguments, stdin=None):
    return CliRunner().invoke(main, [str(a) for a in arguments], input=stdin)


def emptied(model):
    """Whether no variable of a compiled network or of its optimizer has a value left."""
    return all(np.asarray(variable.value).size == 0 for variable in model.variables + model.optimizer.variables)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A network and a forest of one fold of three synthetic speakers: folders and records by variant, files by id."""
    from common.corpora import synthetic
    from common.learning import training

    release = training.release

    def watched(networks):
        before = list(map(emptied, networks))
        release(networks)
        RELEASED.append(list(zip(before, map(emptied, networks), strict=True)))

    root = tmp_path_factory.mktemp("trained")
    synthetic.synthesize("ravdess", root / "ravdess", speakers=3, files=1, workers=1, progress=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SER_CACHE", str(root / "cache"))
        patch.setattr(training, "release", watched)
        done = run(
            *("run", "chernykh2018", "--variant", ",".join(SYSTEMS), "--corpus", "ravdess", "--data", root),
            *("--emotions", "4hap", "--protocol", "speaker_independent", "--preset", "smoke", "--folds", "1"),
            *("--workers", 1, "--results", root / "results", "--models", root / "models"),
        )
    assert done.exit_code == 0, done.output
    written = records.read_all(root / "results")
    folders = {r.variant: records.record_path(root / "models", r).with_suffix("") for r in written}
    return folders, {r.variant: r for r in written}, {p.stem: p for p in (root / "ravdess").rglob("*.wav")}


@pytest.fixture(scope="session")
def untrained(tmp_path_factory):
    """Function: a small network of "paper/variant" with the statistics of four vowels, saved once; folder, network."""
    import keras

    from common import recipes
    from common.learning.training import Fitted
    from common.utterance import Fold
    from experiments.saved_models import models
    from tests.papers.test_contract import FOUR, part_of, tiny

    @functools.cache
    def save(name):
        paper, recipe = tiny(name)
        network, _ = paper.prepare(recipe, part_of(paper, recipe, [1.0] * 4), seed=1)
        here = {"keras": keras.__version__}
        names = {"paper": paper.name, "variant": name.partition("/")[2]}
        described = record(
            part([0, 1], [0, 1], classes=FOUR),
            **names,
            recipe=recipes.plain(recipe),
            classes=FOUR,
            environment=here,
        )
        folder = tmp_path_factory.mktemp("untrained") / "saved"
        return models.save(Fitted(network, {}), described, Fold("fold_1", (), (), ()), folder), network

    return save
