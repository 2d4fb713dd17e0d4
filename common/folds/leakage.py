"""The leakage audit: forbidden overlaps between the parts of a fold, for our folds and for any fold files.

The parts are train, valid and test. A FAIL invalidates the test score for the protocol's claim; a WARN must be reported
with it. common/folds/fold_files reads fold files of other programs.

| kind | level | finding |
|---|---|---|
| `utterance` | FAIL | the same utterance in two parts; in valid and test: the test part is used for selection |
| `file` | FAIL | segments of one audio file in two parts, overlapping or not |
| `audio` | FAIL | different files with the same content (hash) in two parts |
| `speaker` | FAIL; WARN if the protocol does not claim speaker independence | a speaker in two parts |
| `speaker_unknown` | WARN | utterances without a speaker: independence cannot be checked |
| `speaker_alike` | WARN | speakers in two parts whose names differ only in case or leading zeros |
| `audio_unknown` | WARN | utterances whose audio was not found: duplicates under another name are not detected |
| `text` | WARN | sentences in two parts; EmoDB has ten and RAVDESS two, and splits by speaker cannot separate them |
| `empty` | FAIL; WARN for valid | a part without utterances; without valid, the epoch may have been chosen on test |
| `class` | FAIL; WARN for valid | a class of the test part that training lacks; a class that validation lacks |
| `speaker_label` | WARN | most speakers have only one emotion, so the speaker identifies the label |
| `unread` | WARN | lists beside the fold files that name no part |
| `contradiction` | FAIL | different fold files for the same part |
| `repeated` | WARN | an utterance twice in one part, or in the test parts of several folds |
"""

import dataclasses
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import PurePath

from common.errors import InputError
from common.utterance import plain_speaker

FAIL, WARN = "FAIL", "WARN"
LEAKY = "leaky"

MIN_SPEAKERS = 3
"""Fewest speakers, of two or more utterances each, for which the kind `speaker_label` is tested."""

_SHOWN = 3  # names listed in a message; the others are only counted


def is_leaky(protocol) -> bool:
    """Whether a protocol exists to demonstrate leakage; its name then begins with "leaky"."""
    return protocol.startswith(LEAKY)


@dataclasses.dataclass(frozen=True)
class Finding:
    """One finding of the audit.

    Args:
        level: "FAIL" or "WARN".
        fold: the fold's name, or the names of the affected folds, separated by commas.
        kind: see the module's table.
        message: a sentence without the fold's name.
        count: number of utterances, files, speakers, sentences or classes.
    """

    level: str
    fold: str
    kind: str
    message: str
    count: int

    def __str__(self):
        return f"{self.level} {self.fold} {self.kind}: {self.message}"


def audit(folds, *, speaker_independent: bool, audio_hashes: dict[str, str] | None = None) -> list[Finding]:
    """All findings, in the order of the folds; FAILs of a fold before its WARNs.

    Args:
        folds: Folds.
        speaker_independent: whether the protocol claims that no speaker is in two parts.
        audio_hashes: utterance id -> hash of its audio file. Missing ids are not compared and give a WARN. None
            compares no audio and gives no WARN.
    """
    findings = []
    for fold in folds:
        of_fold = [
            *_empty_parts(fold),
            *_shared(fold, speaker_independent=speaker_independent, audio_hashes=audio_hashes or {}),
            *_unknown_speakers(fold),
            *_unknown_audio(fold, audio_hashes),
            *_missing_classes(fold),
            *_repeated_in_a_part(fold),
        ]
        findings += sorted(of_fold, key=lambda f: f.level != FAIL)
    return findings + _tested_twice(folds) + _speaker_labels(folds)


def check(folds, *, speaker_independent: bool, audio_hashes: dict[str, str] | None = None) -> list[Finding]:
    """Run `audit` and return its WARNs.

    Raises:
        InputError: there is a FAIL; the message lists the first ones.
    """
    findings = audit(folds, speaker_independent=speaker_independent, audio_hashes=audio_hashes)
    if failed := [f for f in findings if f.level == FAIL]:
        rest = f" (and {len(failed) - _SHOWN} more)" if len(failed) > _SHOWN else ""
        listed = "; ".join(f"{f.fold}: {f.message}" for f in failed[:_SHOWN])
        raise InputError(f"these folds are not fit to train on: {listed}{rest}")
    return findings


def in_words(findings) -> list[str]:
    """A sentence for each kind of WARN: the first one, and the number of folds with this kind."""
    by_kind = defaultdict(list)
    for finding in findings:
        by_kind[finding.kind].append(finding)
    return [f"{kind}: {same[0].message}{_in_folds(same)}" for kind, same in by_kind.items()]


