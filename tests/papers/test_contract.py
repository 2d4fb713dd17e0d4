"""The contract of papers/README.md, for every method of the catalog: the next one is tested by being listed."""

import dataclasses
import importlib.util

import numpy as np
import pytest

from common import recipes
from common.errors import InputError
from common.evaluation import metrics, reported_results
from common.utterance import Corpus, Fold, Utterance
from experiments import catalog

SYSTEMS = [(paper, variant) for paper in catalog.NAMES for variant in catalog.paper(paper).RECIPES]
FIRST = [(paper, next(iter(catalog.paper(paper).RECIPES))) for paper in catalog.NAMES]
FRONT_ENDS = {(paper, catalog.recipe(paper, variant, "smoke").front_end): variant for paper, variant in SYSTEMS[::-1]}
RATE = 16_000
FOUR = ("anger", "happiness", "neutral", "sadness")
EFFORT = {"max_epochs", "epochs", "patience", "num_trees", "stride"}  # what a preset may reduce
SIZES = {"filters", "units", "dense_units"}  # and `smoke` besides
STEPS = 400  # in which eight utterances are learnt by heart
LEFT = 0.1  # of the loss at the start, that is left then

IMAGE = ("front_end.frame_length=32", "front_end.hop=16", "front_end.num_bins=16", "front_end.segment_frames=16")
IMAGE += ("front_end.window_hop=4", "front_end.stride=1000", "filters=4")
SHORT = ("front_end.part_s=0.5", "front_end.window_s=0.008", "front_end.dft_length=128", "front_end.num_frames=60")
SHORT += ("dense_units=16", "learning_rate=0.002", "epochs=1")
FEW_BINS = ("front_end.fft_length=160", "filters=4x4x4", "units=8", "dense_units=16", "learning_rate=0.02")
TINY = {  # system -> changes that make its training a matter of a second; a system without them is small at `smoke`
    "emmert/mfcc": ("learning_rate=0.002",),
    "lim2016/cnn": (*IMAGE, "dense_units=16"),
    "lim2016/lstm": (*IMAGE, "lstm_units=12", "learning_rate=0.1"),
    "lim2016/td_cnn": (*IMAGE, "lstm_units=12", "learning_rate=0.1"),
    "satt2017/cnn3_lstm_20hz": (*SHORT, "lstm_units=8"),
    "satt2017/cnn5_20hz": SHORT,
    "satt2017/cnn3_lstm_20hz_attention": (*SHORT, "lstm_units=8", "lstm_layers=2"),
    "ma2018/variable_length_20hz": FEW_BINS,
    "ma2018/fixed_length_20hz": (*FEW_BINS, "fixed_frames=200", "front_end.max_part_s=1.0"),
    "chernykh2018/one_label": ("units=12", "dense_units=16", "max_steps=12", "learning_rate=0.02"),
    "chernykh2018/ctc": ("units=12", "dense_units=16", "max_steps=12", "learning_rate=0.02"),
}
MAIN = [f"{paper}/{variant}" for paper in catalog.NAMES for variant in catalog.paper(paper).COMPARED]
WITHOUT_LEARNING = ("chernykh2018/dummy",)  # always says the same


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


def changed_fields(one, other):
    """Names of the fields that differ, those of dataclasses in them by their own names."""
    if not dataclasses.is_dataclass(one):
        return set() if one == other else {""}
    pairs = [(f.name, getattr(one, f.name), getattr(other, f.name)) for f in dataclasses.fields(one)]
    return {
        inner or name
        for name, mine, theirs in pairs
        for inner in (changed_fields(mine, theirs) if type(mine) is type(theirs) else {""})
    }


@pytest.mark.parametrize(("paper", "variant"), SYSTEMS)
def test_presets_change_the_effort_and_nothing_else(paper, variant):
    presets = catalog.paper(paper).RECIPES[variant]
    assert changed_fields(presets["paper"], presets["quick"]) <= EFFORT
    assert changed_fields(presets["paper"], presets["smoke"]) <= EFFORT | SIZES
    is_published = bool(reported_results.read(paper))
    assert all(("paper" in recipe.protocols) == is_published for recipe in presets.values())  # its own split


@pytest.mark.parametrize("paper", reported_results.read_all(), ids=lambda paper: paper.name)
def test_every_published_variant_exists(paper):
    variants = {number.variant for number in paper.published} - {""}
    assert bool(variants) == bool(paper.authors)  # a method that is no paper has no published numbers
    assert variants <= set(catalog.paper(paper.name).RECIPES)


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


@pytest.mark.parametrize("paper", catalog.NAMES)
def test_an_unknown_protocol_is_one_sentence(paper):
    module = catalog.paper(paper)
    recipe = next(iter(module.RECIPES.values()))["paper"]
    with pytest.raises(InputError, match="nonsense"):
        tuple(module.folds(corpus(), recipe, "nonsense", 0))


def usable(front_end):
    """Skip, where what a front end needs is not here."""
    if getattr(front_end, "pretrained", False) or getattr(front_end, "kind", "") == "resnet50":
        pytest.skip("a pretrained front end has its own test")
    if getattr(front_end, "kind", "") == "egemaps" and importlib.util.find_spec("opensmile") is None:
        pytest.skip("no openSMILE: install requirements-opensmile.txt")


