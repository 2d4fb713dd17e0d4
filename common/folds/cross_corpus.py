"""Trained on one corpus, tested on all of another: `--protocol cross_corpus --corpus A --test-corpus B`.

The pair is a Corpus B whose `training` is A. Names within a corpus mean nothing in another: speaker 03 of one is not
speaker 03 of the other. So A's ids, speakers, sessions and sentences begin with its name, `ravdess/03`; B's stay as
they are in all other records of B. What is learnt, features' moments included, comes from A's training part alone.
"""

import dataclasses

from common import records
from common.errors import InputError
from common.folds import leakage, splits
from common.utterance import Corpus, Fold

NAME = records.CROSS_CORPUS


def is_recorded(protocol) -> bool:
    """Whether a record's protocol is this one."""
    return protocol.startswith(f"{NAME}-")


def pair(train, test) -> Corpus:
    """The corpus `test`, to be tested on by systems that are trained on `train`.

    Raises:
        InputError: both are the same corpus, or have the same name.
    """
    if train.name == test.name:
        raise InputError(
            f"{train.variant} is trained on and {test.variant} tested on, and both are {test.name}; name another "
            "corpus with --test-corpus, or take the protocol speaker_independent"
        )
    return dataclasses.replace(test, training=train)


def select(corpus, choose, emotions=None) -> Corpus:
    """Both corpora of a pair with the classes that they share.

    Args:
        corpus: of `pair`.
        choose: function (Corpus, emotions or None) -> Corpus, a paper's own choice where no emotions are named.
        emotions: those named; None shares what the paper chooses of each.

    Raises:
        InputError: emotions that one of them lacks, or fewer than two shared ones.
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
    """One fold: a sixth of the training corpus's speakers validates (`splits.with_validation`), its others train.

    Args:
        corpus: of `select`.
        seed: draws the validation speakers.
        hashes: utterance id -> hash of its audio file; a recording that stands in A twice is on one side.
    """
    train = tuple(sorted(corpus.training.utterances, key=lambda u: u.id))
    fold = splits.with_validation(Fold("fold_1", train, (), ()), seed)
    fold = leakage.without_duplicates(fold, hashes)
    return (dataclasses.replace(fold, test=tuple(sorted(corpus.utterances, key=lambda u: u.id))),)
