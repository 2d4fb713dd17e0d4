"""The paper's systems, data and splits (sections 4 and 5)."""

import dataclasses

from common.folds import splits
from common.utterance import LABEL_SETS
from papers.ma2018.features import FrontEnd


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One system. Defaults are the "Variable-Length" of Table 1; D-numbers are in README.md."""

    corpus: str = "iemocap/improvised/4hap"  # 5.1
    protocols: tuple[str, ...] = ("paper", *splits.PROTOCOLS)
    num_parameters: int = 1_412_236  # trained, of the preset `paper` and four classes; the paper gives no count
    front_end: FrontEnd = FrontEnd()
    fixed_frames: int | None = None  # 3.1: frames of every part after padding; None: sentences of any length
    statistic_per_bin: bool = True  # of the normalisation; otherwise one for all bins; D4
    filters: tuple[int, int, int] = (16, 24, 32)  # D1
    recurrent: str = "gru"  # "gru" or "lstm"; D1
    units: int = 128  # in each direction; D1
    dense_units: int = 64  # D1
    dropout: float = 0.5  # D1
    initializer: str = "glorot_uniform"  # of the layers with ReLU; D15
    length_weight: bool = True  # 4.2: "in inverse proportion to the length"; D5
    class_weight: bool = True  # 4.2: "in inverse proportion to the class size"; D5
    learning_rate: float = 1e-3  # Adam; D7
    clip_norm: float = 5.0  # of the whole gradient; D7
    batch_size: int = 16  # D8
    max_frames: int = 8000  # in a padded batch; D8
    min_share: float = 0.95  # of real frames in a batch of sentences, 4.1: "similar timing lengths"; D8
    even_steps: bool = False  # a sentence's weight in a step does not depend on how many share its batch, 4.2; D8
    plateau_patience: int = 5  # epochs without a better validation WA, after which the rate is halved; D7
    max_epochs: int = 100  # D7
    monitor: str = "val_ua"  # D7
    patience: int = 15  # D7


WEIGHTINGS = {  # the ablations of section 4.2's two weights
    "": {},
    "_no_length_weight": {"length_weight": False},
    "_no_class_weight": {"class_weight": False},
    "_no_weights": {"length_weight": False, "class_weight": False},
}

VARIABLE = Recipe(even_steps=True)  # D8; the default of a newer field is the former behaviour
FIXED = dataclasses.replace(VARIABLE, front_end=FrontEnd(max_part_s=3.0), fixed_frames=300)  # 3.1; D6


def on_20_hz_grid(recipe):
    """The same system on half the frequency bins, for half the cost (D9)."""
    front_end = dataclasses.replace(recipe.front_end, fft_length=800)
    return dataclasses.replace(recipe, front_end=front_end, num_parameters=797_836)


VARIANTS = {
    **{f"variable_length{name}": dataclasses.replace(VARIABLE, **changes) for name, changes in WEIGHTINGS.items()},
    **{f"fixed_length{name}": dataclasses.replace(FIXED, **changes) for name, changes in WEIGHTINGS.items()},
    "variable_length_lstm": dataclasses.replace(VARIABLE, recurrent="lstm", num_parameters=1_854_092),
    "variable_length_one_statistic": dataclasses.replace(VARIABLE, statistic_per_bin=False),
    "variable_length_20hz": on_20_hz_grid(VARIABLE),
    "variable_length_20hz_batch_mean": dataclasses.replace(on_20_hz_grid(VARIABLE), even_steps=False),  # D8
    "variable_length_20hz_he": dataclasses.replace(on_20_hz_grid(VARIABLE), initializer="he_normal"),  # D15
    "variable_length_lstm_20hz": dataclasses.replace(
        on_20_hz_grid(VARIABLE), recurrent="lstm", num_parameters=1_034_892
    ),  # D1
    "fixed_length_20hz": on_20_hz_grid(FIXED),
}

QUICK_EPOCHS = {1600: 8, 800: 16}  # by DFT length: as many as fit into the same time


def preset(recipe, name):
    """A recipe at a preset. All were fixed before any result was seen; `quick` trains the same network less."""
    quick = QUICK_EPOCHS[recipe.front_end.fft_length]
    changes = {
        "paper": {},
        "quick": {"max_epochs": quick, "patience": quick},
        "smoke": {"max_epochs": 1, "patience": 1, "filters": (2, 2, 2), "units": 8, "dense_units": 8},
    }
    return dataclasses.replace(recipe, **changes[name])


RECIPES = {
    variant: {name: preset(recipe, name) for name in ("paper", "quick", "smoke")}
    for variant, recipe in VARIANTS.items()
}


def select(corpus, recipe, emotions=None):
    """The 2,280 improvised sentences of IEMOCAP (5.1); of other corpora the given emotions, default the paper's four.

    Raises:
        InputError: fewer than two of the emotions.
    """
    return corpus.only(emotions or [emotion for emotion in LABEL_SETS["4hap"] if emotion in corpus.classes])  # D14


def folds(corpus, recipe, protocol, seed):
    """`paper`: one session is held out, one speaker for validation, the other for test (5.1), both ways (D10)."""
    if protocol == "paper":
        return splits.folds(corpus.utterances, "leave_one_session_out", seed)
    return splits.folds(corpus.utterances, protocol, seed)
