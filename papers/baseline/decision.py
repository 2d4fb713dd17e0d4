"""The decision on an utterance, from the hyperplanes."""

import numpy as np

BELOW_ALL = -1.0  # a score that the class with the largest score never has


def predict(fitted, part, recipe):
    """{rule: scores `(N, K)`}; the rule is `decision`, and the largest score is the decision.

    For three or more classes, the score is the number of pairwise hyperplanes that vote for the class, plus less than a
    third from the distances to break ties (scikit-learn's `decision_function`). For two classes it is the distance in
    units of the margin, with the sign of each class. A class without training examples has -1.
    """
    scores = np.full((len(part), len(part.classes)), BELOW_ALL, "float32")
    if len(part):
        values = fitted.model.decision_function(matrix(part))
        scores[:, fitted.model.classes_] = np.stack([-values, values], axis=1) if values.ndim == 1 else values
    return {"decision": scores}


def matrix(part):
    """The vectors of a part, `(N, F)` float64."""
    return np.array([example[0, 0] for example in part.features], dtype="float64")
