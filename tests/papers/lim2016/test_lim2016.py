"""Lim 2016: front end, folds, the human reference, what the paper says, the networks and their training."""

import collections
import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile

from common.corpora import emodb
from common.corpora import load as load_corpus
from common.errors import InputError
from common.evaluation import reported_results
from common.features import audio
from common.folds import leakage
from common.learning import batching, training
from common.utterance import Corpus, Utterance
from papers import lim2016
from papers.lim2016 import decision, figures, leaky, model, protocol
from papers.lim2016.features import FrontEnd, log_power

FRONT_END = FrontEnd()
TIME_DISTRIBUTED = protocol.TD_FRONT_END


def noise(seconds, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * 16_000))).astype("float32")


def features(waveform, front_end=FRONT_END):
    return lim2016.features(waveform, 16_000, front_end)


def corpus_of(counts_by_speaker, name="emodb"):
    """{speaker: {emotion: n}} -> a corpus."""
    rows = [(s, e, n) for s, counts in counts_by_speaker.items() for e, count in counts.items() for n in range(count)]
    utterances = [Utterance(id=f"{s}-{e}-{n}", path=Path(f"{s}-{e}-{n}.wav"), emotion=e, speaker=s) for s, e, n in rows]
    return Corpus(name=name, variant=name, utterances=tuple(sorted(utterances, key=lambda u: u.id)))


EMODB = corpus_of(
    {
        speaker: collections.Counter(
            emodb.EMOTIONS[name[5]] for name in emodb.FIRST_RELEASE if name.startswith(speaker)
        )
        for speaker in emodb.GENDERS
    }
)


# --- front end


def test_log_power_is_the_fourier_sum_of_a_hann_window():
    wave = noise(0.05).astype("float64")
    ours = log_power(wave, FRONT_END)
    n = np.arange(256)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / 256)
    for frame, start in enumerate(range(0, len(wave) - 255, 128)):
        for k in (0, 1, 37, 127):
            total = sum(wave[start + i] * window[i] * np.exp(-2j * np.pi * k * i / 256) for i in n)
            assert ours[frame, k] == pytest.approx(10 * np.log10(abs(total) ** 2), abs=1e-3)
    assert ours.shape == (frame + 1, 128)


def test_a_tone_stands_in_its_bin():
    wave = np.sin(2 * np.pi * 1000 * np.arange(32_000) / 16_000).astype("float32")
    image = features(wave)
    assert (image.argmax(axis=2) == 16).all()  # 1000 Hz / (16000 Hz / 256)
    assert image.max() == pytest.approx(20 * np.log10(64), abs=0.01)  # half of the window's sum of 128


@pytest.mark.parametrize("front_end", [FRONT_END, TIME_DISTRIBUTED, dataclasses.replace(FRONT_END, stride=8)])
@pytest.mark.parametrize("seconds", [0.2, 1.0, 1.032, 1.3, 2.0, 2.78, 5.0])
def test_examples_are_all_that_fit_on_the_grid_and_one_at_least(front_end, seconds):
    wave = noise(seconds)
    examples = features(wave, front_end)
    frames = len(wave) // 128 - 1  # 50 % overlap: one frame fewer than halves
    fitting = [s for s in range(0, 1000, front_end.stride) if s + front_end.example_frames <= frames]
    assert examples.shape == (max(1, len(fitting)), front_end.example_frames, 128)
    assert examples.dtype == np.float32
    whole = log_power(wave, front_end)
    for example, start in zip(examples, fitting, strict=False):
        np.testing.assert_array_equal(example, whole[start : start + front_end.example_frames])


def test_two_seconds_make_two_segments_and_four_groups():
    assert len(features(noise(2.0))) == 2
    assert len(features(noise(2.0), TIME_DISTRIBUTED)) == 4
    assert (FRONT_END.example_frames, TIME_DISTRIBUTED.example_frames) == (128, 152)


@pytest.mark.parametrize("seconds", [0.3, 0.9, 1.4, 2.0])
@pytest.mark.parametrize("before_s, after_s", [(0, 0.01), (0, 0.7), (0, 9.0), (0.4, 1.1)])
def test_no_amount_of_padding_changes_the_features(seconds, before_s, after_s):
    wave = noise(seconds)
    padded = np.pad(wave, (round(before_s * 16_000), round(after_s * 16_000)))
    np.testing.assert_array_equal(features(padded), features(wave))


