"""How files of measurements under results are read back."""

from typing import Any

import msgspec

from common.bounded_read import read_json
from common.errors import InputError


def read_measured(path, *, schema, kind, parse, verb) -> dict:
    """What `parse` makes of a file of measurements; nothing where there is no file.

    Args:
        path: of the file.
        schema: the only one that is read.
        kind: the type of the file's content, a TypedDict.
        parse: function of the content; a KeyError or ValueError of it is a damaged file.
        verb: that measures again.

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
