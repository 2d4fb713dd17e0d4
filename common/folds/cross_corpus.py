"""Train on one corpus, test on all of another: `--protocol cross_corpus --corpus A --test-corpus B`.

The pair is a Corpus B whose `training` is A. Names are only unique within a corpus: speaker 03 of A is not speaker 03
of B. Therefore A's ids, speakers, sessions and sentences get its name as a prefix, `ravdess/03`; those of B are the
same as in all other records of B. Everything learnt, including the features' moments, comes from A's training part.
"""

import dataclasses

from common import records
from common.errors import InputError
from common.folds import leakage, splits
from common.utterance import Corpus, Fold

NAME = records.CROSS_CORPUS


def is_recorded(protocol) -> bool:
    """Whether a record's protocol is cross-corpus."""
    return protocol.startswith(f"{NAME}-")


def pair(train, test) -> Corpus:
    """The corpus `test` with `train` as its training corpus.

    Raises:
        InputError: both are the same corpus, or have the same name.
    """
    if train.name == test.name:
        raise InputError(
            f"the training corpus {train.variant} and the test corpus {test.variant} are both {test.name}; name "
            "another corpus with --test-corpus, or take the protocol speaker_independent"
        )
    return dataclasses.replace(test, training=train)


def select(corpus, choose, emotions=None) -> Corpus:
    """Both corpora of a pair, restricted to their shared classes.

    Args:
        corpus: from `pair`.
        choose: function (Corpus, emotions or None) -> Corpus; None selects the paper's own emotions.
        emotions: names given by the user; None takes the shared ones of the paper's own selections.

    Raises:
        InputError: a corpus lacks a given emotion, or fewer than two are shared.
    """
    both = corpus.training, dataclasses.replace(corpus, training=None)
    train, test = (choose(each, emotions) for each in both)
    if train.classes != test.classes:
        shared = tuple(name for name in train.classes if name in test.classes)
        if len(shared) < 2:
            having = " and ".join(f"{c.variant} has {', '.join(c.classes) or 'no utterance'}" for c in (train, test))
            raise InputError(
                f"{having}; expected two shared classes or more: name them with --emotions, or map labels with --labels"
            )
        train, test = (choose(each, shared) for each in both)
    renamed = tuple(_renamed(u, train.name) for u in train.utterances)
    return dataclasses.replace(test, training=dataclasses.replace(train, utterances=renamed))


def _renamed(utterance, corpus_name):
    names = {field: getattr(utterance, field) for field in ("id", "speaker", "session", "text_id")}
    return dataclasses.replace(utterance, **{f: name and f"{corpus_name}/{name}" for f, name in names.items()})


def folds(corpus, seed, hashes) -> tuple[Fold, ...]:
    """One fold. A sixth of the training corpus's speakers are for validation (`splits.with_validation`).

    Args:
        corpus: from `select`.
        seed: draws the validation speakers.
        hashes: utterance id -> hash of its audio file; duplicates of validation recordings are removed from training.
    """
    train = tuple(sorted(corpus.training.utterances, key=lambda u: u.id))
    fold = splits.with_validation(Fold("fold_1", train, (), ()), seed)
    fold = leakage.without_duplicates(fold, hashes)
    return (dataclasses.replace(fold, test=tuple(sorted(corpus.utterances, key=lambda u: u.id))),)
