"""The verb `label`. Modules are imported when they are needed: no audio for --score, Flask only for the page."""

from pathlib import Path

import click

from common.atomic_file import require_writable
from common.errors import InputError
from common.utterance import emotions_of
from experiments.cli.options import (
    DATA,
    LABELS,
    RESULTS,
    SEED,
    existing,
    names_of,
    refuse_for_corpora,
    refuse_ignored,
)
from experiments.listening import answers_file, study_plan

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("label")
@click.option("--corpus", "corpus_name", help="NAME, NAME/VARIANT, manifest:FILE or audformat:DIR.")
@DATA
@click.option(
    "--emotions",
    callback=names_of,
    help="Comma-separated emotions, or a label set: 4hap, 4exc; all of the corpus if absent.",
)
@LABELS
@click.option("--answers", type=FILE, help="Answers file; RESULTS/human/<corpus variant>.sqlite if absent.")
@click.option("--per-emotion", type=click.IntRange(1), help="Scored utterances per emotion; all if absent.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes any free port.")
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Of the choice of utterances and of each person's order."
)
@click.option("--score", is_flag=True, help="Do not serve; print the scores and write RESULTS/human/*.json.")
@click.option("--export", type=FILE, help="With --score: also write all answers as CSV, names included.")
@RESULTS
def label_command(corpus_name, data, emotions, labels, answers, per_emotion, port, seed, score, export, results):
    """Serve a page on which people label utterances; with --score, compute the human reference from their answers.

    The page is served on 127.0.0.1 only. Each answer is saved immediately; the same command resumes a stopped study.

    Example: python -m experiments label --corpus emodb --data DIR --per-emotion 5
    """
    _require_used(corpus_name, labels, answers, score)
    if score:
        if answers is None:
            existing(None, None, results)
        require_writable(Path(results, "human"))
        if export:
            require_writable(export.parent, "--export")
        variant = _corpus(corpus_name, data, emotions, labels).variant if corpus_name else None
        _score(_answers_to_score(answers, variant, results), results, export)
        return
    if corpus_name is None:
        raise InputError("no corpus is given; give one with --corpus, for example --corpus ravdess")
    require_writable(answers.parent if answers else Path(results, "human"), "--answers")
    corpus = _corpus(corpus_name, data, emotions, labels)
    study = study_plan.plan(corpus, seed=seed, per_emotion=per_emotion)
    _serve(study, corpus, answers or answers_file.place(results, corpus.variant), port)


def _require_used(corpus_name, labels, answers, score):
    """Raise InputError for options that are not used with, or without, --score."""
    refuse_for_corpora([corpus_name] if corpus_name else [], labels)
    if not score:
        refuse_ignored(["export"], "only --score writes it")
        if answers:
            refuse_ignored(["results"], "--answers gives the file of answers")
        return
    refuse_ignored(["per_emotion", "port", "seed"], "--score does not serve a page")
    if corpus_name is None:
        refuse_ignored(["data", "emotions", "labels"], "it needs --corpus, the corpus whose answers are scored")


def _corpus(name, data, emotions, labels):
    from common import corpora

    corpus = corpora.load(name, data, labels)
    return corpus.only(emotions_of(emotions)) if emotions else corpus


def _serve(study, corpus, path, port):
    from experiments.listening import web_page

    if not path.exists():
        _listen_through(study, corpus)
    answers = answers_file.begin(path, study)
    app = web_page.create_app(study, answers, corpus.utterances)
    counted = len(study.items_of(study_plan.TEST))

    def ready(address):
        click.echo(
            f"{study.variant}: {len(study.items) - counted} training utterances, then {counted} scored ones; "
            f"answers are saved in {path}\nopen {address} (Ctrl-C stops; the same command resumes)"
        )

    web_page.serve(app, port, ready)
    click.echo(f"stopped; every answer is in {path}")


def _listen_through(study, corpus):
    """Read every recording once before a study begins: a damaged one would interrupt an assessor."""
    from common.features import audio
    from common.progress import bar

    chosen = {item.id for item in study.items}
    for u in bar([u for u in corpus.utterances if u.id in chosen], desc="reading the recordings", leave=False):
        audio.read_utterance(u)


def _answers_to_score(path, variant, results):
    """The answers in the given file, in the file of the given corpus, or in the only file."""
    if path is None:
        path = answers_file.place(results, variant) if variant else _only_file(results)
    answers = answers_file.Answers(path)
    there = answers.study().variant
    if variant and there != variant:
        raise InputError(f"{path} has answers on {there}, not {variant}; leave --corpus out, or give another file")
    return answers


def _only_file(results):
    folder = Path(results, "human")
    answers_files = sorted(folder.glob("*.sqlite"))
    if len(answers_files) != 1:
        problem = (
            f"several answers files ({', '.join(p.name for p in answers_files)})"
            if answers_files
            else "no answers file"
        )
        raise InputError(f"{problem} in {folder}; name one with --answers")
    return answers_files[0]


def _score(answers, results, export):
    from experiments.listening import human_score

    rows = answers.rows()
    if export:
        click.echo(f"{answers_file.export(rows, export)}: {len(rows)} answers")
    result = human_score.score(answers.study(), rows)
    click.echo(human_score.show(result, human_score.assessors(rows)))
    click.echo(f"\n{human_score.write(result, results)} written")
