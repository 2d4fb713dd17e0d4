"""Synthetic corpora in the layouts of RAVDESS, EmoDB and IEMOCAP, so that the real loaders can be run end to end.

File names, folders, label files and encodings follow the real corpora. Voices (common/features/speech_synthesis),
sentences and ratings are invented; nothing is copied from a corpus. A marker file, `synthetic.json`, states the layout,
seed, generator, and counts per speaker and emotion. The loaders check the counts and append `-synthetic` to the
corpus's name.
"""

import contextlib
import itertools
import json
import os
import shutil
import uuid
import wave
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common import processes
from common.corpora import emodb, iemocap, ravdess, verify
from common.errors import InputError
from common.features import speech_synthesis
from common.progress import bar

GENERATOR = f"common.corpora.synthetic 1 {speech_synthesis.VERSION}"
SAMPLE_RATE_HZ = 16_000
DEFAULT_SPEAKERS = {"ravdess": 8, "emodb": 10, "iemocap": 10}
DEFAULT_FILES = {"ravdess": 8, "emodb": 3, "iemocap": 4}
SHORT_SILENCE_S = (0.06, 0.08)
PARALLEL_FROM = 100  # files; for fewer, starting processes takes longer than it saves

GERMAN = {  # about as long as EmoDB's ten sentences
    "a01": "Der Koffer steht noch hinter der Haustür.",
    "a02": "Das Brot hat sie heute morgen gekauft.",
    "a04": "Am Abend gehen wir zusammen nach Hause.",
    "a05": "Der Regen hört bestimmt bald wieder auf.",
    "a07": "Um sieben Uhr kommt mein Bruder.",
    "b01": "Wo sind denn die Schuhe, die da unter der Bank waren?",
    "b02": "Sie hat den Brief gelesen, und dann ging sie wieder fort.",
    "b03": "Am Sonntag habe ich immer Zeit, da besuche ich meine Tante.",
    "b09": "Ich will das nur schnell holen, und dann trinken wir Kaffee.",
    "b10": "Der Schlüssel liegt dort, wo wir ihn immer hinlegen.",
}
ENGLISH = (
    "well you know the first time we went there I was not really sure what to say about it but then he came over and "
    "told me that they had been waiting for us since the morning so we just sat down near the water and talked until "
    "it was dark maybe next year things will look better if she gets her letter from the office and finds a new place"
).split()
KIDS_AND_DOGS = {"kids": "Kids are talking by the door.", "dogs": "Dogs are sitting by the door."}

# IEMOCAP's label of our emotion, and the mean valence, activation and dominance (1 to 5) of its ratings.
RATERS = {
    "anger": ("Anger", 1.8, 3.8, 4.0),
    "disgust": ("Disgust", 2.0, 2.8, 3.0),
    "excitement": ("Excited", 4.2, 3.8, 3.4),
    "fear": ("Fear", 2.0, 3.4, 2.2),
    "frustration": ("Frustration", 2.2, 3.0, 3.2),
    "happiness": ("Happiness", 4.1, 3.2, 3.2),
    "neutral": ("Neutral", 2.9, 2.3, 2.7),
    "other": ("Other", 2.8, 2.8, 2.8),
    "sadness": ("Sadness", 2.0, 2.0, 2.3),
    "surprise": ("Surprise", 3.1, 3.5, 2.9),
}
DISSENT = 0.45  # share of utterances in which one of the three raters gives another label


class Clip(NamedTuple):
    """One file to synthesise."""

    path: str  # relative to the corpus's root, with /
    speaker: str  # as the loader names it
    gender: str
    label: str  # of the corpus: an emotion, or IEMOCAP's other and undecided
    emotion: str  # acted by the speaker
    text: str
    intensity: str | None = None
    silence_s: tuple[float, float] = SHORT_SILENCE_S  # at least, before and after the speech


