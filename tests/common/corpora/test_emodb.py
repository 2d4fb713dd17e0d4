from collections import Counter

import numpy as np
import pytest
import soundfile

from common import corpora
from common.corpora import emodb
from common.errors import InputError

HEADER = "Nr.\tSatz\terkannt\tnatuerlich\n"


@pytest.fixture
def small(tmp_path, plant, mark):
    root = tmp_path / "emodb"
    plant(*(root / "wav" / name for name in ("03a01Fa.wav", "03a01Wa.wav", "16b10Td.FLAC", "._03a01Fa.wav")))
    mark(root, "emodb", {"03": {"happiness": 1, "anger": 1, "fear": 0}, "16": {"sadness": 1}})
    return root


@pytest.fixture
def whole(tmp_path, plant):
    """The 535 names of the first release."""
    root = tmp_path / "emodb"
    plant(*(root / "wav" / f"{name}.wav" for name in emodb.FIRST_RELEASE))
    return root


def test_the_first_release_has_the_counts_of_the_corpus_paper():
    letters = Counter(name[5] for name in emodb.FIRST_RELEASE)
    assert {emodb.EMOTIONS[x]: n for x, n in letters.items()} == dict(
        anger=127, boredom=81, disgust=46, fear=69, happiness=71, sadness=62, neutral=79
    )
    speakers = Counter(name[:2] for name in emodb.FIRST_RELEASE)
    assert sum(speakers[s] for s in ("03", "10", "11", "12", "15")) == 233 and speakers.total() == 535
    assert speakers["14"] == 69 and not [n for n in emodb.FIRST_RELEASE if n.startswith("08") and n[5] == "E"]
    assert len(set(emodb.FIRST_RELEASE)) == 535 and all(map(emodb.FILE.fullmatch, emodb.FIRST_RELEASE))


def test_names_are_parsed(small):
    corpus = emodb.load(small)
    assert corpus.name == "emodb-synthetic"
    happy, angry, sad = corpus.utterances
    assert (happy.id, happy.emotion, happy.speaker, happy.gender) == ("03a01Fa", "happiness", "03", "male")
    assert (angry.emotion, angry.text_id, angry.repetition) == ("anger", "a01", "a")
    assert (sad.emotion, sad.gender, sad.text_id, sad.repetition) == ("sadness", "female", "b10", "d")
    assert happy.recognition is None and happy.naturalness is None


def test_perception_test_is_read(small):
    rows = ["1\xa0\t03a01Fa.wav\t90,00\xa0 \t75,00\xa0", "2\t03a01Wa.wav\t100\t33,3", "", "3\t03a02Wa.wav\t5,00\t0,00"]
    (small / "erkennung.txt").write_text(HEADER + "\r\n".join(rows), encoding="latin-1", newline="")
    happy, angry, sad = emodb.load(small).utterances
    assert (happy.recognition, happy.naturalness) == (0.9, 0.75)
    assert (angry.recognition, angry.naturalness) == (1.0, pytest.approx(0.333))
    assert sad.recognition is None


@pytest.mark.parametrize("row", ["1\t03a01Fa.wav\t90,00", "1\tfoo.wav\t90,00\t75,00", "1\t03a01Fa.wav\t900,00\t75,00"])
def test_damaged_perception_test_names_the_line(small, row):
    (small / "erkennung.txt").write_text(f"{HEADER}{row}\n", encoding="latin-1")
    with pytest.raises(InputError, match=r"erkennung\.txt line 2"):
        emodb.load(small)


def test_whole_corpus_is_accepted(whole):
    corpus = emodb.load(whole)
    assert (corpus.name, corpus.limits, len(corpus.utterances)) == ("emodb", "", 535)
    assert corpora.load("emodb", whole.parent).utterances == corpus.utterances
    assert emodb.is_root(whole) and emodb.is_root(whole / "wav") and not emodb.is_root(whole.parent)


def test_missing_files_are_named(whole):
    (whole / "wav" / "03a01Wa.wav").unlink()
    (whole / "wav" / "09a01Ea.wav").unlink()
    with pytest.raises(InputError, match=r"2 missing \(03a01Wa, 09a01Ea\) of the 535 files of EmoDB"):
        emodb.load(whole)


