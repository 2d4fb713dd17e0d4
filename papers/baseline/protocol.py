"""The systems, on what they are trained, and how it is split."""

import dataclasses
from pathlib import Path

from common.errors import InputError
from common.folds import splits
from common.utterance import LABEL_SETS
from papers.baseline import embeddings
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
    note: str = ""  # printed beside every result


VARIANTS = {
    "mfcc_svm": Recipe(),
    "egemaps_svm": Recipe(front_end=FrontEnd(kind="egemaps")),
}
VARIANTS |= {  # D3 the other way
    f"{name}_with_valid": dataclasses.replace(recipe, with_valid=True) for name, recipe in VARIANTS.items()
}

HUB = {  # kind -> weights of its base size, all learnt from the 960 hours of LibriSpeech; D6
    "wav2vec2": "facebook/wav2vec2-base",
    "hubert": "facebook/hubert-base-ls960",
    "wavlm": "microsoft/wavlm-base",
}
VARIANTS |= {f"{kind}_svm": Recipe(front_end=FrontEnd(kind=kind, weights=name)) for kind, name in HUB.items()}

RECIPES = {  # nothing to reduce: every preset is the whole training
    variant: dict.fromkeys(("paper", "quick", "smoke"), recipe) for variant, recipe in VARIANTS.items()
}


def change(recipe, options):
    """A recipe with other weights of its network: another name of the hub, a folder's, or random ones for "none".

    Raises:
        InputError: neither a folder nor such a name, or the folder holds other weights.
    """
    usual = recipe.front_end.weights
    if not usual or (weights := options.get("weights", usual)) == usual:
        return recipe
    note = f"weights {weights} in place of {usual}"
    if weights == embeddings.RANDOM:
        note = f"random weights in place of {usual}"
    elif Path(weights).is_dir():
        weights = embeddings.install(weights, recipe.front_end.kind)
        note = f"weights of a folder, {weights[:12]}, in place of {usual}"
    elif not embeddings.HUB_NAME.fullmatch(weights):
        raise InputError(f"--weights {weights}: no such folder, and no name of the hub such as {usual}, nor none")
    return dataclasses.replace(recipe, front_end=dataclasses.replace(recipe.front_end, weights=weights), note=note)


def fetch(front_end):
    """Download a network's weights where they are not here. Raises InputError where they cannot be had."""
    if front_end.weights:
        embeddings.loaded(front_end.kind, front_end.weights)


def files(front_end):
    """Paths of a folder's weights; a saved system takes them along. Those of the hub are had by their name."""
    if not embeddings.HASH.fullmatch(front_end.weights):
        return ()
    return tuple(embeddings.kept(front_end.weights) / name for name in embeddings.FILES)


def restored(front_end, folder):
    """The front end of a saved system; a folder's weights are taken from `folder` where they are not on this machine.

    Raises:
        InputError: they are not there, or are others.
    """
    if (paths := files(front_end)) and not paths[0].exists():
        embeddings.install_kept(folder, front_end.weights, front_end.kind)
    return front_end


def select(corpus, recipe, emotions=None):
    """All utterances of the emotions named, or of those of anger, happiness, neutral and sadness that the corpus has.

    Raises:
        InputError: fewer than two of the emotions.
    """
    return corpus.only(emotions or [emotion for emotion in LABEL_SETS["4hap"] if emotion in corpus.classes])


def folds(corpus, recipe, protocol, seed):
    """The folds of a shared protocol."""
    return splits.folds(corpus.utterances, protocol, seed)