def _in_folds(findings) -> str:
    folds = {name for finding in findings for name in finding.fold.split(",")}
    return f" ({findings[0].fold}; similar in {len(folds)} folds)" if len(folds) > 1 else ""


def speaker_label_warning(utterances) -> str:
    """A warning if most speakers have only one emotion, as in URDU; else "".

    Only speakers with two or more utterances count, and there must be at least `MIN_SPEAKERS` of them.
    """
    emotions = defaultdict(list)
    for utterance in utterances:
        if utterance.speaker:
            emotions[utterance.speaker].append(utterance.emotion)
    repeated = [of_one for of_one in emotions.values() if len(of_one) > 1]
    several = sum(len(set(of_one)) > 1 for of_one in repeated)
    classes = {emotion for of_one in repeated for emotion in of_one}
    if len(repeated) < MIN_SPEAKERS or len(classes) < 2 or several >= len(repeated) / 2:
        return ""
    return f"{several} of {len(repeated)} speakers have more than one emotion: the speaker identifies the label"


def same_recordings(utterances, audio_hashes) -> str:
    """A warning about recordings that occur twice with different speakers or emotions; "" if there are none.

    Args:
        utterances: of a corpus.
        audio_hashes: utterance id -> hash of its audio file.
    """
    by_sound = defaultdict(list)
    for u in utterances:
        by_sound[audio_hashes[u.id], u.start_s, u.end_s, u.channel].append(u)
    twice = [members for members in by_sound.values() if len({(u.speaker, u.emotion) for u in members}) > 1]
    if not twice:
        return ""
    pairs = "; ".join(" = ".join(f"{u.id} ({u.speaker}, {u.emotion})" for u in members) for members in twice[:3])
    more = f"; {len(twice) - 3} more" if len(twice) > 3 else ""
    return f"one recording with several speakers or emotions: {pairs}{more}; training leaves out tested recordings"


def _speaker_labels(folds):
    everyone = {u.id: u for fold in folds for part in fold.parts.values() for u in part}
    message = speaker_label_warning(everyone.values())
    return [Finding(WARN, "all folds", "speaker_label", message, len(everyone))] if message else []


def without_duplicates(fold, audio_hashes):
    """The fold without recordings of train that also occur in valid or test, and without those of valid in test.

    RAVDESS itself has one recording under two names (actor 07, happiness), which a random split may put in two parts.
    The test part is never changed.
    """
    tested = {audio_hashes[u.id] for u in fold.test}
    valid = tuple(u for u in fold.valid if audio_hashes[u.id] not in tested)
    later = tested | {audio_hashes[u.id] for u in valid}
    train = tuple(u for u in fold.train if audio_hashes[u.id] not in later)
    return dataclasses.replace(fold, train=train, valid=valid)


def _empty_parts(fold):
    for name, part in fold.parts.items():
        if not part and name == "valid":
            message = "no validation part: if an epoch was selected, it was selected on the test part"
            yield Finding(WARN, fold.name, "empty", message, 0)
        elif not part:
            yield Finding(FAIL, fold.name, "empty", f"the {name} part is empty", 0)


def _shared(fold, *, speaker_independent, audio_hashes):
    keys = {
        "utterance": lambda u: u.id,
        "file": _file,
        "audio": lambda u: audio_hashes.get(u.id),
        "speaker": lambda u: u.speaker or None,
        "text": lambda u: u.text_id,
    }
    if not audio_hashes:
        del keys["audio"]
    values = {  # computed once per part and kind, for the three pairs of parts
        name: {kind: {key(u) for u in part} - {None} for kind, key in keys.items()} for name, part in fold.parts.items()
    }
    for (one, first), (other, second) in combinations(fold.parts.items(), 2):
        sides = f"{one} and {other}"
        ids = sorted(values[one]["utterance"] & values[other]["utterance"])
        if ids:
            selection = ", so the test part is used for selection" if sides == "valid and test" else ""
            message = f"{_counted(ids, 'utterance')} in {sides}{selection}: {_listed(ids)}"
            yield Finding(FAIL, fold.name, "utterance", message, len(ids))
            first, second = _without(first, keys["utterance"], ids), _without(second, keys["utterance"], ids)

        files = sorted(values[one]["file"] & values[other]["file"])
        if files and (files := _common(first, second, _file)):
            message = f"segments of {_counted(files, 'file')} in {sides}: {_listed(PurePath(f).name for f in files)}"
            yield Finding(FAIL, fold.name, "file", message, len(files))
            first, second = _without(first, _file, files), _without(second, _file, files)

        hashes = sorted(values[one]["audio"] & values[other]["audio"]) if audio_hashes else []
        if hashes and (hashes := _common(first, second, keys["audio"])):
            twins = [[u.id for u in part if audio_hashes.get(u.id) in hashes] for part in (first, second)]
            message = f"{_counted(hashes, 'recording')} under two names in {sides}: {twins[0][0]} is {twins[1][0]}"
            if len(hashes) > 1:
                message = f"{_counted(hashes, 'recording')} under two names in {sides}: {_listed(twins[0] + twins[1])}"
            yield Finding(FAIL, fold.name, "audio", message, len(hashes))

        of_one, of_other = values[one], values[other]
        yield from _shared_speakers(fold.name, one, other, of_one["speaker"], of_other["speaker"], speaker_independent)
        yield from _shared_texts(fold.name, one, other, of_one["text"], of_other["text"])


