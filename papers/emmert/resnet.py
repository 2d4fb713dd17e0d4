"""The pretrained ResNet50 of section III-B: frozen, so that its output for a slice is computed once (D12)."""

import functools
import hashlib
import shutil
from pathlib import Path

import keras
import numpy as np
from keras import layers

from common import feature_store
from common.errors import InputError

HOW = (
    "ImageNet weights for ResNet50 are not on this machine and could not be downloaded; give them with "
    "--weights FILE (resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5), or run with --weights none, "
    "which every table labels as random weights"
)
RANDOM_SEED = 2048  # the random base is the same for every fold, as the pretrained one is


def install(file) -> str:
    """Keep a copy of a user's weights beside the features; returns the SHA-256 under which `base` finds it.

    Raises:
        InputError: the file is not there.
    """
    path = Path(file)
    if not path.is_file():
        raise InputError(f"--weights {file} is no file; {HOW}")
    identity = hashlib.sha256(path.read_bytes()).hexdigest()
    kept = _kept(identity)
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, kept)
    return identity


def _kept(identity) -> Path:
    return feature_store.cache_dir() / "weights" / f"resnet50-{identity}.h5"


@functools.lru_cache(maxsize=1)
def base(weights):
    """ResNet50 without its top on `(128, 200, 3)` images, then the maximum over the map: -> `(B, 2048)`.

    Raises:
        InputError: the weights are neither on this machine nor to be downloaded.
    """
    image = keras.Input((128, 200, 3), name="image")
    if weights == "none":
        keras.utils.set_random_seed(RANDOM_SEED)
    source = "imagenet" if weights == "imagenet" else None
    try:
        network = keras.applications.ResNet50(include_top=False, weights=source, input_tensor=image)
        if weights not in ("imagenet", "none"):
            network.load_weights(_kept(weights))
    except Exception as error:  # keras passes on what urllib, h5py and the file system raise: no narrower class fits
        raise InputError(HOW) from error
    network.trainable = False
    pooled = layers.GlobalMaxPooling2D(name="global_max")(network.output)  # (B, 2048)
    return keras.Model(image, pooled, name="resnet50_base")


def preprocess(slices):
    """Slices `(S, 128, 200, 1)` in [0, 1] -> what ResNet50 was trained on, `(S, 128, 200, 3)`."""
    return keras.applications.resnet50.preprocess_input(np.repeat(slices * 255.0, 3, axis=-1))


def activations(slices, front_end):
    """`(S, 128, 200, 1)` -> `(S, 1, 2048)` float32."""
    network = base(front_end.weights)
    return np.asarray(network(preprocess(slices), training=False))[:, None, :]
