"""`python -m experiments VERB`: exit status 0 done, 1 a check did not hold, 2 the input is at fault.

Every verb imports what it needs when it runs: tables are rebuilt where there is neither Keras nor audio.
"""

import dataclasses
import json
import os
from pathlib import Path

import click

from common.errors import InputError
from experiments.audit_command import audit_command
from experiments.bench_command import bench_command
from experiments.diagnose_command import diagnose_command
from experiments.draw_command import draw_command
from experiments.label_command import label_command
from experiments.latency_command import latency_command
from experiments.litert_command import litert_command
from experiments.options import DATA, RESULTS
from experiments.predict_command import predict_command


class Program(click.Group):
    """Turns an InputError into one sentence on standard error and exit status 2."""

    def invoke(self, context):
        try:
            return super().invoke(context)
        except InputError as error:
            raise click.exceptions.UsageError(str(error)) from error
        except KeyboardInterrupt:
            click.echo("\nstopped; finished folds are kept, the same command goes on from here", err=True)
            raise click.exceptions.Exit(130) from None


def _whole_numbers(context, parameter, text):
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


def _names(context, parameter, text):
    """`a, b,a` -> ("a", "b")."""
    if text is None:
        return None
    if names := tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip())):
        return names
    raise click.BadParameter(f"{text!r} names nothing; expected names with commas between them")


TRAINING = [
    DATA,
    click.option("--emotions", callback=_names, help="Comma-separated emotions, or a label set: 4hap, 4exc."),
    click.option("--seeds", callback=_whole_numbers, default="0", show_default=True, help="For example 0-4 or 0,3."),
    click.option(
        "--folds", callback=_whole_numbers, help="Numbers of the folds to do, for example 1-3; all if absent."
    ),
    click.option("--workers", type=click.IntRange(1), default=os.cpu_count(), help="Processes; one a core if absent."),
    click.option("--scheduler", help="Address of a Dask scheduler whose workers train, for example tcp://host:8786."),
    click.option("--store", type=click.Path(path_type=Path), help="Feature store; SER_CACHE/features if absent."),
    click.option("--weights", default="imagenet", help="ResNet50's: imagenet, a file, or none (random, labelled so)."),
    click.option("--noises", type=click.Path(path_type=Path), help="Folder of noises for systems tested in noise."),
    click.option("--snr", "snr_db", type=float, default=0.0, help="Level of those noises in dB; 0 if absent."),
    click.option("--models", type=click.Path(path_type=Path), help="Keep the systems fitted now in this folder."),
    RESULTS,
]
RECIPE_CHANGES = ("weights", "noises", "snr_db")


def training_options(command):
    for option in reversed(TRAINING):
        command = option(command)
    return command


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main():
    """Rerun five published methods of speech emotion recognition and compare them on the same folds."""


@main.command("papers")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def papers_command(as_json):
    """List the systems."""
    from common import published
    from experiments import catalog

    rows = []
    for name, paper in catalog.PAPERS.items():
        numbers = published.read(name)
        for variant, presets in paper.RECIPES.items():
            recipe = presets["paper"]
            rows.append(
                {
                    "paper": name,
                    "variant": variant,
                    "parameters": recipe.num_parameters,
                    "corpus": recipe.corpus,
                    "protocols": list(recipe.protocols),
                    "presets": list(presets),
                    "published": [dataclasses.asdict(n) for n in numbers if n.variant == variant],
                }
            )
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    from tabulate import tabulate

    columns = ("paper", "variant", "parameters", "corpus", "protocols")
    body = [[", ".join(row[c]) if c == "protocols" else row[c] for c in columns] for row in rows]
    click.echo(tabulate(body, headers=columns, intfmt=","))


@main.group("corpora", invoke_without_command=True)
@DATA
@click.pass_context
def corpora_command(context, data):
    """List the corpora: found or missing, counts, licence, how to get them."""
    if context.invoked_subcommand:
        return
    from common import corpora

    for name, module in corpora.CORPORA.items():
        card = module.CARD
        place = corpora.find(name, data)
        click.echo(f"{name}: {card.title}\n  {f'found at {place}' if place else 'missing'}")
        click.echo(f"  {card.num_utterances} utterances, {card.num_speakers} speakers; licence: {card.licence}")
        click.echo(f"  {card.how_to_get}\n")


@corpora_command.command("verify")
@click.argument("name")
@DATA
def verify_command(name, data):
    """Check a corpus's names, counts per class and counts per speaker."""
    from common import corpora

    corpus = corpora.load(name, data)
    counts = ", ".join(f"{emotion} {count}" for emotion, count in corpus.counts.items())
    speakers = len({u.speaker for u in corpus.utterances})
    click.echo(f"{corpus.variant}: {len(corpus.utterances)} utterances, {speakers} speakers; {counts}")
    if corpus.limits:
        click.echo(corpus.limits)


@corpora_command.command("fetch")
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), default=Path("data"), show_default=True)
def fetch_command(name, into):
    """Download a corpus from its official address and unpack it."""
    from common.corpora import fetch

    click.echo(f"{name} is at {fetch.fetch(name, into)}")


