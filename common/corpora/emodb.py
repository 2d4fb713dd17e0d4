"""EmoDB: the Berlin database of emotional speech.

Who: Burkhardt, Paeschke, Rolfes, Sendlmeier & Weiss (2005), A database of German emotional speech, Interspeech.
What: ten German actors (5 female, 5 male), ten sentences, seven emotions: 535 files, chosen from 816 by the judgement
of 20 listeners. 16 bit 16 kHz mono WAV.
Licence: free for research.
Archive: download.zip at http://emodb.bilderbar.info/; its authors publish no checksum.

File names are `SSTTTEv`: speaker, text, emotion (a German initial), version. One mirror has every file cut or
zero-padded to 2.0 s; such a copy is recognised and called `emodb-2s` in every table. EmoDB 2.0.0 has all 816 takes, and
laryngograms with the same file names, which are ignored because of their folder. The 535 are selected by name
(`emodb.txt`).

`erkennung.txt`, in the root or beside the recordings, holds the listening test (Latin-1, tabs, decimal commas): for
all 816 takes, the percentages of listeners who recognised the emotion and who judged it natural.
"""

import dataclasses
import re
from pathlib import Path

from common.corpora import verify
from common.corpora.corpus_info import CorpusInfo
from common.errors import InputError, listed
from common.utterance import Corpus, Utterance

INFO = CorpusInfo(
    name="emodb",
    title="EmoDB",
    citation="Burkhardt et al. (2005), A database of German emotional speech, Interspeech",
    num_utterances=535,
    num_speakers=10,
    licence="free for research",
    language="de",
    url="http://emodb.bilderbar.info/",
    how_to_get="call `python -m experiments corpora fetch emodb`, or unpack download.zip from "
    "http://emodb.bilderbar.info/",
    archive="http://emodb.bilderbar.info/download/download.zip",
)

VARIANTS = ("", "all")
CUT_SECONDS = 2.0
ALL_LIMITS = "all takes of EmoDB 2.0.0: not to be compared with results on the 535 of the first release"
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


def _first_release():
    lines = Path(__file__).with_name("emodb.txt").read_text(encoding="ascii").splitlines()[1:]
    speaker = ""
    for word in " ".join(lines).split():
        if word.endswith(":"):
            speaker = word[:-1]
        else:
            yield speaker + word


FIRST_RELEASE = tuple(_first_release())
NUM_TAKES = 816  # of EmoDB 2.0.0
FILE = re.compile(rf"(\d\d)([ab]\d\d)([{''.join(EMOTIONS)}])([a-z])", re.IGNORECASE)
_JUDGEMENT = re.compile(rf"({FILE.pattern})\.wav[^\d,]+(\d+(?:,\d+)?)[^\d,]+(\d+(?:,\d+)?)")


def is_root(path) -> bool:
    """Whether `path` or its folder `wav` holds EmoDB files."""
    return verify.has_audio(path, FILE) or verify.has_audio(Path(path, "wav"), FILE)


def load(root, variant="") -> Corpus:
    """The 535 utterances of the first release; `text_id` is `a01` and so on, `repetition` the version letter.

    The corpus is called `emodb-2s` if every file lasts exactly 2.0 s. The variant `emodb/all` has every take of
    EmoDB 2.0.0, including those whose emotion listeners did not recognise.

    Raises:
        InputError: files are missing, two files with the same name differ, or a file is not audio.
    """
    if variant not in VARIANTS:
        raise InputError(f"{INFO.name} has no variant {variant}; name the corpus emodb or emodb/all")
    files = verify.audio_files(root, FILE, _spelling)
    marked = verify.synthetic_counts(root, INFO.name)
    if marked is None:
        verify.check_present(INFO, root, files, FIRST_RELEASE)
        if not variant:
            files = {stem: files[stem] for stem in FIRST_RELEASE}
    judgements = _judgements(root)
    utterances = [_utterance(stem, path, judgements) for stem, path in files.items()]
    if marked is not None:
        verify.check_counts(INFO, root, utterances, marked, synthetic=True)
        return verify.corpus(INFO.name, utterances, synthetic=True, variant=variant)
    if strangers := [u.id for u in utterances if u.speaker not in GENDERS]:
        raise InputError(f"{root}: {listed(strangers)}: not speakers of {INFO.title}; move these files away")
    name, limits = INFO.name, [ALL_LIMITS] if variant else []
    if _all_cut(files.values()):
        name, limits = f"{INFO.name}-2s", [*limits, CUT_LIMITS]
    corpus = verify.corpus(name, utterances, synthetic=False, limits="; ".join(limits), variant=variant)
    if variant and len(files) != NUM_TAKES:
        return dataclasses.replace(corpus, warnings=(f"{len(files)} of the {NUM_TAKES} takes of EmoDB 2.0.0 are here",))
    return corpus


def _spelling(stem):
    """A file name in the corpus's own spelling: `03A01WA` -> `03a01Wa`."""
    return stem[:5].lower() + stem[5].upper() + stem[6].lower()


def _utterance(stem, path, judgements):
    speaker, text, emotion, version = FILE.fullmatch(stem).groups()
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
    """{stem: (recognition, naturalness)}, shares in [0, 1]; empty without erkennung.txt."""
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
