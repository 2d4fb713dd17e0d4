"""Draw a paper's own figures, from the saved networks of a fold and their test recordings.

papers/<paper>/figures.py may define two names for such figures. `SYSTEMS`: rows of variants; the figures are drawn from
the systems of the first available row. `paper_figures(systems, sentence)`: {name: (Figure, description, emotions)},
given (recipe, Fitted) of each variant and a function that returns the test sentence of an emotion. Figures that need no
system are defined by `recording_figures(waveforms)`: {name: (Figure, description)}, given a function that returns the
recordings of a corpus at a sample rate.
"""

from pathlib import Path

from common import corpora, records
from common.atomic_file import write_set
from common.errors import InputError
from common.features import audio
from common.learning import backend
from experiments.catalog import figures_of
from experiments.evaluation import system_results
from experiments.report import drawing
from experiments.saved_models import model_card, models

PRESETS = ("paper", "quick", "smoke")  # the first available one is used
TABLES = (".csv", ".tsv", ".txt", ".jsonl", ".parquet")


def draw(name, *, saved, data, results, into, corpus=None) -> list[Path]:
    """Draw a paper's figures; returns the paths of the images, beside which captions are written as text files.

    Args:
        name: of the paper.
        saved: folder written by `run --models`.
        data: folder of the corpora.
        results: folder with the records of the saved systems.
        into: parent of the folder `name` that is written.
        corpus: folder name of a corpus variant, for example ravdess-4hap; None takes any.

    Raises:
        InputError: the paper has no figures of its own, or systems, records or recordings are missing.
    """
    backend.start()
    paper = figures_of(name)
    if not hasattr(paper, "paper_figures"):
        raise InputError(f"{name} has no figures of saved systems; give recordings with --corpus, without --models")
    loaded = [models.load(folder, keras=True) for folder in folders(saved, name, paper.SYSTEMS, corpus)]
    tested = _tested([system.record for system in loaded], data, results)
    images = []
    with drawing.style():
        drawn = paper.paper_figures(
            [(system.recipe, system) for system in loaded],
            lambda emotion, rate: _waveform(_first(tested, emotion), rate),
        )
        for stem, (figure, shows, emotions) in drawn.items():
            caption = _caption(shows, [system.record for system in loaded], [_first(tested, e) for e in emotions])
            images.append(_write(Path(into, name, f"{stem}.png"), drawing.png(figure), caption))
    return images


def draw_recordings(name, *, data, into, corpus) -> list[Path]:
    """Draw a paper's figures of recordings, which need no system; arguments and return value as for `draw`.

    Raises:
        InputError: the paper has no such figures, or the recordings are missing.
    """
    backend.start()
    paper = figures_of(name)
    if not hasattr(paper, "recording_figures"):
        raise InputError(f"{name} has no figures of recordings only; give a folder of saved systems with --models")
    loaded = corpora.load(corpus, data)

    def waveforms(rate):
        return (_waveform(utterance, rate) for utterance in loaded.utterances)

    images = []
    with drawing.style():
        for stem, (figure, shows) in paper.recording_figures(waveforms).items():
            source = corpora.CORPORA.get(corpus.partition("/")[0])
            credit = f"Recordings: {source.INFO.citation}; licence: {source.INFO.licence}." if source else ""
            lines = [f"{shows[0].upper()}{shows[1:]}.", f"Corpus: {loaded.variant}.", credit, loaded.limits]
            images.append(
                _write(Path(into, name, f"{stem}.png"), drawing.png(figure), "\n".join(filter(None, lines)) + "\n")
            )
    return images


def folders(saved, name, rows, corpus=None) -> list[Path]:
    """Folders of the first row of variants that are all saved, for one fold: best preset, lowest seed and fold."""
    base = Path(saved, "runs", name)
    for variants in rows:
        places = [
            {path.parent.relative_to(base / v) for path in (base / v).rglob(models.DESCRIPTION)} for v in variants
        ]
        shared = [place for place in set.intersection(*places) if corpus in (None, place.parts[0])]
        if shared:
            return [base / variant / min(shared, key=_order) for variant in variants]
    wanted = " or ".join(" with ".join(variants) for variants in rows)
    command = system_results.shell_line(["run", name, "--variant", ",".join(rows[0]), "--models", str(saved)])
    raise InputError(
        f"{saved} has no fold of {wanted} of {name}{f' on {corpus}' if corpus else ''}; "
        f"`{command}` saves trained systems"
    )


