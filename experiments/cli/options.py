"""Options that several verbs share."""

import os
from pathlib import Path

import click

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
    help="Names of emotions: a file of pairs (CSV, or TOML [labels]), THEIRS=OURS,..., or keep.",
)
STRICT = click.option("--strict", is_flag=True, help="Warnings about recordings, speakers and labels are errors.")
RESULTS = click.option(
    "--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Results folder."
)


def whole_numbers(context, parameter, text):
    """`0-4,7` -> (0, 1, 2, 3, 4, 7)."""
    if text is None:
        return None
    try:
        numbers = []
        for piece in text.split(","):
            first, _, last = piece.partition("-")
            stretch = range(int(first), int(last or first) + 1)
            if not stretch:
                raise ValueError
            numbers += stretch
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list of whole numbers such as 0-4,7") from None
    return tuple(dict.fromkeys(numbers))


def names_of(context, parameter, text):
    """`a, b,a` -> ("a", "b")."""
    if text is None:
        return None
    if names := tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip())):
        return names
    raise click.BadParameter(f"{text!r} names nothing; expected names with commas between them")


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
    click.option("--folds", callback=whole_numbers, help="Numbers of the folds to do, for example 1-3; all if absent."),
    click.option("--workers", type=click.IntRange(1), default=os.cpu_count(), help="Processes; one a core if absent."),
    click.option("--scheduler", help="Address of a Dask scheduler whose workers train, for example tcp://host:8786."),
    click.option("--store", type=click.Path(path_type=Path), help="Feature store; SER_CACHE/features if absent."),
    click.option(
        "--weights",
        default="imagenet",
        help="ResNet50's: imagenet, a file (.h5, .weights.h5, .keras), or none (random, labelled so).",
    ),
    click.option("--noises", type=click.Path(path_type=Path), help="Folder of noises for systems tested in noise."),
    click.option("--snr", "snr_db", type=float, default=0.0, help="Level of those noises in dB; 0 if absent."),
    SET,
    click.option("--models", type=click.Path(path_type=Path), help="Keep the systems fitted now in this folder."),
    RESULTS,
]
RECIPE_CHANGES = ("assignments", "weights", "noises", "snr_db")


def training_options(command):
    for option in reversed(TRAINING):
        command = option(command)
    return command


def with_places(options):
    from common.features import feature_store

    options["store"] = options["store"] or feature_store.cache_dir() / "features"
    folds = options.pop("folds")
    options["fold_names"] = folds and tuple(f"fold_{k}" for k in folds)
    return options
