"""Export folds and predictions from records, in formats of other programs.

If the corpus is available, files are listed by their path below the corpus's root (or the table's folder), with
duration and the speaker's gender; otherwise by the utterance's id, which is the file's stem.

A record has the utterances of its validation and test part only. The training part is reconstructed as all other
utterances in records on the same recordings. It is written if the fold's fingerprint confirms it, and left out
otherwise.
"""

import dataclasses
import hashlib
import itertools
import json
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from common import records, table
from common.corpora import labels, manifest
from common.errors import InputError
from common.evaluation import metrics
from common.folds import leakage, splits, user_folds
from experiments.evaluation.system_results import corpus_words
from experiments.export import forms

NO_DECISION = "no decision"  # a separate class in predictions, so that programs do not drop it


class Located(NamedTuple):
    """A file of an available corpus: its path below the root, its sample rate in Hz and its length in seconds."""

    file: str
    rate: int | None
    seconds: float | None


@dataclasses.dataclass(frozen=True)
class Exported:
    """Numbers of written folds and predictions, and sentences on those left out."""

    folds: int
    predictions: int
    missing: tuple[str, ...]


def export(results, into, data=None, corpus_names=()) -> Exported:
    """Write the folds and predictions of all records in `results`.

    Args:
        results: the results folder.
        into: the folder to write.
        data: folder of corpora, to list their files with folder and suffix.
        corpus_names: a user's own corpora, `manifest:FILE` and `audformat:DIR`, for the same purpose.

    Raises:
        InputError: there are no records, or the folder cannot be written.
    """
    recorded, into = records.read_all(results), Path(into)
    if not recorded:
        raise InputError(f"{results} has no records; give a results folder with --results")
    known, groups, missing = _known(recorded, _files(recorded, data, corpus_names)), defaultdict(dict), []
    missing += [f"{_name(record)}: {_TWO_CORPORA}" for record in recorded if record.trained_on]
    for record in (record for record in recorded if not record.trained_on):
        folds = groups[_place(record)]
        first = folds.setdefault(record.fold, record)
        if first.fold_fingerprint != record.fold_fingerprint:
            missing.append(f"{_name(record)}: other utterances than the same fold of {_name(first)}, which is exported")
    try:
        for record in recorded:
            forms.write_csv(_tree(into / "predictions", record).with_suffix(".csv"), prediction_rows(record))
        for place, folds in groups.items():
            parts = {name: fold_rows(record, known) for name, record in folds.items()}
            missing += [f"{_name(folds[name])}: {_NO_TRAIN}" for name in parts if "train" not in parts[name]]
            forms.write_folds(into / "folds" / place, parts)
            missing += forms.write_audformat(into / "audformat" / place, place, parts)
            forms.write_one_list(into / "nkululeko" / place, parts, next(iter(folds.values())).num_folds)
            forms.write_emobox(into / "emobox" / place, next(iter(folds.values())).corpus, parts)
    except OSError as error:
        raise InputError(f"{into} cannot be written ({error.strerror}); give a writable folder with --into") from error
    return Exported(sum(map(len, groups.values())), len(recorded), tuple(missing))


_TWO_CORPORA = "trained on another corpus: only predictions, since fold files list recordings of one corpus"
_NO_TRAIN = "its training part is left out, since the records do not contain all of its utterances"


def _tree(root, record) -> Path:
    """The path of a record's files below a root: the same as the record's path below results/runs."""
    return Path(root, *records.record_path("", record).with_suffix("").parts[1:])


def _name(record) -> str:
    return "/".join(_tree("", record).parts)


def _place(record) -> Path:
    """The folder of folds, shared by all systems with the same folds: corpus, protocol, seed."""
    protocol = record.protocol
    shared = protocol in splits.PROTOCOLS or user_folds.are_recorded(protocol)
    if not shared:  # the paper's own; a leaky one also depends on the system's front end
        owners = [record.paper, record.variant] if leakage.is_leaky(protocol) else [record.paper]
        protocol = "_".join([protocol, *owners])
    *_, corpus, _, seed, _ = _tree("", record).parts
    return Path(corpus, protocol, seed)


def prediction_rows(record) -> list[dict]:
    """A row per utterance and decision rule of all parts with scores; "no decision" is a separate class."""
    rows = []
    for part, scored in record.parts.items():
        for rule, values in scored.get("scores", {}).items():
            decisions = metrics.decide(record.scores(part, rule)) if values else ()
            for index, decision in enumerate(decisions):
                rows.append(
                    {
                        "utterance": scored["utterances"][index],
                        "speaker": scored["speakers"][index],
                        "emotion": record.classes[scored["labels"][index]],
                        "part": part,
                        "rule": rule,
                        "decision": NO_DECISION if decision == metrics.NO_DECISION else record.classes[decision],
                        **dict(zip(record.classes, values[index], strict=True)),
                    }
                )
    return rows


def _pool(record):
    """Key of records that share utterance ids; the segments of leaky protocols have their own ids."""
    leaky = leakage.is_leaky(record.protocol)
    return record.corpus_fingerprint, _place(record) if leaky else None


