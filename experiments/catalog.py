"""The list of papers and other methods, and the interface to their folders. A new method needs one more line here.

A method is checked once, when it is loaded, against the contract in papers/README.md.
"""

import dataclasses
import difflib
import functools
import importlib
import importlib.util
import inspect
import itertools
import os
import re
import traceback

import numpy as np

from common.errors import InputError

NAMES = (
    "emmert",
    "lim2016",
    "satt2017",
    "ma2018",
    "chernykh2018",
    "baseline",
)

PRESETS = ("paper", "quick", "smoke")
FIELDS = {  # field of every recipe -> its type and meaning
    "corpus": (str, 'the default corpus, for example "ravdess"'),
    "protocols": (tuple, "the supported protocols, for example tuple(splits.PROTOCOLS)"),
    "num_parameters": (int, "the number of trained parameters, 0 without a network"),
    "front_end": (object, "a frozen dataclass with sample_rate_hz and all settings of the features"),
    "max_epochs": (int, "the largest number of epochs, 1 for a classifier without epochs"),
}
PACKAGE = {  # function exported by papers/NAME/__init__.py -> its parameters
    "select": "corpus, recipe, emotions=None",
    "folds": "corpus, recipe, protocol, seed",
    "features": "waveform, sample_rate_hz, front_end",
    "predict": "fitted, part, recipe",
}
MODEL = {  # function of papers/NAME/model.py -> its parameters
    "build": "recipe, num_classes",
    "prepare": "recipe, train, *, seed",
    "fit": "recipe, train, valid, *, seed, checkpoint=None, report=None",
}


class Method:
    """One folder of papers/, loaded and checked.

    The package with recipes, splits, features and decisions is imported immediately; the model, which imports Keras, at
    its first use.

    Raises:
        InputError: the folder does not fulfil the contract; the message lists all faults.
    """

    def __init__(self, name):
        self.name = name
        package = _imported(name, f"papers.{name}")
        _refuse(name, itertools.chain(_missing(package, PACKAGE, "__init__.py"), _recipe_faults(package)))
        self.RECIPES, self.select, self.folds = package.RECIPES, package.select, package.folds
        self._features, self._predict = package.features, package.predict
        self._timeline = getattr(package, "timeline", lambda fitted, recipe, classes: None)
        self.COMPARED = getattr(package, "COMPARED", (next(iter(package.RECIPES)),))
        self.change = getattr(package, "change", lambda recipe, options: recipe)
        self.fetch = getattr(package, "fetch", lambda front_end: None)
        self.files = getattr(package, "files", lambda front_end: ())
        self.restored = getattr(package, "restored", lambda front_end, folder: front_end)

    def __reduce__(self):  # a worker process that computes features imports the folder itself
        return paper, (self.name,)

    def features(self, waveform, sample_rate_hz, front_end):
        """Waveform `(N,)` -> examples `(S, T, F)` or `(S, T, F, C)`, float32.

        Raises:
            ValueError: the waveform does not have the front end's sample rate.
            InputError: the waveform has no samples, or the paper's function returned another type or shape.
        """
        if not len(waveform):
            raise InputError("the recording has no samples; leave it out, or check its start and end times")
        if sample_rate_hz != front_end.sample_rate_hz:
            wanted = f"expected {front_end.sample_rate_hz} Hz: resample it first"
            raise ValueError(f"the waveform is at {sample_rate_hz} Hz, {wanted}")
        array = self._features(waveform, sample_rate_hz, front_end)
        if not isinstance(array, np.ndarray) or array.dtype != np.float32 or array.ndim not in (3, 4) or not array.size:
            shown = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else _kind(array)
            _refuse(self.name, [f"features returned {shown}; expected examples (S, T, F) or (S, T, F, C) in float32"])
        return array

    @functools.cached_property
    def model(self):
        """The module papers/NAME/model.py; importing it registers its layers with Keras."""
        model = _imported(self.name, f"papers.{self.name}.model")
        _refuse(self.name, _missing(model, MODEL, "model.py"))
        return model

    def build(self, recipe, num_classes):
        """The untrained network or estimator."""
        return self.model.build(recipe, num_classes)

    def prepare(self, recipe, train, *, seed):
        """(network, batches): compiled, with the training part's statistics set; or an estimator and its arrays."""
        return self.model.prepare(recipe, train, seed=seed)

    def fit(self, recipe, train, valid, *, seed, checkpoint=None, report=None):
        """The trained system of one fold, a training.Fitted. Raises InputError if the paper returns another type."""
        from common.learning.training import Fitted

        fitted = self.model.fit(recipe, train, valid, seed=seed, checkpoint=checkpoint, report=report)
        if not isinstance(fitted, Fitted):
            _refuse(self.name, [f"fit returned {_kind(fitted)}, expected a Fitted: end it with `return Fitted(...)`"])
        return fitted

    def predict(self, fitted, part, recipe):
        """{decision rule: scores `(N, K)`}; the first rule is the paper's. Only `fitted.model` is used.

        Raises:
            InputError: the paper's function returned another type or shape, or values that are not finite.
        """
        scores = self._predict(fitted, part, recipe)
        _refuse(self.name, _score_faults(scores, (len(part), len(part.classes))))
        return scores

    def head(self, recipe, num_classes):
        """The trained layers of a system whose frozen layers are in its front end; else the whole network."""
        return getattr(self.model, "head", self.model.build)(recipe, num_classes)

    def deployed(self, network, recipe, num_classes):
        """The trained network for a user's recordings, with inputs of any length if training has a fixed one."""
        return getattr(self.model, "deployed", lambda network, *_: network)(network, recipe, num_classes)

    def timeline(self, fitted, recipe, classes):
        """A function (waveform, sample rate) -> emotions over time; None if the system does not support it.

        The model of `fitted` is from `deployed`.
        """
        return self._timeline(fitted, recipe, classes)

    def optional(self, module):
        """The module papers/NAME/<module>.py, None if there is no such file."""
        name = f"papers.{self.name}.{module}"
        return importlib.import_module(name) if importlib.util.find_spec(name) else None


