import itertools
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
    """535 files whose counts per emotion and speaker are the corpus's; texts and versions are made up."""
    texts = list(itertools.product(("a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10"), "abcdef"))
    names = [
        f"{speaker}{text}{letter}{version}.wav"
        for speaker, counts in emodb.EXPECTED.items()
        for letter, emotion in emodb.EMOTIONS.items()
        for text, version in texts[: counts[emotion]]
    ]
    root = tmp_path / "emodb"
    plant(*(root / "wav" / name for name in names))
    return root


def test_expected_counts_are_those_of_the_corpus_paper():
    totals = Counter()
    for counts in emodb.EXPECTED.values():
        totals.update(counts)
    assert totals == dict(anger=127, boredom=81, disgust=46, fear=69, happiness=71, sadness=62, neutral=79)
    men = sum(sum(emodb.EXPECTED[speaker].values()) for speaker in ("03", "10", "11", "12", "15"))
    assert (men, totals.total()) == (233, 535)
    assert {s: sum(counts.values()) for s, counts in emodb.EXPECTED.items()}["14"] == 69
    assert emodb.EXPECTED["08"]["disgust"] == 0


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


def test_missing_and_extra_files_are_named(whole, plant):
    (whole / "wav" / "03a01Wa.wav").unlink()
    (whole / "wav" / "09a01Ea.wav").unlink()
    plant(whole / "wav" / "08a01Ea.wav", whole / "wav" / "17a01Ea.wav")
    with pytest.raises(InputError) as caught:
        emodb.load(whole)
    assert "535 utterances, expected 535" in str(caught.value)
    assert "2 missing (speaker 03 anger 13 of 14; 09 disgust 7 of 8)" in str(caught.value)
    assert "08 disgust 1 of 0, among them 08a01Ea; 17 disgust 1 of 0" in str(caught.value)


def test_tree_without_recordings_is_no_root(tmp_path, monkeypatch):
    (tmp_path / "emodb" / "wav").mkdir(parents=True)
    assert corpora.find("emodb", tmp_path) is None
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
    first = whole / "wav" / "03a01Aa.wav"
    first.unlink()
    first.write_text("no audio")
    with pytest.raises(InputError, match="03a01Aa.wav: not audio"):
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
