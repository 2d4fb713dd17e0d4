"""How an utterance is decided, from the hyperplanes."""

import numpy as np

BELOW_ALL = -1.0  # a score that the class with the largest score never has


def predict(fitted, part, recipe):
    """Scores by rule, `(N, K)`: `decision`, whose largest decides.

    For three classes or more it is the number of pairwise hyperplanes that vote for the class, plus less than a third
    from the distances, by which ties are broken (scikit-learn's `decision_function`); for two classes it is the
    distance in units of the margin, with the sign of each class. A class without training example has -1.
    """
    scores = np.full((len(part), len(part.classes)), BELOW_ALL, "float32")
    if len(part):
        values = fitted.model.decision_function(matrix(part))
        scores[:, fitted.model.classes_] = np.stack([-values, values], axis=1) if values.ndim == 1 else values
    return {"decision": scores}


def matrix(part):
    """The vectors of a part, `(N, F)` float64."""
    return np.array([example[0, 0] for example in part.features], dtype="float64")
