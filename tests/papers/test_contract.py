"""Seven names for every paper: the next paper is tested by being listed in the catalog."""

import dataclasses
import importlib.util
import inspect

import numpy as np
import pytest

from common.errors import InputError
from common.evaluation import reported_results
from common.utterance import Corpus, Fold, Utterance
from experiments import catalog

NAMES = ("RECIPES", "select", "folds", "features", "build", "fit", "predict")
SYSTEMS = [(paper, variant) for paper, module in catalog.PAPERS.items() for variant in module.RECIPES]
FIRST = [(paper, next(iter(module.RECIPES))) for paper, module in catalog.PAPERS.items()]
RECIPE_FIELDS = ("corpus", "protocols", "num_parameters", "front_end", "max_epochs")
RATE = 16_000


CLASSES = {
    "ravdess": ("anger", "calm", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"),
    "emodb": ("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness"),
    "iemocap/improvised/4hap": ("anger", "happiness", "neutral", "sadness"),
    "iemocap/all/4exc": ("anger", "excitement", "neutral", "sadness"),
}


def corpus(speakers=12, name="ravdess"):
    """A corpus of names only: every speaker says every emotion in both sentences, twice, weakly and strongly."""
    utterances = [
        Utterance(
            id=f"{s:02}-{e}-{i}-{t}-{r}",
            path=f"{s:02}-{e}-{i}-{t}-{r}.wav",
            emotion=e,
            speaker=f"{s:02}",
            gender="male" if s % 2 else "female",
            session=f"{(s + 1) // 2}",
            text_id=t,
            intensity=i,
            repetition=r,
        )
        for s in range(1, speakers + 1)
        for e in CLASSES[name]
        for i in ("normal", "strong")
        for t in ("kids", "dogs")
        for r in ("01", "02")
    ]
    return Corpus(name=name.partition("/")[0], variant=name, utterances=tuple(utterances))


def waveform(seconds, seed=0):
    """A noisy vowel-like sound."""
    t = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 12)) * np.hanning(len(t))
    return (0.1 * tone + 0.002 * np.random.default_rng(seed).normal(size=len(t))).astype("float32")


@pytest.mark.parametrize("paper", catalog.PAPERS)
def test_the_seven_names_and_no_other(paper):
    module = catalog.paper(paper)
    assert sorted(module.__all__) == sorted(NAMES)
    assert all(callable(getattr(module, name)) for name in NAMES[1:])
    assert module.__doc__.strip()
    parameters = {name: tuple(inspect.signature(getattr(module, name)).parameters) for name in NAMES[1:]}
    assert parameters["select"] == ("corpus", "recipe", "emotions")
    assert parameters["folds"] == ("corpus", "recipe", "protocol", "seed")
    assert parameters["features"] == ("waveform", "sample_rate_hz", "front_end")
    assert parameters["build"] == ("recipe", "num_classes")
    assert parameters["fit"] == ("recipe", "train", "valid", "seed", "checkpoint", "report")
    assert parameters["predict"] == ("fitted", "part", "recipe")


@pytest.mark.parametrize(("paper", "variant"), SYSTEMS)
def test_recipes_are_frozen_and_presets_change_only_fields(paper, variant):
    presets = catalog.paper(paper).RECIPES[variant]
    assert list(presets) == ["paper", "quick", "smoke"]
    for recipe in presets.values():
        assert not [name for name in RECIPE_FIELDS if not hasattr(recipe, name)]
        assert ("paper" in recipe.protocols) == bool(reported_results.read(paper))  # its own split
        assert dataclasses.fields(recipe.front_end)
        with pytest.raises(dataclasses.FrozenInstanceError):
            recipe.corpus = "other"
    assert presets["smoke"].max_epochs <= presets["quick"].max_epochs <= presets["paper"].max_epochs


@pytest.mark.parametrize("paper", reported_results.read_all(), ids=lambda paper: paper.name)
def test_every_published_variant_exists(paper):
    variants = {number.variant for number in paper.published} - {""}
    assert bool(variants) == bool(paper.authors)  # a method that is no paper has no published numbers
    assert variants <= set(catalog.paper(paper.name).RECIPES)