def _order(place):
    """Sort key of `<corpus>/<protocol>-<preset>/seed_<s>/fold_<k>`."""
    corpus, setup, *numbered = place.parts
    preset = setup.rpartition("-")[2]
    return PRESETS.index(preset), corpus, setup, *(int(part.rpartition("_")[2]) for part in numbered)


def _tested(saved, data, results):
    """The utterances of the fold's test part, in the order of its record; all systems must share them."""
    record, *others = (_recorded(system, results) for system in saved)
    ids = record.parts["test"]["utterances"]
    if any(other.parts["test"]["utterances"] != ids for other in others):
        raise InputError(f"the systems of {record.paper} were tested on different utterances; train them on one corpus")
    corpus = corpora.load(_corpus_name(record), data)
    if corpus.name != record.corpus:
        raise InputError(f"the systems were trained on {record.corpus}, --data has {corpus.name}; give its folder")
    by_id = {u.id: u for u in corpus.utterances}
    if missing := [i for i in ids if i not in by_id]:
        raise InputError(f"{corpus.name} lacks the test utterance {missing[0]}; give the folder of the whole corpus")
    return [by_id[i] for i in ids]


def _corpus_name(record) -> str:
    """The name for `corpora.load`. A user's table or database is searched by name in the current folder."""
    name, _ = system_results.corpus_words(record)
    kind, of_a_user, title = record.corpus.partition(":")
    if not of_a_user:
        return name
    if kind != "manifest":
        return name.replace("DIR", title, 1)
    tables = [path for path in Path().iterdir() if path.stem == title and path.suffix in TABLES]
    if len(tables) != 1:
        raise InputError(
            f"{record.corpus}: {len(tables)} tables {title}{'|'.join(TABLES)} in the current folder, expected one; "
            "run this command in the folder of the table that the systems were trained on"
        )
    return f"{kind}:{tables[0]}"


def _recorded(saved, results):
    """The complete record of a saved system; both must be of the same training."""
    path = records.record_path(results, saved)
    record = records.read(path)
    if (record.fold_fingerprint, record.recipe) != (saved.fold_fingerprint, saved.recipe):
        raise InputError(f"{path} is the record of another training; train the saved system again with --models")
    return record


def _first(utterances, emotion):
    """The first utterance of an emotion, so that examples are not selected by their appearance."""
    for utterance in utterances:
        if utterance.emotion == emotion:
            return utterance
    raise InputError(f"the figure needs {emotion}, which the test part lacks; take a corpus with this emotion")


def _waveform(utterance, sample_rate_hz):
    waveform, _ = audio.read_utterance(utterance, sample_rate_hz=sample_rate_hz)
    return waveform


def _caption(shows, saved, utterances) -> str:
    """Caption with description, systems, sentences and recordings."""
    record, source = saved[0], model_card.source(saved[0])
    names = ", ".join(f"{system.paper}/{system.variant}" for system in saved)
    said = ", ".join(f"{u.emotion} {u.id}" for u in utterances)
    credit = ", ".join(filter(None, [source.title, source.citation, source.url]))
    sentences = [
        f"{shows[0].upper()}{shows[1:]}.",
        f"{names} on {record.corpus_variant}, protocol {record.protocol}, preset {record.preset}, seed {record.seed}, "
        f"{record.fold}.",
        f"First sentence of each emotion in the test part: {said}.",
        f"Recordings: {credit}; licence: {source.licence}.",
        *([f"{record.limits.rstrip('.')}."] if record.limits else []),
    ]
    return "\n".join(sentences) + "\n"


def _write(path, image, caption):
    try:
        write_set({path: image, path.with_suffix(".txt"): caption})
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); choose another folder with --into") from error
    return path
