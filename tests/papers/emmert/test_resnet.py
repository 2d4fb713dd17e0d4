"""ResNet50's weights: one network in whatever format it comes, nothing kept of a wrong file, downloaded once."""

import dataclasses
import functools
import hashlib
import http.server
import threading

import h5py
import keras
import numpy as np
import pytest

from common import recipes
from common.errors import InputError
from common.learning.training import trained_parameters
from common.utterance import Fold, Utterance
from experiments.saved_models import models
from papers import emmert
from papers.emmert import model, resnet
from papers.emmert.features import FrontEnd
from tests.papers.emmert.test_emmert import part
from tests.support import records_by_hand

SLICES = np.random.default_rng(0).uniform(size=(2, 128, 200, 1)).astype("float32")


@pytest.fixture(scope="module")
def network():
    """ResNet50 as a user's file holds it; the weights of seed 5."""
    keras.utils.set_random_seed(5)
    return keras.applications.ResNet50(include_top=False, weights=None, input_shape=(128, 200, 3))


@pytest.fixture(scope="module")
def files(network, tmp_path_factory):
    """The same weights in every format: name -> file."""
    folder = tmp_path_factory.mktemp("weights")
    whole = keras.applications.ResNet50(weights=None, classes=1000)
    whole.set_weights([*network.get_weights(), *whole.get_weights()[-2:]])
    for name, holder in {"bare": network, "top": whole}.items():
        holder.save(folder / "model.h5")
        with h5py.File(folder / "model.h5") as saved, h5py.File(folder / f"{name}.h5", "w") as legacy:  # as Keras's own
            for member in saved["model_weights"]:
                saved.copy(f"model_weights/{member}", legacy)
            legacy.attrs.update(saved["model_weights"].attrs)
    network.save(folder / "network.keras")
    network.save_weights(folder / "network.weights.h5")
    (folder / "wrong_name.h5").write_bytes((folder / "network.weights.h5").read_bytes())
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SER_CACHE", str(tmp_path / "cache"))
    resnet.network.cache_clear()
    resnet.base.cache_clear()
    return tmp_path / "cache"


def test_one_network_has_one_name_in_every_format_and_is_the_one_used(files, network):
    names = ("wrong_name.h5", "network.weights.h5", "network.keras", "bare.h5", "top.h5", "model.h5")
    (identity,) = {resnet.install(files[name]) for name in names}  # the wrong name first: it must not spoil the others
    activations = resnet.activations(SLICES, FrontEnd(kind="resnet50", weights=identity))
    image = keras.applications.resnet50.preprocess_input(np.repeat(SLICES * 255.0, 3, axis=-1))
    expected = np.asarray(network(image, training=False)).max(axis=(1, 2))
    assert activations.shape == (2, 1, 2048)
    np.testing.assert_allclose(activations[:, 0], expected, rtol=1e-4, atol=1e-4)
    assert not resnet.base(identity).trainable_variables


def not_finite(files, folder):
    path = folder / "nan.weights.h5"
    path.write_bytes(files["network.weights.h5"].read_bytes())
    with h5py.File(path, "r+") as file:
        dataset = file["layers/conv2d/vars/0"]
        dataset[...] = np.nan
    return path


def another_network(files, folder):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(folder / "other.weights.h5")
    return folder / "other.weights.h5"


def cut(files, folder):
    (folder / "cut.h5").write_bytes(files["bare.h5"].read_bytes()[:50_000])
    return folder / "cut.h5"


def page(files, folder):
    (folder / "page.h5").write_text("<!DOCTYPE html><title>404</title>")
    return folder / "page.h5"


@pytest.mark.parametrize(
    ("make", "reason"),
    [(not_finite, "not all of its values are finite"), (another_network, ""), (cut, ""), (page, "begins with b'<!DOC")],
)
def test_a_wrong_file_is_one_sentence_and_leaves_nothing_behind(make, reason, files, tmp_path, cache):
    with pytest.raises(InputError, match=f"does not hold the weights of a ResNet50: .*{reason}") as error:
        resnet.install(make(files, tmp_path))
    assert "\n" not in str(error.value)
    assert not cache.exists()


def test_a_file_has_to_be_there(tmp_path):
    with pytest.raises(InputError, match="is no file; give them with --weights"):
        resnet.install(tmp_path / "none.h5")


def test_what_was_kept_and_changed_since_is_not_used(files):
    identity = resnet.install(files["network.weights.h5"])
    with h5py.File(resnet.place(identity), "r+") as file:
        file["layers/conv2d/vars/0"][0, 0, 0, 0] += 1.0
    with pytest.raises(InputError, match="is damaged .*other values"):
        resnet.network(identity)


def test_the_published_checksums_are_those_of_keras():
    from keras.src.applications import resnet as of_keras

    assert of_keras.WEIGHTS_HASHES["resnet50"] == (resnet.IMAGENET_MD5_WITH_TOP, resnet.IMAGENET_MD5)
    assert resnet.IMAGENET_URL.startswith(of_keras.BASE_WEIGHTS_PATH)


@pytest.fixture
def server(files, monkeypatch, tmp_path):
    """Serves the weights in place of Keras's server; a list of what was asked."""
    body, asked, home = files["bare.h5"].read_bytes(), [], tmp_path / "home"
    home.mkdir()  # Keras takes /tmp/.keras in place of a folder that is not there

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200 if "weights" in self.path else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if "weights" in self.path:
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setattr(resnet, "IMAGENET_URL", f"{address}/weights.h5")
        monkeypatch.setattr(resnet, "IMAGENET_MD5", hashlib.md5(body).hexdigest())
        monkeypatch.setattr(keras.utils, "get_file", functools.partial(keras.utils.get_file, cache_dir=home))
        yield address, asked
        running.shutdown()