def test_the_second_release_has_more_takes_and_laryngograms(whole, plant, tone):
    takes = [f"{speaker}a01W{version}" for speaker in emodb.GENDERS for version in "uvwxyz"]
    plant(*(whole / "wav" / f"{take}.wav" for take in takes))
    for folder, factor in (("egg", 0.5), ("Laryngo", 0.25)):
        (whole / folder).mkdir()
        soundfile.write(whole / folder / "03a01Fa.wav", factor * tone(), 16000)
    corpus = corpora.load("emodb", whole.parent)
    assert [u.id for u in corpus.utterances] == sorted(emodb.FIRST_RELEASE) and not corpus.warnings
    assert {u.path.parent.name for u in corpus.utterances} == {"wav"}
    everything = corpora.load("emodb/all", whole.parent)
    assert (everything.name, everything.variant, len(everything.utterances)) == ("emodb", "emodb/all", 595)
    assert everything.warnings == ("595 of the 816 takes of EmoDB 2.0.0 are here",)
    assert "all takes" in everything.limits
    with pytest.raises(InputError, match="no variant every"):
        corpora.load("emodb/every", whole.parent)
    plant(whole / "wav" / "17a01Ea.wav")
    with pytest.raises(InputError, match="17a01Ea: not speakers of EmoDB"):
        corpora.load("emodb/all", whole.parent)


def test_another_signal_of_the_same_name_is_told_by_its_content(whole, tone, plant):
    plant(whole / "a" / "03a01Fa.wav")
    assert next(u for u in emodb.load(whole).utterances if u.id == "03a01Fa").path.parent.name == "a"
    (whole / "a" / "03a01Fa.wav").unlink()
    soundfile.write(whole / "a" / "03a01Fa.wav", 0.5 * tone(), 16000)
    with pytest.raises(InputError, match="a/03a01Fa.wav and wav/03a01Fa.wav are different recordings"):
        emodb.load(whole)


def test_a_tree_sorted_by_emotion_or_in_capitals(whole, tmp_path):
    expected = [u.id for u in emodb.load(whole).utterances]
    for path in list((whole / "wav").iterdir()):
        folder = whole / emodb.EMOTIONS[path.stem[5]].upper()
        folder.mkdir(exist_ok=True)
        path.rename(folder / path.name.upper())
    for data in (whole, tmp_path):
        assert corpora.places.find("emodb", data) == whole
        assert [u.id for u in corpora.load("emodb", data).utterances] == expected


def test_tree_without_recordings_is_no_root(tmp_path, monkeypatch):
    (tmp_path / "emodb" / "wav").mkdir(parents=True)
    assert corpora.places.find("emodb", tmp_path) is None
    with pytest.raises(InputError, match="no EmoDB: looked in"):
        corpora.load("emodb", tmp_path)


@pytest.mark.parametrize(("num_frames", "name"), [(15999, "emodb-2s"), (16001, "emodb-2s"), (16002, "emodb")])
def test_tree_cut_to_two_seconds_has_another_name(whole, num_frames, name):
    paths = sorted((whole / "wav").iterdir())
    soundfile.write(whole / "cut.wav", np.zeros(num_frames), 8000, subtype="PCM_U8")
    for path in paths:
        path.unlink()
        path.hardlink_to(whole / "cut.wav")
    corpus = emodb.load(whole)
    assert corpus.name == corpus.variant == name
    assert bool(corpus.limits) == (name == "emodb-2s")


def test_file_that_is_not_audio(whole):
    first = whole / "wav" / "03a01Fa.wav"
    first.unlink()
    first.write_text("no audio")
    with pytest.raises(InputError, match="03a01Fa.wav: not a recording but text|03a01Fa.wav: not audio"):
        emodb.load(whole)


@pytest.mark.corpus
def test_the_real_recordings(corpora_dir):
    corpus = corpora.load("emodb", corpora_dir)
    assert corpus.name in ("emodb", "emodb-2s") and len(corpus.utterances) == 535
    assert Counter(u.gender for u in corpus.utterances) == {"male": 233, "female": 302}
    assert all(0 <= u.recognition <= 1 and 0 <= u.naturalness <= 1 for u in corpus.utterances)
    happy = next(u for u in corpus.utterances if u.id == "03a01Fa")
    assert (happy.recognition, happy.naturalness) == (0.9, 0.75)


@pytest.mark.corpus
def test_the_copy_here_is_the_cut_one(corpora_dir):
    corpus = corpora.load("emodb", corpora_dir)
    if soundfile.info(corpus.utterances[0].path).duration != 2.0:
        pytest.skip("the whole EmoDB is here, not the copy of 2.0 s")
    assert corpus.name == "emodb-2s" and "2.0 s" in corpus.limits
