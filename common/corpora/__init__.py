"""Corpora: locate recordings and read their metadata. No audio is decoded here.

May import the modules directly in common, and common.features.

>>> load("ravdess", "/data")                        # /data/ravdess, or /data itself if that is RAVDESS
>>> load("iemocap/all/4exc")                        # below the folder in the environment variable SER_DATA
>>> load("manifest:calls.csv")                      # your own corpus, see common/corpora/manifest.py
>>> load("audformat:emodb/1.4.1/d3b62a9b")          # a database cached by audb, see common/corpora/audformat.py
"""

from common.corpora import audformat, manifest, places
from common.corpora.labels import relabelled
from common.errors import InputError
from common.utterance import Corpus

__all__ = ["labels", "load", "manifest", "places", "synthetic"]


def load(name, data=None, labels=None) -> Corpus:
    """Load a corpus and verify its counts.

    Args:
        name: a key of `places.CORPORA`, `iemocap/<variant>`, `emodb/all`, `manifest:FILE.csv` or
            `audformat:DIR[:TABLE]`.
        data: a folder that holds corpora under their names, or the corpus's own root; None reads the environment
            variable SER_DATA.
        labels: the user's mapping of labels, common.corpora.labels.Labels.

    Raises:
        InputError: the corpus is unknown, missing or incomplete.
    """
    if name.startswith(places.MANIFEST):
        corpus = manifest.load(name.removeprefix(places.MANIFEST), labels)
    elif name.startswith(places.AUDFORMAT):
        corpus = audformat.load(name.removeprefix(places.AUDFORMAT), labels)
    else:
        corpus = _load(name, data)
        corpus = relabelled(corpus, labels) if labels else corpus
    if hidden := [text for text in (corpus.variant, *corpus.classes) if not text.isprintable()]:
        raise InputError(
            f"{ascii(hidden[0])} has invisible characters, which records do not allow; rename the table, the "
            "database or the label"
        )
    return corpus


def _load(name, data):
    corpus, _, variant = name.partition("/")
    module = places.module_of(corpus)
    if variant and not hasattr(module, "VARIANTS"):
        raise InputError(f"{corpus} has no variant {variant}; name the corpus {corpus} and choose emotions instead")
    root = places.require(corpus, data)
    return module.load(root, variant) if variant else module.load(root)
