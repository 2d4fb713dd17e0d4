"""The paper's systems, data and splits (sections 2.1, 4.2 to 4.4)."""

import dataclasses

from common.errors import InputError
from common.folds import splits
from common.utterance import Fold
from papers.chernykh2018.features import AUTHORS_COPY, FrontEnd

EMOTIONS = ("anger", "excitement", "neutral", "sadness")  # 2.1


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One row of Table 1. Defaults follow the paper; D-numbers are in README.md."""

    system: str = "ctc"  # "dummy" (4.4), "framewise" (4.2.1), "one_label" (4.2.2) or "ctc" (4.3)
    corpus: str = "iemocap/all/4exc"  # 2.1: scripted and improvised
    protocols: tuple[str, ...] = ("paper", *splits.PROTOCOLS)
    num_parameters: int = 218_117  # Figure 9
    front_end: FrontEnd = FrontEnd()
    standardise: bool = True  # D4
    max_steps: int | None = 78  # 4.2.2: short sequences are appended with zeros, long ones truncated; D20
    units: int = 64  # of each LSTM, Figures 8 and 9; D5
    dense_units: int = 512  # Figures 8 and 9; D5
    realign_backward: bool = True  # Figures 8 and 9: "the output of lstm_2 and lstm_4 is reversed one more time"; D6
    legacy_gates: bool = False  # D7
    garbage_steps: int = 0  # D8
    min_train_steps: int = 1  # D3
    class_weight: float = 0.0  # mean over the training utterances, 0 for none; D9
    optimizer: str = "adam"  # 4.2.2; D10
    learning_rate: float = 1e-3  # D10
    batch_size: int = 64  # D10
    in_blocks: bool = False  # D11
    max_epochs: int = 80  # D10; a fixed number: the paper has no validation part
    beam_width: int = 100  # D12
    num_trees: int = 1000  # D13
    ties: str = "first"  # tie-breaking between classes: "first" in time or "lowest" class; D13
    loudest_frames: int = 2  # 4.2.1


_ONE_LABEL = Recipe(system="one_label", num_parameters=217_604)  # Figure 8
_CTC = Recipe(class_weight=1.0)
_FOREST = Recipe(system="framewise", num_parameters=0, max_epochs=1)

_AUTHORS_CODE = {  # settings in the authors' notebooks that differ from the text or are missing in it
    "front_end": AUTHORS_COPY,  # D1
    "standardise": False,  # D4
    "realign_backward": False,  # D6
    "legacy_gates": True,  # D7
    "optimizer": "adadelta",  # D10
    "learning_rate": 1.0,  # D10
}

VARIANTS = {
    "dummy": dataclasses.replace(_FOREST, system="dummy"),
    "framewise": _FOREST,
    "framewise_lowest_class": dataclasses.replace(_FOREST, ties="lowest"),  # D13
    "one_label": _ONE_LABEL,
    "ctc": _CTC,
    "ctc_unscaled": dataclasses.replace(_CTC, standardise=False),  # the alternative in D4
    "ctc_unweighted": dataclasses.replace(_CTC, class_weight=0.0),  # the alternative in D9
    "ctc_unaligned": dataclasses.replace(_CTC, realign_backward=False),  # the alternative in D6
    "framewise_legacy_code": dataclasses.replace(_FOREST, front_end=AUTHORS_COPY),
    "one_label_legacy_code": dataclasses.replace(_ONE_LABEL, **_AUTHORS_CODE),
    "ctc_legacy_code": dataclasses.replace(
        _CTC,
        **_AUTHORS_CODE,
        garbage_steps=2,  # D8
        min_train_steps=6,  # D3
        class_weight=4.0,  # D9
        in_blocks=True,  # D11
    ),
}

PRESETS = {
    "paper": {},
    "quick": {"max_epochs": 60},
    "smoke": {"max_epochs": 2, "num_trees": 20},
}

RECIPES = {
    variant: {
        preset: dataclasses.replace(
            recipe, **{name: min(value, getattr(recipe, name)) for name, value in changes.items()}
        )
        for preset, changes in PRESETS.items()
    }
    for variant, recipe in VARIANTS.items()
}


def select(corpus, recipe, emotions=None):
    """The utterances of the given emotions, or of the four in section 2.1.

    In a corpus without excitement (RAVDESS, EmoDB, `iemocap/.../4hap`) it is replaced by happiness, the most similar
    emotion with high activation (D14). Other missing emotions are left out.

    Raises:
        InputError: there are fewer than two of the emotions.
    """
    if emotions:
        return corpus.only(emotions)
    wanted = set(EMOTIONS)
    if "excitement" not in corpus.classes:
        wanted = wanted - {"excitement"} | {"happiness"}
    present = wanted & set(corpus.classes)
    return corpus if present == set(corpus.classes) else corpus.only(present)


def folds(corpus, recipe, protocol, seed):
    """`paper`: five folds, each holding out one session with two speakers (4.4); else a shared protocol.

    Raises:
        InputError: the corpus does not fulfil the protocol's requirements, for example has no sessions.
    """
    if protocol == "paper":
        return by_session(corpus)
    return splits.folds(corpus.utterances, protocol, seed)  # D15


def by_session(corpus):
    """One fold per session, without a validation part, since the number of epochs is fixed (D10)."""
    sessions = {u.session for u in corpus.utterances}
    if None in sessions or len(sessions) < 2:
        raise InputError(
            f"{corpus.variant} has no sessions, which protocol paper needs; use --protocol speaker_independent"
        )
    return tuple(
        Fold(
            f"fold_{number}",
            train=tuple(u for u in corpus.utterances if u.session != session),
            valid=(),
            test=tuple(u for u in corpus.utterances if u.session == session),
        )
        for number, session in enumerate(sorted(sessions), start=1)
    )
