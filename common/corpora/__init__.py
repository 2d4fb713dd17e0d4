"""Corpora: where their recordings lie and what is said about them. Metadata only; no audio is decoded here.

>>> load("ravdess", "/data")                        # /data/ravdess, or /data itself where that is RAVDESS
>>> load("iemocap/all/4exc")                        # below the folder that the environment variable SER_DATA names
>>> load("manifest:calls.csv")                      # a corpus of one's own, see common/corpora/manifest.py
>>> load("audformat:emodb/1.4.1/d3b62a9b")          # a database as audb keeps it, see common/corpora/audformat.py
"""

import os
from pathlib import Path

from common.corpora import audformat, emodb, iemocap, manifest, ravdess, verify
from common.corpora.labels import relabelled
from common.errors import InputError
from common.utterance import Corpus

__all__ = [
    "CORPORA",
    "fetch",
    "find",
    "iemocap",
    "labels",
    "load",
    "manifest",
    "require_none_named",
    "speech_synthesis",
    "synthetic",
    "table",
    "verify",
]

CORPORA = {"ravdess": ravdess, "emodb": emodb, "iemocap": iemocap}
DATA_VARIABLE = "SER_DATA"
MANIFEST_PREFIX = "manifest:"
AUDFORMAT_PREFIX = "audformat:"


def load(name, data=None, labels=None) -> Corpus:
    """A corpus, counted and verified.

    Args:
        name: a key of `CORPORA`, `iemocap/<variant>`, `emodb/all`, `manifest:FILE.csv` or `audformat:DIR[:TABLE]`.
        data: a folder that holds corpora under their names, or the corpus's own root; None reads the environment
            variable SER_DATA.
        labels: the user's mapping of labels, common.corpora.labels.Labels.

    Raises:
        InputError: the corpus is unknown, not there, or not whole.
    """
    if name.startswith(MANIFEST_PREFIX):
        return manifest.load(name.removeprefix(MANIFEST_PREFIX), labels)
    if name.startswith(AUDFORMAT_PREFIX):
        return audformat.load(name.removeprefix(AUDFORMAT_PREFIX), labels)
    corpus = _load(name, data)
    return relabelled(corpus, labels) if labels else corpus


def _load(name, data):
    corpus, _, variant = name.partition("/")
    module = _module(corpus)
    if variant and not hasattr(module, "VARIANTS"):
        raise InputError(f"{corpus} has no variant {variant}; name the corpus {corpus} and choose emotions instead")
    root = find(corpus, data)
    if root is None:
        raise InputError(_not_found(module.INFO, data))
    return module.load(root, variant) if variant else module.load(root)


def find(name, data=None) -> Path | None:
    """The root of a corpus (or the table of a manifest), None where it is not there. Takes what `load` takes."""
    if name.startswith(MANIFEST_PREFIX):
        path = Path(name.removeprefix(MANIFEST_PREFIX))
        return path if path.is_file() else None
    if name.startswith(AUDFORMAT_PREFIX):
        path, _ = audformat.split_name(name.removeprefix(AUDFORMAT_PREFIX))
        return path if path.is_dir() else None
    corpus = name.partition("/")[0]
    module = _module(corpus)
    folder = _folder(data)
    if folder is None or not folder.is_dir():
        return None
    usual = next((place for place in _places(corpus, folder) if module.is_root(place)), None)
    if usual == folder or not hasattr(module, "FILE"):
        return usual
    named = next((place for place in _folders_in(folder) if place.name.lower() == corpus), folder)
    whole = verify.common_folder(named, module.FILE)
    return whole if whole and (usual is None or whole in usual.parents) else usual  # as when sorted by emotion


def _module(corpus):
    if corpus not in CORPORA:
        raise InputError(
            f"unknown corpus {corpus}; choose from {', '.join(CORPORA)}, {MANIFEST_PREFIX}FILE.csv or "
            f"{AUDFORMAT_PREFIX}DIR"
        )
    return CORPORA[corpus]


def _folder(data):
    chosen = data or os.environ.get(DATA_VARIABLE)
    return Path(chosen).expanduser() if chosen else None


def _places(corpus, folder):
    """Where a corpus may lie: the folder itself, then below its name, then one level down from either."""
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
    """None in a folder that may not be read, such as a disk's lost+found."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except PermissionError:
        return []


def require_none_named(data) -> None:
    """Raise InputError where a folder of corpora is named: whoever names one does not want synthetic speech instead."""
    if folder := _folder(data):
        raise InputError(
            f"no corpus in {folder if folder.is_dir() else f'{folder}, which is no folder'}; `corpora` says how to get "
            f"one; without --data and {DATA_VARIABLE} a small synthetic one is made"
        )


def _not_found(info, data):
    folder = _folder(data)
    if folder is None:
        looked = f"no folder is named; point --data or {DATA_VARIABLE} at a folder that holds {info.name}"
    elif not folder.is_dir():
        looked = f"{folder} is not a folder; point --data or {DATA_VARIABLE} at a folder that holds {info.name}"
    else:
        looked = f"looked in {folder}, {folder / info.name} and the folders below"
    return f"no {info.title}: {looked}; to get it, {info.how_to_get}"