@pytest.mark.parametrize(
    ("paper", "front_end"), [pytest.param(*key, id=f"{key[0]}-{variant}") for key, variant in FRONT_ENDS.items()]
)
def test_features_are_finite_and_depend_on_nothing_but_the_sound(paper, front_end):
    usable(front_end)
    rate = front_end.sample_rate_hz
    for seconds in (0.8, 4.5):
        sound = at_rate(waveform(seconds), rate)
        first, again = (catalog.paper(paper).features(sound, rate, front_end) for _ in range(2))
        assert np.isfinite(first).all()
        np.testing.assert_array_equal(first, again)
    with pytest.raises(ValueError, match=f"at 12345 Hz, expected {rate} Hz"):
        catalog.paper(paper).features(sound, 12_345, front_end)
    with pytest.raises(InputError, match="no samples"):
        catalog.paper(paper).features(sound[:0], rate, front_end)


def at_rate(sound, rate):
    times = np.arange(round(len(sound) / RATE * rate)) / rate
    return np.interp(times, np.arange(len(sound)) / RATE, sound).astype("float32")


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


def tiny(name):
    """(paper, recipe) of `paper/variant`, small and without what keeps a network from learning by heart."""
    method, variant = name.split("/")
    recipe, _ = recipes.changed(catalog.recipe(method, variant, "smoke"), TINY.get(name, ()))
    usable(recipe.front_end)
    absent = {"dropout": 0.0, "l1": 0.0, "l2": 0.0, "min_share": 0.0}
    held_back = {key: value for key, value in absent.items() if hasattr(recipe, key)}
    return catalog.paper(method), dataclasses.replace(recipe, **held_back)


def part_of(paper, recipe, seconds):
    """Vowels whose pitch and loudness tell the emotion, the emotions in turn, each before a pause with noise alone."""
    from common.learning.batching import Subset

    rate, arrays = recipe.front_end.sample_rate_hz, []
    for number, duration in enumerate(seconds):
        t = np.arange(round(duration * RATE)) / RATE
        pitch = 110 * (1 + 0.5 * (number % 4)) + 3 * (number // 4)
        tone = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 12)) * (0.03 + 0.04 * (number % 4))
        noise = 0.002 * np.random.default_rng(number).normal(size=len(t))
        arrays.append(paper.features(at_rate(tone * (t < 0.7 * duration) + noise, rate), rate, recipe.front_end))
    said = [Utterance(id=f"u{n}", path="", emotion=FOUR[n % 4], speaker=f"s{n // 4}") for n in range(len(seconds))]
    return Subset(said, arrays, FOUR)


@pytest.mark.parametrize("name", sorted({*MAIN, *TINY} - {*WITHOUT_LEARNING}))
def test_eight_utterances_are_learnt_by_heart(name):
    """Every rule decides all of them rightly, and a tenth of the loss is left."""
    from common.learning.training import Fitted

    paper, recipe = tiny(name)
    eight = part_of(paper, recipe, [0.5] * 8)
    network, batches = paper.prepare(recipe, eight, seed=0)
    if not hasattr(network, "train_on_batch"):
        fitted = paper.fit(recipe, eight, eight, seed=0)
        assert rules_that_err(paper, fitted, eight, recipe) == []
        return
    network.optimizer.build(network.trainable_variables)  # in its first step, Keras would trace the step twice
    fitted, before = Fitted(network, {}), loss(network, batches)
    for step in range(STEPS):
        batches.begin_epoch(step)
        for index in range(len(batches)):
            network.train_on_batch(*batches[index])
        is_looked_at = step % 10 == 9 and loss(network, batches) < LEFT * before
        if is_looked_at and not rules_that_err(paper, fitted, eight, recipe):
            break
    assert loss(network, batches) < LEFT * before
    assert rules_that_err(paper, fitted, eight, recipe) == []


def loss(network, batches) -> float:
    """Mean over the batches, dropout off."""
    each = (batches[index] for index in range(len(batches)))
    losses = [network.compute_loss(x, y, network.predict_on_batch(x), w, training=False) for x, y, w in each]
    return float(np.mean([float(value) for value in losses]))


def rules_that_err(paper, fitted, part, recipe) -> list[str]:
    scores = paper.predict(fitted, part, recipe)
    return [rule for rule, values in scores.items() if metrics.decide(values).tolist() != part.labels.tolist()]


@pytest.mark.parametrize("name", sorted({*MAIN, *TINY}))
def test_what_else_is_in_a_batch_changes_no_prediction(name):
    from common.learning.training import Fitted

    paper, recipe = tiny(name)
    part = part_of(paper, recipe, (0.3, 0.9, 2.1, 1.3))
    network, _ = paper.prepare(recipe, part, seed=3)
    fitted = Fitted(network, {}) if hasattr(network, "layers") else paper.fit(recipe, part, part, seed=3)
    together = paper.predict(fitted, part, recipe)
    for index in range(len(part)):
        for rule, alone in paper.predict(fitted, part.take([index]), recipe).items():
            np.testing.assert_allclose(together[rule][index], alone[0], atol=1e-4, err_msg=rule)
