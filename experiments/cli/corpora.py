"""The verb `corpora`, with verify, fetch and synthesize."""

import os
from pathlib import Path

import click

from common.atomic_file import require_writable
from common.errors import InputError, printable
from experiments.cli.options import DATA, LABELS, SEED, STRICT, refuse_for_corpora, refuse_ignored


@click.group("corpora", invoke_without_command=True)
@DATA
@click.pass_context
def corpora_command(context, data):
    """List the corpora: location, counts, licence, how to get them.

    Example: python -m experiments corpora --data DIR
    """
    if context.invoked_subcommand:
        refuse_ignored(["data"], f"{context.invoked_subcommand} takes it after its own name")
        return
    from common.corpora import places

    for name, module in places.CORPORA.items():
        card = module.INFO
        place = places.find(name, data)
        click.echo(f"{name}: {card.title}\n  {f'found at {place}' if place else 'missing'}")
        click.echo(f"  {card.num_utterances} utterances, {card.num_speakers} speakers; licence: {card.licence}")
        click.echo(f"  {_state(name, data) if place else card.how_to_get}\n")


def _state(name, data) -> str:
    """The name in tables and the limits of a present corpus, or its fault."""
    from common import corpora

    try:
        corpus = corpora.load(name, data)
    except InputError as error:
        return f"cannot be used: {error}"
    return f"used as {corpus.variant}{f': {corpus.limits}' if corpus.limits else ''}"


@corpora_command.command("verify")
@click.argument("name")
@DATA
@LABELS
@STRICT
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count(), help="Threads; one per core if absent.")
def verify_command(name, data, labels, strict, workers):
    """Check a corpus's names, counts per class and speaker, and read every recording.

    NAME is the name of a corpus, manifest:FILE or audformat:DIR[:TABLE]. Unusable recordings are listed together.
    """
    refuse_for_corpora([name], labels)
    from common import corpora
    from common.features import audio
    from common.folds import leakage
    from experiments.runs import jobs

    corpus = corpora.load(name, data, labels)
    counts = ", ".join(f"{emotion} {count}" for emotion, count in corpus.counts.items())
    speakers = len({u.speaker for u in corpus.utterances})
    click.echo(f"{corpus.variant}: {len(corpus.utterances)} utterances, {speakers} speakers; {counts}")
    if corpus.limits:
        click.echo(corpus.limits)
    if subsets := getattr(corpora.places.CORPORA.get(name), "VARIANTS", None):
        _show_subsets(name, data, subsets)
    read = audio.read_every_file(corpus, workers=workers)
    repeated = leakage.same_recordings(corpus.utterances, jobs.audio_hashes(corpus.utterances, workers=workers))
    warnings = [*corpus.warnings, *read, *filter(None, [leakage.speaker_label_warning(corpus.utterances), repeated])]
    for sentence in warnings:
        click.echo(f"Warning: {printable(sentence)}", err=True)
    if warnings and strict:
        count = "1 warning" if len(warnings) == 1 else f"{len(warnings)} warnings"
        raise InputError(
            f"{name}: {count}, which --strict treats as {'an error' if len(warnings) == 1 else 'errors'}; "
            "fix the corpus, or leave --strict out"
        )
    click.echo(f"{len(corpus.utterances)} recordings read")


def _show_subsets(name, data, subsets):
    """Print the number of utterances in every subset used in papers, beside that in the literature."""
    from tabulate import tabulate

    from common import corpora

    counts = {f"{name}/{subset}": described.num_utterances for subset, described in subsets.items()}
    rows = [(subset, len(corpora.load(subset, data).utterances), published) for subset, published in counts.items()]
    click.echo(tabulate(rows, ("subset", "here", "literature"), intfmt=","))


@corpora_command.command("fetch")
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), default=Path("data"), show_default=True)
def fetch_command(name, into):
    """Download a corpus from its official address and unpack it."""
    require_writable(into, "--into")
    from common.corpora import places

    click.echo(f"{name} is at {places.fetch(name, into)}")


@corpora_command.command("synthesize")
@click.argument("layout", type=click.Choice(["ravdess", "emodb", "iemocap"]))
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--speakers", type=click.IntRange(1), help="8 (ravdess) or 10 (emodb, iemocap) if absent.")
@click.option("--files", type=click.IntRange(1), help="Per speaker and emotion; 100 give a full-size iemocap.")
def synthesize_command(layout, directory, seed, speakers, files):
    """Write a synthetic corpus in a real one's layout, to check the software (not for results)."""
    require_writable(directory, "DIRECTORY")
    from common.corpora import synthetic

    synthetic.synthesize(layout, directory, seed=seed, speakers=speakers, files=files)
    click.echo(f"{layout} layout, synthetic speech, at {directory}")
