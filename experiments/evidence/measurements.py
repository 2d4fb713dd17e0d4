"""How files of measurements under results are read back."""

import json

from common.errors import InputError


def read_measured(path, *, schema, parse, verb) -> dict:
    """What `parse` makes of a file of measurements; nothing where there is no file.

    Args:
        path: of the file.
        schema: the only one that is read.
        parse: function of the file's content; whatever KeyError and the like it raises is a damaged file.
        verb: that measures again.

    Raises:
        InputError: the file is damaged or of another version.
    """
    if not path.exists():
        return {}
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        schema_read = tree["schema"]
        if schema_read == schema:
            return parse(tree)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({error!r}); delete it and measure again with the verb {verb}") from error
    raise InputError(
        f"{path} has schema {schema_read}, this version reads {schema}; measure again with the verb {verb}"
    )
