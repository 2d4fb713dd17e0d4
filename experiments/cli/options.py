"""Options shared by several verbs, and checks for options that would be ignored."""

import os
from pathlib import Path

import click
from click.core import ParameterSource

from common.errors import InputError

MOST_NUMBERS = 10_000  # of seeds or folds
LARGEST_SEED = 2**32 - 1
LONGEST_NUMBER = 20  # digits
SEED = click.IntRange(0, LARGEST_SEED)
OF_A_USER = ("manifest:", "audformat:")  # corpora outside the folder of corpora

DATA = click.option(
    "--data",
    envvar="SER_DATA",
    type=click.Path(path_type=Path),
    help="Folder that holds corpora under their names, or one corpus's own root (also: SER_DATA).",
)


def _labels(context, parameter, text):
    from common.corpora import labels

    return labels.read(text)


LABELS = click.option(
    "--labels",
    callback=_labels,
    help="Mapping of emotion labels: a file of pairs (CSV, or TOML [labels]), THEIRS=OURS,..., or keep.",
)
STRICT = click.option("--strict", is_flag=True, help="Treat warnings on recordings, speakers and labels as errors.")


def existing(context, parameter, folder):
    """A results folder to read. Raises InputError if it is missing, for example misspelt."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give the results of `run` or `compare` with --results")
    return folder


def _results(**more):
    place = click.Path(path_type=Path)
    return click.option("--results", type=place, default=Path("results"), show_default=True, **more)


RESULTS = _results(help="Results folder.")
RESULTS_READ = _results(help="Results folder, which must exist.", callback=existing)


def whole_numbers(context, parameter, text):
    """`0-4,7` -> (0, 1, 2, 3, 4, 7)."""
    if text is None:
        return None
    stretches = [_stretch(piece) for piece in text.split(",")]
    if None in stretches:
        raise click.BadParameter(f"{text!r} is not a list of whole numbers such as 0-4,7")
    if (count := sum(last - first + 1 for first, last in stretches)) > MOST_NUMBERS:
        raise click.BadParameter(f"{text!r} gives {count:,} numbers; expected at most {MOST_NUMBERS:,}")
    if (largest := max(last for _, last in stretches)) > LARGEST_SEED:
        raise click.BadParameter(f"{text!r}: {largest} is too large; expected numbers up to {LARGEST_SEED}")
    return tuple(dict.fromkeys(number for first, last in stretches for number in range(first, last + 1)))


def _stretch(text):
    """`0-4` -> (0, 4), `7` -> (7, 7); None for anything else."""
    first, hyphen, last = (piece.strip() for piece in text.partition("-"))
    last = last if hyphen else first
    if not all(piece.isdecimal() and piece.isascii() and len(piece) <= LONGEST_NUMBER for piece in (first, last)):
        return None
    return (int(first), int(last)) if int(first) <= int(last) else None


def names_of(context, parameter, text):
    """`a, b,a` -> ("a", "b")."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise click.BadParameter(f"{text!r}: a name is empty; expected comma-separated names")
    return tuple(dict.fromkeys(names))


def given(*names) -> dict[str, str]:
    """Those of a verb's options that are on the command line: {parameter: flag, for example `--per-emotion`}."""
    context = click.get_current_context()
    return {
        parameter.name: parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in names and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    }


def refuse_ignored(names, why):
    """Raise InputError if options were given that would silently be ignored; `why` is the reason in the message."""
    if flags := [*given(*names).values()]:
        raise InputError(
            f"{' and '.join(flags)} would be ignored: {why}; leave {'it' if len(flags) == 1 else 'them'} out"
        )


def refuse_for_corpora(names, labels=None):
    """Raise InputError for `--data` and `--labels keep` if none of the given corpora would use them."""
    of_a_user = [name.startswith(OF_A_USER) for name in names]
    if names and all(of_a_user):
        refuse_ignored(["data"], f"{', '.join(names)} has its own path")
    if names and labels and labels.keep and not any(of_a_user):
        refuse_ignored(["labels"], f"{', '.join(names)} has no unknown labels to keep")


