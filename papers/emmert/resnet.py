"""The pretrained ResNet50 of section III-B: its weights and its frozen part, which is computed only once (D12)."""

import functools
import hashlib
import os
import re
import shutil
import tempfile
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
from keras import layers

from common.atomic_file import atomic
from common.errors import InputError
from common.features import feature_store

IMAGENET_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
IMAGENET_MD5 = "4d473c1dd8becc155b73f8504c6f6626"  # of IMAGENET_URL, in keras.applications
IMAGENET_MD5_WITH_TOP = "2cb95161c43110f7111970584f804107"
FORMATS = "Keras's legacy .h5 with or without its top, .weights.h5 or .keras"
OR_ELSE = (
    f"give them with --weights FILE ({FORMATS}; Keras's own file is {IMAGENET_URL.rpartition('/')[2]}), or run with "
    "--weights none, which every table labels as random weights"
)
RANDOM_SEED = 2048  # the random base is the same for every fold, as the pretrained one is
IMAGE = (128, 200, 3)
LAST_BLOCK = "conv5_block2_out"  # what goes into the last block: (4, 7, 2048) of an image


def place(weights) -> Path:
    """Path of a front end's weights in Keras's format.

    Args:
        weights: "imagenet" or the hash of a user's weights.

    Raises:
        InputError: any other value.
    """
    if not re.fullmatch("imagenet|[0-9a-f]{64}", weights):
        raise InputError(f"{weights!r} names no weights; expected imagenet, none or 64 hexadecimal digits")
    return feature_store.cache_dir() / "weights" / f"resnet50-{weights}.weights.h5"


def fetch():
    """Download the ImageNet weights unless they are already stored.

    Raises:
        InputError: the download failed or the file has another checksum.
    """
    if place("imagenet").exists():
        return
    try:
        file = keras.utils.get_file(origin=IMAGENET_URL, cache_subdir="models", file_hash=IMAGENET_MD5)
    except Exception as error:  # keras raises Exception for whatever urllib and its hash check say
        raise InputError(f"ImageNet weights for ResNet50 could not be downloaded ({error}); {OR_ELSE}") from error
    install(file)


def install(file) -> str:
    """Check and store a file of weights; returns their name for `place`.

    ImageNet weights, recognised by the checksums published by Keras, are named "imagenet". Others are named by the hash
    of their values, so that the name does not depend on the file format.

    Raises:
        InputError: the file is missing, does not contain the weights of a ResNet50, or they cannot be stored.
    """
    path = Path(file)
    if not path.is_file():
        raise InputError(f"--weights {file} is no file; {OR_ELSE}")
    network = _read(path)
    with open(path, "rb") as opened:
        published = hashlib.file_digest(opened, "md5").hexdigest() in (IMAGENET_MD5, IMAGENET_MD5_WITH_TOP)
    name = "imagenet" if published else _identity(network)
    kept = place(name)
    if not kept.exists():
        with tempfile.TemporaryDirectory() as folder:
            network.save_weights(written := Path(folder, kept.name))
            try:
                with open(written, "rb") as source, atomic(kept) as copy:
                    shutil.copyfileobj(source, copy)
            except OSError as error:
                raise InputError(f"{kept} cannot be written ({error.strerror}); set SER_CACHE elsewhere") from error
    return name


def _read(path):
    """A ResNet50 without its top, with the weights of a file. Raises InputError if the file has no such weights."""
    try:
        suffix = _suffix(path)
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(path.resolve(), link := Path(folder, f"weights{suffix}"))  # Keras goes by the name's end
            network = _network_in(link)
        if not all(np.isfinite(values).all() for values in network.get_weights()):
            raise ValueError("not all of its values are finite")
    except Exception as error:  # h5py, zipfile and keras raise what they like
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise InputError(f"--weights {path} does not hold the weights of a ResNet50: {reason}; {OR_ELSE}") from error
    return network


