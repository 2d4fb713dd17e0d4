"""A comparison defined in a TOML file: systems x corpora x protocols x seeds x values of fields, `compare --grid`.

experiments/README.md has an example. The table `set` lists values of recipe fields; each system is run with all
combinations of the values of the fields that it has.
"""

import dataclasses
import itertools
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from common import corpora, recipes
from common.bounded_read import read_bytes
from common.errors import InputError
from common.folds import cross_corpus, leakage, splits, user_folds
from experiments import catalog
from experiments.runs import compare, jobs

REQUIRED = ("systems", "corpora")
IN_WORDS = {  # msgspec's name of a type -> the name in messages
    "`array` of length >= 1": "a list that is not empty",
    "`array`": "a list",
    "`object`": "a table",
    "`str` of length >= 1": "a name",
    "`str`": "text",
    "`int`": "a whole number",
}
Name = Annotated[str, msgspec.Meta(min_length=1)]
Value = bool | int | float | str | list[int | float]
Values = Annotated[list[Value], msgspec.Meta(min_length=1)]


class _File(msgspec.Struct):
    """The type and the default of every key."""

    systems: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)] = ()
    corpora: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)] = ()
    protocols: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)] = ("speaker_independent",)
    test_corpora: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)] = ()
    seeds: Annotated[tuple[Annotated[int, msgspec.Meta(ge=0, lt=2**32)], ...], msgspec.Meta(min_length=1)] = (0,)
    preset: Name = "quick"
    emotions: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)] = (compare.EMOTIONS,)
    set: dict[Name, Values] = {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Grid:
    """The checked content of a grid file.

    Args:
        name: of the file, without its suffix.
        systems: Experiments, without duplicates.
        corpora, protocols, test_corpora, seeds, preset, emotions: as for the verb `compare`.
    """

    name: str
    systems: tuple[jobs.Experiment, ...]
    corpora: tuple[str, ...]
    protocols: tuple[str, ...]
    test_corpora: tuple[str, ...]
    seeds: tuple[int, ...]
    preset: str
    emotions: tuple[str, ...]

    def has(self, record, variants) -> bool:
        """Whether a record belongs to this comparison.

        Args:
            record: of a results folder.
            variants: pairs (corpus variant, training corpus variant or "") that the systems select from the corpora.
        """
        protocol = cross_corpus.NAME if record.trained_on else record.protocol
        is_asked = protocol in self.protocols or user_folds.are_recorded(protocol)
        names = {(system.paper, system.variant) for system in self.systems}
        return (
            is_asked
            and (record.paper, record.variant) in names
            and (record.preset, record.seed in self.seeds) == (self.preset, True)
            and (record.corpus_variant, record.trained_on) in variants
        )


def read(path) -> Grid:
    """Read a grid from its TOML file.

    Raises:
        InputError: the file has faults; the message has a line for each.
    """
    path = Path(path)
    try:
        tree = tomllib.loads(read_bytes(path).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as TOML ({error}); experiments/README.md has an example") from error
    types = {field.name: field.type for field in msgspec.structs.fields(_File)}
    faults = [f"unknown key {name}; {catalog.nearest(name, types)}" for name in tree if name not in types]
    faults += [f"{name} is missing; expected a list of names" for name in REQUIRED if name not in tree]
    values = msgspec.structs.asdict(_File())
    for name in (name for name in tree if name in types):
        values[name] = _right(name, tree[name], types[name], faults) or values[name]
    experiments = _experiments(values, faults)
    _check_names(values, faults)
    if faults := list(dict.fromkeys(faults)):
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        raise InputError("\n  ".join([f"{path}: {count} in the grid (experiments/README.md has an example):", *faults]))
    once = {name: tuple(dict.fromkeys(values[name])) for name in ("corpora", "protocols", "test_corpora", "seeds")}
    about = {"name": path.stem, "preset": values["preset"], "emotions": values["emotions"]}
    return Grid(systems=experiments, **about, **once)


def _right(name, value, kind, faults):
    """The parts of a key's value that have the right type; a sentence on each other part is added to `faults`."""
    parts = {name: value}
    if isinstance(value, list) and value:
        parts = {f"{name}[{index}]": [element] for index, element in enumerate(value)}
    elif isinstance(value, dict):
        parts = {f"{name}.{field}": {field: element} for field, element in value.items()}
    right = []
    for place, part in parts.items():
        try:
            right.append(msgspec.convert(part, kind))
        except msgspec.ValidationError as error:
            reason = str(error).partition(" - at ")[0]
            for theirs, ours in IN_WORDS.items():
                reason = reason.replace(theirs, ours)
            faults.append(f"{place}: {reason[:1].lower()}{reason[1:]}")
    if isinstance(value, dict):
        return {field: values for part in right for field, values in part.items()}
    if isinstance(value, list):
        return tuple(element for part in right for element in part)
    return right[0] if right else None


def _check_names(values, faults):
    """Add unknown names, and protocols not allowed in a comparison, to `faults`."""
    protocols, tested = values["protocols"], values["test_corpora"]
    checks = [lambda: compare.require_honest(protocols), lambda: compare.require_pair(protocols, tested)]
    checks += [lambda protocol=protocol: _require_protocol(protocol) for protocol in protocols]
    checks += [lambda name=name: _require_corpus(name) for name in (*values["corpora"], *tested)]
    for check in checks:
        try:
            check()
        except InputError as error:
            faults.append(str(error).replace("--test-corpus", "test_corpora").replace("--protocol", "protocol"))


def _require_protocol(protocol):
    known = ["paper", *splits.PROTOCOLS, cross_corpus.NAME, f"{user_folds.PREFIX}PATH"]
    if protocol not in known and not (user_folds.are_named(protocol) or leakage.is_leaky(protocol)):
        raise InputError(f"unknown protocol {protocol!r}; {catalog.nearest(protocol, known)}")


def _require_corpus(name):
    if not name.startswith((corpora.places.MANIFEST, corpora.places.AUDFORMAT)):
        corpora.places.module_of(name.partition("/")[0])


def _experiments(values, faults) -> tuple:
    """Experiments for every system and combination of its fields' values, without duplicates; adds to `faults`."""
    if values["preset"] not in catalog.PRESETS:
        faults.append(f"unknown preset {values['preset']!r}; choose from {', '.join(catalog.PRESETS)}")
        return ()
    experiments, unused, all_known = {}, dict.fromkeys(values["set"]), True
    for name in values["systems"]:
        pair = tuple(name.split("/", 1))
        try:
            (stated,) = compare.systems([pair], values["preset"])
        except InputError as error:
            faults += str(error).splitlines()
            all_known = False
            continue
        own = [field for field in values["set"] if field in recipes.fields_of(stated.recipe)]
        unused = {field: None for field in unused if field not in own}
        for combination in itertools.product(*(values["set"][field] for field in own)):
            assignments = [f"{field}={_as_text(value)}" for field, value in zip(own, combination, strict=True)]
            try:
                (experiment,) = compare.systems([pair], values["preset"], assignments=assignments)
                experiments[experiment.name] = experiment
            except InputError as error:
                faults += str(error).splitlines()
    if all_known and values["systems"]:
        faults += [f"set.{field}: none of these systems has this field" for field in unused]
    return tuple(experiments.values())


def _as_text(value) -> str:
    """A value as `--set` takes it."""
    if isinstance(value, list):
        return "x".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
