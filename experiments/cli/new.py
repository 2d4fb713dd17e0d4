"""The verb `new`: create a folder papers/NAME with a working method, and its line in the catalog."""

import keyword
import re
import shutil
from pathlib import Path

import click

from common.atomic_file import write_text
from common.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = Path(__file__).with_name("new_method")
LAST_LINE = re.compile(r"(?ms)^(NAMES = \(\n.*?)^\)")  # of the list in experiments/catalog.py
ADVICE = "free some space or check the permissions"


@click.command("new")
@click.argument("name")
def new_command(name):
    """Create a method of your own: the folder papers/NAME, ready to run, and its line in the catalog.

    It is a small network on MFCC statistics to start from; papers/README.md describes the contract.

    Example: python -m experiments new my_method
    """
    written = write(name, ROOT)
    for path in written:
        click.echo(f"{path.relative_to(ROOT)} written")
    click.echo(f"experiments/catalog.py lists it; try: python -m experiments compare --papers {name},baseline")


def write(name, root) -> list[Path]:
    """Write the folder and the catalog's line below `root`; returns the files of the folder.

    Raises:
        InputError: the name is invalid or in use, or the files cannot be written.
    """
    folder, catalog = root / "papers" / name, root / "experiments" / "catalog.py"
    _require_free(name, folder)
    listed, count = LAST_LINE.subn(rf'\g<1>    "{name}",\n)', catalog.read_text(encoding="utf-8"), count=1)
    if not count:
        raise InputError(f"{catalog} has no list NAMES to add a line to; restore the file from the repository")
    try:
        written = [_render(template, name, folder) for template in sorted(TEMPLATES.glob("*.j2"))]
        write_text(catalog, listed, ADVICE)
    except InputError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return written


def _require_free(name, folder):
    from experiments import catalog

    if not re.fullmatch(r"[a-z][a-z0-9_]{1,39}", name) or keyword.iskeyword(name):
        raise InputError(
            f"{name!r} cannot be the name of a method; expected 2 to 40 lower-case letters, digits and _, "
            "a letter first, for example my_method"
        )
    if name in catalog.NAMES or folder.exists():
        raise InputError(f"papers/{name} exists already; take another name, or change the files in that folder")


def _render(template, name, folder) -> Path:
    import jinja2

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    text = environment.from_string(template.read_text(encoding="utf-8")).render(name=name)
    return write_text(folder / template.stem, text, ADVICE)
