"""A linear support vector machine on standardised statistics, with C chosen by cross-validation over speakers."""

import dataclasses

import numpy as np
from sklearn.metrics import recall_score
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from common.errors import InputError
from common.learning.training import Fitted
from papers.baseline.decision import matrix


def build(recipe, num_classes):
    """The untrained classifier: `(N, F)` statistics -> class, by votes of pairwise hyperplanes (D4)."""
    machine = SVC(kernel="linear", class_weight="balanced", decision_function_shape="ovr", break_ties=True)
    return Pipeline([("standardise", StandardScaler()), ("svm", machine)])  # by the training part's statistics; D5


def prepare(recipe, train, *, seed):
    """The untrained classifier with the middle value of C, and its arrays: vectors `(N, F)` and labels `(N,)`.

    Args:
        recipe: a recipe of this folder.
        train: a Subset.
        seed: not used.

    Raises:
        InputError: the training part has only one emotion.
    """
    if len(set(train.labels.tolist())) < 2:
        raise InputError(
            f"the training part has {len(train)} utterances of one emotion, expected two emotions or more; "
            "take another protocol or more recordings"
        )
    classifier = build(recipe, len(train.classes)).set_params(svm__C=recipe.costs[len(recipe.costs) // 2])
    return classifier, (matrix(train), train.labels)


def fit(recipe, train, valid, *, seed, checkpoint=None, report=None):
    """Choose C by the mean UA of cross-validation over the training speakers (D2), then train on all of the part.

    Args:
        recipe: a recipe of this folder.
        train: the Subset to train on; standardisation uses only its moments.
        valid: not used, unless the recipe adds it to `train` (D3).
        seed: of the assignment of speakers to folds of the cross-validation; everything else is deterministic.
        checkpoint: not used: a training takes seconds, or minutes for thousands of utterances.
        report: called with 1 at the end.

    Returns:
        Fitted.

    Raises:
        InputError: the training part has only one emotion.
    """
    if recipe.with_valid:
        train = joined(train, valid)
    classifier, (examples, labels) = prepare(recipe, train, seed=seed)
    if pairs := speaker_folds(train, recipe.num_folds, seed):
        search = GridSearchCV(classifier, {"svm__C": recipe.costs}, scoring=_ua, cv=pairs, error_score="raise")
        classifier = search.fit(examples, labels).best_estimator_  # of equally good values the smallest
    else:
        classifier.fit(examples, labels)  # nothing to choose by: the middle value
    if report:
        report(1)
    return Fitted(classifier, {})


def joined(first, second):
    """A Subset with the utterances of two Subsets."""
    return dataclasses.replace(
        first,
        utterances=[*first.utterances, *second.utterances],
        features=[*first.features, *second.features],
    )


def speaker_folds(part, num_folds, seed):
    """Indices `[(training, held out), ...]` of a part's utterances, in speaker-independent folds.

    The list is empty for a single speaker; folds with only one training emotion are left out.
    """
    speakers, labels = [u.speaker for u in part.utterances], part.labels
    count = min(num_folds, len(set(speakers)))
    if count < 2:
        return []
    dealt = GroupKFold(count, shuffle=True, random_state=seed).split(labels, groups=speakers)
    return [(kept, held) for kept, held in dealt if len(np.unique(labels[kept])) > 1]


def _ua(classifier, examples, labels):
    """Mean recall over the emotions that occur for the held-out speakers."""
    decided = classifier.predict(examples)
    return recall_score(labels, decided, labels=np.unique(labels), average="macro", zero_division=0)
