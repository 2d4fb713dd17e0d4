"""Select systems and corpora, and train the folds that have no record yet."""

import itertools
from pathlib import Path

import click

from common import corpora, recipes
from common.atomic_file import require_writable
from common.errors import InputError
from common.features import feature_store
from common.folds import cross_corpus, leakage, user_folds
from common.utterance import emotions_of
from experiments import catalog
from experiments.evidence import annotations, human_reference
from experiments.runs import jobs, schedule

SYNTHETIC_LAYOUTS = ("ravdess",)
FIRST_LOOK_SPEECH = {"speakers": 12, "files": 2, "variability": 0.25}  # networks converge on it within minutes
FIRST_LOOK = {  # paper -> changes of its preset `quick`, so that early stopping ends the training
    "emmert": "+max_epochs=60+patience=6",
    "ma2018": "+max_epochs=40+patience=5",
}
OPTIONS = {"weights": "--weights", "noises": "--noises", "snr_db": "--snr"}  # options for the papers' `change`
EMOTIONS = "4hap"  # default of a comparison: the four emotions that every corpus has


def main_systems(papers=None):
    """(paper, variant) of a comparison's default systems: those in the papers' COMPARED."""
    return [(name, variant) for name in papers or catalog.NAMES for variant in catalog.paper(name).COMPARED]


def first_systems(papers=None):
    """(paper, variant) of the first main system of each paper."""
    return [(name, catalog.paper(name).COMPARED[0]) for name in papers or catalog.NAMES]


def first_look_systems(papers, preset):
    """`first_systems`, with the changes in `FIRST_LOOK` at preset quick."""
    changes = FIRST_LOOK if preset == "quick" else {}
    return [(name, f"{variant}{changes.get(name, '')}") for name, variant in first_systems(papers)]


def systems(pairs, preset, *, assignments=(), **options):
    """Experiments of (paper, variant) pairs.

    Args:
        pairs: of names; a variant may include changes, `cnn+learning_rate=0.1`, as in records.
        preset: paper, quick or smoke.
        assignments: `field=value` texts that change the recipe of every system.
        options: those given on the command line, for a paper's own `change(recipe, options)`: weights, noises, snr_db.

    Raises:
        InputError: a name is unknown, a change is impossible, or an option is not used by any of the systems.
    """
    experiments, faults, options = [], [], _Options(options)
    for pair in pairs:
        try:
            experiments.append(_system(pair, preset, assignments, options))
        except InputError as error:
            faults.append(str(error))
    if faults:
        raise InputError("\n".join(dict.fromkeys(faults)))
    if unread := [OPTIONS[name] for name in options if name not in options.read]:
        names = ", ".join(system.name for system in experiments)
        raise InputError(f"{' and '.join(unread)} would be ignored: not used by {names}; leave it out")
    return experiments


class _Options(dict):
    """Options that record which of them were read."""

    def __init__(self, options):
        super().__init__(options)
        self.read = set()

    def get(self, name, default=None):
        self.read.add(name)
        return super().get(name, default)


def _system(pair, preset, assignments, options):
    if len(pair) != 2:
        raise InputError(f"{pair[0]!r} is not a system; write paper/variant, for example emmert/mfcc")
    paper = pair[0]
    variant, named = recipes.split_name(pair[1])
    stated = catalog.recipe(paper, variant, preset)
    recipe = catalog.paper(paper).change(stated, options)
    if recipe != stated:  # changed by an option: use the name of the variant with this recipe, if there is one
        alike = (name for name, presets in catalog.paper(paper).RECIPES.items() if presets[preset] == recipe)
        variant = next(alike, variant)
    try:
        recipe, differing = recipes.changed(recipe, [*named, *assignments])
    except InputError as error:
        raise InputError(f"{paper}/{variant}: {error}") from error
    return jobs.Experiment(
        paper=paper,
        variant=recipes.changed_name(variant, differing),
        preset=preset,
        recipe=recipe,
        note=recipes.note_of(differing),
    )


def require_honest(protocols):
    """Raise InputError for a leaky protocol, whose results are not comparable with others."""
    if leaky := next((protocol for protocol in protocols if leakage.is_leaky(protocol)), None):
        raise InputError(
            f"compare does not accept {leaky}: segments of one recording are in both training and test; "
            "use `run`, whose tables mark it as leaky"
        )


def require_pair(protocols, test_corpora):
    """Raise InputError if only one of protocol cross_corpus and test corpora is given."""
    if cross_corpus.NAME in protocols and not test_corpora:
        raise InputError(
            f"protocol {cross_corpus.NAME} trains on --corpus and tests on all of another corpus; give it with "
            "--test-corpus"
        )
    if test_corpora and cross_corpus.NAME not in protocols:
        raise InputError(
            f"--test-corpus {', '.join(test_corpora)} would be ignored: protocol {', '.join(protocols)} tests on the "
            f"training corpus; add --protocol {cross_corpus.NAME} or leave it out"
        )


def corpora_found(data):
    """Names of the available corpora."""
    return tuple(name for name in corpora.places.CORPORA if corpora.places.find(name, data))


def is_synthetic(protocols, data) -> bool:
    """Whether a comparison without --corpus uses synthetic speech."""
    return not any(map(user_folds.name_lists, protocols)) and not corpora_found(data)


