"""Read a database folder in the audformat format, as audb caches it: `db.yaml`, and `db.<table>.csv` or `.parquet`.

Files are relative to the folder. The table used is the one with a column `emotion`, or the one named, or all tables
that match a pattern (`emotion.categories.*`). Speakers come from the same table, or else from another table that lists
them by file; their gender may also come from the speaker scheme. Rows without a label are left out, and a warning
counts them.
"""

import fnmatch
import os
from pathlib import Path

from common import table
from common.bounded_read import read_bytes
from common.corpora import manifest
from common.errors import InputError, listed
from common.utterance import Corpus, file_name

HEADER = "db.yaml"


def split_name(name) -> tuple[Path, str]:
    """Folder and table of `DIR[:TABLE]`; the table is "" if none is named."""
    folder, colon, chosen = name.rpartition(":")
    if not colon or Path(name).is_dir() or os.sep in chosen:
        return Path(name), ""
    return Path(folder), chosen


def load(name, labels=None) -> Corpus:
    """The corpus `audformat:<name of the database>`, with the table in its variant.

    Args:
        name: `DIR[:TABLE]`.
        labels: the user's mapping, common.corpora.labels.Labels.

    Raises:
        InputError: there is no such database, it has no table of emotions, or it has several and none is named.
    """
    folder, chosen = split_name(name)
    header = _header(folder)
    tables = {title: table.read(path) for title in header["tables"] if (path := _place(folder, title))}
    if absent := [title for title in header["tables"] if title not in tables]:
        raise InputError(f"{folder}: no file db.{absent[0]}.csv or .parquet; load the database again")
    with_emotion = [title for title, contents in tables.items() if "emotion" in contents.columns]
    titles = [t for t in with_emotion if fnmatch.fnmatchcase(t, chosen)] if chosen else with_emotion
    if not titles or (len(titles) > 1 and not chosen):
        described = listed(with_emotion) or "none"
        wanted = f"no table {chosen} with a column emotion" if chosen else "name one table of emotions"
        raise InputError(f"{folder}: {wanted}; tables with this column: {described}; write audformat:{folder}:TABLE")
    rows = [row for title in titles for row in tables[title].rows]
    labelled = [(line, row) for line, row in rows if row["emotion"]]
    _add_speakers(folder, labelled, tables, header)
    left_out = len(rows) - len(labelled)
    warnings = [_without_emotion(left_out, chosen or titles[0])] if left_out else []
    place = folder / f"db.{titles[0]}"
    corpus = manifest.corpus_of(f"audformat:{header['name']}", place, labelled, folder, labels, warnings)
    return corpus if not chosen else _named_after(corpus, chosen)


def _without_emotion(count, title) -> str:
    if count == 1:
        return f"1 row of {title} has no emotion and is left out"
    return f"{count} rows of {title} have no emotion and are left out"


def _named_after(corpus, chosen):
    import dataclasses

    rest = corpus.variant.removeprefix(corpus.name)
    return dataclasses.replace(corpus, variant=f"{corpus.name}/{chosen}{rest}")


def _header(folder) -> dict:
    import yaml  # takes a tenth of a second, and only these corpora need it

    path = folder / HEADER
    try:
        header = yaml.safe_load(read_bytes(path).decode("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name a folder that audformat wrote") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not YAML ({' '.join(str(error).split())}); load the database again") from error
    if not isinstance(header, dict) or not isinstance(header.get("tables"), dict):
        raise InputError(f"{path}: not the header of an audformat database; expected tables in it")
    return {"name": folder.name, "schemes": {}} | {key: value for key, value in header.items() if value}


def _place(folder, title) -> Path | None:
    try:
        file_name(str(title))
    except InputError as error:
        raise InputError(f"{folder / HEADER}: table {error}") from error
    return next((p for x in ("csv", "parquet") if (p := folder / f"db.{title}.{x}").is_file()), None)


def _add_speakers(folder, rows, tables, header):
    """Fill in missing speakers from other tables, by file, and missing genders also from the speaker scheme."""
    by_file = {}
    for contents in tables.values():
        if {"file", "speaker"} <= set(contents.columns):
            by_file |= {row["file"]: row for _, row in contents.rows if row["speaker"]}
    scheme = header["schemes"].get("speaker")
    about = scheme.get("labels") if isinstance(scheme, dict) else None
    about = {str(name): facts for name, facts in about.items()} if isinstance(about, dict) else {}
    if not by_file and not any(row.get("speaker") for _, row in rows):
        raise InputError(f"{folder}: no table has a column speaker; add one, or write a manifest with speakers")
    for _, row in rows:
        other = by_file.get(row["file"], {})
        row["speaker"] = row.get("speaker") or other.get("speaker", "")
        facts = about.get(row["speaker"])
        scheme_gender = facts.get("gender", "") if isinstance(facts, dict) else ""
        row["gender"] = row.get("gender") or other.get("gender", "") or str(scheme_gender)
