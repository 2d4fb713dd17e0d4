import itertools
import os
from collections import Counter

import pytest

from common import corpora
from common.corpora import ravdess, verify
from common.errors import InputError

SMALL = {"01": {"neutral": 2, "anger": 1}, "02": {"anger": 1}}
SMALL_NAMES = {
    "Actor_01": ["03-01-01-01-01-01-01.wav", "03-01-01-01-02-02-01.wav", "03-01-05-02-02-01-01.wav"],
    "Actor_02": ["03-01-05-01-01-02-02.WAV"],
}


@pytest.fixture
def small(tmp_path, plant, mark):
    root = tmp_path / "ravdess"
    plant(*(root / actor / name for actor, names in SMALL_NAMES.items() for name in names))
    mark(root, "ravdess", SMALL)
    return root


@pytest.fixture
def whole(tmp_path, plant):
    """All 1,440 names, from the grammar."""
    root = tmp_path / "data" / "ravdess"
    for emotion, intensity, text, repetition, actor in itertools.product(
        range(1, 9), (1, 2), (1, 2), (1, 2), range(1, 25)
    ):
        if (emotion, intensity) != (1, 2):
            name = f"03-01-{emotion:02d}-{intensity:02d}-{text:02d}-{repetition:02d}-{actor:02d}.wav"
            folder = root / f"Actor_{actor:02d}"
            folder.mkdir(parents=True, exist_ok=True)
            plant(folder / name)
    return root


def test_names_are_parsed(small):
    corpus = ravdess.load(small)
    assert corpus.name == corpus.variant == "ravdess-synthetic" and corpus.synthetic
    assert corpus.limits == "synthetic speech: a software check, not a result"
    assert [u.id for u in corpus.utterances] == [
        "03-01-01-01-01-01-01",
        "03-01-01-01-02-02-01",
        "03-01-05-01-01-02-02",
        "03-01-05-02-02-01-01",
    ]
    first, _, third, fourth = corpus.utterances
    assert (first.emotion, first.speaker, first.gender, first.text_id) == ("neutral", "01", "male", "kids")
    assert (third.emotion, third.speaker, third.gender, third.intensity) == ("anger", "02", "female", "normal")
    assert (fourth.text_id, fourth.repetition, fourth.intensity) == ("dogs", "01", "strong")
    assert all(u.path.is_file() for u in corpus.utterances)


def test_whole_corpus_is_accepted_and_counted(whole):
    corpus = ravdess.load(whole)
    assert corpus.name == "ravdess" and not corpus.limits
    assert corpus.counts == {emotion: 96 if emotion == "neutral" else 192 for emotion in ravdess.EMOTIONS.values()}
    assert set(Counter(u.speaker for u in corpus.utterances).values()) == {60}
    strong = [u for u in corpus.utterances if u.intensity == "strong"]
    assert len(strong) == 672 and set(Counter(u.emotion for u in strong).values()) == {96}


def test_missing_and_extra_files_are_named(whole, plant):
    for name in ("03-01-05-01-01-02-02", "03-01-08-01-01-02-02"):
        (whole / "Actor_02" / f"{name}.wav").unlink()
    plant(whole / "Actor_03" / "03-01-01-02-01-01-03.wav")
    with pytest.raises(InputError) as caught:
        ravdess.load(whole)
    assert "2 missing (03-01-05-01-01-02-02, 03-01-08-01-01-02-02)" in str(caught.value)
    assert "1 extra (03-01-01-02-01-01-03)" in str(caught.value)
    assert "corpora fetch ravdess" in str(caught.value)


def test_half_a_corpus_names_a_few_and_counts_the_rest(whole):
    for actor in range(13, 25):
        (whole / f"Actor_{actor}").rename(whole.parent / f"Actor_{actor}")
    with pytest.raises(InputError, match=r"720 missing \(.*-13, .* and 715 more\) of the 1440 files"):
        ravdess.load(whole)


def test_nested_duplicate_of_the_whole_set_counts_once(small, plant):
    nested = small / "Audio_Speech_Actors_01-24"
    plant(*(nested / actor / name for actor, names in SMALL_NAMES.items() for name in names))
    corpus = ravdess.load(small)
    assert len(corpus.utterances) == 4
    assert not any(nested in u.path.parents for u in corpus.utterances)


def test_file_in_the_wrong_actors_folder_belongs_to_whom_its_name_says(small):
    name = "03-01-05-01-01-02-02.WAV"
    (small / "Actor_02" / name).rename(small / "Actor_01" / name)
    assert [u.speaker for u in ravdess.load(small).utterances if u.id.endswith("-02")] == ["02"]


def test_what_is_not_speech_audio_is_passed_over(small, plant):
    plant(
        small / "Actor_01" / "._03-01-01-01-01-01-01.wav",
        small / "Actor_01" / "03-02-01-01-01-01-01.wav",  # song
        small / "Actor_01" / "01-01-01-01-01-01-01.wav",  # audio and video
        small / "Actor_01" / "03-01-01-01-01-01-01.mp4",
        small / "Actor_01" / "notes.wav",
    )
    assert len(ravdess.load(small).utterances) == 4


