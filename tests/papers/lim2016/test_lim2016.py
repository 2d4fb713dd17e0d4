"""Lim 2016: front end, folds, the human reference and what the paper says. The networks: next file."""

import collections
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile

from common.corpora import emodb
from common.corpora import load as load_corpus
from common.errors import InputError
from common.evaluation import reported_results
from common.features import audio
from common.folds import leakage
from common.utterance import Corpus, Utterance
from papers import lim2016
from papers.lim2016 import leaky, protocol
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
