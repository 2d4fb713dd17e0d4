"""Synthetic speakers with their own ways of expressing emotions: another speaker's are no help."""

import dataclasses

import numpy as np

from common.corpora import synthetic
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
