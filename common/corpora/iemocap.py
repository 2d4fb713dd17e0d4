"""IEMOCAP: the interactive emotional dyadic motion capture database.

Who: Busso, Bulut, Lee, Kazemzadeh, Mower, Kim, Chang, Lee & Narayanan (2008), IEMOCAP, Language Resources and
Evaluation 42(4), 335-359.
What: five sessions of two actors each (one female, one male), 151 dialogs, 80 improvised and 71 scripted: 10,039 turns,
labelled by three external raters and partly by the actors themselves. 16 kHz WAV, about 12 hours.
Licence: a release form of the University of Southern California, for research, on request.
Archive: none to download; a link comes with the licence, https://sail.usc.edu/iemocap/; no checksum is published.

The loader reads `Session{1..5}/dialog/EmoEvaluation/*.txt` (labels) and
`Session{1..5}/sentences/wav/<dialog>/<turn>.wav`. The letter after `Ses01` names the actor with motion-capture markers;
the letter in the last field names the speaker: `Ses01F_impro01_M003` is a turn of speaker `Ses01_M`. The times in label
files refer to the recording of the dialog. A Turn has them; an Utterance does not, since its path is the recording of
that turn only.

`VARIANTS` are the subsets and label sets used in papers. Accuracies are never compared across variants.
"""

import dataclasses
import os
import re
from collections import Counter, defaultdict
from pathlib import Path

from common.corpora import verify
from common.corpora.corpus_info import CorpusInfo
from common.errors import InputError
from common.utterance import LABEL_SETS, Corpus, Utterance

INFO = CorpusInfo(
    name="iemocap",
    title="IEMOCAP",
    citation="Busso et al. (2008), IEMOCAP, Language Resources and Evaluation 42(4), 335-359",
    num_utterances=10039,
    num_speakers=10,
    licence="release form of the University of Southern California, for research",
    language="en",
    url="https://sail.usc.edu/iemocap/",
    how_to_get="ask for a licence at https://sail.usc.edu/iemocap/ and unpack IEMOCAP_full_release",
)

CODES = {
    "ang": "anger",
    "dis": "disgust",
    "exc": "excitement",
    "fea": "fear",
    "fru": "frustration",
    "hap": "happiness",
    "neu": "neutral",
    "oth": "other",
    "sad": "sadness",
    "sur": "surprise",
    "xxx": "undecided",
}
"""`other` and `undecided` are not emotions of this suite: no variant includes them, and no marker counts them."""

RATINGS = {
    "anger": "anger",
    "disgust": "disgust",
    "excited": "excitement",
    "fear": "fear",
    "frustration": "frustration",
    "happiness": "happiness",
    "neutral": "neutral",
    "neutral state": "neutral",
    "other": "other",
    "sadness": "sadness",
    "surprise": "surprise",
    "surprised": "surprise",
}
"""A rater's label in lower case -> our name. A label not listed here enters `votes` unchanged, in lower case."""


@dataclasses.dataclass(frozen=True)
class Variant:
    """A subset and label set: which dialogs, {IEMOCAP's emotion: class}, and the resulting number of utterances."""

    improvised_only: bool
    emotions: dict[str, str]
    num_utterances: int


_HAP = {emotion: emotion for emotion in LABEL_SETS["4hap"]}
_EXC = {emotion: emotion for emotion in LABEL_SETS["4exc"]}
_MERGED = _HAP | {"excitement": "happiness"}

VARIANTS = {
    "improvised/4hap": Variant(True, _HAP, 2280),
    "improvised/4hap+exc": Variant(True, _MERGED, 2943),
    "improvised/4exc": Variant(True, _EXC, 2659),
    "all/4hap": Variant(False, _HAP, 4490),
    "all/4hap+exc": Variant(False, _MERGED, 5531),
    "all/4exc": Variant(False, _EXC, 4936),
}
DEFAULT_VARIANT = "improvised/4hap"

SESSIONS = ("Ses01", "Ses02", "Ses03", "Ses04", "Ses05")
SPEAKERS = tuple(f"{session}_{letter}" for session in SESSIONS for letter in "FM")

PER_SESSION = dict(zip(SESSIONS, (1819, 1811, 2136, 2103, 2170), strict=True))
PER_CODE = dict(fru=1849, neu=1708, ang=1103, sad=1084, exc=1041, hap=595, sur=107, fea=40, oth=3, dis=2, xxx=2507)
PER_KIND = {"improvised": 4784, "scripted": 5255}
IMPROVISED = {  # speakers in the order of SPEAKERS
    "neu": (119, 104, 90, 127, 95, 103, 51, 123, 151, 136),
    "ang": (37, 25, 7, 15, 22, 68, 47, 37, 18, 13),
    "hap": (18, 15, 25, 29, 39, 21, 10, 21, 56, 50),
    "sad": (43, 61, 63, 37, 108, 82, 41, 40, 73, 60),
}
IMPROVISED_EXCITED = dict(zip(SESSIONS, (99, 137, 89, 164, 174), strict=True))
ALL_DIALOGS = {
    "ang": (147, 82, 67, 70, 92, 148, 205, 122, 78, 92),
    "exc": (63, 80, 96, 114, 48, 103, 154, 84, 82, 217),
    "neu": (171, 213, 135, 227, 130, 190, 76, 182, 221, 163),
    "sad": (78, 116, 113, 84, 172, 133, 62, 81, 132, 113),
}