@functools.cache
def paper(name) -> Method:
    """A paper or another method. Raises InputError for an unknown name or a folder that violates the contract."""
    if name not in NAMES:
        raise InputError(f"unknown paper {name!r}; {nearest(name, NAMES)}")
    return Method(name)


MOST_NAMED = 12  # names in an error message


def nearest(name, names) -> str:
    """A hint for messages: all names if there are few, else the three most similar."""
    names = list(names)
    if len(names) <= MOST_NAMED:
        return f"choose from {', '.join(names)}"
    alike = difflib.get_close_matches(name, names, n=3, cutoff=0) or names[:3]
    return f"nearest of {len(names)}: {', '.join(alike)} (`python -m experiments papers` lists all)"


def recipe(name, variant, preset):
    """The recipe of a paper's variant at a preset. Raises InputError for an unknown one."""
    variants = paper(name).RECIPES
    if variant not in variants:
        raise InputError(f"{name} has no variant {variant!r}; {nearest(variant, variants)}")
    if preset not in variants[variant]:
        raise InputError(f"unknown preset {preset!r}; choose from {', '.join(variants[variant])}")
    return variants[variant][preset]


def figures_of(name):
    """The module papers/<name>/figures.py with a paper's own figures. Raises InputError if there is none."""
    if (figures := paper(name).optional("figures")) is None:
        having = [n for n in NAMES if importlib.util.find_spec(f"papers.{n}.figures")]
        raise InputError(f"{name} has no figures of its own; choose from {', '.join(having)}")
    return figures


def _imported(name, module):
    try:
        return importlib.import_module(module)
    except InputError:
        raise
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(where.filename)}, line {where.lineno}"
        sentence = f"{module} cannot be imported: {type(error).__name__}: {error} ({place})"
        raise InputError(f"{_heading(name, 1)}\n  {sentence}") from error


def _refuse(name, faults):
    if faults := list(faults):
        raise InputError("\n  ".join([_heading(name, len(faults)), *faults]))


def _heading(name, count):
    return f"papers/{name} cannot be used, {count} fault{'s' if count > 1 else ''} (papers/README.md has the contract):"


