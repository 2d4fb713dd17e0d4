"""From options to jobs: select utterances, split, audit, compute features. A job is one self-contained fold."""

import contextlib
import dataclasses
import hashlib
import json
import os
from pathlib import Path

import click

from common import processes, recipes, records
from common.code_version import code_version, versions
from common.errors import InputError, printable
from common.features import feature_store, recordings
from common.folds import cross_corpus, leakage, splits, user_folds
from common.learning import backend
from common.utterance import Corpus, Fold
from experiments import catalog

FEATURES_BY = (
    "numpy",
    "scipy",
    "librosa",
    "soundfile",
    "soxr",
    "praat-parselmouth",
    "opensmile",
    "keras",
    "tensorflow",
    "torch",
    "transformers",
)
TRAINED_BY = ("keras", "tensorflow", "jax", "numpy")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """One variant of one paper at one preset.

    Args:
        paper, variant, preset: names; the variant includes changes by `--set`, see common/recipes.py.
        recipe: the paper's Recipe.
        note: printed with every result, or "".
    """

    paper: str
    variant: str
    preset: str
    recipe: object
    note: str = ""

    @property
    def name(self) -> str:
        return f"{self.paper}/{self.variant}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class FoldJob:
    """One fold of one system, ready to be trained in any process.

    Args:
        features: part -> entries of the feature store in the order of the part's utterances; parts named
            `test:<condition>` are the test part with another front end.
        audit: warnings of the leakage audit.
    """

    system: Experiment
    corpus: Corpus  # without utterances, which are in `fold`; its warnings go into the record
    classes: tuple[str, ...]
    protocol: str
    seed: int
    fold: Fold
    num_folds: int
    features: dict[str, tuple]
    corpus_fingerprint: str
    results: str
    models: str | None = None  # folder in which the trained system is saved
    audit: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        return self._path_under(self.results)

    @property
    def model_folder(self) -> Path | None:
        """Folder of the trained system: the same path below `models` as that of the record below `results`."""
        return self._path_under(self.models).with_suffix("") if self.models else None

    def _path_under(self, root) -> Path:
        return records.path_of(
            root,
            paper=self.system.paper,
            variant=self.system.variant,
            corpus_variant=self.corpus.variant,
            protocol=self.protocol,
            preset=self.system.preset,
            seed=self.seed,
            fold=self.fold.name,
        )

    @property
    def checkpoint(self) -> Path:
        """Path of the checkpoint: a hash of the record's path, then the hash of everything the result depends on."""
        return _checkpoints() / f"{self._owner}-{self.identity[:32]}.npz"

    @property
    def _owner(self) -> str:
        return _digest(os.path.abspath(self.path))[:16]

    @property
    def fold_fingerprint(self) -> str:
        return fingerprint_of(self.fold)

    @property
    def settings(self) -> dict:
        """The recipe as plain data, as in records."""
        return recipes.plain(self.system.recipe)

    @property
    def identity(self) -> str:
        """Hash of everything that the result depends on."""
        code = [code_version(f"papers.{self.system.paper}.model"), versions(TRAINED_BY), backend.arithmetic()]
        entries = {part: [Path(e.path).name for e in part_entries] for part, part_entries in self.features.items()}
        return _digest([self.system.name, self.settings, self.classes, self.seed, self.fold_fingerprint, entries, code])

    def clear_up(self) -> None:
        """Remove leftovers of a finished job: checkpoints, and temporary files of killed runs."""
        for left in (*_checkpoints().glob(f"{self._owner}-*"), *self.path.parent.glob(f"{self.path.stem}.*.tmp")):
            left.unlink(missing_ok=True)


def _checkpoints() -> Path:
    return feature_store.cache_dir() / "checkpoints"


def _completed(recorded, recipe):
    """A recorded recipe, with defaults for fields that were added after it was recorded."""
    if dataclasses.is_dataclass(recipe) and isinstance(recorded, dict):
        known = {name: _completed(value, getattr(recipe, name, None)) for name, value in recorded.items()}
        return {**recipes.plain(type(recipe)()), **known}
    if isinstance(recipe, tuple) and isinstance(recorded, list):
        return [_completed(*pair) for pair in zip(recorded, recipe, strict=False)] + recorded[len(recipe) :]
    return recorded