@pytest.mark.parametrize("paper", catalog.PAPERS)
def test_compared_systems_exist(paper):
    assert set(catalog.COMPARED[paper]) <= set(catalog.paper(paper).RECIPES)


@pytest.mark.parametrize(("paper", "variant"), FIRST)
def test_emotions_named_are_the_emotions_selected(paper, variant):
    module, recipe = catalog.paper(paper), catalog.recipe(paper, variant, "paper")
    four = ("anger", "happiness", "neutral", "sadness")
    selected = module.select(corpus(), recipe, four)
    assert selected.classes == four
    assert selected.variant == "ravdess/4hap"
    assert len(selected.utterances) == 12 * 4 * 8


@pytest.mark.parametrize(("paper", "variant"), FIRST)
def test_folds_test_everyone_once_and_depend_on_nothing_but_the_seed(paper, variant):
    module, recipe = catalog.paper(paper), catalog.recipe(paper, variant, "paper")
    selected = module.select(corpus(), recipe, ("anger", "happiness", "neutral", "sadness"))
    folds = tuple(module.folds(selected, recipe, "speaker_independent", 0))
    assert all(isinstance(fold, Fold) for fold in folds)
    tested = sorted(u.id for fold in folds for u in fold.test)
    assert tested == sorted(u.id for u in selected.utterances)
    backwards = dataclasses.replace(selected, utterances=selected.utterances[::-1])
    assert tuple(module.folds(backwards, recipe, "speaker_independent", 0)) == folds
    for fold in folds:
        speakers = [{u.speaker for u in part} for part in fold.parts.values()]
        assert not speakers[0] & speakers[1] and not speakers[0] & speakers[2] and not speakers[1] & speakers[2]


@pytest.mark.parametrize("paper", catalog.PAPERS)
def test_an_unknown_protocol_is_one_sentence(paper):
    module = catalog.paper(paper)
    recipe = next(iter(module.RECIPES.values()))["paper"]
    with pytest.raises(InputError, match="nonsense"):
        tuple(module.folds(corpus(), recipe, "nonsense", 0))


@pytest.mark.parametrize(("paper", "variant"), SYSTEMS)
def test_features_are_examples_of_float32_that_depend_on_nothing_but_the_sound(paper, variant):
    recipe = catalog.recipe(paper, variant, "smoke")
    if getattr(recipe.front_end, "kind", "") == "resnet50":
        pytest.skip("a pretrained front end has its own test")
    if getattr(recipe.front_end, "kind", "") == "egemaps":
        if importlib.util.find_spec("opensmile") is None:
            pytest.skip("no openSMILE: install requirements-opensmile.txt")
    rate = recipe.front_end.sample_rate_hz or RATE
    for seconds in (0.8, 4.5):
        sound = np.interp(
            np.arange(round(seconds * rate)) / rate, np.arange(round(seconds * RATE)) / RATE, waveform(seconds)
        )
        features = [catalog.paper(paper).features(sound.astype("float32"), rate, recipe.front_end) for _ in range(2)]
        assert features[0].dtype == np.float32
        assert features[0].ndim in (3, 4) and features[0].shape[0] >= 1 and features[0].shape[1] >= 1
        assert np.isfinite(features[0]).all()
        np.testing.assert_array_equal(features[0], features[1])


@pytest.mark.parametrize(("paper", "variant"), SYSTEMS)
def test_the_stated_number_of_parameters_is_the_built_one(paper, variant):
    from common.learning.training import trained_parameters

    recipe = catalog.recipe(paper, variant, "paper")
    if recipe.num_parameters == 0:
        pytest.skip("not a network")
    if recipe.num_parameters > 60e6:
        pytest.skip("built in the paper's own test")
    if getattr(recipe.front_end, "kind", "") == "resnet50":
        pytest.skip("its base needs weights; the head is counted in the paper's own test")
    classes = catalog.paper(paper).select(corpus(name=recipe.corpus), recipe).classes
    assert trained_parameters(catalog.paper(paper).build(recipe, len(classes))) == recipe.num_parameters
