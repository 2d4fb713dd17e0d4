"""Hashes of code, so that stored features and trainings are never reused by different code."""

import ast
import contextlib
import hashlib
import importlib.util
import sys
from importlib import metadata
from pathlib import Path

OURS = ("common", "papers", "experiments")


def code_version(module_name) -> str:
    """Hash of the code of a module and of all modules of this project that it imports.

    Docstrings and comment lines do not count: features and trainings stay valid when only wording changes.
    """
    sources = {}
    _read_with_imports(module_name, sources)
    digest = hashlib.sha256()
    for name in sorted(sources):
        digest.update(code_alone(*sources[name]).encode())
    return digest.hexdigest()


def code_alone(source, tree) -> str:
    """A module's source without docstrings and comment lines; `tree` is its syntax tree."""
    docstrings, strings = set(), set()  # line numbers
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            docstrings.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
        elif isinstance(node, ast.Constant | ast.JoinedStr):
            strings.update(range(node.lineno + 1, node.end_lineno + 1))
    return "\n".join(
        line
        for number, line in enumerate(source.splitlines(), 1)
        if number not in docstrings and (number in strings or not line.lstrip().startswith("#"))
    )


def versions(names) -> dict[str, str]:
    """Versions of the installed ones of these packages, by name."""
    installed = {}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            installed[name] = metadata.version(name)
    return installed


def _source(module_name):
    loaded = sys.modules.get(module_name)
    return loaded.__file__ if loaded else importlib.util.find_spec(module_name).origin


def _read_with_imports(module_name, sources):
    """Add source and syntax tree of a module, and of the project's modules that it imports, to `sources`."""
    if module_name in sources:
        return
    source = Path(_source(module_name)).read_text(encoding="utf-8")
    tree = ast.parse(source)
    sources[module_name] = source, tree
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in OURS:
            for alias in node.names:
                child = f"{node.module}.{alias.name}"
                is_module = importlib.util.find_spec(node.module).submodule_search_locations is not None
                _read_with_imports(child if is_module and importlib.util.find_spec(child) else node.module, sources)
