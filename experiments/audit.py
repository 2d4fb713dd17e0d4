"""The leakage audit as a verb: of anyone's fold files, or of the folds that our papers make on the corpora found."""

import itertools

from common import corpora, feature_store, fold_files, leakage
from common.errors import InputError
from experiments import catalog, compare, jobs


def of_files(paths, *, audio_root=None):
    """(path, findings) of each folder or file of fold lists; speakers are expected to be disjoint."""
    for path in paths:
        folds = fold_files.read_fold_files(path, audio_root=audio_root)
        hashes = fold_files.hash_audio(folds)
        yield str(path), leakage.audit(folds, speaker_independent=True, audio_hashes=hashes)


def of_ours(data, *, seed=0, workers=1):
    """(what, findings) of every protocol of every paper's main system on every corpus found, as a run would make it.

    An InputError stands in place of findings where the corpus does not allow the folds. Protocols that are called
    leaky exist to leak and are left out.
    """
    for name, (paper, variant) in itertools.product(compare.corpora_found(data), compare.main_systems()):
        recipe = catalog.recipe(paper, variant, "paper")
        corpus = corpora.load(name, data)
        for protocol in recipe.protocols:
            if not protocol.startswith(leakage.LEAKY):
                what = f"{paper}/{variant}, {protocol} on {corpus.name}"
                yield what, _findings(catalog.paper(paper), recipe, corpus, protocol, seed, workers)


def _findings(paper, recipe, corpus, protocol, seed, workers):
    try:
        selected = paper.select(corpus, recipe)
        folds = tuple(paper.folds(selected, recipe, protocol, seed))
    except InputError as error:
        return error
    hashes = feature_store.fingerprints(selected.utterances, workers=workers)
    folds = [leakage.without_duplicates(fold, hashes) for fold in folds]
    return leakage.audit(folds, speaker_independent=jobs.claims_speaker_independence(protocol), audio_hashes=hashes)


def verdict(findings) -> str:
    """FAIL, WARN or PASS."""
    levels = {finding.level for finding in findings}
    return leakage.FAIL if leakage.FAIL in levels else leakage.WARN if levels else "PASS"
