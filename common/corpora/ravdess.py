"""RAVDESS: the Ryerson Audio-Visual Database of Emotional Speech and Song; here its speech, audio only.

Who: Livingstone & Russo (2018), The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS), PLoS ONE
13(5): e0196391.
What: 24 Canadian actors (12 female, 12 male), two sentences, eight emotions in two intensities (neutral in one), twice:
1,440 files, 60 per actor, 96 neutral and 192 of every other emotion. 16 bit 48 kHz WAV, five of them stereo.
Licence: CC BY-NC-SA 4.0.
Archive: Audio_Speech_Actors_01-24.zip, MD5 bc696df654c87fed845eb13823edef8a, https://doi.org/10.5281/zenodo.1188976

File names are `MM-VC-EE-II-SS-RR-AA`: modality, vocal channel, emotion, intensity, statement, repetition, actor. Only
the name counts, not the folder. Files with a modality other than 03 (audio only) or a channel other than 01 (speech)
are ignored.
"""

import itertools
import re
from pathlib import Path

from common.corpora import verify
from common.corpora.corpus_info import CorpusInfo
from common.utterance import Corpus, Utterance

INFO = CorpusInfo(
    name="ravdess",
    title="RAVDESS speech",
    citation="Livingstone & Russo (2018), PLoS ONE 13(5): e0196391",
    num_utterances=1440,
    num_speakers=24,
    licence="CC BY-NC-SA 4.0",
    language="en",
    url="https://doi.org/10.5281/zenodo.1188976",
    how_to_get="call `python -m experiments corpora fetch ravdess`, or unpack Audio_Speech_Actors_01-24.zip from "
    "https://doi.org/10.5281/zenodo.1188976",
    archive="https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip",
    checksum="md5:bc696df654c87fed845eb13823edef8a",
)

EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
INTENSITIES = {"01": "normal", "02": "strong"}
TEXTS = {"01": "kids", "02": "dogs"}  # Kids are talking by the door; Dogs are sitting by the door
REPETITIONS = ("01", "02")
SPEAKERS = tuple(f"{actor:02d}" for actor in range(1, 25))  # odd male, even female

FILE = re.compile(r"03-01-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)")


def is_root(path) -> bool:
    """Whether `path` or its folders `Actor_*` hold RAVDESS speech files."""
    return any(verify.has_audio(folder, FILE) for folder in (Path(path), *sorted(Path(path).glob("Actor_*"))))


def load(root) -> Corpus:
    """All 1,440 utterances; `text_id` is `kids` or `dogs`, `repetition` `01` or `02`, `speaker` `01` to `24`.

    Raises:
        InputError: files are missing, or there are files that RAVDESS does not have.
    """
    utterances = [_utterance(stem, path) for stem, path in verify.audio_files(root, FILE).items()]
    marked = verify.synthetic_counts(root, INFO.name)
    if marked is None:
        verify.check_ids(INFO, root, [u.id for u in utterances], _official_ids())
    else:
        verify.check_counts(INFO, root, utterances, marked, synthetic=True)
    return verify.corpus(INFO.name, utterances, synthetic=marked is not None)


def _utterance(stem, path):
    emotion, intensity, text, repetition, actor = FILE.fullmatch(stem).groups()
    return Utterance(
        id=stem,
        path=path,
        emotion=EMOTIONS[emotion],
        speaker=actor,
        gender="male" if int(actor) % 2 else "female",
        text_id=TEXTS[text],
        intensity=INTENSITIES[intensity],
        repetition=repetition,
    )


def _official_ids():
    cells = itertools.product(EMOTIONS, INTENSITIES, TEXTS, REPETITIONS, SPEAKERS)
    return [
        "03-01-" + "-".join(cell)
        for cell in cells
        if (EMOTIONS[cell[0]], INTENSITIES[cell[1]]) != ("neutral", "strong")
    ]
