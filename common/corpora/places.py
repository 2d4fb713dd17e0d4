"""Locate corpora below the folder given by `--data` or the environment variable SER_DATA, and fetch them."""

import os
from pathlib import Path

from common.corpora import audformat, emodb, iemocap, ravdess, verify
from common.errors import InputError

CORPORA = {"ravdess": ravdess, "emodb": emodb, "iemocap": iemocap}
DATA_VARIABLE = "SER_DATA"
MANIFEST = "manifest:"
AUDFORMAT = "audformat:"


def find(name, data=None) -> Path | None:
    """The root of a corpus (or the table of a manifest), None if it is missing; names as for `load`."""
    if name.startswith(MANIFEST):
        path = Path(name.removeprefix(MANIFEST))
        return path if path.is_file() else None
    if name.startswith(AUDFORMAT):
        path, _ = audformat.split_name(name.removeprefix(AUDFORMAT))
        return path if path.is_dir() else None
    corpus = name.partition("/")[0]
    module = module_of(corpus)
    folder = _folder(data)
    if folder is None or not folder.is_dir():
        return None
    usual = next((place for place in _places(corpus, folder) if module.is_root(place)), None)
    if usual == folder or not hasattr(module, "FILE"):
        return usual
    named = next((place for place in _folders_in(folder) if place.name.lower() == corpus), folder)
    whole = verify.common_folder(named, module.FILE)
    return whole if whole and (usual is None or whole in usual.parents) else usual  # e.g. copies sorted by emotion


def module_of(corpus):
    if corpus not in CORPORA:
        raise InputError(
            f"unknown corpus {corpus}; choose from {', '.join(CORPORA)}, {MANIFEST}FILE.csv or {AUDFORMAT}DIR"
        )
    return CORPORA[corpus]


def _folder(data):
    chosen = os.environ.get(DATA_VARIABLE) if data is None else data
    if chosen == "":
        raise InputError(f"the folder of corpora is an empty text; give --data or {DATA_VARIABLE} a value")
    return None if chosen is None else Path(chosen).expanduser()


def _places(corpus, folder):
    """Candidate roots of a corpus: the folder itself, its subfolder of that name, then one level below either."""
    if not folder.is_dir():
        return
    yield folder
    subfolders = _folders_in(folder)
    named = [path for path in subfolders if path.name.lower() == corpus]
    yield from named
    for path in named:
        yield from _folders_in(path)
    yield from subfolders


def _folders_in(folder):
    """Subfolders, sorted; an empty list for an unreadable folder such as lost+found."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except PermissionError:
        return []


def require_none_named(data) -> None:
    """Raise InputError if a folder of corpora is given: its user does not want synthetic speech instead."""
    if folder := _folder(data):
        raise InputError(
            f"no corpus in {folder if folder.is_dir() else f'{folder}, which is not a folder'}; `corpora` shows how to "
            f"get one; without --data and {DATA_VARIABLE} a small synthetic one is used"
        )


def fetch(name, directory) -> Path:
    """Download a corpus from its official address, see `common.corpora.fetch.fetch`."""
    from common.corpora import fetch as downloads  # slow to import, and only downloads need it

    return downloads.fetch(name, directory)


def require(corpus, data=None) -> Path:
    """The root of a corpus. If it is missing, raises InputError that explains how to get it."""
    root = find(corpus, data)
    if root is None:
        raise InputError(_not_found(module_of(corpus).INFO, data))
    return root


def _not_found(info, data):
    folder = _folder(data)
    if folder is None:
        looked = f"no folder is given; point --data or {DATA_VARIABLE} at a folder that holds {info.name}"
    elif not folder.is_dir():
        looked = f"{folder} is not a folder; point --data or {DATA_VARIABLE} at a folder that holds {info.name}"
    else:
        looked = f"looked in {folder}, {folder / info.name} and the folders below"
    return f"no {info.title}: {looked}; to get it, {info.how_to_get}"