SET = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change a field of the recipe, for example learning_rate=3e-4 or front_end.window_s=0.02; repeatable.",
)

TRAINING = [
    DATA,
    click.option("--emotions", callback=names_of, help="Comma-separated emotions, or a label set: 4hap, 4exc."),
    LABELS,
    STRICT,
    click.option("--seeds", callback=whole_numbers, default="0", show_default=True, help="For example 0-4 or 0,3."),
    click.option("--folds", callback=whole_numbers, help="Numbers of folds to run, for example 1-3; all if absent."),
    click.option(
        "--workers", type=click.IntRange(1), default=os.cpu_count(), help="Processes; one per core if absent."
    ),
    click.option("--scheduler", help="Address of a Dask scheduler whose workers train, for example tcp://host:8786."),
    click.option("--store", type=click.Path(path_type=Path), help="Feature store; SER_CACHE/features if absent."),
    click.option(
        "--weights",
        default="imagenet",
        help="Of ResNet50: imagenet, a file (.h5, .weights.h5, .keras), or none (random, noted in the records). Of a "
        "self-supervised baseline: a folder, a name on the Hugging Face hub, or none.",
    ),
    click.option("--noises", type=click.Path(path_type=Path), help="Folder of noises for systems tested in noise."),
    click.option("--snr", "snr_db", type=float, default=0.0, help="Signal-to-noise ratio in dB; 0 if absent."),
    SET,
    click.option("--models", type=click.Path(path_type=Path), help="Save the systems trained now in this folder."),
    click.option(
        "--dry-run", is_flag=True, help="Estimate folds, hours (from ten steps) and disk; train and record nothing."
    ),
    RESULTS,
]


PRESETS = (
    ("paper", "as published; trained until the paper's stopping rule (hours)"),
    ("quick", "the same networks, fewer epochs (minutes); not a comparison of methods"),
    ("smoke", "one or two epochs, some networks smaller: checks that everything runs"),
)


class Explained(click.Command):
    """A verb whose help ends with a list of the presets and protocols."""

    def format_epilog(self, context, formatter):
        from common.folds import splits

        protocols = [("paper", "the paper's own split, on the corpus of the paper")]
        protocols += [(name, protocol.description) for name, protocol in splits.PROTOCOLS.items()]
        protocols += [
            (
                "cross_corpus",
                "train on --corpus (a sixth of its speakers for validation), test on all of --test-corpus",
            ),
            ("leaky_segments", "only for lim2016: leaks on purpose; `compare` refuses it"),
            ("folds:DIR, folds:FILE", "your own fold files; `folds` uses the columns split and fold of the corpus"),
        ]
        for heading, rows in (("Presets", PRESETS), ("Protocols", protocols)):
            with formatter.section(heading):
                formatter.write_dl(list(rows))


TEST_CORPORA = click.option(
    "--test-corpus",
    "test_corpora",
    callback=lambda *arguments: names_of(*arguments) or (),
    help="Test corpora of --protocol cross_corpus, comma-separated; no corpus is paired with itself.",
)
PRESET = click.option("--preset", show_default=True, default="paper", help="paper, quick or smoke; see below.")


def training_options(command):
    for option in reversed(TRAINING):
        command = option(command)
    return command


def recipe_changes(options) -> dict:
    """Remove the options that change recipes from `options`, and return them as keywords of `compare.systems`."""
    from experiments.runs.compare import OPTIONS

    changes, asked = {name: options.pop(name) for name in OPTIONS}, given(*OPTIONS)
    return {"assignments": options.pop("assignments"), **{name: changes[name] for name in asked}}


def with_places(options):
    from common.features import feature_store

    options["store"] = options["store"] or feature_store.cache_dir() / "features"
    folds = options.pop("folds")
    options["fold_names"] = folds and tuple(f"fold_{k}" for k in folds)
    return options