def _files(recorded_folds, data, corpus_names) -> dict[tuple[str, str], dict[str, Located | str]]:
    """{(name, --corpus): {file in an utterance's id: Located, (id,): gender}}, for available corpora.

    Raises:
        InputError: a user's corpus has no records.
    """
    from common import corpora  # reads audio files, which is not needed otherwise

    wanted, files = sorted({_corpus(record) for record in recorded_folds}), {}
    for recorded, name in wanted:
        if data and not _is_of_a_user(recorded) and (root := corpora.places.find(name, data)):
            corpus = corpora.load(name, data)
            if corpus.name == recorded:  # and not a synthetic one in the same layout
                files[recorded, name] = _facts(corpus, root, lambda u: u.id)
    for name in corpus_names:
        corpus, root = corpora.load(name, labels=labels.Labels(keep=True)), corpora.places.find(name)
        root = root.parent if root.is_file() else root
        keys = [key for key in wanted if key[0] == corpus.name]
        if not keys:
            known = ", ".join(recorded for recorded, _ in wanted)
            raise InputError(f"--corpus {name}: there are no records of {corpus.name}; the records are of {known}")
        files |= dict.fromkeys(keys, _facts(corpus, root, lambda u: manifest.ID.fullmatch(u.id)[1]))
    return files


def _facts(corpus, root, file_of):
    first = {file_of(u): u.path for u in corpus.utterances}
    return {name: _located(root, path) for name, path in first.items()} | {
        (u.id,): u.gender or "" for u in corpus.utterances
    }


def _located(root, path) -> Located:
    from common.features import audio  # soundfile

    try:
        num_frames, rate = audio.duration(path)
    except InputError:  # the export needs only records; training on the file will report the fault
        return Located(_below(root, path), None, None)
    return Located(_below(root, path), rate, num_frames / rate)


def _below(root, path) -> str:
    """A path relative to a folder, or absolute if it is not below it."""
    path = Path(path)
    return (path.relative_to(root) if path.is_relative_to(root) else path.absolute()).as_posix()


def _corpus(record) -> tuple[str, str]:
    """The corpus's name, and its name for --corpus, which a synthetic corpus shares with its layout."""
    return record.corpus, corpus_words(record)[0]


def _known(recorded, files) -> dict:
    """{pool: {utterance id: Row}} of all validation and test parts."""
    known = defaultdict(dict)
    for record in recorded:
        located = files.get(_corpus(record), {})
        for part in ("valid", "test"):
            scored = record.parts[part]
            for name, speaker, label in zip(scored["utterances"], scored["speakers"], scored["labels"], strict=True):
                row = _row(record, name, record.classes[label], speaker)
                known[_pool(record)][name] = _with_facts(row, located)
    return known


def _with_facts(row, located) -> forms.Row:
    """A row with path, rate, duration and gender from its corpus, if that is available."""
    if row.file not in located:
        return row
    file, rate, total = located[row.file]
    duration = None
    if total is not None and not row.key:
        start, end = (table.seconds(time) for time in (row.start, row.end))
        duration = (total if end is None else end) - (start or 0)
    gender = located.get((row.utterance,), located.get((row.file,), ""))
    return dataclasses.replace(row, file=file, rate=rate, duration=duration, gender=gender)


def _row(record, name, emotion, speaker) -> forms.Row:
    if leakage.is_leaky(record.protocol):  # `<id>#<number>`, segments whose times are not recorded
        return forms.Row(name, name.partition("#")[0], "", "", emotion, speaker, key=name)
    if not _is_of_a_user(record.corpus):
        return forms.Row(name, name, "", "", emotion, speaker)
    file, channel, start, end = manifest.ID.fullmatch(name).groups()
    return forms.Row(
        name, file, forms.audformat_time(start), forms.audformat_time(end), emotion, speaker, channel=channel or ""
    )


def _is_of_a_user(corpus_name) -> bool:
    return ":" in corpus_name  # manifest:calls, audformat:emodb, folds:lists


def fold_rows(record, known) -> dict[str, list[forms.Row]]:
    """{part: rows} of a record's fold; without "train" if that cannot be confirmed."""
    here = known[_pool(record)]
    names = {part: record.parts[part]["utterances"] for part in ("valid", "test")}
    train = _train(record, names, sorted(set(here) - set(names["valid"]) - set(names["test"])))
    if train is not None:
        names = {"train": train, **names}
    return {part: [here[name] for name in members] for part, members in names.items()}


def _train(record, names, others) -> list[str] | None:
    """The training part, out of the other known utterances; None if the fingerprint does not match.

    One utterance may have been left out: leakage.without_duplicates removes RAVDESS's second copy of a recording.
    """
    surplus = len(others) - sum(record.counts.get("train", {}).values())
    left_out = itertools.combinations(others, surplus) if surplus in (0, 1) else ()
    for out in left_out:
        train = [name for name in others if name not in out]
        if fingerprint({"train": train, **names}) == record.fold_fingerprint:
            return train
    return None


def fingerprint(parts) -> str:
    """SHA-256 of the ids in the three parts, as in records; `parts` is {part: ids in the fold's order}."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