def test_published_weights_are_downloaded_once_and_known_as_imagenets(server, files):
    front_end = emmert.RECIPES["resnet50"]["paper"].front_end
    for _ in range(2):
        emmert.fetch(front_end)
    assert len(server[1]) == 1
    assert emmert.files(front_end) == (resnet.place("imagenet"),) and resnet.place("imagenet").exists()
    recipe = emmert.RECIPES["resnet50"]["paper"]
    assert emmert.change(recipe, {"weights": files["bare.h5"]}) == recipe  # the same file, given by hand


@pytest.mark.parametrize(("changed", "reason"), [("IMAGENET_MD5", "[Cc]orrupted"), ("IMAGENET_URL", "404")])
def test_a_failed_download_says_why(changed, reason, server, monkeypatch, cache):
    monkeypatch.setattr(resnet, changed, {"IMAGENET_MD5": "0" * 32, "IMAGENET_URL": f"{server[0]}/none.h5"}[changed])
    with pytest.raises(InputError, match=f"could not be downloaded .*{reason}.*--weights FILE"):
        resnet.fetch()
    assert not cache.exists()


def test_other_weights_are_noted_beside_every_result_and_a_saved_system_brings_them_along(files, tmp_path, monkeypatch):
    recipe = emmert.change(emmert.RECIPES["resnet50"]["paper"], {"weights": files["network.keras"]})
    assert recipe.note.startswith("weights of a file, ") and recipe.front_end.weights[:12] in recipe.note
    fitted = type("Fitted", (), {"model": model.head(recipe, 2)})
    versions = {"keras": keras.__version__}
    utterance = Utterance(id="a", path=None, emotion="anger", speaker="1")
    described = records_by_hand.record(
        records_by_hand.part([0], [0]), variant="resnet50", recipe=recipes.plain(recipe), environment=versions
    )
    folder = models.save(fitted, described, Fold("fold_1", (utterance,), (), (utterance,)), tmp_path / "saved")
    expected = resnet.activations(SLICES, recipe.front_end)
    monkeypatch.setenv("SER_CACHE", str(tmp_path / "another"))
    resnet.network.cache_clear()
    resnet.base.cache_clear()
    loaded = models.load(folder)
    np.testing.assert_array_equal(resnet.activations(SLICES, loaded.recipe.front_end), expected)


@pytest.mark.parametrize("weights", ["../../x", "", "none/..", "*", "imagenet\n", "a" * 63])
def test_a_name_of_weights_is_never_a_path(weights, cache):
    front_end = dataclasses.replace(emmert.RECIPES["resnet50"]["paper"].front_end, weights=weights)
    with pytest.raises(InputError, match="names no weights"):
        emmert.restored(front_end, cache)
    with pytest.raises(InputError, match="names no weights"):
        resnet.network(weights)


def test_weights_of_a_folder_never_stand_in_for_imagenets(files, tmp_path, cache):
    recipe = emmert.RECIPES["resnet50"]["paper"]
    kept = resnet.place(resnet.install(files["network.keras"]))
    (tmp_path / resnet.place("imagenet").name).write_bytes(kept.read_bytes())
    restored = emmert.restored(recipe.front_end, tmp_path)
    assert not resnet.place("imagenet").exists() and resnet.place(restored.weights) == kept
    named = dataclasses.replace(recipe.front_end, weights="0" * 64)
    (tmp_path / resnet.place("0" * 64).name).write_bytes(kept.read_bytes())
    with pytest.raises(InputError, match="holds other weights than the system was made with"):
        emmert.restored(named, tmp_path)


def test_the_fine_tuned_network_begins_as_the_frozen_one_and_trains_its_last_block():
    frozen, tuned = (emmert.RECIPES[name]["paper"] for name in ("resnet50_random", "resnet50_fine_tuned"))
    tuned = dataclasses.replace(tuned, front_end=dataclasses.replace(tuned.front_end, weights="none"))
    heads = [model.head(recipe, 8) for recipe in (frozen, tuned)]
    dense = [[layer for layer in head.layers if isinstance(layer, keras.layers.Dense)] for head in heads]
    for one, other in zip(*dense, strict=True):
        other.set_weights(one.get_weights())
    inputs = [resnet.activations(SLICES, recipe.front_end) for recipe in (frozen, tuned)]
    assert inputs[1].shape == (2, 4, 7, 2048)
    posteriors = [np.asarray(head({"features": x}, training=False)) for head, x in zip(heads, inputs, strict=True)]
    np.testing.assert_allclose(*posteriors, atol=1e-5)
    assert trained_parameters(heads[1]) == tuned.num_parameters
    before = heads[1].get_layer("conv5_block3").get_weights()
    train = part([x[None] for x in inputs[1]])
    fitted = model.fit(dataclasses.replace(tuned, max_epochs=1), train, train, seed=0)
    after = fitted.model.get_layer("conv5_block3").get_weights()
    changed = [not np.array_equal(*pair) for pair in zip(before, after, strict=True)]
    convolutions = [w.name.startswith(("kernel", "bias")) for w in heads[1].get_layer("conv5_block3").weights]
    assert changed == convolutions
