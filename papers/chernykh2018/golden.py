"""Recount two numbers printed in the authors' notebook on a real copy of IEMOCAP: 208,603 frames, 14,336 too quiet.

The authors used the left channel of the dialogs' recordings, cut by the times in label files, while this suite reads
each turn's own recording (D19). The count therefore checks loader and framing, but not the training data.
"""

from collections import defaultdict
from pathlib import Path

import soundfile

from common.corpora import places
from common.errors import InputError
from papers.chernykh2018.features import AUTHORS_COPY
from papers.chernykh2018.protocol import EMOTIONS
from papers.chernykh2018.short_term import ENERGY, short_term

NUM_UTTERANCES = 4_936
NUM_FRAMES = 208_603
NUM_BELOW_GATE = 14_336


def count_frames(root) -> tuple[int, int, int]:
    """Numbers of utterances of the four emotions, of their frames without the first and last, and of too quiet ones.

    Args:
        root: the folder with Session1 ... Session5, including the dialogs' recordings.

    Raises:
        InputError: the recording of a dialog is missing.
    """
    by_dialog = defaultdict(list)
    iemocap = places.CORPORA["iemocap"]
    for turn in iemocap.turns(root):
        if iemocap.CODES[turn.code] in EMOTIONS:
            by_dialog[turn.dialog].append(turn)
    counts = [_count(turn, *recording) for recording, turns in _read(root, by_dialog) for turn in turns]
    return len(counts), sum(number for number, _ in counts), sum(quiet for _, quiet in counts)


def _read(root, by_dialog):
    for dialog, turns in by_dialog.items():
        path = Path(root, f"Session{dialog[4]}", "dialog", "wav", f"{dialog}.wav")
        if not path.is_file():
            raise InputError(f"{path} is missing; this count needs the dialogs' recordings, too")
        samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
        yield (samples[:, 0], rate), turns


def _count(turn, left, rate):
    samples = left[int(turn.start_s * rate) : int(turn.end_s * rate)]
    front_end = AUTHORS_COPY
    values = short_term(samples, rate, window=front_end.window, step=front_end.step, quirks=front_end.quirks)
    energy = values[:, ENERGY]
    inner = energy[1:-1] if len(energy) > 2 else energy[:1]
    return len(inner), int((inner <= front_end.min_energy).sum())
