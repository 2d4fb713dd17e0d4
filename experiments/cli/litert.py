"""The verb `litert`. What starts Keras is imported when it runs."""

from pathlib import Path

import click

from common.atomic_file import require_writable


@click.command("litert")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--anyway", is_flag=True, help="Use a system made with another Keras or another front end.")
def litert_command(model, file, anyway):
    """Write the network of the saved system in the folder MODEL as LiteRT: FILE.tflite, and FILE.json, what it takes.

    LiteRT runs without Keras and TensorFlow, on telephones too. Some networks are several times as fast in it, some are
    slower: results/tables/bench.md has the figures.

    Example: python -m experiments litert MODELS/runs/emmert/mfcc/.../fold_1 mfcc
    """
    require_writable(file.parent, "FILE")
    from experiments.saved_models import models

    saved = models.load(model, anyway=anyway)
    from experiments.saved_models import litert

    path = litert.export(saved, file.with_suffix(".tflite"))
    click.echo(f"{path}: {path.stat().st_size / 2**20:.1f} MiB; {path.with_suffix('.json')} says what it takes")
