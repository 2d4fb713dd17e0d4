"""Which code made something: features and trainings that are kept are never mistaken for those of other code."""

import ast
import contextlib
import hashlib
import importlib.util
import sys
from importlib import metadata
from pathlib import Path

OURS = ("common", "papers", "experiments")


def code_version(module_name) -> str:
    """Hash of a module's source and of every module of ours that it imports, so that nothing stale is read."""
    digest = hashlib.sha256()
    for name in sorted(_own_imports(module_name, set())):
        digest.update(Path(_source(name)).read_bytes())
    return digest.hexdigest()


def versions(names) -> dict[str, str]:
    """Versions of those of these packages that are installed."""
    installed = {}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            installed[name] = metadata.version(name)
    return installed


def _source(module_name):
    loaded = sys.modules.get(module_name)
    return loaded.__file__ if loaded else importlib.util.find_spec(module_name).origin


def _own_imports(module_name, seen) -> set[str]:
    if module_name in seen:
        return seen
    seen.add(module_name)
    for node in ast.walk(ast.parse(Path(_source(module_name)).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in OURS:
            for alias in node.names:
                child = f"{node.module}.{alias.name}"
                is_module = importlib.util.find_spec(node.module).submodule_search_locations is not None
                _own_imports(child if is_module and importlib.util.find_spec(child) else node.module, seen)
    return seen
