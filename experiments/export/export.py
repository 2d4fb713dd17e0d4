"""Records -> fold files, audformat databases of the folds, and predictions, for other people's programs.

Folds and predictions come from the records; no sound is heard. A file is called by its place below the corpus's root
(of a table: the table's folder) where the corpus is at hand, else by its utterance's id, which is the file's stem.

A record names the utterances of its validation and test part alone. Those of the training part are the others that the
records of the same recordings name; they are written where the fold's fingerprint proves them right, else left out.
"""

import csv
import dataclasses
import hashlib
import itertools
import json
from collections import defaultdict
from pathlib import Path

from common import records
from common.corpora import labels, manifest
from common.errors import InputError
from common.evaluation import metrics
from common.folds import leakage, splits, user_folds
from experiments.evaluation.system_results import corpus_words

PARTS = {"train": "train", "valid": "dev", "test": "test"}  # ours -> audformat's, nkululeko's and EmoBox's name


@dataclasses.dataclass(frozen=True)
class Row:
    """One utterance of a fold. Times as audformat writes them, "" for the whole file; `key` where they are unknown.

    `channel` is counted from 1, "" for the mean of all.
    """

    file: str
    start: str
    end: str
    emotion: str
    speaker: str
    key: str = ""
    channel: str = ""


@dataclasses.dataclass(frozen=True)
class Exported:
    """How many folds and predictions were written, and sentences on what could not be."""

    folds: int
    predictions: int
    missing: tuple[str, ...]


def export(results, into, data=None, corpus_names=()) -> Exported:
    """Write all that the records under `results` say of folds and predictions.

    Args:
        results: the results folder.
        into: the folder to write.
        data: folder of corpora: those found there have their files named with folder and suffix.
        corpus_names: a user's own, `manifest:FILE` and `audformat:DIR`, whose files are named likewise.

    Raises:
        InputError: there are no records, or the folder cannot be written.
    """
    recorded, into = records.read_all(results), Path(into)
    if not recorded:
        raise InputError(f"{results} holds no records; name a results folder with --results")
    known, groups, missing = _known(recorded, _files(recorded, data, corpus_names)), defaultdict(dict), []
    missing += [f"{_name(record)}: {_TWO_CORPORA}" for record in recorded if record.trained_on]
    for record in (record for record in recorded if not record.trained_on):
        folds = groups[_place(record)]
        first = folds.setdefault(record.fold, record)
        if first.fold_fingerprint != record.fold_fingerprint:
            missing.append(f"{_name(record)}: other utterances than the same fold of {_name(first)}, which is exported")
    try:
        for record in recorded:
            _write_csv(_tree(into / "predictions", record).with_suffix(".csv"), prediction_rows(record))
        for place, folds in groups.items():
            parts = {name: fold_rows(record, known) for name, record in folds.items()}
            missing += [f"{_name(folds[name])}: {_NO_TRAIN}" for name in parts if "train" not in parts[name]]
            _write_folds(into / "folds" / place, parts)
            missing += _write_audformat(into / "audformat" / place, place, parts)
    except OSError as error:
        raise InputError(f"{into} cannot be written ({error.strerror}); give a writable folder with --into") from error
    return Exported(sum(map(len, groups.values())), len(recorded), tuple(missing))


_TWO_CORPORA = "trained on another corpus: predictions alone, since fold files name recordings of one"
_NO_TRAIN = "its training part is left out, no record names all of its utterances"


def _tree(root, record) -> Path:
    """Where a record's files lie under a root: as the record lies under results/runs."""
    return Path(root, *records.record_path("", record).with_suffix("").parts[1:])


def _name(record) -> str:
    return "/".join(_tree("", record).parts)


def _place(record) -> Path:
    """Folder of the folds that a record shares with those of other systems: corpus, protocol, seed."""
    protocol = record.protocol
    shared = protocol in splits.PROTOCOLS or user_folds.are_recorded(protocol)
    if not shared:  # the paper's own; a leaky one depends on the system's front end, too
        owners = [record.paper, record.variant] if leakage.is_leaky(protocol) else [record.paper]
        protocol = "_".join([protocol, *owners])
    *_, corpus, _, seed, _ = _tree("", record).parts
    return Path(corpus, protocol, seed)


