"""The verb `predict`. Audio and Keras are imported when it runs."""

import contextlib
import dataclasses
import itertools
import json
import sys
from pathlib import Path

import click

from common.errors import InputError
from experiments.cli.options import STRICT, refuse_ignored


@click.command("predict")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("paths", nargs=-1)
@click.option("--list", "listed", help="A file with one path per line; - reads the paths from standard input.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV, one line as soon as a recording is done.")
@click.option("--jsonl", "form", flag_value="jsonl", help="Print JSON lines, with the scores of every decision rule.")
@click.option("--json", "form", flag_value="json", help="Print one JSON document at the end, with all details.")
@click.option(
    "--into", type=click.Path(path_type=Path), help="FILE.csv or FILE.jsonl to write; existing lines are kept."
)
@click.option(
    "--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes, each of which loads the system."
)
@click.option("--stream", is_flag=True, help="A decision every second, based on the seconds before it (--window).")
@click.option(
    "--window", "window_s", type=click.FloatRange(1, 600), help="Seconds per decision of --stream; 3 if absent."
)
@click.option("--recipe", "with_recipe", is_flag=True, help="Also show all settings of the system; needs no PATH.")
@click.option("--anyway", is_flag=True, help="Use a system saved with another Keras version or front end.")
@click.option("--keras", is_flag=True, help="Run the network in Keras instead of LiteRT; starts ten times slower.")
@click.option(
    "--channel", type=click.IntRange(1), help="Channel to use, counted from 1; default: mean of all channels."
)
@STRICT
def predict_command(
    model, paths, listed, form, into, workers, stream, window_s, with_recipe, anyway, keras, channel, strict
):
    """Apply the saved system in MODEL to recordings.

    `run --models DIR` writes such folders. A PATH is a recording, a folder (with all recordings below it), a pipe, or -
    for one recording on standard input. Unusable recordings are listed at the end, with exit status 2; the others are
    processed. The same command with the same --into resumes a stopped run.

    Example: find calls -name "*.wav" | python -m experiments predict MODEL --list - --into calls.csv --workers 4
    """
    _check(paths, listed, form, into, stream, window_s, strict, with_recipe)
    from experiments.saved_models import many_recordings, model_card, models

    saved = models.load(model, anyway=anyway, keras=keras)
    from experiments.saved_models import predict

    if saved.keras_only:
        click.echo(f"this system runs in Keras, which is slower: {saved.keras_only}", err=True)
    for sentence in saved.differs:
        click.echo(f"Warning: saved with {sentence}", err=True)
    window_s = (window_s or predict.WINDOW_S) if stream else None
    options = {"channel": channel, "strict": strict, "window_s": window_s}
    about, errors, predictions = predict.about(saved, window_s), [], []
    settings = dict(model_card.flat(saved.record.recipe)) if with_recipe else {}
    if into or form != "json":
        _show_about(about, settings, err=bool(into or form))
    with _output(into, form, saved.record, many_recordings.system_of(model, saved.record, options)) as (writer, done):
        results = many_recordings.predict_all(
            many_recordings.sources(paths, listed),
            predict.Predictor(saved, **options),
            workers=workers,
            folder=(model, anyway, saved.runtime == "keras"),
            options=options,
            done=done,
        )
        for prediction, error in results:
            if error:
                errors.append(error)
                continue
            for doubt in [] if stream else prediction.warnings:
                click.echo(f"Warning: {prediction.file} is {doubt}", err=True)
            (writer.write if writer else predictions.append)(prediction)
    if into:
        click.echo(f"{into}: done, {len(errors)} recordings or pieces could not be used", err=True)
    elif form == "json":
        recipe = {"recipe": saved.record.recipe} if with_recipe else {}
        outcome = {"predictions": [dataclasses.asdict(p) for p in predictions], "errors": errors}
        click.echo(json.dumps(about | recipe | outcome, indent=1))
    elif not form:
        _show(predictions, saved.record.classes)
    for sentence in errors:
        click.echo(f"Error: {sentence}", err=True)
    if errors:
        raise click.exceptions.Exit(2)


def _check(paths, listed, form, into, stream, window_s, strict, with_recipe):
    """Raise InputError for options that would be ignored or contradict each other."""
    if not (paths or listed or with_recipe):
        raise InputError("no recording is given; give files or folders after the model's folder, --list, or --recipe")
    if not (paths or listed):
        refuse_ignored(["workers", "stream", "window_s", "channel", "strict", "into"], "no recording is given")
    if "-" in paths and listed == "-":
        raise InputError("- and --list - both read standard input; write the paths to a file")
    if into and form:
        raise InputError(f"the suffix of --into determines the format; leave --{form} out")
    if window_s and not stream:
        raise InputError("--window is for --stream; add it, or leave --window out")
    if stream and strict:
        raise InputError("--strict is for whole recordings: a window of --stream may be a pause; leave one out")


@contextlib.contextmanager
def _output(into, form, record, system):
    """(writer of lines or None, recordings that --into already contains)."""
    from experiments.saved_models import many_recordings

    if into:
        with many_recordings.written(into, record.classes, system) as output:
            yield output
        return
    writer = None
    if form in ("csv", "jsonl"):
        sys.stdout.reconfigure(errors="surrogateescape")  # file names may be undecodable bytes
        writer = many_recordings.Writer(sys.stdout, form, record.classes, system)
        writer.begin()
    yield writer, {}


def _show_about(about, recipe, *, err):
    for name, value in about.items():
        for line in value if isinstance(value, list) else [value]:
            click.echo(f"{name.replace('_', ' '):10}  {line}", err=err)
    for name, value in recipe.items():
        click.echo(f"{'recipe':10}  {name} = {value}", err=err)


def _show(predictions, classes):
    """Print the table of decisions, then the emotions over time if the system supports them."""
    from tabulate import tabulate

    if not predictions:
        return
    if not (decided := [p for p in predictions if p.scores]):
        click.echo("\nno usable stretch")
        return
    decides, *others = decided[0].scores
    click.echo(f"\nscores of the decision rule, {decides}")
    click.echo(_table(predictions, decides, classes))
    if not _sum_to_one(predictions, decides) and (rule := next((r for r in others if _sum_to_one(predictions, r)), "")):
        click.echo(f"\nthese are not probabilities; for comparison, probabilities of the rule {rule}")
        click.echo(_table(predictions, rule, classes))
    for file, heard in itertools.groupby(predictions, key=lambda p: p.file):
        timelines = [p.timeline for p in heard]
        if timelines[0] is not None:
            spans = [dataclasses.asdict(span) for span in itertools.chain.from_iterable(timelines)]
            click.echo(f"\nemotions over time, {file}")
            click.echo(tabulate(spans, headers="keys", floatfmt=".2f") if spans else "none")


def _table(predictions, rule, classes) -> str:
    from tabulate import tabulate

    rows = []
    for p in predictions:
        scores = [f"{p.scores[rule][name]:.3g}" if p.scores else "" for name in classes]
        rows.append([p.file, f"{p.start_s:.1f}", f"{p.end_s:.1f}", p.decision or "no decision", *scores])
    aligned = ("left", "right", "right", "left", *("right" for _ in classes))
    headers = ["file", "start_s", "end_s", "decision", *classes]
    return tabulate(rows, headers=headers, colalign=aligned, disable_numparse=True)


def _sum_to_one(predictions, rule) -> bool:
    """Whether a rule's scores are shares or probabilities; all-zero rows ("no decision") are ignored."""
    sums = [sum(p.scores[rule].values()) for p in predictions if p.scores]
    return all(total == 0 or abs(total - 1) < 1e-3 for total in sums)
