"""The verb `audit`: leakage audit of fold files, or of our papers' folds on the available corpora."""

import dataclasses
import itertools
from pathlib import Path

from common import corpora, records
from common.atomic_file import write_json
from common.errors import InputError, listed
from common.folds import cross_corpus, fold_files, leakage
from common.utterance import LABEL_SETS
from experiments import catalog
from experiments.evidence import audits as evidence_audits
from experiments.evidence.audits import FILE, SCHEMA
from experiments.runs import compare, jobs


@dataclasses.dataclass(frozen=True)
class Audited:
    """Findings in the folds of one system and protocol, or the reason (`refused`) why there are no such folds."""

    system: str
    protocol: str
    corpus_variant: str
    num_folds: int
    findings: tuple[leakage.Finding, ...]
    refused: str = ""
    seed: int = 0

    @property
    def title(self) -> str:
        return f"{self.system}, {self.protocol} on {self.corpus_variant}, seed {self.seed}"


def of_files(paths, *, audio_root=None):
    """Yield (source, findings) for each folder or file of fold lists; an InputError replaces the findings.

    Files that are single parts, such as train and test, are read together. The folds must be speaker-independent.
    """
    for group in fold_files.together(paths):
        try:
            lists = fold_files.read_fold_files(*group, audio_root=audio_root)
            hashes = fold_files.hash_audio(lists.folds)
            findings = leakage.audit(lists.folds, speaker_independent=True, audio_hashes=hashes)
            yield listed(group), [*fold_files.findings(lists), *findings]
        except InputError as error:
            yield listed(group), error


def of_ours(data, *, seed=0, workers=1):
    """Yield an Audited for every protocol of every paper's main systems on every available corpus.

    Both the default emotions of `run` and those of `compare` are audited. Leaky protocols are left out.

    Raises:
        InputError: there is no corpus.
    """
    if not (corpora_here := compare.corpora_found(data)):
        raise InputError(f"no corpus to audit{f' in {data}' if data else ''}; point --data or SER_DATA at one")
    loaded = (corpora.load(name, data) for name in corpora_here)
    for corpus, (paper_name, variant) in itertools.product(loaded, compare.main_systems()):
        system, paper = f"{paper_name}/{variant}", catalog.paper(paper_name)
        recipe = catalog.recipe(paper_name, variant, "paper")
        protocols = [protocol for protocol in recipe.protocols if not leakage.is_leaky(protocol)]
        selections, refused = _selections(paper, recipe, corpus)
        for selected, protocol in itertools.product(selections, protocols):
            yield _audited(system, paper, recipe, selected, protocol, seed, workers)
        for reason, protocol in itertools.product(refused, protocols):
            yield Audited(system, protocol, corpus.name, 0, (), reason)


def of_recorded(root, data, *, workers=1):
    """Yield an Audited for every system, protocol, corpus variant and seed with records; stores their training ids.

    Leaky protocols are included. Records of a user's own folds, of missing corpora, and of folds that the current code
    would split differently are left out.

    Args:
        root: results folder, in which the ids are stored (experiments/evidence/audits).
        data: folder of the corpora.
        workers: threads.
    """
    recorded = {}
    for record in records.read_all(root):
        place = record.corpus, record.corpus_variant, record.trained_on, record.paper, record.variant
        recorded.setdefault((*place, record.protocol, record.seed), []).append(record)
    there = {}
    for name in compare.corpora_found(data):
        corpus = corpora.load(name, data)
        there[corpus.name] = corpus
    for (corpus, *names, paper_name, variant, protocol, seed), members in sorted(recorded.items()):
        training = members[0].training_corpus
        if not {corpus, training} <= there.keys() or variant not in catalog.paper(paper_name).RECIPES:
            continue
        paper, recipe = catalog.paper(paper_name), catalog.recipe(paper_name, variant, members[0].preset)
        whole = there[corpus] if training == corpus else cross_corpus.pair(there[training], there[corpus])
        selections, _ = _selections(paper, recipe, whole)
        selected = next((each for each in selections if _names(each) == names), None)
        if selected is None or not (selected.training or protocol in recipe.protocols):
            continue
        current = _folds(paper, recipe, selected, protocol, seed, workers)
        by_fingerprint = {jobs.fingerprint_of(fold): fold for fold in current}
        if {record.fold_fingerprint for record in members} <= by_fingerprint.keys():
            for record in members:
                evidence_audits.keep_training_ids(
                    root, record.fold_fingerprint, by_fingerprint[record.fold_fingerprint]
                )
            yield _audited(f"{paper_name}/{variant}", paper, recipe, selected, protocol, seed, workers)


