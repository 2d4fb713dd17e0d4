"""Save and load trained systems: one folder per fold, with networks, their description, and a model card.

Networks are saved both as `.keras` and as `.tflite`, which LiteRT runs without Keras; estimators of scikit-learn as
`.skops`. None of these formats has pickled objects, so loading a folder never executes code from it.
"""

import dataclasses
import hashlib
import json
import shutil
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from common import recipes, records
from common.atomic_file import atomic_folder
from common.code_version import code_version
from common.errors import InputError
from common.learning import backend
from experiments import catalog
from experiments.saved_models import litert, model_card, standalone

SCHEMA = 1
DESCRIPTION, CARD = "config.json", "README.md"
EARLIER = "system.json"  # the description in an old format, whose networks need layers that no longer exist
FRONT_END = "front_end"  # folder of files needed by the front end, if any
SUFFIXES = (".keras", ".skops", litert.SUFFIX)
TROUBLE = "is missing, damaged or of another version of this suite", "save the system again"
LEFT_OUT = ("schema", "parts", "history")  # fields of the record that are not copied
ONLY = "network"  # name of the network of a system that has only one
LARGEST_BYTES = 2**31  # of an unpacked network; ResNet50 has 10^8
TRUSTED = ["sklearn.tree._tree.Tree"]  # has only numbers, but skops does not trust it by default


_KEPT = tuple(f for f in dataclasses.fields(records.RunRecord) if f.name not in (*LEFT_OUT, "networks"))


def _as_in_a_record(field) -> tuple:
    """A field of a record with its default, so that systems saved before the field was added can be read."""
    defaults = {name: getattr(field, name) for name in ("default", "default_factory")}
    given = {name: value for name, value in defaults.items() if value is not dataclasses.MISSING}
    return field.name, field.type, dataclasses.field(**given)


