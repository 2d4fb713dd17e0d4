"""Write folds in the formats of other programs: CSV lists, audformat, nkululeko, EmoBox."""

import csv
import dataclasses
import json

from common import table

PARTS = {"train": "train", "valid": "dev", "test": "test"}  # ours -> audformat's and nkululeko's name
COLUMNS = ("file", "start", "end", "emotion", "speaker", "gender", "duration", "key", "channel")


@dataclasses.dataclass(frozen=True)
class Row:
    """One utterance of a fold; an unknown text is "", an unknown number None.

    Args:
        utterance: its id.
        file: the audio file.
        start, end: of the utterance in the file, in audformat's notation; "" for the whole file.
        duration: of the utterance, in seconds.
        key: name of a segment with unknown times.
        channel: counted from 1, "" for the mean of all.
        rate: of the file, in Hz.
    """

    utterance: str
    file: str
    start: str
    end: str
    emotion: str
    speaker: str
    gender: str = ""
    duration: float | None = None
    key: str = ""
    channel: str = ""
    rate: int | None = None


def audformat_time(seconds) -> str:
    """Seconds in pandas' and audformat's notation of a duration; "" for None, the end of the file."""
    if seconds is None:
        return ""
    minutes, rest = divmod(float(seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours // 24} days {hours % 24:02}:{minutes:02}:{rest:09.6f}"


def write_folds(folder, folds):
    """Write `fold_1_train.csv` and so on, for `audit`, nkululeko and users of audformat."""
    for fold, parts in folds.items():
        for part, rows in parts.items():
            write_csv(folder / f"{fold}_{PARTS[part]}.csv", _columns(rows))


def _columns(rows) -> list[dict]:
    """Rows as dicts, without the columns that are empty in all of them."""
    used = [name for name in COLUMNS if any(getattr(row, name) for row in rows)]
    return [{name: getattr(row, name) for name in used} for row in rows]


def write_audformat(folder, place, folds) -> list[str]:
    """Write a database with a table for each part of each fold; returns the reasons if that is impossible."""
    everyone = [row for parts in folds.values() for row in _joined(parts)]
    if any(row.key for row in everyone):
        return [f"{place.as_posix()}: no audformat database, since the records do not contain the segments' times"]
    if any(len({(row.file, row.start, row.end) for row in rows}) < len(rows) for rows in map(_joined, folds.values())):
        return [
            f"{place.as_posix()}: no audformat database, which cannot have several channels of the same file or stretch"
        ]
    segmented = any(row.start for row in everyone)
    columns = [name for name in SCHEMES if any(getattr(row, name) for row in everyone)]
    tables = {f"{fold}.{PARTS[part]}": (part, rows) for fold, parts in folds.items() for part, rows in parts.items()}
    tables = {name: (part, rows) for name, (part, rows) in tables.items() if rows}
    for name, (_, rows) in tables.items():
        write_csv(folder / f"db.{name}.csv", [_table_row(row, columns, segmented) for row in rows])
    header = _header(place, everyone, columns, {name: part for name, (part, _) in tables.items()}, segmented)
    (folder / "db.yaml").write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")  # JSON is YAML
    return []


def _joined(parts) -> list[Row]:
    return [row for rows in parts.values() for row in rows]


SCHEMES = {
    "emotion": "str",
    "speaker": "str",
    "gender": "str",
    "duration": "time",
    "channel": "int",
}  # audformat's types


def _table_row(row, columns, segmented) -> dict:
    times = {"start": row.start or audformat_time(0), "end": row.end} if segmented else {}
    values = {name: getattr(row, name) for name in columns}
    if "duration" in values:
        values["duration"] = audformat_time(row.duration)
    return {"file": row.file, **times, **values}


def _header(place, everyone, columns, tables, segmented) -> dict:
    schemes = {name: {"dtype": SCHEMES[name]} for name in columns}
    for name in {"emotion", "gender"} & schemes.keys():
        schemes[name]["labels"] = sorted({getattr(row, name) for row in everyone} - {""})
    described = {
        "type": "segmented" if segmented else "filewise",
        "columns": {name: {"scheme_id": name} for name in schemes},
    }
    return {
        "name": "-".join(place.parts),
        "description": "Folds of a comparison, from its records; files have their path in the corpus, or their stem.",
        "source": "python -m experiments export",
        "usage": "other",
        "languages": [],
        "splits": {split: {"type": split} for split in PARTS.values()},
        "schemes": schemes,
        "tables": {name: {**described, "split_id": PARTS[part]} for name, part in tables.items()},
    }


def write_one_list(folder, folds, num_folds):
    """Write one list of all utterances with their test folds, for nkululeko's leave-one-group-out.

    Nothing is written if folds are missing or do not test every utterance exactly once.
    """
    tested = [(fold, row) for fold, parts in folds.items() for row in parts["test"]]
    if num_folds < 2 or len(folds) < num_folds or len({row.utterance for _, row in tested}) < len(tested):
        return
    numbers = [fold.rpartition("_")[2] for fold, _ in tested]
    rows = _columns([row for _, row in tested])
    write_csv(folder / "folds.csv", [row | {"fold": number} for row, number in zip(rows, numbers, strict=True)])


def write_emobox(folder, corpus, folds):
    """Write EmoBox's lists and label map, if the recordings' lengths are known, which EmoBox needs."""
    everyone = {row.utterance: row for parts in folds.values() for row in _joined(parts)}
    if not everyone or any(row.duration is None for row in everyone.values()):
        return
    name = corpus.replace(":", "-")
    labels = {emotion: emotion for emotion in sorted({row.emotion for row in everyone.values()})}
    _write_emobox_list(folder / name, name, everyone.values(), name)
    (folder / name / "label_map.json").write_text(json.dumps(labels, indent=4) + "\n", encoding="utf-8")
    for fold, parts in folds.items():
        for part, rows in parts.items():
            _write_emobox_list(folder / name / fold, f"{name}_{part}_{fold}", rows, name)


def _write_emobox_list(folder, stem, rows, dataset):
    """JSON lines, which EmoBox's EmoDataset reads, and the same by their keys, which its recipe examples/sb reads."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [_emobox_line(row, dataset) for row in rows]
    (folder / f"{stem}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    by_key = json.dumps({line["key"]: line for line in lines}, indent=4)
    (folder / f"{stem}.json").write_text(by_key + "\n", encoding="utf-8")


def _emobox_line(row, dataset) -> dict:
    start = table.seconds(row.start) or 0.0
    times = {"start_time": start, "end_time": start + row.duration} if row.start or row.end else {}
    return {
        "key": row.utterance,
        "dataset": dataset,
        "wav": row.file,
        "type": "raw",
        "sample_rate": row.rate,
        "num_frame": round(row.duration * row.rate),
        "task": "category",
        "length": row.duration,
        "emo": row.emotion,
        "channel": int(row.channel or 1),
        **times,
        "speaker": row.speaker,
    }


def write_csv(path, rows):
    """Write rows as CSV, deterministically; nothing if there are no rows."""
    if not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
