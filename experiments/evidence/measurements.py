"""Read files of measurements in a results folder."""

from typing import Any

import msgspec

from common.bounded_read import read_json
from common.errors import InputError


def read_measured(path, *, schema, kind, parse, verb) -> dict:
    """The result of `parse` on the content of a file of measurements; {} if there is no file.

    Args:
        path: of the file.
        schema: the only supported version.
        kind: the type of the file's content, a TypedDict.
        parse: function of the content; it raises KeyError or ValueError for a damaged file.
        verb: of the command that measures again.

    Raises:
        InputError: the file is damaged or of another version.
    """
    if not path.exists():
        return {}
    try:
        tree = read_json(path, dict[str, Any])
        schema_read = tree["schema"]
        if schema_read == schema:
            return parse(msgspec.convert(tree, kind))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is damaged ({error!r}); delete it and measure again with the verb {verb}") from error
    raise InputError(
        f"{path} has schema {schema_read}, this version reads {schema}; measure again with the verb {verb}"
    )
