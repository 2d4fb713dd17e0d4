"""The two systems without a network: the largest class (4.4), and votes of single frames (4.2.1)."""

import numpy as np

from papers.chernykh2018.short_term import ENERGY

TIE = 1e-4  # a share of the votes, smaller than any that a whole vote makes


def dummy(recipe, num_classes):
    """A classifier that always predicts the largest training class (4.4)."""
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="most_frequent")


def forest(recipe, num_classes):
    """The classifier of single frames (4.2.1; D13)."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(recipe.num_trees, class_weight="balanced")


def prepare(estimator, recipe, train, *, seed):
    """The seeded estimator and its arrays: the loudest frames of each utterance `(n, 34)`, their emotions `(n,)`."""
    estimator.set_params(random_state=seed)
    chosen = [loudest(frames[0], recipe.loudest_frames) for frames in train.features]  # [(2, 34), ...]
    return estimator, (np.concatenate(chosen), np.repeat(train.labels, [len(frames) for frames in chosen]))


def fit(estimator, examples, *, report=None):
    """Train the estimator and the arrays from `prepare`; returns Fitted."""
    estimator.fit(*examples)
    from common.learning.training import Fitted

    if report:
        report(1)
    return Fitted(estimator, {})


def loudest(frames, count):
    """The frames with the largest energy, `(T, 34) -> (count, 34)` or fewer, in temporal order."""
    return np.asarray(frames)[np.sort(np.argsort(frames[:, ENERGY], kind="stable")[::-1][:count])]


def predict(estimator, part, recipe):
    """{rule: scores `(N, K)`}: `posterior` for the dummy, `majority_vote` for the forest."""
    num_classes = len(part.classes)
    if recipe.system == "dummy":
        rows = [_frame_posteriors(estimator, frames[0][:1], num_classes)[0] for frames in part.features]
        return {"posterior": np.reshape(rows, (-1, num_classes)).astype("float32")}
    lengths = [frames.shape[1] for frames in part.features]
    if not lengths:
        return {"majority_vote": np.zeros((0, num_classes), "float32")}
    frames = np.concatenate([frames[0] for frames in part.features])
    decisions = _frame_posteriors(estimator, frames, num_classes).argmax(axis=1)
    votes = [vote_shares(d, num_classes, recipe.ties) for d in np.split(decisions, np.cumsum(lengths)[:-1])]
    return {"majority_vote": np.stack(votes).astype("float32")}


def _frame_posteriors(estimator, frames, num_classes):
    """`(n, 34) -> (n, K)`; a class that the training part lacks has probability 0."""
    posteriors = np.zeros((len(frames), num_classes))
    posteriors[:, estimator.classes_] = estimator.predict_proba(frames)
    return posteriors


def vote_shares(decisions, num_classes, ties="first"):
    """Share of an utterance's frames classified as each class: `(T,) -> (K,)`, with sum 1.

    Ties are broken (D13) in favour of the class that occurs `first` in time, or the `lowest` in the order of classes.
    """
    votes = np.bincount(decisions, minlength=num_classes) / len(decisions)
    tied = np.flatnonzero(votes == votes.max())
    if len(tied) > 1:
        ahead = tied[0] if ties == "lowest" else next(d for d in decisions if d in tied)
        votes[ahead] += TIE
    return votes / votes.sum()
