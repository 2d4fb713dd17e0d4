"""Files under results that no reader ever sees half written, and how those with measurements are read back."""

import contextlib
import json
import os
from pathlib import Path

from common.errors import InputError


def write_whole(path, text, advice="choose another place") -> Path:
    """Write a text file in one step.

    Raises:
        InputError: it cannot be written; `advice` says what to do.
    """
    path = Path(path)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(text.encode())
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); {advice}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return path


def write_json(path, tree, advice="choose another place") -> Path:
    """The same of plain data, an item a line."""
    return write_whole(path, json.dumps(tree, indent=1) + "\n", advice)


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
        found = tree["schema"]
        if found == schema:
            return parse(tree)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({error!r}); delete it and measure again with the verb {verb}") from error
    raise InputError(f"{path} has schema {found}, this version reads {schema}; measure again with the verb {verb}")
