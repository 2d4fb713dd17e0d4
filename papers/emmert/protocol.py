"""The paper's systems, data and splits (sections IV to VI)."""

import dataclasses

from common.errors import InputError
from common.folds import splits
from papers.emmert.features import FrontEnd


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One system. Defaults follow section V; D-numbers are in README.md."""

    network: str = "mfcc"  # "mfcc" (III-A), "resnet50" (III-B) or "own_cnn" (III-C)
    corpus: str = "ravdess"  # abstract
    protocols: tuple[str, ...] = ("paper", *splits.PROTOCOLS)
    num_parameters: int = 211_075  # III-A; trained parameters at the paper's number of classes
    front_end: FrontEnd = FrontEnd()
    strong_without_neutral: bool = True  # V-A
    noisy_copies: bool = True  # V-A; D4
    standardised: bool = True  # D6
    dropout: float = 0.3  # D8
    l1: float = 0.0  # V uses L2 only
    l2: float = 1e-3  # D9
    optimizer: str = "adam"  # D10
    learning_rate: float = 5e-4  # D10
    batch_size: int = 32  # D10
    note: str = ""  # printed beside every result
    max_epochs: int = 300  # D11
    monitor: str = "val_loss"  # V-B: "optimized for the validation loss instead of the accuracy"
    patience: int = 20  # D11


VARIANTS = {
    "mfcc": Recipe(),
    "own_cnn": Recipe(
        network="own_cnn",
        num_parameters=1_662_280,
        front_end=FrontEnd(kind="slices"),
        strong_without_neutral=False,  # D2
        noisy_copies=False,  # VI names none
        l1=1e-5,  # D9
        l2=1e-4,  # D9
        learning_rate=1e-3,  # D10
        max_epochs=60,  # D11
        patience=10,  # D11
    ),
    "resnet50": Recipe(
        network="resnet50",
        num_parameters=526_600,  # trained; the frozen base has 23,587,712 more
        front_end=FrontEnd(kind="resnet50", trim_db=None),  # D3: section IV trims nothing
        strong_without_neutral=False,  # D2
        noisy_copies=False,  # IV names none
        dropout=0.0,  # IV names none
        l2=0.0,  # IV names none
        optimizer="rmsprop",  # IV-C
        learning_rate=1e-3,  # D10
        max_epochs=60,  # D11
        monitor="val_wa",  # IV-C: "we optimized for accuracy"
        patience=10,  # D11
    ),
}

VARIANTS["mfcc_unscaled"] = dataclasses.replace(VARIANTS["mfcc"], standardised=False)  # the other reading of D6
VARIANTS["mfcc_no_noise"] = dataclasses.replace(VARIANTS["mfcc"], noisy_copies=False)  # what D4 brings
VARIANTS["mfcc_untrimmed"] = dataclasses.replace(VARIANTS["mfcc"], front_end=FrontEnd(trim_db=None))  # what D3 brings
VARIANTS["resnet50_fine_tuned"] = dataclasses.replace(
    VARIANTS["resnet50"],
    num_parameters=4_986_120,  # trained; 19,128,192 more are frozen
    front_end=dataclasses.replace(VARIANTS["resnet50"].front_end, fine_tuned=True),  # the other reading of D15
    learning_rate=1e-5,  # D15
)
VARIANTS["resnet50_random"] = dataclasses.replace(
    VARIANTS["resnet50"],
    front_end=dataclasses.replace(VARIANTS["resnet50"].front_end, weights="none"),
    note="random weights in place of ImageNet's",
)  # not the paper's: the same system without what ImageNet taught it

PRESETS = {
    "paper": {},
    "quick": {"max_epochs": 12, "patience": 4},
    "smoke": {"max_epochs": 2, "patience": 2},
}

RECIPES = {
    variant: {preset: dataclasses.replace(recipe, **changes) for preset, changes in PRESETS.items()}
    for variant, recipe in VARIANTS.items()
}


def change(recipe, options):
    """A recipe with other weights in its pretrained front end: those of a file, or random ones for "none".

    Weights other than those published by Keras are noted beside every result, and such results get no verdict.

    Args:
        recipe: a recipe of this paper.
        options: of the command line; only `weights` is read, default "imagenet".

    Raises:
        InputError: the file is missing or does not contain the weights of a ResNet50.
    """
    if not recipe.front_end.pretrained:
        return recipe
    weights = options.get("weights", "imagenet")
    if weights == "imagenet":
        return recipe
    if weights == "none":
        note = VARIANTS["resnet50_random"].note
    else:
        from papers.emmert import resnet  # starts Keras

        weights = resnet.install(weights)
        note = "" if weights == "imagenet" else f"weights of a file, {weights[:12]}, in place of ImageNet's"
    return dataclasses.replace(recipe, front_end=dataclasses.replace(recipe.front_end, weights=weights), note=note)


def fetch(front_end):
    """Download the ImageNet weights of a front end unless they are on this machine.

    Raises:
        InputError: the download failed.
    """
    if front_end.pretrained and front_end.weights == "imagenet":
        from common.learning import backend

        backend.start()
        from papers.emmert import resnet

        resnet.fetch()


def files(front_end):
    """Paths of the files that a front end reads besides the recording; they are saved with a system."""
    if not front_end.pretrained:
        return ()
    from papers.emmert import resnet

    return (resnet.place(front_end.weights),)


def restored(front_end, folder):
    """The front end of a saved system; its weights are read from `folder` unless they are on this machine.

    Only the file published by Keras counts as ImageNet's. Other weights in a folder are named by the hash of their
    values, so that they cannot replace ImageNet's.

    Raises:
        InputError: the file is missing, or its weights are not those of the front end.
    """
    if not (paths := files(front_end)) or paths[0].exists():
        return front_end
    from papers.emmert import resnet

    weights = resnet.install(folder / paths[0].name)
    if front_end.weights not in ("imagenet", weights):
        raise InputError(f"{paths[0].name} holds other weights than the system was made with; save the system anew")
    return dataclasses.replace(front_end, weights=weights)


def select(corpus, recipe, emotions=None):
    """The utterances used by the paper; of another corpus, or with given emotions, all utterances.

    The MFCC system excludes neutral and keeps strong intensity only (V-A): 672 of RAVDESS's 1,440 files, 96 a class.
    """
    if emotions:
        return corpus.only(emotions)
    if recipe.strong_without_neutral and corpus.name.startswith("ravdess"):
        strong = [u for u in corpus.utterances if u.intensity == "strong" and u.emotion != "neutral"]
        return corpus.subset("strong", strong)
    return corpus


def folds(corpus, recipe, protocol, seed):
    """`paper`: one random split per class, 70/15/15 per cent of the files (D1); else a shared protocol.

    In the paper's split all parts have the same actors and the same two sentences. It is therefore not comparable with
    `speaker_independent`: 16 actors against 4 and 4, rotated so that every actor is tested once.
    """
    if protocol == "paper":
        return splits.per_class(corpus.utterances, train=0.70, valid=0.15, seed=seed)
    return splits.folds(corpus.utterances, protocol, seed)