def test_flac_is_accepted_and_wav_preferred(small, plant):
    plant(small / "Actor_01" / "03-01-01-01-01-01-01.flac")
    (small / "Actor_02" / "03-01-05-01-01-02-02.WAV").rename(small / "Actor_02" / "03-01-05-01-01-02-02.FLAC")
    assert [u.path.suffix for u in ravdess.load(small).utterances] == [".wav", ".wav", ".FLAC", ".wav"]


def test_actor_folder_that_is_a_link(small, tmp_path):
    (small / "Actor_02").rename(tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", small / "Actor_02")
    os.symlink(small, small / "loop")
    assert len(ravdess.load(small).utterances) == 4


def test_synthetic_tree_is_held_to_its_marker(small, plant, mark):
    plant(small / "Actor_01" / "03-01-05-01-01-02-01.wav", small / "Actor_09" / "03-01-05-01-01-02-09.wav")
    (small / "Actor_02" / "03-01-05-01-01-02-02.WAV").unlink()
    with pytest.raises(InputError) as caught:
        ravdess.load(small)
    assert "5 utterances, expected 4" in str(caught.value)
    assert "1 missing (speaker 02 anger 0 of 1)" in str(caught.value)
    assert "2 extra (speaker 01 anger 2 of 1" in str(caught.value) and "synthesize it again" in str(caught.value)


def test_marker_that_is_damaged_or_of_another_layout(small, mark):
    mark(small, "emodb", SMALL)
    with pytest.raises(InputError, match="synthetic emodb, expected ravdess"):
        ravdess.load(small)
    for text in ("{", "[]", "{}", '{"layout": "ravdess", "counts": [1]}', '{"layout": "ravdess", "counts": {"01": 3}}'):
        (small / "synthetic.json").write_text(text)
        with pytest.raises(InputError, match="not a marker"):
            ravdess.load(small)


def test_data_is_a_folder_of_corpora_or_the_root_itself(small, tmp_path, monkeypatch):
    monkeypatch.delenv("SER_DATA", raising=False)
    for data in (tmp_path, str(tmp_path), small):
        assert corpora.places.find("ravdess", data) == small
        assert len(corpora.load("ravdess", data).utterances) == 4
    assert corpora.places.find("ravdess") is None
    monkeypatch.setenv("SER_DATA", str(tmp_path))
    assert corpora.places.find("ravdess") == small and len(corpora.load("ravdess").utterances) == 4


def test_root_one_level_deeper_or_under_another_name(small, tmp_path):
    inner = tmp_path / "RAVDESS" / "Audio_Speech_Actors_01-24"
    inner.parent.mkdir()
    small.rename(inner)
    assert corpora.places.find("ravdess", tmp_path) == inner
    other = tmp_path / "speech"
    inner.rename(other)
    assert corpora.places.find("ravdess", tmp_path) == other


@pytest.mark.parametrize(
    "place",
    [
        lambda actor, name: f"{name[6:8]}/{name}",  # by emotion
        lambda actor, name: name,  # flat
        lambda actor, name: f"{actor.upper()}/{name.upper()}",
        lambda actor, name: f"Audio_Speech_Actors_01-24/speech/{actor}/{name}",
        lambda actor, name: f"{'women' if actor == 'Actor_02' else 'men/more'}/{name}",
    ],
)
def test_any_tree(small, tmp_path, place):
    expected = [u.id for u in ravdess.load(small).utterances]
    for actor, names in SMALL_NAMES.items():
        for name in names:
            target = tmp_path / "other" / place(actor, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(small / actor / name, target)
    for data in (tmp_path / "other", tmp_path / "data"):
        root = corpora.places.find("ravdess", data)
        assert len(verify.audio_files(root, ravdess.FILE)) == len(expected)
        (tmp_path / "data").mkdir(exist_ok=True)
        if data.name == "other":
            (tmp_path / "other").rename(tmp_path / "data" / "other")


def test_corpus_not_there(tmp_path, monkeypatch):
    monkeypatch.delenv("SER_DATA", raising=False)
    with pytest.raises(InputError, match=r"no RAVDESS speech: looked in .*; to get it, .*corpora fetch ravdess"):
        corpora.load("ravdess", tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        corpora.load("ravdess", tmp_path / "nowhere")
    with pytest.raises(InputError, match="--data or SER_DATA"):
        corpora.load("ravdess")
    with pytest.raises(
        InputError, match="unknown corpus ravdes; choose from ravdess, emodb, iemocap, manifest:FILE.csv or audformat"
    ):
        corpora.load("ravdes", tmp_path)
    with pytest.raises(InputError, match="ravdess has no variant all/4hap"):
        corpora.load("ravdess/all/4hap", tmp_path)


@pytest.mark.corpus
def test_the_real_recordings(corpora_dir):
    corpus = corpora.load("ravdess", corpora_dir)
    assert corpus.name == "ravdess" and len(corpus.utterances) == 1440
    assert Counter(u.gender for u in corpus.utterances) == {"female": 720, "male": 720}
    assert len(corpus.only(set(corpus.classes) - {"neutral"}).utterances) == 1344
