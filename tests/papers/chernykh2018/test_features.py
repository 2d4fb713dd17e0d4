"""The 34 short-term features against pyAudioAnalysis 0.3.14, and against what can be worked out by hand."""

import warnings

import numpy as np
import pytest

from common.features import audio
from papers.chernykh2018 import benchmark, short_term
from papers.chernykh2018.features import FrontEnd, features, frames
from papers.chernykh2018.short_term import AUTHORS_COPY, LIBRARY, NAMES, QUIRKS

RATE, WINDOW, STEP = 16_000, 3_200, 1_600


@pytest.fixture(scope="module")
def library():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports scipy.fftpack by a deprecated name
        from pyAudioAnalysis import ShortTermFeatures
    return ShortTermFeatures


def ours(waveform, quirks=LIBRARY, window=WINDOW, step=STEP):
    return short_term.short_term(waveform, RATE, window=window, step=step, quirks=quirks)


def theirs(library, waveform, window=WINDOW, step=STEP):
    as_int16 = np.asarray(waveform, dtype="float64") * 32768
    values, names = library.feature_extraction(as_int16, RATE, window, step, deltas=False)
    assert tuple(names) == NAMES
    return values.T


def column(values, name):
    return values[:, NAMES.index(name)]


def voice(seconds, seed=0):
    """Harmonics that glide and swell, with noise and a stretch of digital silence."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 60 * np.sin(2 * np.pi * 0.7 * t)) / RATE
    signal = sum(np.sin(k * phase) / k for k in range(1, 20)) * (0.2 + np.sin(2 * np.pi * 1.3 * t) ** 2)
    signal = 0.1 * signal + 0.003 * rng.standard_normal(len(t)) + 0.01
    signal[: len(t) // 4] = 0.0
    return signal.astype("float32")


@pytest.mark.corpus
@pytest.mark.parametrize("pattern", ["ravdess/Actor_*/*", "emodb/wav/*"])
def test_every_feature_of_real_recordings_is_the_library_s(library, corpora_dir, pattern):
    paths = sorted(corpora_dir.glob(pattern))
    paths = paths[:: max(1, len(paths) // 12)]
    assert len(paths) >= 12
    for path in paths:
        waveform, _ = audio.read(path, sample_rate_hz=RATE)
        difference = np.abs(ours(waveform) - theirs(library, waveform)).max(axis=0)
        assert dict(zip(NAMES, difference, strict=True)) == pytest.approx(dict.fromkeys(NAMES, 0.0), abs=1e-9), path


@pytest.mark.parametrize(
    "waveform",
    [
        voice(2.5),
        voice(12.0, seed=1),  # more frames than one chunk
        np.random.default_rng(2).standard_normal(RATE).astype("float32"),
        np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE),
        np.r_[np.zeros(5000), np.ones(1), np.zeros(5000)],  # a click
        voice(2.5)[: WINDOW + 7],
    ],
    ids=["voice", "long", "noise", "tone", "click", "one frame"],
)
def test_every_feature_of_a_made_signal_is_the_library_s(library, waveform):
    np.testing.assert_allclose(ours(waveform), theirs(library, waveform), rtol=0, atol=1e-9)


def test_other_frames_than_the_paper_s_are_the_library_s_too(library):
    waveform = voice(1.5)
    np.testing.assert_allclose(ours(waveform, window=480, step=240), theirs(library, waveform, 480, 240), atol=1e-9)
    np.testing.assert_allclose(ours(waveform, window=3200, step=960), theirs(library, waveform, 3200, 960), atol=1e-9)


def test_the_coarse_epsilon_is_the_library_with_another_epsilon(library, monkeypatch):
    monkeypatch.setattr(library, "eps", 1e-8)
    waveform = voice(2.5)[RATE:]
    np.testing.assert_allclose(ours(waveform, (*LIBRARY, "coarse_epsilon")), theirs(library, waveform), atol=1e-9)


def test_the_authors_copy_divides_by_the_peak_before_the_mean_is_removed():
    waveform = np.full(WINDOW, -0.25)
    waveform[::2] = 0.75  # mean 0.25, so 0.5 around it; the peak is 0.75 before and 0.5 after
    assert column(ours(waveform), "energy") == pytest.approx([1.0])
    assert column(ours(waveform, AUTHORS_COPY), "energy") == pytest.approx([(0.5 / 0.75) ** 2])


def test_zero_crossings_energy_and_entropy_by_hand():
    waveform = np.tile([1.0, -1.0], WINDOW // 2)
    values = ours(waveform)[0]
    assert values[:3] == pytest.approx([1.0, 1.0, np.log2(10)], abs=1e-8)  # ten equal tenths; 1e-8: peak 1 + 1e-10
    halves = np.r_[waveform[: WINDOW // 2], np.zeros(WINDOW // 2)]
    assert ours(halves)[0, 1:3] == pytest.approx([0.5, np.log2(5)], abs=1e-8)
    assert ours(halves)[0, 0] == pytest.approx(
        (WINDOW // 2 - 1 + 0.5) / (WINDOW - 1)
    )  # into the zeros: half a crossing


def test_scale_and_offset_of_the_waveform_do_not_matter():
    waveform = voice(2.5)[RATE:].astype("float64")
    np.testing.assert_allclose(ours(waveform * 0.01 + 0.3), ours(waveform), rtol=0, atol=1e-6)  # 1e-10 in the peak


def test_without_quirks_a_tone_is_where_it_sounds():
    t = np.arange(WINDOW) / RATE
    for hz, pitch_class in ((440.0, 1), (880.0, 1), (523.25, 4), (1174.66, 6)):  # A, A, C, D; chroma_1 is A
        values = ours(np.sin(2 * np.pi * hz * t), quirks=())
        chroma = values[0, NAMES.index("chroma_1") :][:12]
        assert chroma.argmax() + 1 == pitch_class
    bank = short_term.filter_bank(RATE, 1600, half_frequency=False)
    for number in (5, 20, 39):  # a filter answers most to the frequency between its corners
        peak_hz = bank[number].argmax() * RATE / 2 / 1600
        halved = short_term.filter_bank(RATE, 1600, half_frequency=True)[number].argmax() * RATE / 2 / 1600
        assert halved == pytest.approx(peak_hz / 2, abs=5)


def test_chroma_without_quirks_sums_the_mean_power_of_semitones():
    matrix = short_term.chroma_matrix(RATE, 1600, last_bin=False)
    expected = np.zeros((1600, 12))
    hz = [5.0 * (b + 1) for b in range(1600)]
    semitones = [round(12 * np.log2(f / 27.5)) for f in hz]
    for b, semitone in enumerate(semitones):
        if semitone >= 0:
            expected[b, semitone % 12] = 1 / semitones.count(semitone)
    np.testing.assert_allclose(matrix, expected)


def test_what_is_not_meant_is_refused():
    with pytest.raises(ValueError, match="unknown quirks loud; choose from half"):
        ours(voice(1), quirks=("loud",))
    with pytest.raises(ValueError, match="window 3210 and step 1600"):
        ours(voice(1), window=3210)
    with pytest.raises(ValueError, match="100 samples; expected one window of 3200"):
        ours(voice(1)[:100])
    with pytest.raises(ValueError, match="too few for the library's chroma"):
        ours(voice(1), window=40, step=20)
    assert set(AUTHORS_COPY) == set(QUIRKS)


# --- which frames are kept


def test_first_and_last_frame_are_left_out_and_so_are_quiet_ones():
    rng = np.random.default_rng(0)
    waveform = 0.5 * rng.uniform(-1, 1, STEP * 8)  # 7 frames
    waveform[STEP * 3 : STEP * 5] *= 1e-3  # frame 3 has nothing else
    values, numbers = frames(waveform, RATE, FrontEnd())
    assert numbers.tolist() == [1, 2, 4, 5]
    np.testing.assert_array_equal(values, ours(waveform)[numbers])
    assert features(waveform, RATE, FrontEnd()).shape == (1, 4, 34)
    assert features(waveform, RATE, FrontEnd()).dtype == np.float32
    everything = FrontEnd(without_ends=False, min_energy=0.0)
    assert frames(waveform, RATE, everything)[1].tolist() == list(range(7))


@pytest.mark.parametrize(("num_samples", "kept"), [(WINDOW + 2 * STEP, [1]), (WINDOW + STEP, [0]), (WINDOW, [0])])
def test_of_three_frames_the_middle_one_is_kept_and_of_fewer_the_first(num_samples, kept):
    waveform = np.random.default_rng(0).uniform(-1, 1, num_samples)
    assert frames(waveform, RATE, FrontEnd())[1].tolist() == kept


def test_every_recording_gives_a_frame():
    short = np.random.default_rng(0).uniform(-1, 1, RATE // 10)
    assert features(short, RATE, FrontEnd()).shape == (1, 1, 34)
    quiet_inside = np.full(STEP * 8, 1e-5)
    quiet_inside[::2] *= -1
    quiet_inside[0] = 1.0  # the peak lies in the first frame, which is left out
    quiet_inside[STEP * 4 : STEP * 5] *= 2
    assert frames(quiet_inside, RATE, FrontEnd())[1].tolist() == [3]  # or 4, as loud: the first of them


def test_the_benchmark_computes_the_same_features_in_both_ways():
    ways = benchmark.ways([voice(2.0)], FrontEnd())
    ((theirs, _names),), (ours,) = ways["library"](), ways["ours"]()
    np.testing.assert_allclose(ours, theirs.T, atol=1e-6)
