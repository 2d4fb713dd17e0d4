"""The mean over time of the last hidden layer of a frozen wav2vec 2.0, HuBERT or WavLM; D6.

The networks come from Hugging Face's transformers, with PyTorch: requirements-ssl.txt. Weights come from the hub, from
a folder (`--weights`), or are random.
"""

import functools
import hashlib
import importlib.util
import re
import shutil
import tempfile
from pathlib import Path

from common.atomic_file import atomic_folder
from common.errors import InputError

RANDOM = "none"
RANDOM_SEED = 2020  # random weights are the same for every fold, as pretrained ones are
FILES = ("config.json", "preprocessor_config.json", "model.safetensors")  # of weights that are kept
HASH, HUB_NAME = re.compile("[0-9a-f]{64}"), re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
UNUSED = {"masked_spec_embed"}  # what training alone needs: weights without it are whole
OR_ELSE = (
    "give a folder with config.json, preprocessor_config.json and the weights with --weights DIR (on a machine with "
    "internet: `hf download NAME --local-dir DIR`), or run baseline/mfcc_svm"
)


def embedding(waveform, sample_rate_hz, front_end):
    """Waveform `(N,)` at 16 kHz -> `(F,)` float32: F = 768 for the networks of base size.

    Raises:
        InputError: packages or weights are missing, or the network expects another sampling rate.
    """
    import torch

    extractor, network = loaded(front_end.kind, front_end.weights)
    if extractor.sampling_rate != sample_rate_hz:
        raise InputError(
            f"the weights {front_end.weights} expect {extractor.sampling_rate} Hz, not {sample_rate_hz}; add "
            f"--set front_end.sample_rate_hz={extractor.sampling_rate}"
        )
    inputs = extractor(waveform, sampling_rate=sample_rate_hz, return_tensors="pt")
    with torch.inference_mode():
        hidden = network(inputs["input_values"]).last_hidden_state  # (1, T, F), a frame every 20 ms
    return hidden[0].mean(dim=0).numpy()


@functools.cache
def loaded(kind, weights):
    """(feature extractor, network) of a front end, loaded once per process.

    Raises:
        InputError: packages or weights are missing.
    """
    transformers = _transformers()
    if weights == RANDOM:
        import torch

        with torch.random.fork_rng():
            torch.manual_seed(RANDOM_SEED)
            network = transformers.AutoModel.from_config(transformers.AutoConfig.for_model(kind))
        return transformers.Wav2Vec2FeatureExtractor(), network.eval()
    place = weights if HUB_NAME.fullmatch(weights) else kept(weights)
    if isinstance(place, Path) and not place.is_dir():
        raise InputError(f"the weights {weights} are not at {place}; {OR_ELSE}")
    return _read(place, kind)


def _transformers():
    absent = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
    if absent:
        raise InputError(
            f"embeddings of wav2vec 2.0, HuBERT and WavLM need {' and '.join(absent)}, not installed here: "
            "`pip install -r requirements-ssl.txt` (papers/baseline/README.md says how without CUDA); "
            "baseline/mfcc_svm runs without"
        )
    import torch
    import transformers

    torch.set_num_threads(1)  # one thread a training, as for every front end
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _read(place, kind, **options):
    """(feature extractor, network) from a name on the hub or a folder; raises InputError for other or partial ones."""
    transformers = _transformers()
    try:
        extractor = transformers.AutoFeatureExtractor.from_pretrained(place)
        network, report = transformers.AutoModel.from_pretrained(place, output_loading_info=True, **options)
    except Exception as error:  # transformers, safetensors and the hub's client raise what they like
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise InputError(f"the weights {place} cannot be loaded: {reason}; {OR_ELSE}") from error
    if network.config.model_type != kind:
        raise InputError(f"the weights {place} are of a {network.config.model_type}, expected {kind}; {OR_ELSE}")
    if missing := sorted(set(report["missing_keys"]) - UNUSED):
        raise InputError(f"the weights {place} lack {len(missing)} tensors, {missing[0]} the first; {OR_ELSE}")
    return extractor, network.eval()


def kept(name) -> Path:
    """The folder of a user's weights, named by the hash of its files.

    Raises:
        InputError: the name is not a hash, for example in the description of a system from another source.
    """
    if not HASH.fullmatch(name):
        raise InputError(f"{name!r} names no weights; expected a name of the hub, none or 64 hexadecimal digits")
    from common.features import feature_store  # its joblib is slow to start, and `papers` lists without it

    return feature_store.cache_dir() / "weights" / f"embeddings-{name}"


def install(folder, kind) -> str:
    """Check a folder of weights and store a copy; returns its name for `kept`.

    Raises:
        InputError: the folder has other weights, or the copy cannot be written.
    """
    extractor, network = _read(Path(folder), kind)
    with tempfile.TemporaryDirectory() as written:
        network.save_pretrained(written)
        extractor.save_pretrained(written)
        return _keep(Path(written))


def install_kept(folder, name, kind) -> None:
    """Store a copy of the weights in a saved system's folder.

    Raises:
        InputError: they are not the named weights, or the copy cannot be written.
    """
    if not all((folder / file).is_file() for file in FILES) or _digest(folder) != name:
        raise InputError("its folder holds other weights than the system was made with; save the system anew")
    _read(folder, kind, use_safetensors=True)
    _keep(folder)


def _digest(folder) -> str:
    hashes = [hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in FILES]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def _keep(folder) -> str:
    name = _digest(folder)
    place = kept(name)
    if not place.is_dir():
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with atomic_folder(place) as copy:
                for file in FILES:
                    shutil.copy(folder / file, copy)
        except OSError as error:
            raise InputError(f"{place} cannot be written ({error.strerror}); set SER_CACHE elsewhere") from error
    return name
