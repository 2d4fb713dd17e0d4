"""The verb `predict`. What reads audio or starts Keras is imported when it runs."""

import dataclasses
import itertools
import json
from pathlib import Path

import click

from common.errors import InputError
from experiments.cli.options import STRICT


@click.command("predict")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, with the scores of every decision rule.")
@click.option("--recipe", "with_recipe", is_flag=True, help="Also show every setting of the system; needs no FILE.")
@click.option("--anyway", is_flag=True, help="Use a system made with another Keras or another front end.")
@click.option(
    "--channel", type=click.IntRange(1), help="Channel to use, counted from 1; default: mean of all channels."
)
@STRICT
def predict_command(model, files, as_json, with_recipe, anyway, channel, strict):
    """Apply the saved system in MODEL to recordings.

    `run --models DIR` makes such folders. A recording that cannot be used is named and stops no other; the exit status
    is 2 then.

    Example: python -m experiments predict MODELS/runs/emmert/mfcc/.../fold_1 recording.wav
    """
    if not files and not with_recipe:
        raise InputError("no recording is named; give one or more audio files behind the model's folder, or --recipe")
    from experiments.saved_models import model_card, models

    saved = models.load(model, anyway=anyway)  # starts Keras, quietly: before what imports it
    from experiments.saved_models import predict

    for sentence in saved.differs:
        click.echo(f"Warning: made with {sentence}", err=True)
    predictions, errors = _predict_all(predict.predictor(saved, channel=channel, strict=strict), predict.pieces, files)
    for prediction in predictions:
        for doubt in prediction.warnings:
            click.echo(f"Warning: {prediction.file} is {doubt}", err=True)
    about = predict.about(saved)
    if as_json:
        recipe = {"recipe": saved.record.recipe} if with_recipe else {}
        outcome = {"predictions": [dataclasses.asdict(p) for p in predictions], "errors": errors}
        click.echo(json.dumps(about | recipe | outcome, indent=1))
    else:
        _show_about(about, dict(model_card.flat(saved.record.recipe)) if with_recipe else {})
        _show(predictions, saved.record.classes)
    for sentence in errors:
        click.echo(f"Error: {sentence}", err=True)
    if errors:
        raise click.exceptions.Exit(2)


def _predict_all(predict_piece, pieces_of, files):
    """Predictions, and what is wrong with the others."""
    predictions, errors = [], []
    for file in files:
        try:
            pieces = pieces_of(file)
        except InputError as error:
            errors.append(str(error))
            continue
        for piece in pieces:
            try:
                predictions.append(predict_piece(file, *piece))
            except InputError as error:
                errors.append(str(error) if piece[0] is None else f"from {piece[0]:.1f} to {piece[1]:.1f} s: {error}")
    return predictions, errors


def _show_about(about, recipe):
    for name, value in about.items():
        for line in value if isinstance(value, list) else [value]:
            click.echo(f"{name.replace('_', ' '):10}  {line}")
    for name, value in recipe.items():
        click.echo(f"{'recipe':10}  {name} = {value}")


def _show(predictions, classes):
    """The table of decisions, then the emotions over time of the recordings that have them."""
    from tabulate import tabulate

    if not predictions:
        return
    decides, *others = predictions[0].scores
    click.echo(f"\nscores of the rule {decides}, which decides")
    click.echo(_table(predictions, decides, classes))
    if not _sum_to_one(predictions, decides) and (rule := next((r for r in others if _sum_to_one(predictions, r)), "")):
        click.echo(f"\nthese are no probabilities; those of the rule {rule}, which does not decide")
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
        scores = [f"{p.scores[rule][name]:.3g}" for name in classes]
        rows.append([p.file, f"{p.start_s:.1f}", f"{p.end_s:.1f}", p.decision or "no decision", *scores])
    aligned = ("left", "right", "right", "left", *("right" for _ in classes))
    headers = ["file", "start_s", "end_s", "decision", *classes]
    return tabulate(rows, headers=headers, colalign=aligned, disable_numparse=True)


def _sum_to_one(predictions, rule) -> bool:
    """Whether a rule's scores are shares or probabilities; a row of zeros, "no decision", does not speak against it."""
    sums = [sum(p.scores[rule].values()) for p in predictions]
    return all(total == 0 or abs(total - 1) < 1e-3 for total in sums)
