"""The two systems, on what they are trained, and how it is split."""

import dataclasses

from common.folds import splits
from common.utterance import LABEL_SETS
from papers.baseline.features import FrontEnd


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One system; D-numbers are in README.md."""

    corpus: str = "ravdess"  # where none is named: it can be downloaded
    protocols: tuple[str, ...] = tuple(splits.PROTOCOLS)  # no paper, so no paper's own split
    num_parameters: int = 0  # not a network
    front_end: FrontEnd = FrontEnd()
    costs: tuple[float, ...] = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # values of C to choose from; D2
    num_folds: int = 5  # of the cross-validation that chooses C, fewer where there are fewer speakers; D2
    with_valid: bool = False  # whether the validation part is trained on; D3
    max_epochs: int = 1  # it has none; progress counts it as one


VARIANTS = {
    "mfcc_svm": Recipe(),
    "egemaps_svm": Recipe(front_end=FrontEnd(kind="egemaps")),
}
VARIANTS |= {  # D3 the other way
    f"{name}_with_valid": dataclasses.replace(recipe, with_valid=True) for name, recipe in VARIANTS.items()
}

RECIPES = {  # nothing to reduce: every preset is the whole training
    variant: dict.fromkeys(("paper", "quick", "smoke"), recipe) for variant, recipe in VARIANTS.items()
}


def select(corpus, recipe, emotions=None):
    """All utterances of the emotions named, or of those of anger, happiness, neutral and sadness that the corpus has.

    Raises:
        InputError: fewer than two of the emotions.
    """
    return corpus.only(emotions or [emotion for emotion in LABEL_SETS["4hap"] if emotion in corpus.classes])


def folds(corpus, recipe, protocol, seed):
    """The folds of a shared protocol."""
    return splits.folds(corpus.utterances, protocol, seed)