_TURN = re.compile(r"(Ses0[1-5])[FM]_(impro0\d|script0[123]_\d)[ab]?_([FM])\d{3}")
_HEADER = re.compile(r"\[(\d+\.\d+) - (\d+\.\d+)\]\t(\S+)\t(\w{3})\t\[([\d.]+), ([\d.]+), ([\d.]+)\]")
_RATING = re.compile(r"C-([EFM])\d*:\t([^\t]*)")


@dataclasses.dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a label file, whatever its label.

    Args:
        id: `Ses01F_impro01_F000`.
        code: the three letters of the summary label, a key of `CODES`.
        start_s, end_s: in the recording of the dialog, not of the turn.
        votes: the labels of each external rater (C-E*), translated by `RATINGS`.
        self_votes: the labels by the actors themselves (C-F*, C-M*), which do not count for the summary label.
    """

    id: str
    code: str
    start_s: float
    end_s: float
    valence: float
    activation: float
    dominance: float
    votes: tuple[tuple[str, ...], ...]
    self_votes: tuple[tuple[str, ...], ...]

    @property
    def dialog(self) -> str:
        return self.id.rpartition("_")[0]

    @property
    def improvised(self) -> bool:
        return "_impro" in self.id

    @property
    def session(self) -> str:
        return self.id[:5]

    @property
    def speaker(self) -> str:
        return f"{self.session}_{self.id.rpartition('_')[2][0]}"


def is_root(path) -> bool:
    """Whether `path` holds at least one `Session*` folder with labels or recordings."""
    path = Path(path)
    return any(path.glob("Session[1-5]/dialog/EmoEvaluation")) or any(path.glob("Session[1-5]/sentences/wav"))


def load(root, variant=DEFAULT_VARIANT) -> Corpus:
    """The utterances of a variant; `text_id` is the script of a scripted turn, None for an improvised one.

    Raises:
        InputError: the variant is unknown, or the copy of IEMOCAP is incomplete (the whole corpus is checked for every
            variant).
    """
    if variant not in VARIANTS:
        raise InputError(f"iemocap has no variant {variant}; choose from {', '.join(VARIANTS)}")
    marked = verify.synthetic_counts(root, INFO.name)
    if marked is None:
        _check_sessions(root)
    labelled_turns = turns(root)
    paths = _recordings(root, labelled_turns, verify.repair(INFO, synthetic=marked is not None))
    if marked is None:
        _check_totals(root, labelled_turns)
    everything = [
        _utterance(turn, paths[turn.id]) for turn in labelled_turns if CODES[turn.code] not in ("other", "undecided")
    ]
    if marked is not None:
        verify.check_counts(INFO, root, everything, marked, synthetic=True)
    chosen = _select(everything, VARIANTS[variant])
    if not chosen:
        raise InputError(f"{root}: no utterance belongs to iemocap/{variant}; name another variant or synthesize again")
    return verify.corpus(INFO.name, chosen, synthetic=marked is not None, variant=variant)


def turns(root) -> list[Turn]:
    """All turns of all label files, sorted by id.

    Raises:
        InputError: a label file is damaged, or a turn is labelled twice.
    """
    files = sorted(p for p in Path(root).glob("Session[1-5]/dialog/EmoEvaluation/*.txt") if p.name[0] != ".")
    labelled_turns = [turn for path in files for turn in parse_evaluation(path)]
    if twice := [turn_id for turn_id, n in Counter(turn.id for turn in labelled_turns).items() if n > 1]:
        raise InputError(
            f"{root}: {len(twice)} turns are labelled twice ({verify.shown(twice)}); {verify.repair(INFO)}"
        )
    return sorted(labelled_turns, key=lambda turn: turn.id)


def parse_evaluation(path) -> list[Turn]:
    """The turns of one file `EmoEvaluation/<dialog>.txt`, in its order."""
    blocks = []
    with open(path, encoding="latin-1") as lines:  # raters' comments have various encodings
        for number, line in enumerate(lines, start=1):
            if line.startswith("["):
                votes, self_votes = [], []
                blocks.append((_header(line, path, number), votes, self_votes))
            elif blocks and (match := _RATING.match(line)):
                (votes if match[1] == "E" else self_votes).append(_words(match[2]))
    return [Turn(*header, tuple(votes), tuple(self_votes)) for header, votes, self_votes in blocks]


def _words(cell):
    """The labels of one rater, translated: `Frustration; Other;` gives frustration and other."""
    words = (word.strip().lower() for word in cell.split(";"))
    return tuple(RATINGS.get(word, word) for word in words if word)


def _header(line, path, number):
    match = _HEADER.match(line)
    if not match or not _TURN.fullmatch(match[3]) or match[4] not in CODES:
        raise InputError(
            f"{path} line {number}: {line.strip()!r}; expected [start - end], turn, one of {'/'.join(CODES)} and "
            "[V, A, D], separated by tabs: copy the file again"
        )
    start, end, turn_id, code, *ratings = match.groups()
    return turn_id, code, float(start), float(end), *map(float, ratings)


def _utterance(turn, path):
    _, text, letter = _TURN.fullmatch(turn.id).groups()
    return Utterance(
        id=turn.id,
        path=path,
        emotion=CODES[turn.code],
        speaker=turn.speaker,
        gender={"F": "female", "M": "male"}[letter],
        session=turn.session,
        text_id=None if turn.improvised else text,
        votes=turn.votes,
        self_votes=turn.self_votes,
        valence=turn.valence,
        activation=turn.activation,
        dominance=turn.dominance,
    )


def _select(utterances, variant):
    return [
        dataclasses.replace(u, emotion=variant.emotions[u.emotion])
        for u in utterances
        if u.emotion in variant.emotions and ("_impro" in u.id or not variant.improvised_only)
    ]


def _recordings(root, labelled_turns, advice):
    """{turn id: path}. Recordings without a label are ignored. Raises InputError if a labelled one is missing."""
    paths, missing = {}, []
    folders = {path.name: path for path in Path(root).glob("Session[1-5]/sentences/wav/*") if path.is_dir()}
    by_dialog = defaultdict(list)
    for turn in labelled_turns:
        by_dialog[turn.dialog].append(turn.id)
    for dialog, ids in by_dialog.items():
        present = _by_stem(folders[dialog]) if dialog in folders else {}
        paths |= {turn_id: present[turn_id] for turn_id in ids if turn_id in present}
        missing += [turn_id for turn_id in ids if turn_id not in present]
    if missing:
        raise InputError(
            f"{root}: {len(missing)} of {len(labelled_turns)} labelled turns have no recording below "
            f"Session*/sentences/wav ({verify.shown(missing)}); {advice}"
        )
    return paths


def _by_stem(folder):
    with os.scandir(folder) as entries:
        names = sorted(os.path.splitext(entry.name) for entry in entries)  # a .wav overwrites its .flac
    return {stem: folder / (stem + suffix) for stem, suffix in names if suffix.lower() in verify.AUDIO_SUFFIXES}


def _check_sessions(root):
    wanted = [f"Session{n}/{part}" for n in range(1, 6) for part in ("dialog/EmoEvaluation", "sentences/wav")]
    if missing := [folder for folder in wanted if not Path(root, folder).is_dir()]:
        raise InputError(f"{root}: no {', '.join(missing)}, expected all five sessions; {verify.repair(INFO)}")


def _check_totals(root, labelled_turns):
    """Raise InputError unless the whole corpus, from which all variants are selected, has the known counts."""
    expected = _expected()
    counted = Counter()
    for turn in labelled_turns:
        kind = "improvised" if turn.improvised else "scripted"
        keys = [
            "all",
            turn.session,
            kind,
            turn.code,
            f"{turn.speaker} {turn.code}",
            f"{kind} {turn.speaker} {turn.code}",
        ]
        counted.update([*keys, f"{kind} {turn.session} {turn.code}"])
    if wrong := [f"{key} {counted[key]} of {n}" for key, n in expected.items() if counted[key] != n]:
        unlabelled = _dialogs_without_labels(root, labelled_turns)
        hint = f", dialogs without labels: {verify.shown(unlabelled)}" if unlabelled else ""
        raise InputError(f"{root}: not the turns of {INFO.title}: {verify.shown(wrong)}{hint}; {verify.repair(INFO)}")


def _expected():
    """{group of turns: count}, the whole corpus first and the smallest groups last."""
    cells = {f"improvised {s} {code}": n for code, ns in IMPROVISED.items() for s, n in zip(SPEAKERS, ns, strict=True)}
    cells |= {f"improvised {session} exc": n for session, n in IMPROVISED_EXCITED.items()}
    cells |= {f"{s} {code}": n for code, ns in ALL_DIALOGS.items() for s, n in zip(SPEAKERS, ns, strict=True)}
    return {"all": INFO.num_utterances} | PER_SESSION | PER_KIND | PER_CODE | cells


def _dialogs_without_labels(root, labelled_turns):
    labelled = {turn.dialog for turn in labelled_turns}
    folders = Path(root).glob("Session[1-5]/sentences/wav/Ses*")
    return sorted(path.name for path in folders if path.is_dir() and path.name not in labelled)