def prediction_rows(record) -> list[dict]:
    """A row per utterance and decision rule of every part that has scores; an empty decision is "no decision"."""
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
                        "decision": "" if decision == metrics.NO_DECISION else record.classes[decision],
                        **dict(zip(record.classes, values[index], strict=True)),
                    }
                )
    return rows


def _pool(record):
    """Records of one pool name the same utterances: segments, whose ids are their own, apart from recordings."""
    leaky = leakage.is_leaky(record.protocol)
    return record.corpus_fingerprint, _place(record) if leaky else None


def _files(recorded_folds, data, corpus_names) -> dict[str, dict[str, str]]:
    """(name, --corpus) -> file in an utterance's id -> its path below the corpus's root, for corpora that are at hand.

    Raises:
        InputError: a corpus of the user's has no records.
    """
    from common import corpora  # reads sound files, which nothing else here needs

    wanted, files = sorted({_corpus(record) for record in recorded_folds}), {}
    for recorded, name in wanted:
        if data and not _is_of_a_user(recorded) and (root := corpora.places.find(name, data)):
            corpus = corpora.load(name, data)
            if corpus.name == recorded:  # and not a synthetic one in the same layout
                files[recorded, name] = {u.id: _below(root, u.path) for u in corpus.utterances}
    for name in corpus_names:
        corpus, root = corpora.load(name, labels=labels.Labels(keep=True)), corpora.places.find(name)
        root = root.parent if root.is_file() else root
        keys = [key for key in wanted if key[0] == corpus.name]
        if not keys:
            known = ", ".join(recorded for recorded, _ in wanted)
            raise InputError(f"--corpus {name}: there are no records of {corpus.name}; the records are of {known}")
        located = {manifest.ID.fullmatch(u.id)[1]: _below(root, u.path) for u in corpus.utterances}
        files |= dict.fromkeys(keys, located)
    return files


def _below(root, path) -> str:
    """A path below a folder, as it stands where it is not below it."""
    path = Path(path)
    return (path.relative_to(root) if path.is_relative_to(root) else path.absolute()).as_posix()


def _corpus(record) -> tuple[str, str]:
    """A corpus's own name, and what --corpus calls it: the same for a synthetic one in its layout."""
    return record.corpus, corpus_words(record)[0]


def _known(recorded, files) -> dict:
    """Pool -> utterance id -> its Row, of all validation and test parts."""
    known = defaultdict(dict)
    for record in recorded:
        located = files.get(_corpus(record), {})
        for part in ("valid", "test"):
            scored = record.parts[part]
            for name, speaker, label in zip(scored["utterances"], scored["speakers"], scored["labels"], strict=True):
                row = _row(record, name, record.classes[label], speaker)
                known[_pool(record)][name] = dataclasses.replace(row, file=located.get(row.file, row.file))
    return known


def _row(record, name, emotion, speaker) -> Row:
    if leakage.is_leaky(record.protocol):  # `<id>#<number>`, segments whose times are not recorded
        return Row(name.partition("#")[0], "", "", emotion, speaker, name)
    if not _is_of_a_user(record.corpus):
        return Row(name, "", "", emotion, speaker)
    file, channel, start, end = manifest.ID.fullmatch(name).groups()
    return Row(file, _time(start), _time(end), emotion, speaker, channel=channel or "")


def _is_of_a_user(corpus_name) -> bool:
    return ":" in corpus_name  # manifest:calls, audformat:emodb, folds:lists


