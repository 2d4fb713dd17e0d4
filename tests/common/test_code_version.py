"""Which code made something: an edit that can change a number gives another version, one of wording does not."""

import importlib
import sys

import pytest

from common import code_version

MODULE = '''"""What it makes."""

from papers.written_here import settings


def feature(x):
    """One line.

    # A docstring's line, not a comment.
    """
    # Why it is so.
    text = f"""
# a string's line, not a comment {x}
"""
    return text * settings.GAIN
'''


@pytest.fixture
def version_of(tmp_path, monkeypatch):
    """Function: the version of MODULE, or of an edit of it, and of what it imports, in a package of `papers`."""
    import papers

    monkeypatch.setattr(papers, "__path__", [*papers.__path__, str(tmp_path)])
    package = tmp_path / "written_here"
    package.mkdir()

    def version(feature=MODULE, settings="GAIN = 2\n"):
        (package / "__init__.py").write_text("")
        (package / "feature.py").write_text(feature)
        (package / "settings.py").write_text(settings)
        importlib.invalidate_caches()
        return code_version.code_version("papers.written_here.feature")

    yield version
    for name in [name for name in sys.modules if name.startswith("papers.written_here")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("What it makes.", "Another sentence."),
        ("    # A docstring's line, not a comment.\n", ""),
        ("    # Why it is so.\n", ""),
    ],
)
def test_wording_does_not_count(version_of, old, new):
    assert version_of(MODULE.replace(old, new)) == version_of() and old in MODULE


@pytest.mark.parametrize(
    ("old", "new"), [("text *", "text +"), ("# a string's line", "# another"), ("(x)", "(x, y=1)")]
)
def test_code_and_strings_count(version_of, old, new):
    assert version_of(MODULE.replace(old, new)) != version_of() and old in MODULE


def test_imported_modules_count(version_of):
    assert version_of(settings="GAIN = 3\n") != version_of()
