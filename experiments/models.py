"""Fitted systems on disk: one folder a fold, with its networks, what they were made of, and a model card."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

from common import records

SCHEMA = 1
DESCRIPTION = "system.json"


def save(fitted, record, front_end_code, folder) -> Path:
    """Write a fitted system in one step; one that is there already is replaced.

    Args:
        fitted: what `fit` returned.
        record: the fold's RunRecord.
        front_end_code: hash of the code that made its features.
        folder: to write.
    """
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    temporary.mkdir(parents=True, exist_ok=True)
    networks = fitted.model if isinstance(fitted.model, dict) else {"network": fitted.model}
    for name, network in networks.items():
        network.save(temporary / f"{name}.keras")
    described = {
        field.name: getattr(record, field.name)
        for field in dataclasses.fields(records.RunRecord)
        if field.name not in ("schema", "parts", "history")
    }
    described |= {"schema": SCHEMA, "front_end_code": front_end_code, "networks": sorted(networks)}
    (temporary / DESCRIPTION).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(temporary, folder)
    return folder