Description = dataclasses.make_dataclass(  # config.json: a record's fields except `LEFT_OUT`, and further ones
    "Description",
    [*map(_as_in_a_record, _KEPT)]
    + [
        ("schema", Annotated[int, msgspec.Meta(ge=1)]),
        ("front_end_code", str),
        ("networks", list[str]),
        ("speakers", dict[str, records.Count], dataclasses.field(default_factory=dict)),
        ("sha256", dict[str, str], dataclasses.field(default_factory=dict)),  # file of a network -> hash of its bytes
        ("keras_only", str, dataclasses.field(default="the folder is older than LiteRT files")),  # "" or the reason
    ],
    kw_only=True,
    frozen=True,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Saved:
    """A loaded system.

    Args:
        record: the record of its fold, without parts and history.
        recipe: the paper's Recipe.
        model: networks of LiteRT or Keras, or an estimator, in the form of training.Fitted.
        runtime: "LiteRT", "keras" or "scikit-learn", as in an environment.
        keras_only: why Keras runs it although this was not requested; else "".
        speakers: number of speakers by part; empty for systems saved by an older version.
        differs: sentences on differences between the versions at saving and those installed.
    """

    record: records.RunRecord
    recipe: object
    model: object
    runtime: str
    keras_only: str
    speakers: dict[str, int]
    differs: tuple[str, ...]


def save(fitted, record, fold, folder) -> Path:
    """Write a trained system atomically, replacing an existing one; returns the folder.

    Args:
        fitted: a training.Fitted.
        record: the fold's RunRecord.
        fold: the Fold.
        folder: to write.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        with atomic_folder(folder) as unfinished:
            _write(fitted, record, _speakers(fold), unfinished)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror}); give a writable folder with --models"
        ) from error
    return folder


def _write(fitted, record, speakers, folder):
    networks = dict(fitted.model) if isinstance(fitted.model, dict) else {ONLY: fitted.model}
    for name, network in networks.items():
        networks[name] = _write_network(network, folder / name)
    recipe, paper = _recipe(record), catalog.paper(record.paper)
    keras_only = ""
    if model_card.library(record) == "keras":
        deployed = {name: paper.deployed(n, recipe, len(record.classes)) for name, n in networks.items()}
        keras_only = _write_litert(deployed, folder)
    for path in paper.files(recipe.front_end):
        (folder / FRONT_END).mkdir(exist_ok=True)
        shutil.copy(path, folder / FRONT_END)
    described = {field.name: getattr(record, field.name) for field in _KEPT} | {
        "schema": SCHEMA,
        "front_end_code": _front_end_code(record.paper),
        "networks": sorted(networks),
        "speakers": speakers,
        "sha256": {path.name: digest(path) for path in sorted(folder.glob("*.*")) if path.suffix in SUFFIXES},
        "keras_only": keras_only,
    }
    (folder / DESCRIPTION).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    (folder / CARD).write_text(model_card.text(record, speakers, networks, keras_only), encoding="utf-8")


def digest(path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_network(network, place):
    """Write a network (with layers.py if Keras alone cannot load it) or an estimator; returns it."""
    if hasattr(network, "save"):
        network = standalone.plain(network)
        network.save(place.with_suffix(".keras"))
        if definitions := standalone.definitions(network):
            (place.parent / standalone.DEFINITIONS).write_text(definitions, encoding="utf-8")
        return network
    import skops.io

    skops.io.dump(network, place.with_suffix(".skops"), compression=zipfile.ZIP_DEFLATED)
    return network


def _write_litert(networks, folder) -> str:
    """Write all of a system's networks as LiteRT, or none; returns "" or the reason."""
    places = {name: (folder / name).with_suffix(litert.SUFFIX) for name in networks}
    why = next(filter(None, (litert.write(network, places[name]) for name, network in networks.items())), "")
    for place in places.values() if why else ():
        place.unlink(missing_ok=True)
    return why


def _speakers(fold) -> dict[str, int]:
    names = {part: {u.speaker for u in utterances} for part, utterances in fold.parts.items()}
    return {part: len(speakers) for part, speakers in names.items()} | {
        model_card.KNOWN_SPEAKERS: len(names["test"] & names["train"])
    }


def _front_end_code(paper) -> str:
    return code_version(f"papers.{paper}.features")


def load(folder, *, anyway=False, keras=False) -> Saved:
    """Load a system.

    Args:
        folder: written by `save`.
        anyway: accept a system saved with another version of Keras, scikit-learn or its front end.
        keras: run its networks in Keras even if LiteRT can run them.

    Returns:
        Saved.

    Raises:
        InputError: the folder is not a saved system, is damaged, or was saved with other versions.
    """
    folder = Path(folder)
    described = _described(folder)
    record = records.RunRecord(**{field.name: getattr(described, field.name) for field in _KEPT}, parts={}, history={})
    try:
        if faults := list(records.description_faults(record)):
            raise ValueError("; ".join(faults[:3]))
        recipe = _recipe(record)
    except ValueError as error:
        raise _damaged(folder / DESCRIPTION, error) from error
    why = _why_keras(described, record)
    runtime = "LiteRT" if model_card.library(record) == "keras" and not (keras or why) else model_card.library(record)
    differs = tuple(_differences(record, recipe, described.front_end_code, runtime))
    if differs and not anyway:
        raise InputError(
            f"{folder} was saved with {' and '.join(differs)}, so its decisions may differ from those when it was "
            "tested; install that version, or use --anyway"
        )
    networks = _read_networks(folder, described, runtime)
    recipe = _with_files(recipe, folder, record.paper)
    if runtime == "keras":
        paper = catalog.paper(record.paper)
        networks = {name: paper.deployed(n, recipe, len(record.classes)) for name, n in networks.items()}
    return Saved(
        record=record,
        recipe=recipe,
        model=networks[ONLY] if [*networks] == [ONLY] else networks,
        runtime=runtime,
        keras_only="" if keras else why,
        speakers=described.speakers,
        differs=differs,
    )


def _why_keras(described, record) -> str:
    """Why LiteRT cannot run a system's networks; "" if it can, or if there are none."""
    if model_card.library(record) != "keras":
        return ""
    return described.keras_only or ("" if litert.installed() else "ai-edge-litert is not installed")


def write_onnx(folder, path, *, anyway=False) -> Path:
    """Write the network of a saved system as ONNX; returns the path. Arguments and errors as `load` and onnx.export."""
    from experiments.saved_models import onnx

    return onnx.export(load(folder, anyway=anyway, keras=True), path)


def _damaged(path, reason) -> InputError:
    return records.damaged(path, reason, TROUBLE)


def _described(folder) -> Description:
    path = folder / DESCRIPTION
    if not path.is_file():
        if (folder / EARLIER).is_file():
            raise InputError(
                f"{folder} was saved by an earlier version of this suite ({EARLIER}); save the system again"
            )
        inside = sorted(folder.rglob(DESCRIPTION)) if folder.is_dir() else ()
        hint = f"give one below it, for example {inside[0].parent}" if inside else "`run --models DIR` writes systems"
        raise InputError(f"{folder} is not the folder of a saved system, it has no {DESCRIPTION}; {hint}")
    return records.decode(path, Description, newest=SCHEMA, trouble=TROUBLE)


def _recipe(record):
    """The recipe of a record. Raises ValueError if it is not a recipe of its paper."""
    presets = next(iter(catalog.paper(record.paper).RECIPES.values()))
    return recipes.rebuilt(type(presets["paper"]), record.recipe)


def _with_files(recipe, folder, paper):
    """The recipe with a front end whose files exist: those in the folder if they are missing elsewhere."""
    try:
        front_end = catalog.paper(paper).restored(recipe.front_end, folder / FRONT_END)
    except InputError as error:
        raise _damaged(folder / FRONT_END, error) from error
    return recipe if front_end == recipe.front_end else dataclasses.replace(recipe, front_end=front_end)


def _only_in(one, other, prefix=""):
    """Yield dotted names in one tree of plain data that are missing in another."""
    if isinstance(one, dict) and isinstance(other, dict):
        yield from (f"{prefix}{name}" for name in one if name not in other)
        pairs = [(f"{prefix}{name}.", one[name], other[name]) for name in one.keys() & other.keys()]
    elif isinstance(one, list) and isinstance(other, list):
        pairs = [(prefix, *pair) for pair in zip(one, other, strict=False)]
    else:
        return
    for name, *pair in pairs:
        yield from _only_in(*pair, name)


def _differences(record, recipe, front_end_code, runtime):
    """Yield differences between saving and now: library of the networks, code of the front end, fields of the recipe.

    A LiteRT file contains its operations with their settings, and does not depend on Keras.
    """
    if runtime != "LiteRT" and (recorded := record.environment.get(runtime)) != (here := metadata.version(runtime)):
        yield f"{runtime} {recorded} (installed: {here})"
    if front_end_code != _front_end_code(record.paper):
        yield f"another version of papers/{record.paper}/features.py"
    if newer := list(_only_in(recipes.plain(recipe), record.recipe)):
        yield f"a recipe without {', '.join(newer)}"


def _read_networks(folder, described, runtime) -> dict:
    """{name: network}; raises InputError if the folder lacks a network or has others."""
    files = [path for suffix in SUFFIXES for path in folder.glob(f"*{suffix}")]
    names, suffix = described.networks, {"LiteRT": litert.SUFFIX, "keras": ".keras"}.get(runtime, ".skops")
    places = {path.stem: path for path in files if path.suffix == suffix}
    if missing := sorted(set(names) - set(places)):
        raise _damaged(f"{folder}: its network {', '.join(missing)}", f"there is no such {suffix} file")
    if not names or sorted(names) != sorted({path.stem for path in files}):
        raise _damaged(folder / DESCRIPTION, f"it lists the networks {names}, the folder has {sorted(places)}")
    if described.sha256 and sorted(described.sha256) != sorted(path.name for path in files):
        raise _damaged(folder / DESCRIPTION, f"it has the hashes of {sorted(described.sha256)}, not of its networks")
    if runtime == "keras":
        backend.start()
        _ = catalog.paper(described.paper).model  # its import registers the layers used in the files
    return {name: _read_network(folder, places[name], described) for name in names}


def _read_network(folder, place, described):
    """A network or an estimator; a file with another hash than the saved one is refused before it is parsed."""
    try:
        if digest(place) != described.sha256.get(place.name, digest(place)):
            raise ValueError("it is not the file that was saved")
        if place.suffix == litert.SUFFIX:
            return litert.Network(place)
        with zipfile.ZipFile(place) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > LARGEST_BYTES:
            raise ValueError(f"it has {size} bytes")
        return _keras_network(place) if place.suffix == ".keras" else _estimator(place, len(described.classes))
    except Exception as error:  # keras, h5py, zipfile and skops raise various exceptions
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise _damaged(f"{folder}: its network {place.stem}", reason) from error


def _keras_network(place):
    import keras

    network = keras.saving.load_model(place, compile=False, safe_mode=True)
    if not all(np.isfinite(values).all() for values in network.get_weights()):
        raise ValueError("not all of its weights are finite")
    return network


def _estimator(place, num_classes):
    import skops.io
    from sklearn.base import is_classifier

    estimator = skops.io.load(place, trusted=TRUSTED)
    if not is_classifier(estimator) or list(estimator.classes_) != list(range(num_classes)):
        raise ValueError(f"it is not a classifier of {num_classes} classes")
    return estimator
