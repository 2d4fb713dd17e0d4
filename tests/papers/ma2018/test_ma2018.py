import dataclasses

import numpy as np
import pytest

from common import corpora
from common.corpora import synthetic
from common.errors import InputError
from common.evaluation import reported_results
from common.features import audio
from common.learning import batching
from common.learning.batching import Subset
from common.learning.training import Fitted, trained_parameters
from common.utterance import Corpus, Utterance
from papers import ma2018
from papers.ma2018 import decision, model
from papers.ma2018.features import FrontEnd, parts, spectrogram

CLASSES = ("anger", "happiness", "neutral", "sadness")
RATE = 16_000
PAPER = {name: presets["paper"] for name, presets in ma2018.RECIPES.items()}
VARIABLE, FIXED = PAPER["variable_length"], PAPER["fixed_length"]
TINY = {
    "front_end": FrontEnd(fft_length=160),  # 40 bins
    "filters": (4, 4, 4),
    "units": 8,
    "dense_units": 16,
    "dropout": 0.0,
}
keras_reads_its_learning_rate = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def utterances(emotions):
    return [Utterance(id=f"{i:03}", path=None, emotion=e, speaker=f"s{i % 4}") for i, e in enumerate(emotions)]


def part_of(shapes, seed=0, bins=40):
    """Utterance k has S parts of T frames, `shapes[k] = (S, T)`, and class k modulo 4."""
    generator = np.random.default_rng(seed)
    arrays = [generator.normal(-50, 10, (*shape, bins)).astype("float32") for shape in shapes]
    return Subset(utterances([CLASSES[k % 4] for k in range(len(shapes))]), arrays, CLASSES)


def lengths_only(chosen, lengths, classes=CLASSES):
    """A part that takes no memory: only its lengths matter."""
    return Subset(chosen, [np.broadcast_to(np.float32(0), (1, length, 1)) for length in lengths], classes)


# the recipes


@pytest.mark.parametrize(
    ("variant", "count"),
    [
        ("variable_length", 1_412_236),
        ("fixed_length", 1_412_236),
        ("variable_length_lstm", 1_854_092),
        ("variable_length_20hz", 797_836),
    ],
)
def test_parameters(variant, count):
    # for the first: 3088 + 36888 + 26912 + 2 * 3 * 128 * (1600 + 128 + 2) + 257 * 64 + 65 * 4
    assert PAPER[variant].num_parameters == trained_parameters(model.build(PAPER[variant], 4)) == count


def test_a_pair_differs_in_its_input_alone():
    for name in PAPER:
        if not name.startswith("fixed_length"):
            continue
        fixed, variable = PAPER[name], PAPER[name.replace("fixed", "variable")]
        front_end = dataclasses.replace(fixed.front_end, max_part_s=None)
        assert dataclasses.replace(fixed, front_end=front_end, fixed_frames=None) == variable


def test_names_say_which_weights_the_loss_has():
    for name, recipe in PAPER.items():
        assert recipe.length_weight == ("no_length_weight" not in name and "no_weights" not in name)
        assert recipe.class_weight == ("no_class_weight" not in name and "no_weights" not in name)


# the front end