def fingerprint_of(fold) -> str:
    """SHA-256 of the ids in the three parts."""
    return _digest({name: [u.id for u in part] for name, part in fold.parts.items()})


def _digest(tree) -> str:
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()


def plan(
    system, corpus, *, emotions, protocol, seeds, fold_names, workers, store, results, models=None, strict=False
) -> list[FoldJob]:
    """The unfinished jobs of a system on a corpus, with computed features.

    Warnings on the corpus are printed once and stored in the records; with `strict` they are errors.

    Args:
        system: an Experiment.
        corpus: a Corpus.
        emotions, protocol, seeds, fold_names, workers, store, results, models, strict: as on the command line; None
            takes the paper's emotions, all folds, no models.

    Raises:
        InputError: a fold leaks, the protocol or a fold is unknown, audio is unusable, or an existing record was made
            from other data or settings.
    """
    options = {"emotions": emotions, "protocol": protocol, "seeds": seeds, "fold_names": fold_names}
    waiting, selected, hashes, notes = unfinished(
        system, corpus, workers=workers, results=results, models=models, **options
    )
    if not waiting:
        return []
    reading = {"hashes": hashes, "workers": workers, "store": store}
    warnings = tuple(dict.fromkeys([*_warnings(selected, system.recipe.front_end, **reading), *notes]))
    if warnings and strict:
        raise InputError(
            f"{selected.variant}: {'; '.join(warnings)}; fix or leave out these utterances, or leave --strict out"
        )
    _say(selected.variant, warnings)
    if selected.training and selected.training.limits not in ("", selected.limits):  # captions have only the latter
        warnings = (*warnings, _of_training(selected, selected.training.limits))
    waiting = [dataclasses.replace(job, corpus=dataclasses.replace(job.corpus, warnings=warnings)) for job in waiting]
    by_path = {u.path: hashes[u.id] for u in selected.heard}  # a protocol may have cut utterances into segments
    return with_features(waiting, catalog.paper(system.paper), hashes=by_path, workers=workers, store=store)


def unfinished(system, corpus, *, emotions, protocol, seeds, fold_names, workers, results, models=None):
    """The jobs of `plan` before features are computed.

    Returns:
        FoldJobs without features, the selected Corpus, SHA-256 by utterance id, and warnings about the folds.
    """
    paper = catalog.paper(system.paper)
    is_any_systems = user_folds.are_named(protocol) or protocol == cross_corpus.NAME
    if not is_any_systems and protocol not in system.recipe.protocols:
        known = ", ".join([*system.recipe.protocols, cross_corpus.NAME, f"{user_folds.PREFIX}PATH"])
        raise InputError(f"{system.name} has no protocol {protocol!r}; choose from {known}")
    folds_of = _splitter(paper, system.recipe, protocol, corpus)
    selected = _selected(paper, corpus, system, emotions)
    hashes = audio_hashes(selected.heard, workers=workers)
    fingerprint = corpus_fingerprint(selected, hashes)
    drafts, notes = [], []
    for seed in seeds:
        protocol, folds, sentences, audited = folds_of(selected, seed, hashes)
        notes += sentences
        if not selected.synthetic:  # no claims are made for synthetic speech; its records store the warnings, too
            _say(f"{selected.variant}, {protocol}", audited)
        drafts += [
            FoldJob(
                system=system,
                corpus=_without_utterances(selected),
                classes=selected.classes,
                protocol=protocol,
                seed=seed,
                fold=fold,
                num_folds=len(folds),
                features={},
                corpus_fingerprint=fingerprint,
                results=str(results),
                models=str(models) if models else None,
                audit=tuple(audited),
            )
            for fold in _chosen(folds, fold_names)
        ]
    waiting = []
    for job in drafts:
        if is_done(job):
            job.clear_up()  # a run may have been killed right after it wrote the record
        else:
            waiting.append(job)
    return waiting, selected, hashes, notes


def _without_utterances(corpus):
    training = corpus.training and dataclasses.replace(corpus.training, utterances=())
    return dataclasses.replace(corpus, utterances=(), training=training)


