"""The systems, their data, and splits."""

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

    corpus: str = "ravdess"  # the default, since it can be downloaded
    protocols: tuple[str, ...] = tuple(splits.PROTOCOLS)  # without a paper there is no paper's own split
    num_parameters: int = 0  # not a network
    front_end: FrontEnd = FrontEnd()
    costs: tuple[float, ...] = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # values of C to choose from; D2
    num_folds: int = 5  # of the cross-validation that chooses C; at most the number of speakers; D2
    with_valid: bool = False  # whether the validation part is added to training; D3
    max_epochs: int = 1  # there are no epochs; the progress bar counts one
    note: str = ""  # printed with every result


VARIANTS = {
    "mfcc_svm": Recipe(),
    "egemaps_svm": Recipe(front_end=FrontEnd(kind="egemaps")),
}
VARIANTS |= {  # the alternative in D3
    f"{name}_with_valid": dataclasses.replace(recipe, with_valid=True) for name, recipe in VARIANTS.items()
}

HUB = {  # kind -> weights of base size, trained on the 960 hours of LibriSpeech; D6
    "wav2vec2": "facebook/wav2vec2-base",
    "hubert": "facebook/hubert-base-ls960",
    "wavlm": "microsoft/wavlm-base",
}
VARIANTS |= {f"{kind}_svm": Recipe(front_end=FrontEnd(kind=kind, weights=name)) for kind, name in HUB.items()}

RECIPES = {  # all presets are the same, since full training is fast
    variant: dict.fromkeys(("paper", "quick", "smoke"), recipe) for variant, recipe in VARIANTS.items()
}


def change(recipe, options):
    """A recipe with other weights for its network: from the hub, from a folder, or random ones for "none".

    Args:
        recipe: a recipe of this folder; one without a network is unchanged.
        options: of the command line; `weights` is used.

    Raises:
        InputError: there is no such folder or name, or the folder has other weights.
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
        raise InputError(f"--weights {weights}: expected a folder, a name on the hub such as {usual}, or none")
    return dataclasses.replace(recipe, front_end=dataclasses.replace(recipe.front_end, weights=weights), note=note)


def fetch(front_end):
    """Download a network's weights unless they are on this machine. Raises InputError if that fails."""
    if front_end.weights:
        embeddings.loaded(front_end.kind, front_end.weights)


def files(front_end):
    """Paths of weights from a user's folder, to be copied into saved systems; weights from the hub are not copied."""
    if not embeddings.HASH.fullmatch(front_end.weights):
        return ()
    return tuple(embeddings.kept(front_end.weights) / name for name in embeddings.FILES)


def restored(front_end, folder):
    """The front end of a saved system, with weights installed from `folder` if they are not on this machine.

    Raises:
        InputError: the folder lacks them, or has others.
    """
    if (paths := files(front_end)) and not paths[0].exists():
        embeddings.install_kept(folder, front_end.weights, front_end.kind)
    return front_end


def select(corpus, recipe, emotions=None):
    """The utterances of the given emotions, or of anger, happiness, neutral and sadness as far as the corpus has them.

    Raises:
        InputError: there are fewer than two of the emotions.
    """
    return corpus.only(emotions or [emotion for emotion in LABEL_SETS["4hap"] if emotion in corpus.classes])


def folds(corpus, recipe, protocol, seed):
    """The folds of a shared protocol."""
    return splits.folds(corpus.utterances, protocol, seed)
