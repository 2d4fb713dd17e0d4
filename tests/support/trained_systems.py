"""Two systems of one fold, trained once for the tests that read them back."""

import pytest
from click.testing import CliRunner

from common import records
from experiments.__main__ import main

SYSTEMS = ("ctc", "framewise")


def run(*arguments, stdin=None):
    return CliRunner().invoke(main, [str(a) for a in arguments], input=stdin)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A network and a forest of one fold of three synthetic speakers: folders and records by variant, files by id."""
    from common.corpora import synthetic

    root = tmp_path_factory.mktemp("trained")
    synthetic.synthesize("ravdess", root / "ravdess", speakers=3, files=1, workers=1, progress=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SER_CACHE", str(root / "cache"))
        done = run(
            *("run", "chernykh2018", "--variant", ",".join(SYSTEMS), "--corpus", "ravdess", "--data", root),
            *("--emotions", "4hap", "--protocol", "speaker_independent", "--preset", "smoke", "--folds", "1"),
            *("--workers", 1, "--results", root / "results", "--models", root / "models"),
        )
    assert done.exit_code == 0, done.output
    written = records.read_all(root / "results")
    folders = {r.variant: records.record_path(root / "models", r).with_suffix("") for r in written}
    return folders, {r.variant: r for r in written}, {p.stem: p for p in (root / "ravdess").rglob("*.wav")}