def synthesize(
    layout,
    directory,
    *,
    seed=0,
    speakers=None,
    files=None,
    individuality=0.0,
    variability=1.0,
    short_silence=False,
    workers=None,
    progress=True,
) -> Path:
    """Write a synthetic corpus in the layout of a real one; an identical existing one is kept. Returns `directory`.

    Args:
        layout: "ravdess", "emodb" or "iemocap".
        directory: the corpus's root; new, empty, or an older synthetic corpus, which is replaced.
        seed: another seed gives other voices and readings.
        speakers: their number; by default 8 of 24 (RAVDESS), 10 of 10 (EmoDB), 10 of 10 (IEMOCAP, two per session).
        files: per speaker and emotion. RAVDESS: by default 8, its full design (4 of neutral). EmoDB: 3 (more of anger).
            IEMOCAP: 4 improvised (8 of neutral), half as many scripted, and a few without a majority label; 100 give
            a corpus as large as the real one.
        individuality: how differently speakers express the same emotion, see `speech_synthesis.in_own_way`.
        variability: of speakers' habits and of readings; with a small one, networks learn from few files, see
            `speech_synthesis.with_variability`.
        short_silence: leave out RAVDESS's long silences around the speech, for networks that train on whole files.
        workers: processes; by default one per core, or a single one for a small corpus.
        progress: show a bar.

    Raises:
        InputError: the folder has other content or cannot be written, or a number is out of range.
    """
    directory = Path(os.path.abspath(directory))
    clips = plan(layout, seed=seed, speakers=speakers, files=files)
    if short_silence:
        clips = [clip._replace(silence_s=SHORT_SILENCE_S) for clip in clips]
    marker = {"layout": layout, "counts": _counts(clips), "seed": seed, "generator": GENERATOR}
    marker |= {"individuality": individuality} if individuality else {}
    marker |= {"variability": variability} if variability != 1.0 else {}
    marker |= {"short_silence": True} if short_silence else {}
    paths = [clip.path for clip in clips] + list(_label_files(layout, clips, [0.0] * len(clips), seed))

    def complete():
        return _marker(directory) == marker and all((directory / path).is_file() for path in paths)

    if complete():
        return directory
    _refuse_foreign(directory)
    with _replacing(directory, complete) as folder:
        for path in paths:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
        seconds = _record(clips, folder, seed, individuality, variability, workers, progress)
        for name, content in _label_files(layout, clips, seconds, seed).items():
            (folder / name).write_bytes(content)
        (folder / verify.MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")
    return directory


def plan(layout, *, seed=0, speakers=None, files=None) -> list[Clip]:
    """The files that `synthesize` would write, sorted by path; arguments and errors as there."""
    planners = {"ravdess": (_plan_ravdess, 24, 8), "emodb": (_plan_emodb, 10, 40), "iemocap": (_plan_iemocap, 10, 100)}
    if layout not in planners:
        raise InputError(f"unknown layout {layout!r}; choose from {', '.join(planners)}")
    planner, most_speakers, most_files = planners[layout]
    speakers = DEFAULT_SPEAKERS[layout] if speakers is None else speakers
    files = DEFAULT_FILES[layout] if files is None else files
    if not 1 <= speakers <= most_speakers or not 1 <= files <= most_files:
        raise InputError(
            f"{speakers} speakers with {files} files of each emotion do not fit the layout {layout}; "
            f"choose 1 to {most_speakers} speakers and 1 to {most_files} files"
        )
    return sorted(planner(speakers, files, seed))


def _plan_ravdess(speakers, files, seed):
    readings = [("01", "01", "01"), ("02", "02", "01"), ("01", "02", "02"), ("02", "01", "02")]
    readings += [(i, t, "02" if r == "01" else "01") for i, t, r in readings]
    for actor, (code, emotion) in itertools.product(ravdess.SPEAKERS[:speakers], ravdess.EMOTIONS.items()):
        possible = [reading for reading in readings if emotion != "neutral" or reading[0] == "01"]
        for intensity, text, repetition in possible[:files]:
            name = f"03-01-{code}-{intensity}-{text}-{repetition}-{actor}"
            yield Clip(
                path=f"Actor_{actor}/{name}.wav",
                speaker=actor,
                gender="male" if int(actor) % 2 else "female",
                label=emotion,
                emotion=emotion,
                text=KIDS_AND_DOGS[ravdess.TEXTS[text]],
                intensity=ravdess.INTENSITIES[intensity],
                silence_s=tuple(
                    speech_synthesis.generator("silence", seed, name).uniform((0.8, 0.6), (1.1, 1.0)).tolist()
                ),
            )


def _plan_emodb(speakers, files, seed):
    for speaker, (code, emotion) in itertools.product(sorted(emodb.GENDERS)[:speakers], emodb.EMOTIONS.items()):
        count = files + files // 2 if emotion == "anger" else files
        if (speaker, emotion) == ("08", "disgust"):
            continue  # as in the corpus
        order = speech_synthesis.generator("texts", seed, speaker, code).permutation(list(GERMAN)).tolist()
        for k in range(count):
            text, version = order[k % len(order)], "abcdef"[k // len(order)]
            path = f"wav/{speaker}{text}{code}{version}.wav"
            yield Clip(path, speaker, emodb.GENDERS[speaker], emotion, emotion, GERMAN[text])


def _plan_iemocap(speakers, files, seed):
    half = (files + 1) // 2
    everyday = ["anger", "excitement", "frustration", "happiness", "neutral", "sadness"]
    for speaker in iemocap.SPEAKERS[:speakers]:
        improvised = [(e, e) for e in everyday + ["neutral"] for _ in range(files)]
        improvised += [("undecided", e) for e in everyday[:half]]
        scripted = [(e, e) for e in everyday for _ in range(half)] + [("undecided", "frustration")]
        scripted.append(("fear", "fear") if speaker.endswith("F") else ("surprise", "surprise"))
        if speaker == "Ses01_M":
            improvised.append(("other", "boredom"))
        for wanted, dialogs in zip((improvised, scripted), _dialogs(speaker[:5]), strict=True):
            rng = speech_synthesis.generator("dialogs", seed, speaker, len(dialogs), dialogs[0])
            turns = Counter()
            for place, k in enumerate(rng.permutation(len(wanted)).tolist()):
                label, emotion = wanted[k]
                dialog = dialogs[place % len(dialogs)]
                utterance = f"{dialog}_{speaker[-1]}{turns[dialog]:03d}"
                turns[dialog] += 1
                yield Clip(
                    path=f"Session{speaker[4]}/sentences/wav/{dialog}/{utterance}.wav",
                    speaker=speaker,
                    gender="female" if speaker.endswith("F") else "male",
                    label=label,
                    emotion=emotion,
                    text=_chatter(rng),
                )


def _dialogs(session):
    """The session's improvised and scripted dialogs, with the suffixes a and b that IEMOCAP has."""
    improvised = [f"{session}F_impro01", f"{session}M_impro04"]
    scripted = [f"{session}F_script01_1", f"{session}M_script02_2"]
    improvised += {"Ses03": ["Ses03M_impro05a", "Ses03M_impro05b"]}.get(session, [])
    scripted += {"Ses05": ["Ses05M_script01_1b"]}.get(session, [])
    return improvised, scripted


def _chatter(rng):
    """A text of 2 to 50 words (median 10) with a comma after every ninth word."""
    count = int(np.clip(np.round(np.exp(rng.normal(np.log(10), 0.65))), 2, 50))
    start = int(rng.integers(len(ENGLISH)))
    words = [ENGLISH[(start + k) % len(ENGLISH)] for k in range(count)]
    return " ".join(f"{word}," if k % 9 == 6 else word for k, word in enumerate(words))


def _record(clips, folder, seed, individuality, variability, workers, progress):
    """Synthesise and write all clips; returns their durations in seconds, in order."""
    import joblib

    workers = (joblib.cpu_count() if len(clips) >= PARALLEL_FROM else 1) if workers is None else workers
    tasks = (joblib.delayed(_record_one)(clip, str(folder), seed, individuality, variability) for clip in clips)
    with processes.pool():
        done = joblib.Parallel(n_jobs=workers, return_as="generator")(tasks)
        return list(bar(done, desc="synthesize", total=len(clips), unit=" files", disable=not progress, leave=False))


def _record_one(clip, folder, seed, individuality, variability):
    rng = speech_synthesis.generator("room", seed, clip.path)
    speaker = speech_synthesis.with_variability(
        speech_synthesis.make_speaker(clip.speaker, clip.gender, seed=seed), variability
    )
    if individuality:
        speaker = speech_synthesis.in_own_way(speaker, clip.emotion, individuality)
    reading = dict(intensity=clip.intensity, seed=f"{seed} {clip.path}", sample_rate_hz=SAMPLE_RATE_HZ)
    speech = speech_synthesis.speak(clip.emotion, speaker, clip.text, **reading)
    before, after = (round(s * SAMPLE_RATE_HZ) for s in clip.silence_s)
    after = max(after, round(0.73 * SAMPLE_RATE_HZ) - before - len(speech))  # IEMOCAP's shortest
    noise = 10 ** (rng.uniform(-70, -60) / 20) * rng.standard_normal(before + len(speech) + after)
    samples = np.round(32768.0 * (np.pad(speech, (before, after)) + noise)).clip(-32768, 32767).astype("<i2")
    with wave.open(str(Path(folder, clip.path)), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(samples.tobytes())
    return len(samples) / SAMPLE_RATE_HZ


def _label_files(layout, clips, seconds, seed) -> dict[str, bytes]:
    """Content by path of the layout's label files."""
    if layout == "emodb":
        return {"erkennung.txt": _listening_test(clips, seed)}
    if layout == "iemocap":
        return _evaluations(clips, seconds, seed)
    return {}


def _listening_test(clips, seed):
    """EmoDB's erkennung.txt: Latin-1, decimal commas, no-break spaces; it also lists recordings that were dropped."""
    names = {os.path.basename(clip.path) for clip in clips}
    unkept = {f"{name[:6]}f.wav" for name in sorted(names)[::7]} - names
    lines = ["Nr.\tSatz\terkannt\tnatuerlich"]
    for number, name in enumerate(sorted(names | unkept), start=1):
        low, high = (20, 75) if name in unkept else (80, 100)
        shares = speech_synthesis.generator("listeners", seed, name).uniform((low, 60), (high, 100)).tolist()
        cells = [f"{share:.2f}".replace(".", ",") + "\xa0" * 6 for share in shares]
        lines.append("\t".join([f"{number}\xa0\xa0", name, *cells]))
    return ("\n".join(lines) + "\n").encode("latin-1")


def _evaluations(clips, seconds, seed):
    """IEMOCAP's EmoEvaluation files: for each turn a summary, three external raters, a self-rating, dimensions."""
    dialogs = defaultdict(list)
    for clip, duration in zip(clips, seconds, strict=True):
        dialogs[clip.path.split("/")[0], clip.path.split("/")[3]].append((clip, duration))
    content = {}
    for (session, dialog), turns in dialogs.items():
        rng = speech_synthesis.generator("order", seed, dialog)
        lines, now = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""], 5.0
        queues = {
            who: iter([turn for turn in turns if turn[0].speaker == who]) for who in {t[0].speaker for t in turns}
        }
        for k in rng.permutation(len(turns)).tolist():  # order of speakers; turns of one speaker keep their order
            clip, duration = next(queues[turns[k][0].speaker])
            start = now + rng.uniform(0.2, 1.5)
            now = start + duration
            lines += [*_turn(clip, start, now, speech_synthesis.generator("raters", seed, clip.path)), ""]
        content[f"{session}/dialog/EmoEvaluation/{dialog}.txt"] = ("\n".join(lines) + "\n").encode("latin-1")
    return content


def _turn(clip, start, end, rng):
    name, letter = Path(clip.path).stem, clip.speaker[-1]
    others = [e for e in rng.permutation(sorted(set(RATERS) - {clip.label, "other"})).tolist() if e != clip.emotion]
    votes = [clip.label] * 3
    if clip.label == "undecided":  # no two raters agree
        votes = [clip.emotion if clip.emotion in RATERS else others[2], *others[:2]]
    elif rng.random() < DISSENT:
        votes[rng.integers(3)] = others[0]
    raters = [(f"E{k}", f"{RATERS[vote][0]};") for k, vote in enumerate(votes, start=1)]
    own = clip.label if clip.label in RATERS and rng.random() < 0.6 else others[1]
    second = f" {RATERS[others[2]][0]};" if rng.random() < 0.2 else ""  # an actor may name two
    raters.append((f"{letter}1", f"{RATERS[own][0]};{second}"))
    centre = np.array(RATERS.get(clip.label, RATERS["other"])[1:])
    scores = np.clip(np.round(rng.normal(centre, 0.6, (3, 3))), 1, 5).astype(int).tolist()  # E1, E2, self
    mean = ", ".join(f"{(a + b) / 2:.4f}" for a, b in zip(*scores[:2], strict=True))
    code = {ours: theirs for theirs, ours in iemocap.CODES.items()}[clip.label]
    yield f"[{start:.4f} - {end:.4f}]\t{name}\t{code}\t[{mean}]"
    yield from (f"C-{rater}:\t{words}\t()" for rater, words in raters)
    for rater, (val, act, dom) in zip(("E1", "E2", f"{letter}1"), scores, strict=True):
        dominance = "" if rater[0] != "E" and rng.random() < 0.05 else dom  # actors left some out
        yield f"A-{rater}:\tval {val}; act {act}; dom  {dominance};\t()"


def _counts(clips):
    """{speaker: {emotion: n}} over all clips whose label is one of our emotions."""
    counts = defaultdict(Counter)
    for clip in clips:
        if clip.label not in ("other", "undecided"):
            counts[clip.speaker][clip.label] += 1
    return {speaker: dict(sorted(by_emotion.items())) for speaker, by_emotion in sorted(counts.items())}


def _marker(directory):
    try:
        return json.loads((directory / verify.MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _refuse_foreign(directory):
    """Raise InputError unless `directory` is new, empty, or a synthetic corpus without other files."""
    if directory.is_dir() and any(directory.iterdir()):
        marker = _marker(directory)
        ours = isinstance(marker, dict) and str(marker.get("generator", "")).startswith("common.corpora.synthetic")
        files = [path for path in directory.rglob("*") if not path.is_dir()]
        if not ours or any(path.suffix not in (".wav", ".txt", ".json") for path in files):
            raise InputError(f"{directory} has files that are not of a synthetic corpus; give a new or an empty folder")
    elif directory.exists() and not directory.is_dir():
        raise InputError(f"{directory} is a file; give a new or an empty folder")


@contextlib.contextmanager
def _replacing(directory, complete):
    """A temporary folder beside `directory`, which replaces it when the block ends without an exception."""
    stem = f".{directory.name}.{uuid.uuid4().hex[:8]}"
    folder, old = directory.with_name(f"{stem}.part"), directory.with_name(f"{stem}.old")
    try:
        folder.mkdir(parents=True)
        yield folder
        if not complete():  # else another process has written it
            if directory.exists():
                directory.rename(old)
            folder.rename(directory)
    except OSError as error:
        raise InputError(
            f"{directory} cannot be written: {error.strerror}; make room or name another folder"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if directory.exists():  # else the replacement failed halfway, and only the old corpus is left
            shutil.rmtree(old, ignore_errors=True)
