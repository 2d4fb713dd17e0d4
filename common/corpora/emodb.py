"""EmoDB: the Berlin database of emotional speech.

Who: Burkhardt, Paeschke, Rolfes, Sendlmeier & Weiss (2005), A database of German emotional speech, Interspeech.
What: ten German actors (5 female, 5 male), ten sentences, seven emotions: 535 files, chosen from 816 by the judgement
of 20 listeners. 16 bit 16 kHz mono WAV.
Licence: free for research.
Archive: download.zip at http://emodb.bilderbar.info/; its makers publish no checksum.

File names are `SSTTTEv`: speaker, text, emotion (a German initial), version. A mirror has every file cut or padded with
zeros to its first 2.0 s; that tree is recognised and called `emodb-2s` in every table.

`erkennung.txt`, where it lies in the root or beside the recordings, gives the listening test (Latin-1, tabs, decimal
commas): the per cent of listeners who recognised the emotion and who found it natural, for all 816.
"""

import re
from pathlib import Path

from common.corpora import verify
from common.corpora.corpus_info import CorpusInfo
from common.errors import InputError
from common.utterance import Corpus, Utterance

INFO = CorpusInfo(
    name="emodb",
    title="EmoDB",
    citation="Burkhardt et al. (2005), A database of German emotional speech, Interspeech",
    num_utterances=535,
    num_speakers=10,
    licence="free for research",
    url="http://emodb.bilderbar.info/",
    how_to_get="call `python -m experiments corpora fetch emodb`, or unpack download.zip from "
    "http://emodb.bilderbar.info/",
    archive="http://emodb.bilderbar.info/download/download.zip",
)

CUT_SECONDS = 2.0
CUT_LIMITS = "EmoDB cut or zero-padded to its first 2.0 s: not to be compared with results on the whole recordings"

EMOTIONS = {
    "N": "neutral",
    "W": "anger",
    "A": "fear",
    "E": "disgust",
    "T": "sadness",
    "L": "boredom",
    "F": "happiness",
}
GENDERS = dict.fromkeys(("03", "10", "11", "12", "15"), "male") | dict.fromkeys(
    ("08", "09", "13", "14", "16"), "female"
)

_COUNTS = {  # in the order of EMOTIONS, counted on the public file listing; speaker 08 has no disgust
    "03": (11, 14, 4, 1, 7, 5, 7),
    "08": (10, 12, 6, 0, 9, 10, 11),
    "09": (9, 13, 1, 8, 4, 4, 4),
    "10": (4, 10, 8, 1, 3, 8, 4),
    "11": (9, 11, 10, 2, 7, 8, 8),
    "12": (4, 12, 6, 2, 4, 5, 2),
    "13": (9, 12, 7, 8, 5, 10, 10),
    "14": (7, 16, 12, 8, 10, 8, 8),
    "15": (11, 13, 8, 5, 4, 9, 6),
    "16": (5, 14, 7, 11, 9, 14, 11),
}
EXPECTED = {speaker: dict(zip(EMOTIONS.values(), counts, strict=True)) for speaker, counts in _COUNTS.items()}

_NAME = re.compile(rf"(\d\d)([ab]\d\d)([{''.join(EMOTIONS)}])([a-z])")
_JUDGEMENT = re.compile(rf"({_NAME.pattern})\.wav[^\d,]+(\d+(?:,\d+)?)[^\d,]+(\d+(?:,\d+)?)")


def is_root(path) -> bool:
    """Whether EmoDB files lie in `path` itself or in its folder `wav`."""
    return verify.has_audio(path, _NAME) or verify.has_audio(Path(path, "wav"), _NAME)


def load(root) -> Corpus:
    """All 535 utterances; `text_id` is `a01` and so on, `repetition` the version letter.

    The corpus is called `emodb-2s` where every file lasts exactly 2.0 s.

    Raises:
        InputError: the tree is not complete, holds more than EmoDB, or a file is not audio.
    """
    files = verify.audio_files(root, _NAME)
    judgements = _judgements(root)
    utterances = [_utterance(stem, path, judgements) for stem, path in files.items()]
    marked = verify.synthetic_counts(root, INFO.name)
    expected = EXPECTED if marked is None else marked
    verify.check_counts(INFO, root, utterances, expected, synthetic=marked is not None)
    if marked is None and _all_cut(files.values()):
        return verify.corpus(f"{INFO.name}-2s", utterances, synthetic=False, limits=CUT_LIMITS)
    return verify.corpus(INFO.name, utterances, synthetic=marked is not None)


def _utterance(stem, path, judgements):
    speaker, text, emotion, version = _NAME.fullmatch(stem).groups()
    recognition, naturalness = judgements.get(stem, (None, None))
    return Utterance(
        id=stem,
        path=path,
        emotion=EMOTIONS[emotion],
        speaker=speaker,
        gender=GENDERS.get(speaker),
        text_id=text,
        repetition=version,
        recognition=recognition,
        naturalness=naturalness,
    )


def _judgements(root):
    """{stem: (recognition, naturalness)}, shares in [0, 1]; empty where the tree has no erkennung.txt."""
    places = (Path(root, "erkennung.txt"), Path(root, "wav", "erkennung.txt"))
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        return {}
    judgements = {}
    lines = path.read_text(encoding="latin-1").splitlines()
    for number, line in enumerate(lines, start=1):
        if ".wav" not in line:
            continue  # the header, empty lines
        match = _JUDGEMENT.search(line)
        shares = [float(cell.replace(",", ".")) / 100 for cell in match.groups()[-2:]] if match else [-1.0]
        if not all(0 <= share <= 1 for share in shares):
            raise InputError(
                f"{path} line {number}: {line.strip()!r}; expected a number, a file name and two percentages with "
                "decimal commas: copy the file again or remove it"
            )
        judgements[match[1]] = tuple(shares)
    return judgements


def _all_cut(paths):
    from common.features import audio  # numpy and soundfile: not needed to list corpora

    durations = (audio.duration(path) for path in paths)
    return all(abs(num_frames - CUT_SECONDS * rate) <= 1 for num_frames, rate in durations)