def test_a_short_utterance_gives_one_segment_which_is_silent_only_after_it():
    segment = features(noise(0.5))
    assert segment.shape[0] == 1
    assert (segment[0, : 8_000 // 128 - 1] > -100).any(axis=1).all()
    assert (segment[0, 8_000 // 128 + 1 :] == -100).all()


@pytest.mark.corpus
def test_no_segment_of_the_cut_emodb_is_padding(corpora_dir):
    """123 of its files are shorter than 2.0 s and filled with zeros; the shortest speech lasts 1.23 s."""
    corpus = load_corpus("emodb", corpora_dir)
    segments = []
    for u in corpus.utterances:
        examples = features(audio.read(u.path, sample_rate_hz=16_000)[0])
        assert len(examples) in (1, 2)
        segments += list(examples)
    sound = np.array([(segment > -90).any(axis=1).mean() for segment in segments])
    assert sound.min() > 0.9


# --- folds


@pytest.mark.parametrize("seed", [0, 4])
def test_the_papers_protocol_is_stratified_tenfold_over_utterances(seed):
    folds = lim2016.folds(EMODB, lim2016.RECIPES["cnn"]["paper"], "paper", seed)
    assert [fold.name for fold in folds] == [f"fold_{k}" for k in range(1, 11)]
    assert sorted(u.id for fold in folds for u in fold.test) == [u.id for u in EMODB.utterances]
    for fold in folds:
        assert sorted(u.id for u in fold.train + fold.test) == [u.id for u in EMODB.utterances]
        assert fold.valid == ()
        for emotion, total in EMODB.counts.items():
            count = sum(u.emotion == emotion for u in fold.test)
            assert total // 10 <= count <= -(-total // 10)
    assert {f.level for f in leakage.audit(folds, speaker_independent=False)} == {"WARN"}


def test_repeats_differ():
    recipe = lim2016.RECIPES["cnn"]["paper"]
    assert lim2016.folds(EMODB, recipe, "paper", 0) != lim2016.folds(EMODB, recipe, "paper", 1)


@pytest.mark.parametrize("name, count", [("leave_one_speaker_out", 10), ("speaker_independent", 6), ("random", 10)])
def test_shared_protocols_are_the_shared_ones(name, count):
    folds = lim2016.folds(EMODB, lim2016.RECIPES["td_cnn_fc"]["quick"], name, 0)
    assert len(folds) == count
    if name != "random":
        assert all({u.speaker for u in fold.test}.isdisjoint(u.speaker for u in fold.train) for fold in folds)
    assert all(fold.valid for fold in folds)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Twenty files of 0.73 to 2.79 s at 22,050 Hz, two classes, fewer of one; every fourth at 16 kHz, between zeros."""
    folder = tmp_path_factory.mktemp("lim2016")
    utterances = []
    for number in range(20):
        path = folder / f"u{number:02}.wav"
        said = noise(1.0 + 0.15 * number, seed=number)
        if number % 4 == 3:
            soundfile.write(path, np.pad(said, (3_000, 11_000)), 16_000, subtype="PCM_16")
        else:
            soundfile.write(path, said, 22_050, subtype="PCM_16")
        emotion = "anger" if number % 3 else "sadness"
        utterances.append(Utterance(id=path.stem, path=path, emotion=emotion, speaker=f"s{number % 4}"))
    return Corpus(name="emodb", variant="emodb", utterances=tuple(utterances))


def test_leaky_segments_leak_and_the_audit_says_so(recordings):
    recipe = lim2016.RECIPES["cnn"]["quick"]
    assert [name for name in recipe.protocols if "leaky" in name] == [leaky.PROTOCOL]
    folds = lim2016.folds(recordings, recipe, "leaky_segments", 0)
    failures = {f.kind for f in leakage.audit(folds, speaker_independent=False) if f.level == "FAIL"}
    assert "file" in failures
    with pytest.raises(InputError, match="segments of . files in train and test"):
        leakage.check(folds, speaker_independent=False)
    copied = [
        {u.id.partition("+")[0] for u in fold.train} & {u.id.partition("+")[0] for u in fold.test} for fold in folds
    ]
    assert any(copied)  # the very same segment on both sides


def test_leaky_segments_are_the_examples_of_the_utterances_equalised(recordings):
    front_end = FRONT_END
    folds = leaky.folds(recordings.utterances, front_end, num_folds=10, seed=0)
    tested = [u for fold in folds for u in fold.test]
    assert len({u.id for u in tested}) == len(tested)
    assert len(set(collections.Counter(u.emotion for u in tested).values())) == 1
    assert max(len(fold.test) for fold in folds) - min(len(fold.test) for fold in folds) <= 1
    for utterance in recordings.utterances:
        whole = features(audio.read(utterance.path, sample_rate_hz=16_000)[0], front_end)
        pieces = leaky.segments(utterance, front_end)
        assert [p.id for p in pieces] == [f"{utterance.id}#{k}" for k in range(len(whole))]
        for piece, example in zip(pieces, whole, strict=True):
            cut, _ = audio.read(piece.path, sample_rate_hz=16_000, start_s=piece.start_s, end_s=piece.end_s)
            alone = features(cut, front_end)
            assert alone.shape == (1, 128, 128)
            inner = slice(2, -2)  # resampling a cut differs from cutting what was resampled at its edges
            assert np.median(np.abs(alone[0, inner] - example[inner])) < 0.1


@pytest.mark.parametrize("front_end", [FRONT_END, TIME_DISTRIBUTED])
def test_leaky_segments_of_a_short_file_are_the_file(recordings, front_end):
    short = recordings.utterances[0]  # 0.73 s
    (piece,) = leaky.segments(short, front_end)
    assert piece == dataclasses.replace(short, id="u00#0")


def test_select_keeps_emodb_and_takes_the_papers_emotions_elsewhere():
    recipe = lim2016.RECIPES["cnn"]["paper"]
    assert lim2016.select(EMODB, recipe) is EMODB
    cut = dataclasses.replace(EMODB, name="emodb-2s", variant="emodb-2s")
    assert lim2016.select(cut, recipe) is cut
    ravdess = corpus_of({"01": dict.fromkeys(("anger", "calm", "happiness", "neutral", "surprise"), 2)}, "ravdess")
    assert lim2016.select(ravdess, recipe).classes == ("anger", "happiness", "neutral")
    assert lim2016.select(EMODB, recipe, ("anger", "sadness")).variant == "emodb/anger+sadness"


# --- what the paper says


def tables():
    """The paper's numbers once each: Table IV belongs to both readings of the time-distributed network."""
    return [number for number in reported_results.read("lim2016") if number.variant != "td_cnn_fc"]


def test_both_readings_of_the_time_distributed_network_have_table_4():
    by_variant = {
        name: [n.value for n in reported_results.read("lim2016") if n.variant == name] for name in lim2016.RECIPES
    }
    assert len(by_variant["td_cnn"]) == 26 and by_variant["td_cnn_fc"] == by_variant["td_cnn"]


def test_the_tables_averages_are_the_means_of_their_rows():
    numbers = tables()
    by_id = {number.id: number.value for number in numbers}
    assert len(numbers) == 3 * (7 * 3 + 3 + 2)
    for table in ("T2", "T3", "T4"):
        for score in ("precision", "recall", "f1"):
            rows = [v for key, v in by_id.items() if key.startswith(f"{table}-{score}-")]
            rows = (
                rows
                if score != "f1"
                else [v for key, v in by_id.items() if f"{table}-f1-" in key and "spread" not in key]
            )
            assert len(rows) == 7
            assert np.mean(rows) == pytest.approx(by_id[f"{table}-{score}"], abs=0.5001e-4)


def test_the_tables_look_like_means_over_folds():
    """Every per-class number is a multiple of 0.02 %, every F1 lies below the harmonic mean beside it: paper.toml."""
    by_id = {number.id: number.value for number in tables() if ":" in number.metric[:10]}
    per_class = {key: value for key, value in by_id.items() if "spread" not in key}
    assert len(per_class) == 63
    assert all(round(value * 10_000) % 2 == 0 for value in per_class.values())
    for key, f1 in per_class.items():
        if "-f1-" in key:
            p, r = (per_class[key.replace("-f1-", f"-{score}-")] for score in ("precision", "recall"))
            assert f1 < 2 * p * r / (p + r)


def test_the_speech_in_a_segment_by_hand():
    front_end = FrontEnd()
    second = front_end.sample_rate_hz
    loud = np.random.default_rng(0).uniform(-0.5, 0.5, 2 * second).astype("float32")
    quiet = loud * np.float32(1e-4)  # 80 dB below
    shares = figures.speech_shares(np.concatenate([loud, quiet]), front_end)
    starts = 64 * 128 * np.arange(len(shares))  # D4: every 64 frames of 128 samples
    expected = np.clip((2 * second - starts) / (128 * 128), 0, 1)
    assert shares == pytest.approx(expected, abs=0.02) and shares[0] == 1 and shares[-1] == 0
    shows = figures.recording_figures(lambda rate: iter([np.concatenate([loud, quiet])]))["speech_in_segments"][1]
    assert f"{100 * np.mean(shares == 0):.1f} % of the segments contain no speech" in shows


# --- the networks


TINY_FRONT_END = FrontEnd(frame_length=32, hop=16, num_bins=16, segment_frames=16, window_hop=4, stride=8)
CLASSES = ("anger", "boredom", "fear", "sadness")


def tiny(variant, **changes):
    """The network of a variant, narrow and on small images."""
    recipe = lim2016.RECIPES[variant]["paper"]
    windows = {"num_windows": recipe.front_end.num_windows}
    narrow = {
        "front_end": dataclasses.replace(TINY_FRONT_END, **windows),
        "filters": 4,
        "dense_units": 16 if recipe.dense_units else 0,
        "lstm_units": 12 if recipe.lstm_units else 0,
        "batch_size": 8,
        "max_epochs": 2,
    }
    return dataclasses.replace(recipe, **(narrow | changes))


def part_of(recipe, labels, seed=0, examples=1, classes=CLASSES):
    """Images of noise around a level that tells the class, in dB."""
    generator = np.random.default_rng(seed)
    shape = (examples, recipe.front_end.example_frames, recipe.front_end.num_bins)
    utterances = [Utterance(id=f"u{n}", path=None, emotion=classes[k], speaker="s") for n, k in enumerate(labels)]
    images = [(generator.normal(-40, 8, size=shape) + 5 * k).astype("float32") for k in labels]
    return batching.Subset(utterances, images, classes)


VARIANTS = sorted(lim2016.RECIPES)


@pytest.mark.parametrize(
    "variant, count",
    [
        ("cnn", (9 * 1 + 1) * 32 + (9 * 32 + 1) * 32 + (32 * 32 * 32 + 1) * 1024 + 1025 * 7),
        ("cnn_side_by_side", 33_572_199),
        ("cnn_not_oversampled", 33_572_199),
        ("lstm", 3 * 4 * (128 + 128 + 1) * 128 + 129 * 7),
        ("td_cnn", 320 + 9248 + 4 * (32_768 + 1024 + 1) * 1024 + 4 * (1024 + 1024 + 1) * 1024 + 1025 * 7),
        ("td_cnn_fc", 320 + 9248 + 32_769 * 1024 + 2 * 4 * (1024 + 1024 + 1) * 1024 + 1025 * 7),
    ],
)
def test_parameters(variant, count):
    for recipe in lim2016.RECIPES[variant].values():
        assert recipe.num_parameters == count
    network = model.build(lim2016.RECIPES[variant]["paper"], 7)
    assert sum(int(np.prod(weight.shape)) for weight in network.trainable_weights) == count
    assert network.count_params() == count + 1 + 2 * 128  # floor, means and scales


def test_quick_differs_in_epochs_and_stride_as_fixed_before_its_first_result():
    fixed = {"cnn": (10, 64), "cnn_side_by_side": (10, 128), "cnn_not_oversampled": (10, 64), "lstm": (16, 64)}
    fixed |= {"td_cnn": (5, 64), "td_cnn_fc": (5, 64)}
    for variant, (epochs, stride) in fixed.items():
        paper, quick = (lim2016.RECIPES[variant][preset] for preset in ("paper", "quick"))
        front_end = dataclasses.replace(paper.front_end, stride=stride)
        assert quick == dataclasses.replace(paper, max_epochs=epochs, front_end=front_end)
    assert fixed.keys() == lim2016.RECIPES.keys()


@pytest.mark.parametrize(
    ("variant", "dropouts", "epochs"), [("cnn", 3, 50), ("lstm", 3, 50), ("td_cnn", 4, 30), ("td_cnn_fc", 5, 30)]
)
def test_table_1_is_what_is_built(variant, dropouts, epochs):
    """D7: dropout after every pool, fully connected layer and LSTM; D8: ReLU but in the LSTM; D12: batch and epochs."""
    table = reported_results.read_file(reported_results.PAPERS / "lim2016" / "paper.toml").stated["training"]
    recipe = lim2016.RECIPES[variant]["paper"]
    assert (recipe.learning_rate, recipe.decay) == (table["learning_rate"], table["decay"])
    assert (recipe.momentum, recipe.batch_size, recipe.max_epochs) == (table["momentum"], 32, epochs)
    built = model.build(tiny(variant), 7).layers
    assert [layer.rate for layer in built if isinstance(layer, keras.layers.Dropout)] == [table["dropout"]] * dropouts
    for layer in built:
        if isinstance(layer, keras.layers.Conv2D):
            assert (list(layer.kernel_size), layer.activation.__name__) == (table["kernel_size"], table["activation"])
        if isinstance(layer, keras.layers.LSTM):
            assert (layer.activation.__name__, layer.recurrent_activation.__name__) == ("tanh", "sigmoid")
    dense = [layer.activation.__name__ for layer in built if isinstance(layer, keras.layers.Dense)]
    assert dense == ["relu"] * (len(dense) - 1) + ["softmax"]
    assert len(dense) == (2 if recipe.dense_units else 1)


def prepared(recipe, part):
    """The untrained network with the part's statistics."""
    return model.prepare(recipe, part, seed=0)[0]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_saved_network_predicts_the_same(tmp_path, variant):
    recipe = tiny(variant)
    part = part_of(recipe, [0, 1, 2, 3, 3])
    network = prepared(recipe, part)
    network.save(tmp_path / "model.keras")
    restored = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    inputs, _, _ = batching.Batches(part, batch_size=8)[0]
    np.testing.assert_array_equal(restored(inputs), network(inputs))
    floor = max(a.max() for a in part.features) - 80
    for either in (network, restored):
        at, below, above = (either({"features": inputs["features"] * 0 + floor + db}) for db in (0, -9, 9))
        np.testing.assert_array_equal(below, at)
        assert not np.array_equal(above, at)


@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_changes_no_prediction(variant):
    recipe = tiny(variant)
    waves = [0.1 * np.random.default_rng(n).standard_normal(150 + 220 * n).astype("float32") for n in range(4)]
    utterances = [Utterance(id=f"u{n}", path=None, emotion=CLASSES[n], speaker="s") for n in range(4)]

    def part(zeros):
        images = [lim2016.features(np.pad(w, (0, zeros)), 16_000, recipe.front_end) for w in waves]
        return batching.Subset(utterances, images, CLASSES)

    assert len({len(images) for images in part(0).features}) > 1
    fitted = training.Fitted(prepared(recipe, part(0)), {})
    expected = decision.predict(fitted, part(0), recipe)
    for zeros in (1, 100, 1000, 9999):
        padded = decision.predict(fitted, part(zeros), recipe)
        for rule, scores in expected.items():
            np.testing.assert_allclose(padded[rule], scores, atol=1e-5)


def test_the_time_distributed_network_is_one_cnn_on_each_window():
    """Windows cut by hand, one at a time through a plain CNN with the same weights, give the LSTM's inputs."""
    recipe = tiny("td_cnn")
    front_end = recipe.front_end
    whole, single = model.build(recipe, 4), model.build(tiny("cnn"), 4)
    convolutions = [[layer for layer in m.layers if isinstance(layer, keras.layers.Conv2D)] for m in (whole, single)]
    assert [len(of_window) for of_window in convolutions] == [2, 2]
    for ours, theirs in zip(*convolutions, strict=True):
        theirs.set_weights(ours.get_weights())
    recurrent = next(layer for layer in whole.layers if isinstance(layer, keras.layers.LSTM))
    flat = next(layer for layer in single.layers if isinstance(layer, keras.layers.Flatten))
    image = np.random.default_rng(0).normal(size=(3, front_end.example_frames, 16)).astype("float32")
    sequence = keras.Model(whole.input, recurrent.input)({"features": image})  # (3, 4, D)
    one_window = keras.Model(single.input, flat.output)
    for n in range(4):
        window = image[:, 4 * n : 4 * n + 16]
        np.testing.assert_allclose(sequence[:, n], one_window({"features": window}), atol=1e-5)
    assert 4 * 3 + 16 == front_end.example_frames  # the last window ends with the stretch


def test_statistics_come_from_the_training_part_alone():
    recipe = tiny("cnn", floor_db=20.0, max_epochs=1)
    train = part_of(recipe, [0, 1, 2, 3, 3])
    loud = part_of(recipe, [0, 1, 2, 3], seed=1)
    loud = dataclasses.replace(loud, features=[a + 90 for a in loud.features])
    fitted = model.fit(recipe, train, loud, seed=0)
    everything = np.concatenate([a.reshape(-1, 16) for a in train.features]).astype("float64")
    floor = everything.max() - 20
    standardise = fitted.model.get_layer("standardise")
    floored = np.maximum(everything, floor)
    np.testing.assert_allclose(standardise.adapt_mean, floored.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(np.sqrt(standardise.adapt_variance), floored.std(axis=0), rtol=1e-4)
    unseen = model.fit(recipe, train, part_of(recipe, []), seed=0)
    for ours, theirs in zip(fitted.model.get_weights(), unseen.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_every_epoch_is_trained_and_the_rate_falls_as_stated():
    recipe = tiny("cnn", max_epochs=3, batch_size=2)
    train = part_of(recipe, [0, 1, 2, 3, 3, 3])
    fitted = model.fit(recipe, train, train, seed=0)
    optimizer = fitted.model.optimizer
    steps = 3 * 4 * 3 // 2  # epochs, classes times the largest, batch
    assert int(optimizer.iterations) == steps
    assert float(optimizer.learning_rate) == pytest.approx(0.01 / (1 + 1e-6 * steps), rel=1e-6)
    assert (optimizer.momentum, optimizer.nesterov) == (0.8, True)
    assert fitted.best_epoch is None
    assert len(fitted.history["val_ua"]) == 3


def test_a_killed_training_ends_like_one_never_interrupted(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "BACKUP_SECONDS", 0.0)
    recipe = tiny("cnn", max_epochs=3)
    train, valid = part_of(recipe, [0, 1, 2, 3, 3, 3]), part_of(recipe, [0, 1, 2, 3], seed=1)
    expected = model.fit(recipe, train, valid, seed=5)

    class Killed(BaseException):
        pass

    def kill(epoch):
        if epoch == 1:
            raise Killed

    with pytest.raises(Killed):
        model.fit(recipe, train, valid, seed=5, checkpoint=tmp_path / "c.npz", report=kill)
    resumed = model.fit(recipe, train, valid, seed=5, checkpoint=tmp_path / "c.npz")
    for ours, theirs in zip(resumed.model.get_weights(), expected.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


# --- decision rules


class Fixed:
    """Stands for a network: answers with what is given."""

    def __init__(self, posteriors):
        self.posteriors = np.array(posteriors, dtype="float32")

    def predict(self, batches, verbose):
        return self.posteriors


def decided(posteriors, segments):
    recipe = tiny("cnn")
    part = part_of(recipe, [0] * len(segments), classes=("anger", "boredom", "fear"))
    part = dataclasses.replace(part, features=[np.zeros((s, 16, 16), "float32") for s in segments])
    return decision.predict(training.Fitted(Fixed(posteriors), {}), part, recipe)


def test_majority_and_sum_may_disagree():
    scores = decided([[0.51, 0.49, 0], [0.51, 0.49, 0], [0, 1, 0]], [3])
    assert list(scores) == ["majority", "sum"]
    assert scores["majority"].argmax() == 0  # two votes to one
    assert scores["sum"].argmax() == 1  # 1.98 to 1.02
    np.testing.assert_allclose(scores["majority"], [[2 + 0.17, 1 + 0.33, 0]], atol=1e-6)
    np.testing.assert_allclose(scores["sum"], [[0.34, 0.66, 0]], atol=1e-6)


def test_equal_votes_are_decided_by_the_summed_probability():
    scores = decided([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]], [2])
    assert scores["majority"].argmax() == 1  # 0.8 to 1.0


def test_no_sum_of_probabilities_outweighs_a_vote():
    posteriors = [[0.34, 0.33, 0.33]] * 2 + [[0.0, 1.0, 0.0]]
    assert decided(posteriors, [3])["majority"].argmax() == 0


def test_utterances_are_decided_apart_and_an_empty_part_gives_nothing():
    scores = decided([[0.9, 0.1, 0], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1]], [1, 2])
    assert scores["majority"].argmax(axis=1).tolist() == [0, 1]
    recipe = tiny("cnn")
    nothing = decision.predict(training.Fitted(None, {}), part_of(recipe, []), recipe)
    assert {rule: values.shape for rule, values in nothing.items()} == {"majority": (0, 4), "sum": (0, 4)}


def test_without_oversampling_a_class_may_be_missing_from_training():
    recipe = tiny("cnn_not_oversampled", max_epochs=1)
    part = part_of(recipe, [0, 0, 1, 1])
    fitted = model.fit(recipe, part, part.take([]), seed=0)
    assert len(fitted.history["loss"]) == 1
    with pytest.raises(ValueError, match="fear has no training utterance to repeat"):
        model.fit(tiny("cnn", max_epochs=1), part, part.take([]), seed=0)
