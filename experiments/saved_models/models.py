"""Fitted systems on disk: one folder a fold, with its networks, what they were made of, and a model card.

Networks are `.keras` files, the random forest and the dummy `.skops`. Neither format holds pickled objects, so loading
a folder runs no code that lies in it.
"""

import dataclasses
import json
import os
import shutil
import zipfile
from importlib import metadata
from pathlib import Path

from common import recipes, records
from common.errors import InputError
from common.features.code_version import code_version
from common.learning import backend
from experiments import catalog
from experiments.saved_models import model_card

SCHEMA = 1
DESCRIPTION, CARD = "system.json", "README.md"
LEFT_OUT = ("schema", "parts", "history")  # of the record's fields: evidence, which stays in the record
ONLY = "network"  # the name of a system's network where it has one
TRUSTED = ["sklearn.tree._tree.Tree"]  # numbers alone; skops asks because sklearn does not check their range


@dataclasses.dataclass(frozen=True, kw_only=True)
class Saved:
    """A system read back from its folder.

    Args:
        record: the record of its fold, without parts and history.
        recipe: the paper's Recipe.
        fitted: a training.Fitted, without history.
        speakers: of the fold, counted by part; empty where an older version saved the system.
        differs: sentences on what the system was made with and what is here instead.
    """

    record: records.RunRecord
    recipe: object
    fitted: object
    speakers: dict[str, int]
    differs: tuple[str, ...]


def save(fitted, record, fold, folder) -> Path:
    """Write a fitted system in one step; one that is there already is replaced.

    Args:
        fitted: what `fit` returned.
        record: the fold's RunRecord.
        fold: the Fold.
        folder: to write.

    Raises:
        InputError: the folder cannot be written.
    """
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        _write(fitted, record, _speakers(fold), temporary)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(temporary, folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise InputError(
            f"{folder} cannot be written ({error.strerror}); give a writable folder with --models"
        ) from error
    return folder


def _write(fitted, record, speakers, folder):
    networks = fitted.model if isinstance(fitted.model, dict) else {ONLY: fitted.model}
    for name, network in networks.items():
        _write_network(network, folder / name)
    fields = [f.name for f in dataclasses.fields(records.RunRecord) if f.name not in LEFT_OUT]
    described = {name: getattr(record, name) for name in fields} | {
        "schema": SCHEMA,
        "front_end_code": _front_end_code(record.paper),
        "networks": sorted(networks),
        "speakers": speakers,
    }
    (folder / DESCRIPTION).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    (folder / CARD).write_text(model_card.text(record, speakers), encoding="utf-8")


def _write_network(network, place):
    if hasattr(network, "save"):
        network.save(place.with_suffix(".keras"))
        return
    import skops.io

    skops.io.dump(network, place.with_suffix(".skops"), compression=zipfile.ZIP_DEFLATED)


def _speakers(fold) -> dict[str, int]:
    names = {part: {u.speaker for u in utterances} for part, utterances in fold.parts.items()}
    return {part: len(found) for part, found in names.items()} | {model_card.HEARD: len(names["test"] & names["train"])}


def _front_end_code(paper) -> str:
    return code_version(f"papers.{paper}.features")


def load(folder, *, anyway=False) -> Saved:
    """Read a system back.

    Args:
        folder: as `save` wrote it.
        anyway: take a system that was made with another version of Keras, scikit-learn or its front end.

    Raises:
        InputError: the folder is no saved system, is damaged, or was made with other versions.
    """
    folder = Path(folder)
    described = _described(folder)
    try:
        names, code = list(described.pop("networks")), described.pop("front_end_code")
        speakers = dict(described.pop("speakers", {}))  # systems saved before it was kept have none
        record = records.RunRecord(**described, parts={}, history={})
        recipe = recipes.rebuilt(_recipe_type(record.paper), record.recipe)
        differs = tuple(_differences(record, code))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _damaged(folder / DESCRIPTION, error) from error
    if differs and not anyway:
        raise InputError(
            f"{folder} was made with {' and '.join(differs)}, so that it may decide otherwise than when it was tested; "
            "install that version, or say --anyway"
        )
    networks = _read_networks(folder, names, record.paper)
    from common.learning.training import Fitted

    fitted = Fitted(networks[ONLY] if names == [ONLY] else networks, {}, record.best_epoch)
    return Saved(record=record, recipe=recipe, fitted=fitted, speakers=speakers, differs=differs)


def _damaged(path, reason) -> InputError:
    return InputError(
        f"{path} is missing, damaged or of another version of this suite ({reason}); save the system anew"
    )


def _described(folder) -> dict:
    path = folder / DESCRIPTION
    if not path.is_file():
        inside = sorted(folder.rglob(DESCRIPTION)) if folder.is_dir() else ()
        hint = f"name one in it, for example {inside[0].parent}" if inside else "`run --models DIR` makes such folders"
        raise InputError(f"{folder} is not the folder of a saved system, it has no {DESCRIPTION}; {hint}")
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        schema = int(described["schema"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error
    if schema > SCHEMA:
        raise InputError(f"{path} has schema {schema}, this version reads up to {SCHEMA}; update the suite to use it")
    return described


def _recipe_type(paper):
    presets = next(iter(catalog.paper(paper).RECIPES.values()))
    return type(presets["paper"])


def _differences(record, front_end_code):
    """What the system was made with that is not here: the library of its networks, the code of its front end."""
    library = model_card.library(record)
    made, here = record.environment.get(library), metadata.version(library)
    if made != here:
        yield f"{library} {made}, not the {here} that is here"
    if front_end_code != _front_end_code(record.paper):
        yield f"another front end than papers/{record.paper}/features.py is now"


def _read_networks(folder, names, paper) -> dict:
    backend.start()
    _ = catalog.paper(paper).model  # imported, it registers the layers that the files name
    return {name: _read_network(folder, name) for name in names}


def _read_network(folder, name):
    """A keras.Model or a scikit-learn estimator."""
    place = folder / f"{name}.keras"
    try:
        if place.exists():
            import keras

            return keras.saving.load_model(place, compile=False, safe_mode=True)
        import skops.io

        return skops.io.load(folder / f"{name}.skops", trusted=TRUSTED)
    except Exception as error:  # keras, h5py, zipfile and skops raise what they like
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise _damaged(f"{folder}: its network {name}", reason) from error