def _splitter(paper, recipe, protocol, corpus):
    """A function (selected, seed, hashes) -> (protocol's name in records, audited folds, warnings, audit warnings)."""
    if protocol == cross_corpus.NAME:

        def of_pair(selected, seed, hashes):
            name = records.cross_corpus_protocol(selected.training.variant)
            folds, findings = _audited(cross_corpus.folds(selected, seed, hashes), name, hashes)
            return name, folds, (), leakage.in_words(findings)

        return of_pair
    if not user_folds.are_named(protocol):

        def of_protocol(selected, seed, hashes):
            folds, findings = _audited(paper.folds(selected, recipe, protocol, seed), protocol, hashes)
            return protocol, folds, (), leakage.in_words(findings)

        return of_protocol
    of_user = user_folds.for_corpus(protocol, corpus)

    def folds(selected, seed, hashes):
        own_folds, drawn = of_user.folds(selected.utterances, seed)
        own_folds, findings = _audited(own_folds, of_user.protocol, hashes)
        sentences = [f"{finding.fold}: {finding.message}" for finding in findings]
        return of_user.protocol, own_folds, (*of_user.warnings, *drawn, *sentences), ()

    return folds


def select(paper, corpus, recipe, emotions):
    """The utterances that a system uses, of the corpus and of its training corpus if that is another.

    Raises:
        InputError: emotions are missing or too few.
    """
    if corpus.training is None:
        return paper.select(corpus, recipe, emotions)
    return cross_corpus.select(corpus, lambda each, named: paper.select(each, recipe, named), emotions)


def _selected(paper, corpus, system, emotions):
    """`select`, and print the classes that the paper leaves out if no emotions are given."""
    selected = select(paper, corpus, system.recipe, emotions)
    if len(selected.classes) < 2:
        raise InputError(
            f"{selected.variant}: every utterance is {', '.join(selected.classes)}; expected two classes or more"
        )
    for whole in filter(None, (corpus.training, corpus)):
        dropped = [name for name in whole.classes if name not in selected.classes]
        if dropped and not emotions:
            count = sum(whole.counts[name] for name in dropped)
            named = f"{system.paper} leaves out {', '.join(dropped)} ({count} of {len(whole.utterances)} utterances)"
            _say(whole.variant, [f"{named}; use --emotions to choose other classes"])
    return selected


def _of_training(selected, sentence) -> str:
    return f"trained on {selected.training.variant}: {sentence}"


def _warnings(selected, front_end, **reading) -> tuple[str, ...]:
    """Warnings on a corpus, and on its training corpus if that is another, for this front end."""
    of_training = _doubts(selected.training, front_end, **reading) if selected.training else ()
    return (*(_of_training(selected, each) for each in of_training), *_doubts(selected, front_end, **reading))


def _doubts(selected, front_end, *, hashes, workers, store) -> tuple[str, ...]:
    """Warnings on a corpus for this front end; the measurements of its recordings are cached in the store."""
    with processes.pool():
        entries = feature_store.compute(
            selected.utterances,
            recordings.measured,
            recordings.FrontEnd(),
            hashes=hashes,
            version=[code_version("common.features.recordings"), versions(("numpy", "soundfile"))],
            root=store,
            workers=workers,
            label="recordings",
        )
    arrays = feature_store.StoredFeatures(entries.values())
    measures = {name: recordings.Measures(*map(float, array)) for name, array in zip(entries, arrays, strict=True)}
    seen_hz = front_end.sample_rate_hz / 2 if front_end.sample_rate_hz else recordings.USUAL_BAND_HZ
    of_corpus = leakage.speaker_label_warning(selected.utterances), leakage.same_recordings(selected.utterances, hashes)
    return (*selected.warnings, *recordings.warnings(measures, seen_hz), *filter(None, of_corpus))


_SAID = set()


def _say(corpus_variant, sentences):
    """Print warnings, each once per process, since systems of a comparison share their corpus."""
    for sentence in sentences:
        if (corpus_variant, sentence) not in _SAID:
            _SAID.add((corpus_variant, sentence))
            click.echo(f"Warning: {printable(f'{corpus_variant}: {sentence}')}", err=True)


_HASHED = {}  # (audio file, size, time) -> hash, since systems of a comparison share their corpus


def audio_hashes(utterances, *, workers) -> dict[str, str]:
    """{utterance id: SHA-256 of its audio file}; an unchanged file is read once per process."""
    places = {u.id: _state(u.path) for u in utterances}
    new = [u for u in utterances if places[u.id] not in _HASHED]
    _HASHED.update({places[i]: digest for i, digest in feature_store.fingerprints(new, workers=workers).items()})
    return {u.id: _HASHED[places[u.id]] for u in utterances}