def _suffix(path):
    """The file name suffix that Keras expects for this content."""
    if zipfile.is_zipfile(path):
        return ".keras"
    if not h5py.is_hdf5(path):
        with open(path, "rb") as file:
            raise ValueError(f"it begins with {file.read(16)!r}, as neither HDF5 nor a .keras file does")
    with h5py.File(path) as file:
        return ".h5" if "layer_names" in file.attrs or "model_weights" in file else ".weights.h5"


def _network_in(path):
    bare = _resnet50()
    try:
        bare.load_weights(path)
    except Exception as error:  # it may have a top
        whole = keras.applications.ResNet50(weights=None)
        try:
            whole.load_weights(path)
        except Exception:
            raise error from None
        bare.set_weights(whole.get_weights()[: len(bare.weights)])
    return bare


def _resnet50():
    return keras.applications.ResNet50(include_top=False, weights=None, input_tensor=keras.Input(IMAGE, name="image"))


def _identity(network) -> str:
    digest = hashlib.sha256()
    for values in network.get_weights():
        digest.update(repr(values.shape).encode() + np.ascontiguousarray(values, "<f4").tobytes())
    return digest.hexdigest()


@functools.lru_cache(maxsize=1)
def network(weights):
    """ResNet50 without its top, `(B, 128, 200, 3) -> (B, 4, 7, 2048)`; `weights` as in FrontEnd.

    Raises:
        InputError: the weights are missing or damaged.
    """
    keras.utils.set_random_seed(RANDOM_SEED)
    whole = _resnet50()
    if weights == "none":
        return whole
    if not (kept := place(weights)).exists():
        raise InputError(f"the weights {weights} of ResNet50 are not at {kept}; {OR_ELSE}")
    try:
        whole.load_weights(kept)
        if weights not in ("imagenet", _identity(whole)):
            raise ValueError("it holds other values than when it was kept")
    except Exception as error:  # h5py and keras raise what they like
        raise InputError(f"{kept} is damaged ({error}); delete it, and {OR_ELSE}") from error
    return whole


@functools.lru_cache(maxsize=2)
def base(weights, fine_tuned=False):
    """The frozen part, computed once per image: `(B, 128, 200, 3)` -> `(B, 2048)`, the maximum over the map (D15).

    With `fine_tuned` it ends before the last block, `(B, 4, 7, 2048)`.

    Raises:
        InputError: the weights are missing or damaged.
    """
    whole = network(weights)
    output = whole.get_layer(LAST_BLOCK).output if fine_tuned else layers.GlobalMaxPooling2D()(whole.output)
    frozen = keras.Model(whole.input, output, name="resnet50_base")
    frozen.trainable = False
    return frozen


def last_block(weights):
    """A trainable copy of the last block, `(B, 4, 7, 2048) -> (B, 4, 7, 2048)`; its batch normalisation is frozen.

    Raises:
        InputError: the weights are missing or damaged.
    """
    whole = network(weights)
    block = keras.Model(whole.get_layer(LAST_BLOCK).output, whole.output, name="conv5_block3")
    copy = keras.models.clone_model(block)
    copy.set_weights(block.get_weights())
    for layer in copy.layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
    return copy


def preprocess(slices):
    """Slices `(S, 128, 200, 1)` in [0, 1] -> images in ResNet50's input format, `(S, 128, 200, 3)` (D18)."""
    return keras.applications.resnet50.preprocess_input(np.repeat(slices * 255.0, 3, axis=-1))


def activations(slices, front_end):
    """`(S, 128, 200, 1)` -> `(S, 1, 2048)`, or `(S, 4, 7, 2048)` before a trained block; float32.

    Raises:
        InputError: the weights are missing or damaged.
    """
    outputs = base(front_end.weights, front_end.fine_tuned).predict_on_batch(preprocess(slices))
    return outputs if front_end.fine_tuned else outputs[:, None, :]