def _missing(module, functions, file):
    """A sentence for each function that a file lacks or that has other parameters."""
    for name, parameters in functions.items():
        expected = re.findall(r"\b([a-z_]+)\b(?=[,=]|$)", parameters.replace("None", ""))
        function = getattr(module, name, None)
        if not callable(function):
            yield f"{file} has no function {name}; expected `def {name}({parameters})`"
        elif not _takes(function, expected):
            yield f"{file}: {name}{inspect.signature(function)} has other parameters; expected ({parameters})"


def _takes(function, expected):
    """Whether a function has these parameters, and no other without a default."""
    parameters = list(inspect.signature(function).parameters.values())
    further = parameters[len(expected) :]
    named = [parameter.name for parameter in parameters[: len(expected)]]
    return named == expected and all(parameter.default is not parameter.empty for parameter in further)


def _recipe_faults(package):
    """A sentence for each fault of RECIPES and COMPARED."""
    recipes = getattr(package, "RECIPES", None)
    if not isinstance(recipes, dict) or not recipes:
        yield '__init__.py has no RECIPES; expected {"variant": {"paper": Recipe(), "quick": ..., "smoke": ...}}'
        return
    for variant, presets in recipes.items():
        if not isinstance(variant, str) or not re.fullmatch(r"\w+", variant):
            yield f"variant {variant!r} cannot name a folder; expected letters, digits and _"
        if not isinstance(presets, dict) or tuple(presets) != PRESETS:
            names = ", ".join(map(str, presets)) if isinstance(presets, dict) else _kind(presets)
            yield f"{variant} has the presets {names}; expected {', '.join(PRESETS)}, in this order"
            continue
        faults = {fault: None for recipe in presets.values() for fault in _field_faults(variant, recipe)}
        yield from faults
        if not faults and not presets["smoke"].max_epochs <= presets["quick"].max_epochs <= presets["paper"].max_epochs:
            yield f"{variant}: max_epochs must not grow from paper to quick to smoke, which are reductions"
    if unknown := [name for name in getattr(package, "COMPARED", ()) if name not in recipes]:
        yield f"COMPARED names {', '.join(map(repr, unknown))}; expected names of RECIPES: {', '.join(recipes)}"


def _field_faults(variant, recipe):
    if not dataclasses.is_dataclass(recipe) or not type(recipe).__dataclass_params__.frozen:
        yield f"{variant} has {_kind(recipe)} as a recipe; expected a frozen one, @dataclasses.dataclass(frozen=True)"
        return
    for name, (kind, meaning) in FIELDS.items():
        if not hasattr(recipe, name):
            yield f"{variant}: the recipe has no field {name}; expected {meaning}"
        elif not isinstance(getattr(recipe, name), kind):
            yield f"{variant}: {name} is {getattr(recipe, name)!r}; expected {meaning}"
    protocols = getattr(recipe, "protocols", ())
    if isinstance(protocols, tuple) and not all(isinstance(p, str) and p for p in protocols):
        yield f"{variant}: protocols is {protocols!r}; expected names, for example ('speaker_independent',)"
    if isinstance(protocols, tuple) and not protocols and hasattr(recipe, "protocols"):
        yield f"{variant}: protocols is empty; expected one or more, for example tuple(splits.PROTOCOLS)"
    for name, least in (("num_parameters", 0), ("max_epochs", 1)):
        if isinstance(getattr(recipe, name, None), int) and getattr(recipe, name) < least:
            yield f"{variant}: {name} is {getattr(recipe, name)}; expected {least} or more"
    if hasattr(recipe, "front_end") and not hasattr(recipe.front_end, "sample_rate_hz"):
        yield f"{variant}: front_end is {_kind(recipe.front_end)}; expected {FIELDS['front_end'][1]}"


def _score_faults(scores, shape):
    """A sentence for each fault of the scores returned by `predict`; `shape` is (utterances, classes)."""
    if not isinstance(scores, dict) or not scores:
        return [f"predict returned {_kind(scores)}; expected scores by rule, for example {{'mean': (N, K) array}}"]
    faults = []
    for rule, values in scores.items():
        if np.shape(values) != shape:
            faults.append(f"predict: scores of {rule!r} have the shape {np.shape(values)}; expected (N, K) = {shape}")
        elif not np.isfinite(values).all():
            faults.append(f"predict: scores of {rule!r} are not all finite; did the training diverge?")
    return faults


def _kind(value):
    return "nothing (None)" if value is None else f"a {type(value).__name__}"