def _shared_speakers(fold_name, one, other, speakers, others, speaker_independent):
    shared = sorted(speakers & others)
    if shared:
        message = f"{len(shared)} of {_counted(others, 'speaker')} in {other} also in {one}: {_listed(shared)}"
        yield Finding(FAIL if speaker_independent else WARN, fold_name, "speaker", message, len(shared))
    forms = {plain_speaker(name): name for name in sorted(speakers)}
    alike = [
        f"{forms[form]} and {name}" for name in sorted(others - speakers) if (form := plain_speaker(name)) in forms
    ]
    if alike:
        message = f"speakers in {one} and {other} that may be the same: {_listed(alike)}"
        yield Finding(WARN, fold_name, "speaker_alike", message, len(alike))


def _shared_texts(fold_name, one, other, texts, others):
    shared = texts & others
    if shared:
        message = f"{len(shared)} of {_counted(others, 'sentence')} in {other} also in {one}"
        yield Finding(WARN, fold_name, "text", message, len(shared))


def _unknown_speakers(fold):
    unknown = [u.id for part in fold.parts.values() for u in part if not u.speaker]
    if unknown:
        message = f"{_counted(unknown, 'utterance')} without a speaker, whose independence cannot be checked"
        yield Finding(WARN, fold.name, "speaker_unknown", message, len(unknown))


def _unknown_audio(fold, audio_hashes):
    everyone = {u.id for part in fold.parts.values() for u in part}
    if audio_hashes is not None and (unknown := everyone - audio_hashes.keys()):
        message = f"no audio for {len(unknown)} of {_counted(everyone, 'utterance')}; give its folder with --audio"
        yield Finding(WARN, fold.name, "audio_unknown", message, len(unknown))


def _missing_classes(fold):
    classes = {name: {u.emotion for u in part} for name, part in fold.parts.items()}
    if fold.train and (unseen := sorted(classes["test"] - classes["train"])):
        message = f"test has {_listed(unseen)}, which training lacks; merge the class, leave it out or take other folds"
        yield Finding(FAIL, fold.name, "class", message, len(unseen))
    if fold.valid and (absent := sorted(classes["train"] - classes["valid"])):
        yield Finding(WARN, fold.name, "class", f"validation lacks {_listed(absent)}", len(absent))


def _repeated_in_a_part(fold):
    for name, part in fold.parts.items():
        ids = [u.id for u in part]
        if len(set(ids)) < len(ids):
            twice = sorted(i for i, n in Counter(ids).items() if n > 1)
            message = f"{_counted(twice, 'utterance')} more than once in {name}: {_listed(twice)}"
            yield Finding(WARN, fold.name, "repeated", message, len(twice))


def _tested_twice(folds):
    tests = Counter(i for fold in folds for i in {u.id for u in fold.test})
    twice = sorted(i for i, n in tests.items() if n > 1)
    if not twice:
        return []
    names = [fold.name for fold in folds if any(tests[u.id] > 1 for u in fold.test)]
    message = f"{_counted(twice, 'utterance')} tested in several folds, and so counted several times in pooled results"
    return [Finding(WARN, ",".join(names), "repeated", message, len(twice))]


def _file(utterance):
    return str(utterance.path)


def _common(first, second, key):
    """Sorted values of `key`, other than None, that both parts have."""
    return sorted(({key(u) for u in first} & {key(u) for u in second}) - {None})


def _without(part, key, values):
    """The utterances for which `key` has none of these values."""
    values = set(values)
    return [u for u in part if key(u) not in values]


def _counted(members, noun):
    return f"{len(members)} {noun}{'' if len(members) == 1 else 's'}"


def _listed(names):
    names = list(names)
    return ", ".join(names[:_SHOWN]) + (" ..." if len(names) > _SHOWN else "")