def corpora_of(protocols, data):
    """The corpora of a comparison without --corpus: those of its fold files, else all available, else synthetic ones.

    Raises:
        InputError: some of the protocols are fold files and others are not.
    """
    lists = [protocol for protocol in protocols if user_folds.name_lists(protocol)]
    if not lists:
        return corpora_found(data) or synthetic_corpora(data)
    if len(lists) < len(protocols):
        raise InputError(
            f"{lists[0]} together with other protocols needs --corpus, so that all use the same recordings"
        )
    return (None,)


def synthetic_corpora(data):
    """Write the built-in synthetic corpora unless they exist; returns {name: folder}.

    Raises:
        InputError: a folder of corpora was given, but it has none.
    """
    corpora.places.require_none_named(data)
    from common.corpora import synthetic

    folder = feature_store.cache_dir() / "synthetic"
    for layout in SYNTHETIC_LAYOUTS:
        synthetic.synthesize(layout, folder / layout, **FIRST_LOOK_SPEECH, short_silence=True)
    click.echo("no corpus found: the built-in synthetic one is used (a check of the software, not a result)")
    return {layout: folder for layout in SYNTHETIC_LAYOUTS}


def _require_places(results, store, models):
    """Raise InputError if a folder that a run writes to is not writable."""
    for part in ("runs", "tables", "report", "human"):
        require_writable(Path(results, part))
    for place, option in ((store, "--store"), (feature_store.cache_dir(), "SER_CACHE"), (models, "--models")):
        if place:
            require_writable(place, option)


def train(
    chosen,
    corpus_names,
    *,
    protocols,
    data,
    emotions,
    seeds,
    fold_names,
    workers,
    store,
    results,
    models=None,
    scheduler=None,
    labels=None,
    strict=False,
    test_corpora=(),
):
    """Plan and run all jobs; if a system cannot run, the others still do.

    Args:
        chosen: Experiments.
        corpus_names: names (None: the paper's own corpus), or {name: folder}.
        protocols, emotions, seeds, fold_names, workers, store, results, models, scheduler: as on the command line.
        data: folder of the corpora.
        labels: the user's mapping, common.corpora.labels.Labels.
        strict: whether warnings on a corpus are errors.
        test_corpora: names of the test corpora of protocol cross_corpus.

    Returns:
        (system, corpus variant) pairs that have records now; a sentence on each system that cannot run; and the errors
        of failed folds.

    Raises:
        InputError: no system could be run.
    """
    _require_places(results, store, models)
    schedule.require(scheduler, results)
    emotions = emotions and emotions_of(emotions)
    shared = {"emotions": emotions, "seeds": seeds, "fold_names": fold_names}
    shared |= {"workers": workers, "store": store, "results": results, "models": models, "strict": strict}

    def planned(system, corpus, protocol):
        new_jobs = jobs.plan(system, corpus, protocol=protocol, **shared)
        selected = jobs.select(catalog.paper(system.paper), corpus, system.recipe, emotions)
        human_reference.write_listeners(selected, results)
        annotations.write(selected, results)
        return new_jobs, selected.variant

    places = {"protocols": protocols, "data": data, "labels": labels, "test_corpora": test_corpora}
    done, refused = everywhere(planned, chosen, corpus_names, **places)
    new_jobs = [job for _, (of_system, _) in done for job in of_system]
    ran = [(system, corpus) for system, (_, corpus) in done]
    return ran, refused, schedule.run(new_jobs, workers=workers, scheduler=scheduler)


def everywhere(function, chosen, corpus_names, *, protocols, data, labels=None, test_corpora=()):
    """Call `function(system, corpus, protocol)` for every system, corpus and protocol.

    Args:
        function: may raise InputError.
        chosen, corpus_names, protocols, data, labels, test_corpora: as for `train`.

    Returns:
        (system, function's result) pairs, and a sentence on each InputError.

    Raises:
        InputError: all calls failed; the first error.
    """
    if not (chosen and corpus_names and protocols):
        raise InputError("nothing to run; give at least one system, one corpus and one protocol")
    done, refused, errors = [], [], []
    for name in corpus_names:
        folder = corpus_names[name] if isinstance(corpus_names, dict) else data
        tested = [(protocol, test) for protocol in protocols for test in _tested(protocol, name, test_corpora)]
        for system, (protocol, test) in itertools.product(chosen, tested):
            try:
                corpus = _corpus(name, system, protocol, folder, labels)
                if test:
                    corpus = cross_corpus.pair(corpus, corpora.load(test, folder, labels))
                done.append((system, function(system, corpus, protocol)))
            except InputError as error:
                errors.append(error)
                where = f"{name or _own(system, protocol)}, {protocol}{f' to {test}' if test else ''}"
                refused.append(f"{system.name} on {where}: not run: {error}")
    if not done:
        raise errors[0]
    return done, refused


def _tested(protocol, name, test_corpora):
    """The test corpora, None for the training corpus; if there are several, no corpus is paired with itself."""
    if protocol != cross_corpus.NAME:
        return (None,)
    return [test for test in test_corpora if test != name] or test_corpora


def _corpus(name, system, protocol, folder, labels):
    if name is None and user_folds.name_lists(protocol):
        return user_folds.corpus(protocol, folder, labels)
    return corpora.load(name or system.recipe.corpus, folder, labels)


def _own(system, protocol) -> str:
    """The default corpus in words: the recordings of fold files, or the paper's corpus."""
    return "its recordings" if user_folds.name_lists(protocol) else system.recipe.corpus