def _time(seconds) -> str:
    """Seconds as pandas and audformat write a duration; "" for None, the end of the file."""
    if seconds is None:
        return ""
    minutes, rest = divmod(float(seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours // 24} days {hours % 24:02}:{minutes:02}:{rest:09.6f}"


def fold_rows(record, known) -> dict[str, list[Row]]:
    """Part -> rows of a record's fold; without "train" where it cannot be proven."""
    here = known[_pool(record)]
    names = {part: record.parts[part]["utterances"] for part in ("valid", "test")}
    train = _train(record, names, sorted(set(here) - set(names["valid"]) - set(names["test"])))
    if train is not None:
        names = {"train": train, **names}
    return {part: [here[name] for name in members] for part, members in names.items()}


def _train(record, names, others) -> list[str] | None:
    """The training part among the other utterances that are known; None where the fingerprint does not agree.

    One utterance may be missing from it: leakage.without_duplicates takes out RAVDESS's second copy of a recording.
    """
    surplus = len(others) - sum(record.counts.get("train", {}).values())
    left_out = itertools.combinations(others, surplus) if surplus in (0, 1) else ()
    for out in left_out:
        train = [name for name in others if name not in out]
        if fingerprint({"train": train, **names}) == record.fold_fingerprint:
            return train
    return None


def fingerprint(parts) -> str:
    """SHA-256 over the ids of the three parts, as records hold it: part -> ids in the fold's order."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _write_folds(folder, folds):
    """`fold_1_train.csv` and so on: what `audit`, nkululeko and audformat's users read."""
    for fold, parts in folds.items():
        for part, rows in parts.items():
            _write_csv(folder / f"{fold}_{PARTS[part]}.csv", _columns(rows))


def _columns(rows) -> list[dict]:
    """Rows as dicts, without the columns that are empty in all of them."""
    used = [field.name for field in dataclasses.fields(Row) if any(getattr(row, field.name) for row in rows)]
    return [{name: getattr(row, name) for name in used} for row in rows]


def _write_audformat(folder, place, folds) -> list[str]:
    """A database of one table per fold, with the column `split`; returns why there is none, if so."""
    everyone = [row for parts in folds.values() for row in _joined(parts)]
    if any(row.key for row in everyone):
        return [f"{place.as_posix()}: no audformat database, the times of its segments are not in the records"]
    if any(len({(row.file, row.start, row.end) for row in rows}) < len(rows) for rows in map(_joined, folds.values())):
        return [
            f"{place.as_posix()}: no audformat database, which has one row a file or stretch, whatever its channels"
        ]
    segmented, by_channel = any(row.start for row in everyone), any(row.channel for row in everyone)
    for fold, parts in folds.items():
        rows = [
            _table_row(row, PARTS[part], segmented, by_channel) for part, members in parts.items() for row in members
        ]
        _write_csv(folder / f"db.{fold}.csv", rows)
    header = _header(place, sorted({row.emotion for row in everyone}), list(folds), segmented, by_channel)
    (folder / "db.yaml").write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")  # JSON is YAML
    return []


def _joined(parts) -> list[Row]:
    return [row for rows in parts.values() for row in rows]


def _table_row(row, split, segmented, by_channel) -> dict:
    times = {"start": row.start or _time(0), "end": row.end} if segmented else {}
    channel = {"channel": row.channel} if by_channel else {}
    return {"file": row.file, **times, "emotion": row.emotion, "speaker": row.speaker, **channel, "split": split}


def _header(place, emotions, folds, segmented, by_channel) -> dict:
    schemes = {
        "emotion": {"dtype": "str", "labels": emotions},
        "speaker": {"dtype": "str"},
        **({"channel": {"dtype": "int"}} if by_channel else {}),
        "split": {"dtype": "str", "labels": list(PARTS.values())},
    }
    columns = {name: {"scheme_id": name} for name in schemes}
    table = {"type": "segmented" if segmented else "filewise", "columns": columns}
    return {
        "name": "-".join(place.parts),
        "description": "Folds of a comparison, from its records; files by their path in the corpus, or by their stem.",
        "source": "python -m experiments export",
        "usage": "other",
        "languages": [],
        "schemes": schemes,
        "tables": {fold: table for fold in folds},
    }


def _write_csv(path, rows):
    """Nothing for no rows; the same bytes from the same records."""
    if not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
