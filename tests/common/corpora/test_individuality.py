"""Synthetic speakers who express emotions in their own ways, or all alike."""

import dataclasses

import numpy as np
import pytest

from common.corpora import synthetic
from common.errors import InputError
from common.features import speech_synthesis


def test_own_ways_differ_by_speaker_and_emotion_and_leave_the_voice_alone():
    ann, bea = (speech_synthesis.make_speaker(name, "female") for name in ("ann", "bea"))
    angry, sad = (speech_synthesis.in_own_way(ann, emotion, 4.0) for emotion in ("anger", "sadness"))
    shift = {name: np.subtract(one.habits, ann.habits) for name, one in (("anger", angry), ("sadness", sad))}
    beas = np.subtract(speech_synthesis.in_own_way(bea, "anger", 4.0).habits, bea.habits)
    assert not np.allclose(shift["anger"], shift["sadness"]) and not np.allclose(shift["anger"], beas)
    half = np.subtract(speech_synthesis.in_own_way(ann, "anger", 2.0).habits, ann.habits)
    np.testing.assert_allclose(shift["anger"], 2 * half)
    assert dataclasses.replace(angry, habits=ann.habits) == ann


def test_a_tree_with_own_ways_has_other_sound_and_says_so(tmp_path):
    options = {"speakers": 1, "files": 1, "workers": 1, "progress": False}
    alike = synthetic.synthesize("ravdess", tmp_path / "alike", **options)
    own = synthetic.synthesize("ravdess", tmp_path / "own", individuality=4.0, **options)
    angry = next(path.relative_to(alike) for path in sorted(alike.rglob("03-01-05-*.wav")))
    assert (alike / angry).read_bytes() != (own / angry).read_bytes()
    assert '"individuality": 4.0' in (own / "synthetic.json").read_text()
    assert "individuality" not in (alike / "synthetic.json").read_text()


def test_without_variability_readings_differ_much_less_in_level_and_length():
    ann = speech_synthesis.make_speaker("ann", "female")

    def spread(speaker):
        readings = [speech_synthesis.speak("anger", speaker, "Dogs are sitting.", seed=seed) for seed in range(8)]
        levels = [10 * np.log10(np.mean(np.square(reading))) for reading in readings]
        return np.std(levels), np.std([len(reading) / 16_000 for reading in readings])

    usual, clear = spread(ann), spread(speech_synthesis.with_variability(ann, 0.0))
    assert clear[0] < 0.3 * usual[0] and clear[1] < 0.6 * usual[1]
    assert spread(speech_synthesis.with_variability(ann, 1.0)) == usual


def test_a_tree_is_replaced_by_one_with_another_variability(tmp_path):
    options = {"speakers": 1, "files": 1, "workers": 1, "progress": False}
    contents = []
    for variability in (1.0, 0.25, 1.0):
        tree = synthetic.synthesize("ravdess", tmp_path, variability=variability, **options)
        contents.append({path.name: path.read_bytes() for path in tree.rglob("*.*")})
    usual, clear, again = contents
    assert usual == again != clear and usual.keys() == clear.keys()
    assert b'"variability": 0.25' in clear["synthetic.json"]
    with pytest.raises(InputError, match="variability 2: expected a share"):
        synthetic.synthesize("ravdess", tmp_path, variability=2, **options)