@corpora_command.command("synthesize")
@click.argument("layout", type=click.Choice(["ravdess", "emodb", "iemocap"]))
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--seed", default=0, show_default=True)
def synthesize_command(layout, directory, seed):
    """Write a synthetic corpus in a real one's layout (checks the machinery, not the science)."""
    from common.corpora import synthetic

    synthetic.synthesize(layout, directory, seed=seed)
    click.echo(f"{layout} layout, synthetic speech, at {directory}")


@main.command("run")
@click.argument("paper")
@click.option("--variant", "variants", callback=_names, help="One or more, comma-separated; all if absent.")
@click.option("--corpus", "corpus_name", help="NAME, NAME/VARIANT or manifest:FILE.csv; the paper's own if absent.")
@click.option("--protocol", "protocols", callback=_names, default="paper", show_default=True, help="Comma-separated.")
@click.option("--preset", default="paper", show_default=True, help="paper, quick or smoke.")
@training_options
def run_command(paper, variants, corpus_name, protocols, preset, **options):
    """Train and score one paper's systems."""
    from experiments import catalog, compare

    variants = variants or tuple(catalog.paper(paper).RECIPES)
    changes = {name: options.pop(name) for name in RECIPE_CHANGES}
    systems = compare.systems([(paper, variant) for variant in variants], preset, **changes)
    compare.show(*compare.train(systems, [corpus_name], protocols=protocols, **_places(options)), options["results"])


@main.command("compare")
@click.option("--papers", callback=_names, help="Comma-separated; all if absent.")
@click.option("--systems", "names", callback=_names, help="paper/variant, comma-separated; the papers' main ones.")
@click.option("--corpus", "corpus_names", callback=_names, help="Comma-separated; those found, else synthetic ones.")
@click.option(
    "--protocol",
    "protocols",
    callback=_names,
    default="speaker_independent",
    show_default=True,
    help="Comma-separated: random and text_independent beside it show what knowing speakers and sentences is worth.",
)
@click.option("--preset", default="quick", show_default=True, help="paper, quick or smoke.")
@training_options
def compare_command(papers, names, corpus_names, protocols, preset, **options):
    """Every paper's systems on the same folds of the same utterances; then tables and the report."""
    from experiments import compare

    compare.require_honest(protocols)
    pairs = [tuple(name.split("/", 1)) for name in names] if names else compare.main_systems(papers)
    systems = compare.systems(pairs, preset, **{name: options.pop(name) for name in RECIPE_CHANGES})
    options["emotions"] = options["emotions"] or (compare.EMOTIONS,)
    data = options["data"]
    found = corpus_names or compare.corpora_found(data) or compare.synthetic_corpora(data)
    compare.show(*compare.train(systems, found, protocols=protocols, **_places(options)), options["results"])
    if preset == "smoke":
        click.echo("preset smoke trains for an epoch or two: it shows the machinery; --preset quick gives numbers")


def _places(options):
    from common import feature_store

    options["store"] = options["store"] or feature_store.cache_dir() / "features"
    folds = options.pop("folds")
    options["fold_names"] = folds and tuple(f"fold_{k}" for k in folds)
    return options


@main.command("tabulate")
@click.option("--check", is_flag=True, help="Write nothing; exit status 1 where what is there differs.")
@RESULTS
def tabulate_command(check, results):
    """Rebuild every table from the records."""
    from experiments import tabulate

    differing = tabulate.tabulate(results, check=check)
    for path in differing:
        done = "written" if path.exists() else "removed: no record is behind it any more"
        click.echo(f"{path} {'differs from its records' if check else done}")
    if check and differing:
        raise click.exceptions.Exit(1)


@main.command("report")
@RESULTS
@click.option("--check", is_flag=True, help="Write nothing; exit status 1 if the page lags behind its records.")
def report_command(results, check):
    """Write the page results/report/index.html."""
    from experiments import report

    if not check:
        click.echo(f"report: {report.write(results)}")
    elif not report.is_current(results):
        click.echo("report/index.html differs from its records")
        raise click.exceptions.Exit(1)


main.add_command(bench_command)
main.add_command(diagnose_command)
main.add_command(draw_command)


@main.command("export")
@RESULTS
@click.option(
    "--into", type=click.Path(path_type=Path), required=True, help="Folder for folds, audformat, predictions."
)
@click.option(
    "--tensorboard", is_flag=True, help="Learning curves as well, for `tensorboard --logdir INTO/tensorboard`."
)
@DATA
def export_command(results, into, tensorboard, data):
    """Write fold files (CSV), audformat databases of the folds and every utterance's predictions, from the records."""
    from experiments import curves, export

    done = export.export(results, into, data)
    click.echo(f"{into}: {done.folds} folds, predictions of {done.predictions} records")
    if tensorboard:
        runs = curves.export(results, into / "tensorboard")
        click.echo(f"{into / 'tensorboard'}: learning curves of {runs} fold{'s' if runs > 1 else ''}")
    for sentence in done.missing:
        click.echo(sentence)


main.add_command(audit_command)
main.add_command(label_command)
main.add_command(latency_command)
main.add_command(litert_command)
main.add_command(predict_command)


if __name__ == "__main__":
    main(prog_name="python -m experiments")