def _state(path):
    """A file's name, size and time; without the latter for a missing file, which raises an error when it is read."""
    with contextlib.suppress(OSError):
        status = os.stat(path)
        return str(path), status.st_size, status.st_mtime_ns
    return str(path), None, None


_AUDITED = {}  # hash of folds, recordings and claim -> findings, since systems of a comparison share them


def _audited(folds, protocol, hashes):
    """(audited folds, WARNs); raises InputError for leakage unless the protocol is a leaky one."""
    folds = tuple(folds)
    if leakage.is_leaky(protocol):
        return folds, ()
    if not user_folds.are_recorded(protocol) and not cross_corpus.is_recorded(protocol):
        folds = tuple(leakage.without_duplicates(fold, hashes) for fold in folds)
    independent = claims_speaker_independence(protocol)
    everyone = {u.id: u for fold in folds for part in fold.parts.values() for u in part}
    content = [[u.id, u.emotion, u.speaker, hashes[u.id]] for u in everyone.values()]
    key = _digest([independent, content, [[fold.name, fingerprint_of(fold)] for fold in folds]])
    if key not in _AUDITED:
        _AUDITED[key] = leakage.check(folds, speaker_independent=independent, audio_hashes=hashes)
    return folds, _AUDITED[key]


def claims_speaker_independence(protocol) -> bool:
    """Whether a protocol must be speaker-independent: some shared ones, and a user's folds; not papers' own splits."""
    if user_folds.are_recorded(protocol) or cross_corpus.is_recorded(protocol):
        return True
    shared = splits.PROTOCOLS.get(protocol)
    return bool(shared and shared.speaker_independent)


def _chosen(folds, names):
    if names is None:
        return folds
    known = [fold.name for fold in folds]
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"there is no {', '.join(unknown)}; this protocol has {known[0]} to {known[-1]}")
    return [fold for fold in folds if fold.name in names]


def corpus_fingerprint(corpus, hashes) -> str:
    """SHA-256 of ids, emotions, speakers and audio hashes."""
    return _digest([[u.id, u.emotion, u.speaker, hashes[u.id]] for u in corpus.heard])


def is_done(job) -> bool:
    """Whether the job's record exists. Raises InputError if it was made from other data or settings."""
    if not job.path.exists():
        return False
    record = records.read(job.path)
    differing = {
        "recordings or labels": record.corpus_fingerprint != job.corpus_fingerprint,
        "folds": record.fold_fingerprint != job.fold_fingerprint,
        "settings": _completed(recipes.settings(record.recipe), job.system.recipe) != job.settings,
    }
    if reasons := [part for part, differs in differing.items() if differs]:
        raise InputError(
            f"{job.path} was made with other {' and other '.join(reasons)}; "
            "give another --results folder, or delete this record to run it again"
        )
    return True


def with_features(drafts, paper, *, hashes, workers, store) -> list[FoldJob]:
    """The jobs of one system with entries of the store, computing missing ones; `hashes` is {audio path: hash}."""
    recipe = drafts[0].system.recipe
    paper.fetch(recipe.front_end)
    everyone = {u.id: u for job in drafts for part in job.fold.parts.values() for u in part}
    tested = {u.id: u for job in drafts for u in job.fold.test}
    version = [code_version(f"papers.{drafts[0].system.paper}.features"), versions(FEATURES_BY)]

    def entries(utterances, front_end, label):
        return feature_store.compute(
            [utterances[i] for i in sorted(utterances)],
            paper.features,
            front_end,
            hashes={u.id: hashes[u.path] for u in utterances.values()},
            version=version,
            root=store,
            workers=workers,
            label=label,
        )

    name = drafts[0].system.name
    with processes.pool():
        main = entries(everyone, recipe.front_end, f"{name} features")
        conditions = {
            condition: entries(tested, front_end, f"{name} features, {condition}")
            for condition, front_end in getattr(recipe, "test_front_ends", ())
        }
    jobs = []
    for job in drafts:
        features = {name: tuple(main[u.id] for u in part) for name, part in job.fold.parts.items()}
        for condition, condition_entries in conditions.items():
            features[f"test:{condition}"] = tuple(condition_entries[u.id] for u in job.fold.test)
        jobs.append(dataclasses.replace(job, features=features))
    return jobs
