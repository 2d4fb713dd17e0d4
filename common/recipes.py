"""Convert recipes (frozen dataclasses) to plain data and back, and change single fields of them (`--set`)."""

import dataclasses
import difflib
import json
import math
import re
import types
import typing

import msgspec

from common.errors import InputError

OFFERS = ("protocols",)  # what a recipe offers: no result depends on it
ABOUT = {  # what a recipe says of itself, which is no setting of a training -> what to do instead
    "protocols": "take --protocol",
    "corpus": "take --corpus",
    "num_parameters": "it follows from the other fields",
    "note": "notes are written by the suite",
}
CHANGE = "+"  # between a variant's name and each changed field: cnn3_lstm_20hz+learning_rate=0.0003
TEXT = r"[A-Za-z0-9_.-]+"  # a value of text, which becomes a part of a folder's name
NEAREST = 3


def plain(recipe) -> dict:
    """A recipe as plain data, as stored in records: all settings that a result depends on."""
    return settings(json.loads(json.dumps(dataclasses.asdict(recipe))))


def settings(tree) -> dict:
    """A recipe's plain data without its list of protocols, also in nested recipes."""
    return {
        name: settings(value) if isinstance(value, dict) else value
        for name, value in tree.items()
        if name not in OFFERS
    }


def rebuilt(kind, tree):
    """Plain data as the dataclass `kind`, the inverse of `plain`. Missing fields get their defaults.

    Raises:
        ValueError: a field is unknown or has a value of another type.
    """
    if unknown := _unknown(kind, tree):
        raise ValueError(f"unknown field {unknown[0]}")
    return msgspec.convert(tree, kind)


def _unknown(kind, tree, before="") -> list[str]:
    """Dotted names in plain data that a dataclass does not have; msgspec would ignore them."""
    kind = _dataclass_of(kind)
    if kind is None or not isinstance(tree, dict):
        return []
    kinds = typing.get_type_hints(kind)
    known = {field.name for field in dataclasses.fields(kind)}
    return [
        wrong
        for name, value in tree.items()
        for wrong in (_unknown(kinds[name], value, f"{before}{name}.") if name in known else [f"{before}{name}"])
    ]


def _dataclass_of(kind):
    """`Recipe` of `Recipe` and of `Recipe | None`; None of every other type."""
    members = typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)
    return next((member for member in members if dataclasses.is_dataclass(member)), None)


def split_name(variant) -> tuple[str, list[str]]:
    """`cnn+learning_rate=0.1` -> ("cnn", ["learning_rate=0.1"])."""
    base, *assignments = re.split(r"\+(?=[A-Za-z_])", variant)
    return base, assignments


def changed(recipe, assignments):
    """A recipe with fields changed.

    Args:
        recipe: a frozen dataclass.
        assignments: texts `field=value`; fields of a nested dataclass are written with dots. Values of a tuple are
            separated by commas or the letter x; None and True are written `none` and `true`.

    Returns:
        The changed recipe, and {field: (new value, old value)} as text for all fields whose value differs, sorted.

    Raises:
        InputError: names every assignment that is not of this form, names an unknown field, or has a value of another
            type.
    """
    faults, differing, new = [], {}, recipe
    for assignment in assignments:
        field, equals, text = (piece.strip() for piece in assignment.partition("="))
        try:
            if not equals or not field or not text:
                raise ValueError(f"{assignment!r} is no change; expected field=value, for example learning_rate=3e-4")
            old = _get(recipe, field)
            value = _value(_kind_of(recipe, field), text, field)
            new = _put(new, field.split("."), value)
        except ValueError as error:
            faults.append(str(error))
            continue
        differing.pop(field, None)
        if value != old:
            differing[field] = _text(value), _text(old)
    if faults:
        raise InputError("; ".join(dict.fromkeys(faults)))
    return new, dict(sorted(differing.items()))


def changed_name(variant, differing) -> str:
    """The name of a changed recipe in records: the variant, then each change, sorted by field."""
    return "".join([variant, *(f"{CHANGE}{field}={new}" for field, (new, _) in differing.items())])


def note_of(differing) -> str:
    """`modified: learning_rate=0.0003 instead of 0.001`; "" if no field differs."""
    pieces = (f"{field}={new} instead of {old}" for field, (new, old) in differing.items())
    return f"modified: {', '.join(pieces)}" if differing else ""


def fields_of(recipe, before="") -> list[str]:
    """The dotted names of all fields that can be changed."""
    names = []
    for field in dataclasses.fields(recipe):
        value = getattr(recipe, field.name)
        if dataclasses.is_dataclass(value):
            names += fields_of(value, f"{before}{field.name}.")
        elif field.name not in ABOUT:
            names.append(f"{before}{field.name}")
    return names


def _get(recipe, field):
    """The value of a dotted field; raises ValueError with the nearest names for one that does not exist."""
    names = fields_of(recipe)
    if field in names:
        value = recipe
        for name in field.split("."):
            value = getattr(value, name)
        return value
    last = field.rpartition(".")[2]
    if last in ABOUT:
        raise ValueError(f"{field} is no setting of a training: {ABOUT[last]}")
    ends = [name for name in names if name.rpartition(".")[2] == last]
    near = dict.fromkeys([*ends, *difflib.get_close_matches(field, names, NEAREST, 0.0)])
    raise ValueError(f"there is no field {field}; the nearest are {', '.join(list(near)[:NEAREST])}")


def _kind_of(recipe, field):
    *owners, last = field.split(".")
    for name in owners:
        recipe = getattr(recipe, name)
    return typing.get_type_hints(type(recipe))[last]


def _put(recipe, names, value):
    first, *rest = names
    if rest:
        value = _put(getattr(recipe, first), rest, value)
    return dataclasses.replace(recipe, **{first: value})


def _value(kind, text, field):
    """A text converted to the type of a field; raises ValueError if that is impossible."""
    wanted = f"{field}={text} is not a value of its type, {kind.__name__ if isinstance(kind, type) else kind}"
    try:
        if typing.get_origin(kind) is tuple:
            pieces = [piece.strip() for piece in re.split("[,x]", text.strip("[]()"))]
            value = msgspec.convert(pieces, kind, strict=False)
        else:
            is_none = types.NoneType in typing.get_args(kind) and text.lower() == "none"
            value = None if is_none else msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"{wanted} ({str(error).partition(' - ')[0]})") from error
    numbers = value if isinstance(value, tuple) else (value,)
    if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
        raise ValueError(f"{wanted}; expected a finite number")
    if isinstance(value, str) and not re.fullmatch(TEXT, value):
        raise ValueError(f"{wanted}; expected letters, digits, _, - and dots")
    return value


def _text(value) -> str:
    """A value as it is written in a variant's name: 0.0003, true, none, 16x24x32."""
    if isinstance(value, tuple):
        return "x".join(map(_text, value))
    return (
        {None: "none", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)
    )