def _names(selected) -> list[str]:
    return [selected.variant, selected.training.variant if selected.training else ""]


def _folds(paper, recipe, selected, protocol, seed, workers) -> list:
    """The folds as used in a run."""
    if selected.training:
        return list(cross_corpus.folds(selected, seed, jobs.audio_hashes(selected.heard, workers=workers)))
    folds = list(paper.folds(selected, recipe, protocol, seed))
    if leakage.is_leaky(protocol):
        return folds
    hashes = jobs.audio_hashes(selected.utterances, workers=workers)
    return [leakage.without_duplicates(fold, hashes) for fold in folds]


def _selections(paper, recipe, corpus):
    """(distinct selections from the corpus in `run` and in `compare`, reasons why there is none)."""
    selections, refused = {}, {}
    for emotions in (None, LABEL_SETS[compare.EMOTIONS]):
        try:
            selected = jobs.select(paper, corpus, recipe, emotions)
            selections[*_names(selected),] = selected
        except InputError as error:
            refused[str(error)] = None
    return selections.values(), refused


_FOUND = {}  # what the folds claim, the folds and their audio -> what was found: many systems have the same folds


def _audited(system, paper, recipe, selected, protocol, seed, workers) -> Audited:
    try:
        folds = _folds(paper, recipe, selected, protocol, seed, workers)
    except InputError as error:
        return Audited(system, protocol, selected.variant, 0, (), str(error), seed)
    by_path = {u.path: u.id for u in selected.heard}  # a leaky protocol cuts recordings into segments
    hashes = jobs.audio_hashes(selected.heard, workers=workers)
    everyone = {u.id: hashes[by_path[u.path]] for fold in folds for part in fold.parts.values() for u in part}
    independent = jobs.claims_speaker_independence(protocol)
    key = independent, tuple(folds), frozenset(everyone.items())
    if key not in _FOUND:
        _FOUND[key] = tuple(leakage.audit(folds, speaker_independent=independent, audio_hashes=everyone))
    return Audited(system, protocol, selected.variant, len(folds), _FOUND[key], seed=seed)


def verdict(findings) -> str:
    """FAIL, WARN or PASS."""
    levels = {finding.level for finding in findings}
    return leakage.FAIL if leakage.FAIL in levels else leakage.WARN if levels else "PASS"


def keep(audits, root) -> Path:
    """Write the audits of our folds to results/audit.json, for tables and the report; returns its path.

    Earlier audits of other corpora are kept.

    Raises:
        InputError: the file is damaged or cannot be written.
    """
    summaries = [_summary(audited) for audited in audits]
    corpora_now = {_corpus(summary) for summary in summaries}
    kept = [summary for summary in evidence_audits.read(root) if _corpus(summary) not in corpora_now]
    tree = {"schema": SCHEMA, "audits": [*kept, *summaries]}
    return write_json(Path(root, FILE), tree, "give a writable folder")


def _corpus(summary) -> str:
    return summary["corpus_variant"].split("/")[0]


def _summary(audited) -> dict:
    """An audit as plain data, with level, number of folds and largest count of each kind of finding.

    Overlaps between training and validation are separate kinds, since they do not affect test scores.
    """
    kinds = {}
    for finding in audited.findings:
        apart = finding.kind in ("speaker", "speaker_alike", "text") and "test" not in finding.message
        kinds.setdefault(f"{finding.kind} in validation" if apart else finding.kind, []).append(finding)
    counted = {
        kind: {
            "level": verdict(findings),
            "folds": len({name for finding in findings for name in finding.fold.split(",")}),
            "most": max(finding.count for finding in findings),
        }
        for kind, findings in kinds.items()
    }
    return {
        "system": audited.system,
        "protocol": audited.protocol,
        "seed": audited.seed,
        "corpus_variant": audited.corpus_variant,
        "num_folds": audited.num_folds,
        "verdict": "" if audited.refused else verdict(audited.findings),
        "refused": audited.refused,
        "kinds": counted,
    }
