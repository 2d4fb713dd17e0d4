"""The pretrained ResNet50 of section III-B: frozen, so that its output for a slice is computed once (D12)."""

import functools
import hashlib
import shutil
from pathlib import Path

import keras
import numpy as np
from keras import layers

from common.atomic_file import atomic
from common.errors import InputError
from common.features import feature_store

HOW = (
    "ImageNet weights for ResNet50 are not on this machine and could not be downloaded; give them with "
    "--weights FILE (resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5), or run with --weights none, "
    "which every table labels as random weights"
)
RANDOM_SEED = 2048  # the random base is the same for every fold, as the pretrained one is


def install(file) -> str:
    """Keep a copy of a user's weights beside the features; returns the SHA-256 under which `base` finds it.

    Raises:
        InputError: the file is not there, or cannot be copied.
    """
    path = Path(file)
    if not path.is_file():
        raise InputError(f"--weights {file} is no file; {HOW}")
    identity = hashlib.sha256(path.read_bytes()).hexdigest()
    suffix = ".weights.h5" if path.name.endswith(".weights.h5") else path.suffix  # Keras tells formats apart by it
    kept = _weights_dir() / f"{identity}{suffix}"
    if kept.exists():
        return identity
    try:
        with open(path, "rb") as source, atomic(kept) as copy:
            shutil.copyfileobj(source, copy)
    except OSError as error:
        raise InputError(f"{kept} cannot be written ({error.strerror}); set SER_CACHE to another folder") from error
    return identity


def _weights_dir() -> Path:
    return feature_store.cache_dir() / "weights"


@functools.lru_cache(maxsize=1)
def base(weights):
    """ResNet50 without its top on `(128, 200, 3)` images, then the maximum over the map: -> `(B, 2048)`.

    Raises:
        InputError: the weights are neither on this machine nor to be downloaded.
    """
    image = keras.Input((128, 200, 3), name="image")
    if weights == "none":
        keras.utils.set_random_seed(RANDOM_SEED)
    network = _pretrained(image) if weights == "imagenet" else _resnet50(image, None)
    if weights not in ("imagenet", "none"):
        _load(network, weights)
    network.trainable = False  # D15
    pooled = layers.GlobalMaxPooling2D(name="global_max")(network.output)  # (B, 2048)
    return keras.Model(image, pooled, name="resnet50_base")


def _resnet50(image, weights):
    return keras.applications.ResNet50(include_top=False, weights=weights, input_tensor=image)


def _pretrained(image):
    try:
        return _resnet50(image, "imagenet")
    except Exception as error:  # keras passes on what urllib and its hash check raise: no narrower class fits
        raise InputError(HOW) from error


def _load(network, identity):
    kept = next(_weights_dir().glob(f"{identity}*"), None)
    try:
        network.load_weights(kept)
    except Exception as error:  # h5py and keras raise what they like
        raise InputError(
            f"the file given with --weights does not hold the weights of a ResNet50 without its top ({error}); {HOW}"
        ) from error


def preprocess(slices):
    """Slices `(S, 128, 200, 1)` in [0, 1] -> what ResNet50 was trained on, `(S, 128, 200, 3)` (D18)."""
    return keras.applications.resnet50.preprocess_input(np.repeat(slices * 255.0, 3, axis=-1))


def activations(slices, front_end):
    """`(S, 128, 200, 1)` -> `(S, 1, 2048)` float32."""
    network = base(front_end.weights)
    return network.predict_on_batch(preprocess(slices))[:, None, :]
