"""The paper's systems, data and splits (section IV)."""

import dataclasses

from common.folds import splits
from common.utterance import Fold
from papers.lim2016 import leaky
from papers.lim2016.features import FrontEnd

EMOTIONS = ("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness")  # Tables II to IV
NUM_FOLDS = 10  # IV-B


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One system. Defaults follow sections III and IV; D-numbers are in README.md."""

    network: str = "cnn"  # "cnn" (III-A), "lstm" (III-B) or "td_cnn" (III-C)
    corpus: str = "emodb"  # IV
    protocols: tuple[str, ...] = ("paper", *splits.PROTOCOLS, leaky.PROTOCOL)
    num_parameters: int = 33_572_199  # trainable, seven classes; the paper gives no count
    front_end: FrontEnd = FrontEnd()
    floor_db: float = 80.0  # below the loudest point of the training part; D1
    filters: int = 32  # in both convolutions; D6
    kernel_size: int = 3  # Table I
    pool_size: int = 2  # D6
    dense_units: int = 1024  # III-A; 0 leaves the layer out; D10
    lstm_layers: int = 0  # III-B: 3; III-C: 2
    lstm_units: int = 0  # III-B: 128, D9; III-C: 1024
    dropout: float = 0.25  # Table I; D7
    oversample: bool = True  # IV-A; D14
    learning_rate: float = 0.01  # Table I
    decay: float = 1e-6  # Table I, a step; D11
    momentum: float = 0.8  # Table I
    nesterov: bool = True  # D11
    batch_size: int = 32  # D12
    max_epochs: int = 50  # reached exactly; D12


TD_FRONT_END = FrontEnd(num_windows=4, stride=32)  # III-C: "4 CNNs"; D4, D17
SPARSE = 128  # frames between the starts of two examples without overlap
QUICK_STRIDE = 64  # of the time-distributed networks at `quick`: half their examples, two of a recording of 2 s

CNN = Recipe()
VARIANTS = {
    "cnn": CNN,
    "cnn_side_by_side": dataclasses.replace(CNN, front_end=FrontEnd(stride=SPARSE)),  # D4
    "cnn_not_oversampled": dataclasses.replace(CNN, oversample=False),  # D14
    "lstm": Recipe(network="lstm", num_parameters=395_655, dense_units=0, lstm_layers=3, lstm_units=128),
    "td_cnn": Recipe(
        network="td_cnn",
        num_parameters=146_825_575,
        front_end=TD_FRONT_END,
        dense_units=0,  # D10: III-C goes from pooling to LSTM
        lstm_layers=2,
        lstm_units=1024,
        max_epochs=30,  # D12
    ),
    "td_cnn_fc": Recipe(
        network="td_cnn",
        num_parameters=50_357_607,
        front_end=TD_FRONT_END,
        dense_units=1024,  # D10: "the CNN as above" ends in its fully connected layer
        lstm_layers=2,
        lstm_units=1024,
        max_epochs=30,  # D12
    ),
}

# Fixed before any result was seen; on two cores ten folds take up to half an hour, with td_cnn an hour.
QUICK_EPOCHS = {"cnn": 10, "lstm": 16, "td_cnn": 5}  # by network
SMOKE_EPOCHS = 1


def preset(variant, name):
    """A recipe of `VARIANTS` as in the paper, or with fewer epochs and examples; the network is the same."""
    recipe = VARIANTS[variant]
    if name == "paper":
        return recipe
    stride = SPARSE if name == "smoke" else max(recipe.front_end.stride, QUICK_STRIDE)
    front_end = dataclasses.replace(recipe.front_end, stride=stride)
    epochs = QUICK_EPOCHS[recipe.network] if name == "quick" else SMOKE_EPOCHS
    return dataclasses.replace(recipe, front_end=front_end, max_epochs=epochs)


RECIPES = {variant: {name: preset(variant, name) for name in ("paper", "quick", "smoke")} for variant in VARIANTS}


def select(corpus, recipe, emotions=None):
    """All of EmoDB (IV: 535 utterances, seven emotions); of other corpora the given emotions, default those seven.

    RAVDESS has six of the seven: boredom is missing, and its calm and surprise are not used.

    Raises:
        InputError: fewer than two of the emotions.
    """
    if emotions:
        return corpus.only(emotions)
    if corpus.name.startswith("emodb"):
        return corpus
    return corpus.only([emotion for emotion in EMOTIONS if emotion in corpus.classes])


def folds(corpus, recipe, protocol, seed):
    """`paper`: stratified ten-fold cross-validation over utterances, one repeat per seed (IV-B; D15).

    Its training and test parts have the same speakers and the same ten sentences. It is therefore not comparable with
    `leave_one_speaker_out` (ten folds on EmoDB) and `speaker_independent`. `leaky_segments` is invalid, see leaky.py.
    """
    if protocol == "paper":
        return tuple(
            without_validation(fold) for fold in splits.random(corpus.utterances, num_folds=NUM_FOLDS, seed=seed)
        )
    if protocol == leaky.PROTOCOL:
        return leaky.folds(corpus.utterances, recipe.front_end, num_folds=NUM_FOLDS, seed=seed)
    return splits.folds(corpus.utterances, protocol, seed)


def without_validation(fold):
    """The fold with all nine other parts for training (IV-B has no validation part, and none is needed; D12)."""
    return Fold(fold.name, tuple(sorted(fold.train + fold.valid, key=lambda u: u.id)), (), fold.test)
