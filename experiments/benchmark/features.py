"""Benchmark of front ends: seconds of audio per second on one core, also relative to the library that a paper names."""

import contextlib
import io
import itertools
import statistics
import tempfile
from pathlib import Path
from typing import NamedTuple

import threadpoolctl

from common import corpora
from common.code_version import code_version
from common.corpora import synthetic
from common.errors import InputError
from common.features import audio, feature_store
from experiments import catalog
from experiments.benchmark.timing import in_turns
from experiments.evidence.benchmarks import figure

UNIT = "s of audio a second"


class Size(NamedTuple):
    """Size of the measurement."""

    recordings: int = 8
    rounds: int = 5
    front_ends: int | None = None  # only this many; None is all


SMALLEST = Size(recordings=1, rounds=1, front_ends=1)


def measure(size, corpus_name=None, data=None):
    """Yield figures for every front end of the catalog, each once.

    Args:
        size: a Size.
        corpus_name: corpus of the recordings; None synthesises some in RAVDESS's layout.
        data: folder of the corpora.
    """
    with tempfile.TemporaryDirectory() as folder, threadpoolctl.threadpool_limits(1):
        chosen, source = recordings(size.recordings, corpus_name, data, folder)
        for name, front_end in itertools.islice(front_ends().items(), size.front_ends):
            try:
                yield from _of_front_end(name, front_end, chosen, source, size.rounds, folder)
            except InputError as error:  # a required package is not installed
                yield figure(f"{name}: front end", None, UNIT, note=str(error))


def recordings(count, corpus_name, data, folder):
    """(utterances, evenly spaced in a corpus, and a description of them)."""
    if corpus_name is None:
        root = synthetic.synthesize("ravdess", Path(folder, "ravdess"), speakers=2, files=1, workers=1, progress=False)
        corpus = corpora.load("ravdess", root)
    else:
        corpus = corpora.load(corpus_name, data)
    step = max(1, len(corpus.utterances) // count)
    chosen = corpus.utterances[::step][:count]
    rates = ", ".join(f"{rate} Hz" for rate in sorted({audio.duration(u.path)[1] for u in chosen}))
    return chosen, f"recordings of {corpus.name} ({len(chosen)}, {rates})"


def front_ends() -> dict[str, object]:
    """{name of the first system with it: front end}, for all front ends that need no download."""
    names = {}
    for paper in catalog.NAMES:
        for variant, presets in catalog.paper(paper).RECIPES.items():
            front_end = presets["paper"].front_end
            if not getattr(front_end, "pretrained", False) and (paper, front_end) not in names:
                names[paper, front_end] = f"{paper}/{variant}"
    return {name: front_end for (_, front_end), name in names.items()}


def _of_front_end(name, front_end, chosen, source, rounds, folder) -> list[dict]:
    paper = catalog.paper(name.split("/")[0])
    read = [audio.read_utterance(u, sample_rate_hz=front_end.sample_rate_hz)[0] for u in chosen]
    duration_s = sum(map(len, read)) / front_end.sample_rate_hz
    version = code_version(f"papers.{name.split('/')[0]}.features")  # computed once per run, like in a real run
    stores = (Path(folder, f"store-{name.replace('/', '-')}-{number}") for number in itertools.count())
    timed = {
        "ours": lambda: [paper.features(w, front_end.sample_rate_hz, front_end) for w in read],
        "stored": lambda: _store(paper, name, front_end, chosen, version, next(stores)),
    }
    seconds = in_turns(timed, rounds)
    speeds = [
        figure(f"{name}: front end", duration_s / statistics.median(seconds["ours"]), UNIT, note=source),
        figure(
            f"{name}: with reading, resampling and storing",
            duration_s / statistics.median(seconds["stored"]),
            UNIT,
            note="into an empty store, one process",
        ),
    ]
    if own := paper.optional("benchmark"):
        speeds.append(_over_library(name, own, front_end, read, rounds))
    return speeds


def _store(paper, name, front_end, chosen, version, root):
    """Compute features from files into an empty store, in this process."""
    with contextlib.redirect_stderr(io.StringIO()):  # the progress bar
        feature_store.compute(
            chosen,
            paper.features,
            front_end,
            hashes=feature_store.fingerprints(chosen, workers=1),
            version=version,
            root=root,
            workers=1,
            label=name,
        )


def _over_library(name, benchmark, front_end, waveforms, rounds) -> dict:
    """Speed of a front end relative to a library's implementation, measured by the paper's own benchmark."""
    long_enough = [w for w in waveforms if len(w) >= front_end.window]
    seconds = benchmark.compare(long_enough, front_end=front_end, rounds=rounds)
    return figure(
        f"{name}: {benchmark.FIGURE}", seconds["library"] / seconds["ours"], "times", at_least=benchmark.LEAST
    )
