"""Read a user's file in full, up to a size limit. Devices are refused, since they may never end."""

import os
import stat
from pathlib import Path
from typing import Any

import msgspec

from common.errors import InputError

LARGEST_BYTES = 2**28


def read_bytes(path, most=LARGEST_BYTES) -> bytes:
    """The content of a file or a pipe.

    Raises:
        OSError: it cannot be read.
        InputError: it is a device, or has more than `most` bytes.
    """
    with open(path, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            raise InputError(f"{path}: a device; expected a file: check the path")
        content = file.read(most + 1)
    if len(content) > most:
        raise InputError(f"{path}: more than {most >> 20} MiB; check the path")
    return content


def read_json(path, kind=Any):
    """A JSON file as the type `kind`, with the types of all fields checked.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not JSON of this type.
    """
    try:
        return msgspec.json.decode(read_bytes(Path(path)), type=kind)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
