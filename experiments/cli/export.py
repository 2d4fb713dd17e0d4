"""The verbs `export` and `onnx`."""

from pathlib import Path

import click

from common.atomic_file import require_writable
from common.errors import InputError
from experiments.cli.options import DATA, RESULTS_READ, names_of, refuse_ignored


@click.command("export")
@RESULTS_READ
@click.option("--into", type=click.Path(path_type=Path), help="Folder for folds, audformat, predictions.")
@click.option(
    "--shareable",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.zip",
    help="Instead: pack the records into an archive without audio, transcripts and ratings.",
)
@click.option("--hash-ids", is_flag=True, help="With --shareable: replace utterance ids and speakers by hashes.")
@click.option(
    "--tensorboard", is_flag=True, help="Learning curves as well, for `tensorboard --logdir INTO/tensorboard`."
)
@DATA
@click.option(
    "--corpus",
    "corpus_names",
    callback=names_of,
    help="manifest:FILE or audformat:DIR of your own recordings, comma-separated, to locate their files. "
    "With --shareable, the corpora whose records are packed.",
)
def export_command(results, into, shareable, hash_ids, tensorboard, data, corpus_names):
    """Write folds (as CSV and for audformat, nkululeko and EmoBox) and all predictions, from the records.

    With --data and --corpus, files are listed with their path below the corpus's root (for `audit --audio`), gender and
    duration; otherwise with their stem. `run --protocol folds:DIR` accepts both.

    Example: python -m experiments export --into exported
    """
    if (into is None) == (shareable is None):
        raise InputError("give either a folder with --into or an archive with --shareable")
    if shareable:
        refuse_ignored(["tensorboard", "data"], "--shareable packs only records")
        _pack(results, shareable, corpus_names, hash_ids)
        return
    refuse_ignored(["hash_ids"], "it is for --shareable")
    require_writable(into, "--into")
    from experiments.export import export, learning_curves

    done = export.export(results, into, data, corpus_names or ())
    click.echo(f"{into}: {done.folds} folds, predictions of {done.predictions} records")
    if tensorboard:
        runs = learning_curves.export(results, into / "tensorboard")
        click.echo(f"{into / 'tensorboard'}: learning curves of {runs} fold{'s' if runs > 1 else ''}")
    for sentence in done.missing:
        click.echo(sentence)


def _pack(results, file, corpus_names, hashed):
    require_writable(file.parent, "--shareable")
    from experiments.export import shareable

    count = shareable.pack(results, file, corpora=corpus_names, hashed=hashed)
    click.echo(f"{file}: {count} record{'s' if count > 1 else ''}; `tabulate` uses them once unpacked in --results")


@click.command("onnx")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--anyway", is_flag=True, help="Use a system saved with another Keras version or front end.")
def onnx_command(model, file, anyway):
    """Write the network of the saved system in the folder MODEL as FILE.onnx; needs requirements-onnx.txt.

    Its inputs are the front end's features of one recording, with the settings in MODEL/config.json. The file is tested
    with onnxruntime and refused if its outputs differ from those of Keras.

    Example: python -m experiments onnx MODELS/runs/emmert/mfcc/.../fold_1 mfcc
    """
    require_writable(file.parent, "FILE")
    from experiments.saved_models import models

    path = models.write_onnx(model, file.with_suffix(".onnx"), anyway=anyway)
    click.echo(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")
