"""`compare --grid`: a comparison from a file, its plan, its one table, and what is wrong with a file, all at once."""

import csv
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from common import records
from common.errors import InputError
from experiments.__main__ import main
from experiments.cli import grid
from tests.support.small_corpora import write_corpus

README = Path(__file__).resolve().parents[2] / "experiments" / "README.md"


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def write(path, text):
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """--corpus of two small tables."""
    folder = tmp_path_factory.mktemp("corpora")
    return [write_corpus(folder, name, rate, 3) for name, rate in (("near", 16_000), ("far", 22_050))]


@pytest.fixture(scope="module")
def done(names, tmp_path_factory):
    """(file, options, output) of a finished comparison: within a corpus and across, a field with two values."""
    folder = tmp_path_factory.mktemp("grid")
    text = f"""
        systems = ["baseline/mfcc_svm"]
        corpora = ["{names[0]}"]
        protocols = ["speaker_independent", "cross_corpus"]
        test_corpora = ["{names[1]}"]
        [set]
        num_folds = [2, 3]
    """
    file = write(folder / "small.toml", text)
    options = ("--results", folder / "results", "--store", folder / "store", "--workers", 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SER_CACHE", str(folder / "cache"))
        result = run("compare", "--grid", file, *options)
        assert result.exit_code == 0, result.output
        yield file, options, result.output


def rows_of(results):
    with (results / "grids" / "small.csv").open() as file:
        return list(csv.DictReader(file))


def test_every_combination_is_trained_and_stands_in_one_table(done):
    _, options, output = done
    rows = rows_of(options[1])
    places = [(row["variant"], row["trained_on"], row["corpus_variant"], row["protocol"]) for row in rows]
    systems = ("mfcc_svm+num_folds=2", "mfcc_svm+num_folds=3")
    assert sorted(places) == sorted(
        [(name, "", "manifest:near", "speaker_independent") for name in systems]
        + [(name, "manifest:near", "manifest:far", "cross_corpus-manifest-near") for name in systems]
    )
    assert len(records.read_all(options[1])) == 2 * (3 + 1)  # three folds within, one across
    plan, table = output.index("hours of one core"), output.index("corpus (training to test)")
    assert plan < table and "manifest:near to manifest:far" in output


def test_it_resumes_and_leaves_out_of_its_table_what_it_does_not_name(names, done):
    file, options, _ = done
    system = (
        "--variant",
        "mfcc_svm",
        "--set",
        "num_folds=2",
        "--corpus",
        names[1],
        "--protocol",
        "speaker_independent",
    )
    assert run("run", "baseline", *system, "--preset", "quick", "--folds", 1, *options).exit_code == 0
    before = rows_of(options[1])
    again = run("compare", "--grid", file, *options)
    assert again.exit_code == 0 and "epochs [" not in again.output, again.output
    assert rows_of(options[1]) == before and len(records.read_all(options[1])) == 9


def test_a_dry_run_ends_after_the_hours_and_no_corpus_is_paired_with_itself(names, tmp_path):
    lists = f"corpora = {names}\ntest_corpora = {names}\n"
    file = write(tmp_path / "both.toml", f'systems = ["chernykh2018/dummy"]\nprotocols = ["cross_corpus"]\n{lists}')
    plan = run("compare", "--grid", file, "--dry-run", "--results", tmp_path / "results")
    assert plan.exit_code == 0 and plan.output.rstrip().endswith("Nothing was trained or recorded."), plan.output
    assert re.findall(r"manifest:(\w+) to manifest:(\w+)", plan.output) == [("near", "far"), ("far", "near")]
    assert "not run" not in plan.output and not (tmp_path / "results").exists()


def test_the_example_of_the_readme_is_a_grid(tmp_path):
    (example,) = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    chosen = grid.read(write(tmp_path / "grid.toml", example))
    assert [system.name for system in chosen.systems] == [
        "baseline/mfcc_svm",
        "emmert/mfcc",
        "chernykh2018/framewise+num_trees=50",
        "chernykh2018/framewise+num_trees=200",
    ]
    assert chosen.corpora == chosen.test_corpora == ("ravdess", "emodb") and chosen.emotions == ("4hap",)


def test_all_faults_of_a_file_are_answered_at_once(tmp_path):
    text = """
        systems = ["emmert/mfc", 3, "emmert/mfcc"]
        corpora = ["ravdes"]
        protocol = ["random"]
        protocols = ["randm"]
        test_corpora = []
        seeds = [0, -1]
        preset = 1
        [set]
        learning_rate = ["fast"]
        dropout = []
    """
    file = write(tmp_path / "bad.toml", text)
    result = run("compare", "--grid", file)
    assert result.exit_code == 2
    heading, *faults = result.output.splitlines()
    assert heading.endswith("bad.toml: 10 faults in the grid (experiments/README.md has an example):")
    expected = (
        "unknown key protocol; choose from systems",
        "systems[1]: expected text, got a whole number",
        "test_corpora: expected a list that is not empty",
        "seeds[1]: expected a whole number >= 0",
        "preset: expected text, got a whole number",
        "set.dropout: expected a list that is not empty",
        "emmert has no variant 'mfc'",
        "emmert/mfcc: learning_rate=fast is not a value of its type, float",
        "unknown protocol 'randm'",
        "unknown corpus ravdes",
    )
    assert all(fault.strip().startswith(words) for fault, words in zip(faults, expected, strict=True)), faults


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("systems = [", "cannot be read as TOML"),
        ('corpora = ["ravdess"]', "systems is missing"),
        ('systems = ["emmert/mfcc"]\ncorpora = ["ravdess"]\n[set]\nunits = [4]', "set.units: none of these systems"),
        ('systems = ["emmert/mfcc"]\ncorpora = ["ravdess"]\npreset = "fast"', "unknown preset 'fast'"),
        (
            'systems = ["lim2016/cnn"]\ncorpora = ["emodb"]\nprotocols = ["leaky_segments"]',
            "whose tables mark it as leaky",
        ),
        ('systems = ["emmert/mfcc"]\ncorpora = ["ravdess"]\nprotocols = ["cross_corpus"]', "give it with test_corpora"),
        ('systems = ["emmert/mfcc"]\ncorpora = ["ravdess"]\nseeds = 3', "seeds: expected a list, got a whole number"),
    ],
)
def test_what_is_no_grid_is_one_sentence(tmp_path, text, fault):
    with pytest.raises(InputError) as refused:
        grid.read(write(tmp_path / "bad.toml", text))
    assert fault in str(refused.value)


def test_options_that_the_file_decides_are_refused(tmp_path):
    file = write(tmp_path / "grid.toml", 'systems = ["emmert/mfcc"]\ncorpora = ["ravdess"]')
    result = run("compare", "--grid", file, "--seeds", "0", "--corpus", "emodb")
    assert result.exit_code == 2 and "--corpus and --seeds would be ignored" in result.output
