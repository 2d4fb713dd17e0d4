"""The paper's systems, data and splits (sections 4 and 5.3)."""

import dataclasses
import math

from common.errors import InputError
from common.folds import splits
from common.utterance import LABEL_SETS
from papers.satt2017 import noise
from papers.satt2017.features import FrontEnd

CONVOLUTIONS = (  # filters, and size in bins x frames
    (16, 12, 16),  # figure 1
    (24, 8, 12),  # figure 1
    (32, 5, 7),  # figure 1
    (48, 3, 5),  # D6
    (64, 3, 3),  # D6
    (64, 3, 3),  # D6: without pooling from here on, there is nothing left to pool
    (64, 3, 3),
    (64, 3, 3),
)
NUM_POOLS = 5  # figure 1: max-pooling 2:1 after each convolution; D6


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One system. Defaults are the network of table 1, row 4; D-numbers are in README.md."""

    corpus: str = "iemocap/improvised/4hap"  # 4
    protocols: tuple[str, ...] = ("paper", *splits.PROTOCOLS)
    front_end: FrontEnd = FrontEnd(dft_length=800)
    test_front_ends: tuple[tuple[str, FrontEnd], ...] = ()  # 5.3: (condition, front end that only the test part sees)
    convolutions: int = 3  # figure 1
    scale: str = "training"  # 3.1: "training": one for all spectrograms, or "spectrogram": each its own; D4
    initializer: str = "glorot_uniform"  # of the layers with ReLU; D17
    keep_hz: bool = False  # kernels as high in Hz on the 10 Hz grid as on figure 1's 20 Hz grid; D5
    lstm_layers: int = 1  # table 1, note 4; 0: convolutions only
    lstm_units: int = 128  # figure 1, in each direction
    attention: bool = False  # 4: tried, no gain
    mean_over_time: bool = False  # of the LSTM's outputs, in place of its last states; D7
    dense_units: int = 64  # figure 1
    dropout: float = 0.5  # D7
    balance: str = "weights"  # 4: 2nd technique; D16. Or "sentence_weights" (D19), "oversampling" (3rd), "none"
    learning_rate: float = 3e-4  # Adam; D8
    batch_size: int = 16  # parts; D8
    epochs: int = 60  # of one network, at most; D8
    monitor: str = "val_wa"  # table 1, note 5: "optimized to maximize the overall accuracy"
    patience: int = 10  # D8
    pairwise: "Recipe | None" = None  # 4: the two-class networks of the two-step predictor
    rule: str = "mean"  # 3.1; for the two-step predictor a rule of two_step.py

    @property
    def max_epochs(self) -> int:
        """Upper limit over all networks of the system, of four classes."""
        return self.epochs + (3 * self.pairwise.epochs if self.pairwise else 0)

    @property
    def kernels(self) -> tuple[tuple[int, int, int], ...]:
        """Filters, bins and frames of each convolution."""
        scale = 2 if self.keep_hz and self.front_end.dft_length == 1600 else 1
        return tuple((filters, scale * bins, frames) for filters, bins, frames in CONVOLUTIONS[: self.convolutions])

    @property
    def num_parameters(self) -> int:
        """Trained parameters for four classes, all networks together."""
        return count_parameters(self, 4) + (3 * count_parameters(self.pairwise, 2) if self.pairwise else 0)


def count_parameters(recipe, num_classes):
    """Trained parameters of one network, from its sizes."""
    bins, frames, channels, total = recipe.front_end.num_bins, recipe.front_end.num_frames, 1, 0
    for index, (filters, kernel_bins, kernel_frames) in enumerate(recipe.kernels):
        total += filters * (kernel_bins * kernel_frames * channels + 1)
        channels = filters
        if index < NUM_POOLS:
            bins, frames = bins // 2, frames // 2
    width = bins * channels
    for _layer in range(recipe.lstm_layers):
        total += 2 * 4 * recipe.lstm_units * (width + recipe.lstm_units + 1)
        width = 2 * recipe.lstm_units
    if not recipe.lstm_layers:
        width *= frames
    if recipe.attention:
        total += (width + 1) * recipe.dense_units + recipe.dense_units
    return total + (width + 1) * recipe.dense_units + (recipe.dense_units + 1) * num_classes


def with_built_in_noises(recipe, *, snr_db=0.0):
    """A recipe that is also tested in each of the seven noises (5.3), with a front end per noise."""
    return dataclasses.replace(recipe, test_front_ends=_noisy(recipe, noise.BUILT_IN, snr_db))


def with_noises(recipe, folder, *, snr_db=0.0):
    """A recipe that is also tested in a user's own background recordings: one condition per file of a folder.

    Raises:
        InputError: the folder has no recording, one that cannot be used, or two with the same name.
    """
    return dataclasses.replace(recipe, test_front_ends=_noisy(recipe, noise.install(folder), snr_db))


def change(recipe, options):
    """A recipe tested with other noises or at another level.

    Args:
        recipe: a recipe of this paper; one that is not tested in noise is returned unchanged.
        options: of the command line; only `noises`, a folder of recordings, and `snr_db` are read.

    Raises:
        InputError: the folder or the level cannot be used.
    """
    if not recipe.test_front_ends:
        return recipe
    folder, snr_db = options.get("noises"), options.get("snr_db", 0.0)
    if not (folder or snr_db):
        return recipe
    if folder is None:
        return with_built_in_noises(recipe, snr_db=snr_db)
    return with_noises(recipe, folder, snr_db=snr_db)


def _noisy(recipe, names, snr_db):
    """A front end for each signal; the condition's name contains the level, so that levels are never pooled.

    Raises:
        InputError: `snr_db` is not finite.
    """
    if not math.isfinite(snr_db):
        raise InputError(f"--snr {snr_db} is no level; expected decibels, for example --snr 0")
    return tuple(
        (f"{noise.stem(name)}_{snr_db:g}db", dataclasses.replace(recipe.front_end, noise=name, snr_db=snr_db))
        for name in names
    )


def _variants_of(grid, dft_length):
    """The systems on one frequency grid; each ablation differs from its parent only by the setting in its name."""
    change = dataclasses.replace
    front_end = FrontEnd(dft_length=dft_length)
    short = change(front_end, window_s=0.020)
    harmonic = change(front_end, kind="harmonic")
    lstm = Recipe(front_end=front_end, initializer="he_normal")  # table 1, rows 3 and 4; D17
    cnn = change(lstm, convolutions=5, lstm_layers=0)  # table 1, rows 1 and 2
    two_step = change(lstm, pairwise=cnn, rule="largest")  # table 1, row 5; D9
    variants = {
        f"cnn5_{grid}": cnn,
        f"cnn3_lstm_{grid}": lstm,
        f"two_step_{grid}": two_step,
        f"two_step_{grid}_unanimous": change(two_step, rule="unanimous"),  # D9
        f"noise_normal_{grid}": with_built_in_noises(lstm),  # table 2, rows 1 and 3; D2
        f"noise_modified_{grid}": with_built_in_noises(change(lstm, front_end=harmonic)),  # table 2, rows 2 and 4; D2
        f"cnn5_{grid}_window_20ms": change(cnn, front_end=short),  # table 1, note 1
        f"cnn3_lstm_{grid}_window_20ms": change(lstm, front_end=short),  # table 1, note 1
        f"cnn3_lstm_{grid}_lstm64": change(lstm, lstm_units=64),  # table 1, note 2
        f"cnn3_lstm_{grid}_two_lstm": change(lstm, lstm_layers=2),  # table 1, note 4
        f"cnn3_lstm_{grid}_unweighted": change(lstm, balance="none"),  # 4, 2nd technique
        f"cnn3_lstm_{grid}_sentence_weights": change(lstm, balance="sentence_weights"),  # D19
        f"cnn3_lstm_{grid}_oversampled": change(lstm, balance="oversampling"),  # 4, 3rd technique
        f"cnn3_lstm_{grid}_class_accuracy": change(lstm, monitor="val_ua"),  # 4, 1st technique; D10
        f"cnn3_lstm_{grid}_attention": change(lstm, attention=True),  # 4; D11
        f"cnn3_lstm_{grid}_faster": change(lstm, learning_rate=1e-3),  # D8
        f"cnn3_lstm_{grid}_slower": change(lstm, learning_rate=1e-4),  # D8
        f"cnn3_lstm_{grid}_glorot": change(lstm, initializer="glorot_uniform"),  # D17
        f"cnn3_lstm_{grid}_scaled_each": change(lstm, scale="spectrogram"),  # D4
        f"cnn3_lstm_{grid}_mean_over_time": change(lstm, mean_over_time=True),  # D7
    }
    variants |= {f"cnn{n}_lstm_{grid}": change(lstm, convolutions=n) for n in (1, 2, 4, 5, 6)}  # table 1, note 4
    variants |= {f"cnn{n}_{grid}": change(cnn, convolutions=n) for n in (2, 3, 4, 6, 7, 8)}  # table 1, note 4
    return variants


VARIANTS = _variants_of("10hz", 1600) | _variants_of("20hz", 800)
VARIANTS["cnn3_lstm_10hz_kernels_in_hz"] = dataclasses.replace(VARIANTS["cnn3_lstm_10hz"], keep_hz=True)  # D5

PRESETS = {  # fixed before any test score was seen; the rate was changed once, see D8
    "paper": {},
    "quick": {"epochs": 10, "patience": 4},
    "smoke": {"epochs": 1, "patience": 1},
}


def preset(recipe, name):
    """A recipe at a preset: all its networks have fewer epochs and are otherwise the same."""
    pairwise = recipe.pairwise and dataclasses.replace(recipe.pairwise, **PRESETS[name])
    return dataclasses.replace(recipe, **PRESETS[name], pairwise=pairwise)


RECIPES = {variant: {name: preset(recipe, name) for name in PRESETS} for variant, recipe in VARIANTS.items()}


def select(corpus, recipe, emotions=None):
    """The 2,280 improvised sentences of IEMOCAP (4); of other corpora the given emotions, default the paper's four.

    Raises:
        InputError: fewer than two of the emotions, or a two-step predictor without neutral.
    """
    if emotions:
        selected = corpus.only(emotions)
    elif corpus.variant == recipe.corpus:
        selected = corpus
    else:
        selected = corpus.only([emotion for emotion in LABEL_SETS["4hap"] if emotion in corpus.classes])
    if recipe.pairwise and "neutral" not in selected.classes:
        raise InputError(
            f"{selected.variant} has no neutral, against which the two-step predictor sets every other emotion; "
            "add neutral to the emotions or take cnn3_lstm"
        )
    return selected


def folds(corpus, recipe, protocol, seed):
    """`paper`: one session is held out, one speaker for validation, the other for test (4), both ways (D1)."""
    if protocol == "paper":
        return splits.folds(corpus.utterances, "leave_one_session_out", seed)
    return splits.folds(corpus.utterances, protocol, seed)