def test_a_sine_stands_in_its_bin():
    t = np.arange(RATE) / RATE
    for fft_length, bins in ((1600, 400), (800, 200)):
        front_end = FrontEnd(fft_length=fft_length)
        decibels = spectrogram(0.5 * np.sin(2 * np.pi * 1000 * t).astype("float32"), RATE, front_end)
        assert decibels.shape == (1 + (RATE - 640) // 160, bins) and front_end.num_bins == bins
        assert (decibels.argmax(axis=1) == 1000 * fft_length // RATE).all()
        amplitude = 0.5 * 0.5 * np.hamming(640).sum()
        assert decibels.max() == pytest.approx(20 * np.log10(amplitude), abs=0.01)


def test_one_frame_equals_the_sum_that_defines_the_transform():
    waveform = np.random.default_rng(0).normal(0, 0.1, 640 + 3 * 160)
    decibels = spectrogram(waveform, RATE, FrontEnd())
    n = np.arange(640)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * n / 639)
    for frame, bin_ in ((0, 0), (1, 7), (3, 399)):
        hertz = 10 * bin_
        samples = waveform[160 * frame : 160 * frame + 640]
        transform = np.sum(samples * window * np.exp(-2j * np.pi * hertz * n / RATE))
        assert decibels[frame, bin_] == pytest.approx(10 * np.log10(abs(transform) ** 2 + 1e-10), abs=1e-3)


def test_silence_is_100_db_below_full_scale():
    assert np.unique(ma2018.features(np.zeros(RATE, "float32"), RATE, FrontEnd())).tolist() == [-100.0]


@pytest.mark.parametrize(("seconds", "count"), [(0.73, 1), (3.0, 1), (3.01, 2), (6.0, 2), (9.5, 4), (30.0, 10)])
def test_parts_are_the_fewest_of_equal_length_up_to_3_s(seconds, count):
    waveform = np.arange(round(seconds * RATE), dtype="float32")
    cut = parts(waveform, RATE, FIXED.front_end)
    assert len(cut) == count and len({len(part) for part in cut}) == 1 and len(cut[0]) <= 3 * RATE
    joined = np.concatenate(cut)
    np.testing.assert_array_equal(joined, waveform[: len(joined)])
    assert 0 <= len(waveform) - len(joined) < count
    assert len(parts(waveform, RATE, VARIABLE.front_end)) == 1
    features = ma2018.features(waveform / len(waveform), RATE, FIXED.front_end)
    assert features.shape[0] == count and features.shape[1] <= FIXED.fixed_frames


def test_the_shortest_recording_still_gives_one_step():
    assert ma2018.features(np.ones(1600, "float32"), RATE, FrontEnd()).shape == (1, 8, 400)
    assert ma2018.features(np.ones(1760, "float32"), RATE, FrontEnd()).shape == (1, 8, 400)
    assert ma2018.features(np.ones(1920, "float32"), RATE, FrontEnd()).shape == (1, 9, 400)


# weights and batches


def test_loss_weights_by_hand():
    part = Subset(
        utterances(["anger", "anger", "sadness"]), [np.zeros((1, n, 1)) for n in (2, 4, 1)], ("anger", "sadness")
    )

    def weights(**switches):
        return model.loss_weights(part, dataclasses.replace(VARIABLE, **switches)).tolist()

    both = np.array([1 / 2 / 2, 1 / 4 / 2, 1 / 1 / 1])
    assert weights() == pytest.approx((both / both.mean()).tolist())
    assert weights(class_weight=False) == pytest.approx([0.5 / 1.75 * 3, 0.25 / 1.75 * 3, 1 / 1.75 * 3])
    assert weights(length_weight=False) == pytest.approx([0.75, 0.75, 1.5])
    assert weights(length_weight=False, class_weight=False) == [1, 1, 1]


def test_a_sentence_weighs_the_same_in_however_many_parts():
    shapes = [(1, 40), (2, 40), (4, 40), (1, 40)]
    part = part_of(shapes)
    weights = model.loss_weights(part, dataclasses.replace(FIXED, class_weight=False))
    totals = [weight * count for weight, (count, _) in zip(weights, shapes, strict=True)]
    np.testing.assert_allclose(totals, totals[0])
    assert np.average(weights, weights=[1, 2, 4, 1]) == pytest.approx(1)


def test_batches_of_any_lengths_are_nearly_full_and_bounded():
    generator = np.random.default_rng(0)
    for count in (1, 2, 40, 400):
        lengths = np.clip(np.exp(generator.normal(5.85, 0.7, count)), 70, 3000).astype(int)
        lengths[: count // 20] = 2997
        batches = decision.batches(lengths_only(utterances(["anger"] * count), lengths), VARIABLE, seed=0)
        assert sorted(batches.order.tolist()) == list(range(count))
        assert batches.valid_share >= 0.95
        for batch in batches.batches:
            assert len(batch) <= 16 and len(batch) * lengths[batch].max() <= max(8000, lengths.max())
        before = [batch.tolist() for batch in batches.batches]
        batches.begin_epoch(1)
        assert count < 40 or [batch.tolist() for batch in batches.batches] != before


def num_frames(utterance):
    samples, rate = audio.duration(utterance.path)
    return 1 + (round(samples * RATE / rate) - 640) // 160


@pytest.mark.corpus
def test_share_of_real_frames_on_ravdess(corpora_dir):
    corpus = ma2018.select(corpora.load("ravdess", corpora_dir), VARIABLE)
    assert corpus.variant == "ravdess/4hap" and corpus.counts == dict(anger=192, happiness=192, neutral=96, sadness=192)
    batches = decision.batches(lengths_only(corpus.utterances, [num_frames(u) for u in corpus.utterances]), VARIABLE)
    assert 0.99 < batches.valid_share < 1


def test_share_of_real_frames_on_a_synthetic_iemocap_tree(tmp_path):
    synthetic.synthesize("iemocap", tmp_path, speakers=4, files=1, workers=1, progress=False)
    corpus = ma2018.select(corpora.load("iemocap", tmp_path), VARIABLE)
    assert corpus.variant == "iemocap-synthetic/improvised/4hap"
    batches = decision.batches(lengths_only(corpus.utterances, [num_frames(u) for u in corpus.utterances]), VARIABLE)
    assert batches.valid_share >= 0.95


def test_first_two_batches_of_one_length_do_not_bind_the_others():
    part = part_of([(1, 20)] * 32 + [(1, 30)] * 3)  # by length: 20, 20, 30
    recipe = dataclasses.replace(VARIABLE, **TINY)
    fitted = Fitted(model.build(recipe, 4), {})
    scores = decision.predict(fitted, part, recipe)["mean"]
    assert scores.shape == (35, 4)
    one = fitted.model({"features": part.features[34], "length": np.array([30], "int32")}, training=False)
    np.testing.assert_allclose(scores[34], np.asarray(one)[0], atol=1e-5)


# training and prediction


@keras_reads_its_learning_rate
def test_sentences_from_a_tenth_of_a_second_to_thirty_seconds_in_one_run():
    recipe = ma2018.RECIPES["variable_length_20hz"]["smoke"]
    generator = np.random.default_rng(0)
    noises = [generator.normal(0, 0.1, round(RATE * s)).astype("float32") for s in (0.11, 0.73, 2, 5, 2, 0.73, 30, 1)]
    arrays = [ma2018.features(noise, RATE, recipe.front_end) for noise in noises]
    part, valid = Subset(utterances(CLASSES * 2), arrays, CLASSES), Subset(utterances(CLASSES), arrays[:4], CLASSES)
    fitted = model.fit(recipe, part, valid, seed=0)
    scores = decision.predict(fitted, part, recipe)["mean"]
    assert scores.shape == (8, 4)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    frames = np.concatenate([array[0] for array in arrays]).astype("float64")  # of the training part, padding apart
    standardise = fitted.model.get_layer("standardise")
    np.testing.assert_allclose(np.ravel(standardise.mean), frames.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(np.ravel(standardise.variance), frames.var(axis=0), rtol=1e-5)


@keras_reads_its_learning_rate
def test_one_statistic_for_all_bins():
    recipe = dataclasses.replace(PAPER["variable_length_one_statistic"], **TINY, max_epochs=1)
    part = part_of([(1, 16), (1, 24), (1, 16), (1, 9)])
    fitted = model.fit(recipe, part, part, seed=0)
    values = np.concatenate([array.ravel() for array in part.features]).astype("float64")
    standardise = fitted.model.get_layer("standardise")
    np.testing.assert_allclose(standardise.mean, values.mean(), rtol=1e-5)
    np.testing.assert_allclose(standardise.variance, values.var(), rtol=1e-5)


# folds


def a_corpus(sessions=True):
    chosen = [
        Utterance(
            id=f"{session}{letter}{emotion}{k}",
            path=f"{session}{letter}{emotion}{k}.wav",
            emotion=emotion,
            speaker=f"{session}{letter}",
            session=session if sessions else None,
        )
        for session in "12345"
        for letter in "FM"
        for emotion in (*CLASSES, "fear")
        for k in range(2)
    ]
    return Corpus(name="calls", variant="calls", utterances=tuple(chosen))


def test_the_papers_folds_leave_a_session_out_and_turn_its_speakers_round():
    corpus = ma2018.select(a_corpus(), VARIABLE)
    assert corpus.classes == CLASSES and corpus.variant == "calls/4hap"
    folds = list(ma2018.folds(corpus, VARIABLE, "paper", 0))
    assert len(folds) == 10
    assert sorted(u.id for fold in folds for u in fold.test) == [u.id for u in corpus.utterances]
    for fold in folds:
        (test,), (valid,) = ({u.speaker for u in part} for part in (fold.test, fold.valid))
        assert test != valid and test[0] == valid[0]
        assert {u.session for u in fold.train} == set("12345") - {test[0]}
    with pytest.raises(InputError, match="session"):
        ma2018.folds(ma2018.select(a_corpus(sessions=False), VARIABLE), VARIABLE, "paper", 0)
    assert ma2018.select(a_corpus(), VARIABLE, ["fear", "anger"]).classes == ("anger", "fear")


# the paper's numbers


def test_the_papers_tables_are_consistent_where_they_are():
    paper = next(p for p in reported_results.read_all() if p.name == "ma2018")
    sizes = np.array(paper.data["derived"]["per_class"])
    value = {number.id: number.value for number in paper.published}
    for matrix, system in zip(paper.confusions, ("fixed", "variable"), strict=True):
        rows = np.array(matrix.rows)
        assert matrix.classes == paper.classes
        np.testing.assert_allclose(rows.sum(axis=1), 1, atol=2.1e-4)
        for name, recall in zip(matrix.classes, rows.diagonal(), strict=True):
            assert value[f"{matrix.id}-{name}"] == recall
        assert rows.diagonal().mean() == pytest.approx(value[f"T1-{system}-ua"], abs=1e-4)
        pooled = rows.diagonal() @ sizes / sizes.sum()
        assert value[f"T1-{system}-wa"] - pooled > 0.01  # the accuracies are not those of the matrices
    assert [m.rows[0][3] for m in paper.confusions] == [0.1344, 0.1121]


def test_common_batching_still_cuts_by_size_alone_where_nothing_else_is_asked():
    lengths = [5, 900, 5, 900, 5]
    batches = batching.Batches(lengths_only(utterances(["anger"] * 5), lengths), batch_size=2)
    assert [batch.tolist() for batch in batches.batches] == [[0, 1], [2, 3], [4]]
