"""Benchmark of whole commands in new processes: overhead of `compare`, and memory for growing corpora."""

import dataclasses
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from common import corpora, records
from common.corpora import synthetic
from common.evaluation import reported_results
from common.folds import splits
from common.utterance import LABEL_SETS
from experiments.benchmark.timing import child
from experiments.evidence.benchmarks import SHARE, figure

VERB = ("-m", "experiments")
LIGHT = (("--help",), ("papers",), ("corpora",), ("tabulate",))  # import no TensorFlow
AT_ONCE = {("--help",), ("papers",)}  # target: below one second
MOST_UTTERANCES = 100_000  # of a manifest; target: five seconds to load and split


class Overhead(NamedTuple):
    """Size of the measurement."""

    systems: str = "emmert/own_cnn,chernykh2018/ctc"
    preset: str = "quick"
    folds: str = "1"
    speakers: int = 8  # of the synthetic corpus
    files: int = 8
    rounds: int = 3
    records: int = 2_000  # for `tabulate`


class Memory(NamedTuple):
    """Size of the measurement."""

    recordings: tuple[int, ...] = (1_440, 4_800, 14_400)
    system: tuple[str, str] = ("chernykh2018", "dummy")
    manifests: tuple[int, ...] = (1_000, 10_000, 100_000)
    workers: int = min(2, os.cpu_count() or 1)


REAL_OVERHEAD = Overhead(systems="chernykh2018/ctc", folds="1-3")  # with --corpus: about five minutes
SMALLEST_OVERHEAD = Overhead(systems="emmert/mfcc", preset="smoke", speakers=6, files=1, rounds=1, records=20)
SMALLEST_MEMORY = Memory(recordings=(48, 96), manifests=(100, 1_000), workers=1)


def overhead(size, corpus_name=None, data=None) -> list[dict]:
    """Figures for a comparison, for its repetition with nothing left to train, and for the verbs without training.

    Args:
        size: an Overhead.
        corpus_name: corpus of the recordings; None synthesises some in RAVDESS's layout.
        data: folder of the corpora.
    """
    with tempfile.TemporaryDirectory() as folder:
        results, environment = Path(folder, "results"), {"SER_CACHE": folder}
        if corpus_name is None:
            corpus_name, data = "ravdess", Path(folder, "ravdess")
            _synthesize(data, size.speakers, size.files)
        where = ("--corpus", corpus_name, *(("--data", os.path.abspath(data)) if data else ()))
        how = ("--systems", size.systems, "--preset", size.preset, "--folds", size.folds, "--workers", 1)
        where += ("--results", results)
        first, second = (child([*VERB, "compare", *where, *how], environment=environment) for _run in range(2))
        trained = records.read_all(results)
        fits_s = sum(record.cost["seconds_fit"] for record in trained)
        note = (
            f"{size.systems} on {trained[0].corpus_variant}, preset {size.preset}, folds {size.folds}, one worker: "
            f"{first.wall_s:.0f} s of which {fits_s:.0f} s fit; the target is of quick on RAVDESS"
        )
        listing = [entry for verb in LIGHT for entry in _light(verb, size.rounds, results, environment)]
        listing += _tables_of_many(size.records, Path(folder, "many"))
    return [
        figure("compare: wall time over the sum of its fits", first.wall_s / fits_s, "times", at_most=1.15, note=note),
        figure("compare with nothing to do: wall time", second.wall_s, "s", at_most=10),
        *listing,
    ]


def _synthesize(root, speakers, files):
    return synthetic.synthesize("ravdess", root, speakers=speakers, files=files, progress=False)


def _tables_of_many(count, results, source=reported_results.PAPERS.parent / "results") -> list[dict]:
    """A figure for `tabulate` with `count` records, copies of ours with other seeds; empty if we have none."""
    ours = [record for record in records.read_all(source) if record.seed == 0]
    if not ours:
        return []
    for number in range(count):
        seed, which = divmod(number, len(ours))
        records.write(dataclasses.replace(ours[which], seed=seed), root=results)
    taken = child([*VERB, "tabulate", "--results", results])
    note = f"{len(ours)} records, each under {-(-count // len(ours))} seeds"
    return [figure(f"tabulate of {count:,} records: processor time", taken.cpu_s, "s", at_most=10, note=note)]


def _light(verb, rounds, results, environment) -> list[dict]:
    """Figures for a verb that neither trains nor predicts."""
    command = [*VERB, *verb, *(("--results", results) if verb == ("tabulate",) else ())]
    runs = [child(command, environment=environment) for _round in range(rounds)]
    imported = child(["-X", "importtime", *command], environment=environment).output
    cpu = [one.cpu_s for one in runs]
    name = " ".join(verb)
    return [
        figure(
            f"{name}: wall time",
            statistics.median(one.wall_s for one in runs),
            "s",
            at_most=1 if verb in AT_ONCE else None,
        ),
        figure(f"{name}: processor time", None if None in cpu else statistics.median(cpu), "s"),
        figure(f"{name}: modules of TensorFlow and Keras imported", heavy_modules(imported), "modules", at_most=0),
    ]


def heavy_modules(importtime) -> int:
    """Number of modules of TensorFlow and Keras in the output of `python -X importtime`."""
    named = (line.rpartition("|")[2].strip() for line in importtime.splitlines() if line.startswith("import time:"))
    return sum(name.split(".")[0] in ("tensorflow", "keras") for name in named)


def memory(size) -> list[dict]:
    """Figures for `run` on corpora of growing size, up to ten times the first, and for growing manifests."""
    with tempfile.TemporaryDirectory() as folder:
        written = sorted(_synthesize(Path(folder, "ravdess"), 6, 1).rglob("*.wav"))
        spoken = [path for path in written if _emotion(path) in LABEL_SETS["4hap"]]  # classes of every system
        peaks = [_peak_mib(spoken, count, size, Path(folder, str(count))) for count in size.recordings]
        loaded_s = {count: _seconds_to_load_and_split(spoken, count, Path(folder, "m.csv")) for count in size.manifests}
    note = f"{'/'.join(size.system)}, preset smoke, one fold, {size.workers} workers; shared pages count in each"
    return [
        *(
            figure(f"run over {count:,} recordings: peak of all its processes", peak, "MiB", note=note)
            for count, peak in zip(size.recordings, peaks, strict=True)
        ),
        figure("growth of the peak, from the fewest to the most", peaks[-1] / peaks[0] - 1, SHARE, at_most=0.10),
        *(
            figure(
                f"manifest of {count:,} utterances: load and split",
                seconds,
                "s",
                at_most=5 if count == MOST_UTTERANCES else None,
            )
            for count, seconds in loaded_s.items()
        ),
    ]


def _peak_mib(spoken, count, size, folder) -> float:
    """Peak memory of `run` on `count` recordings, which are hard links to a few files of the same speakers."""
    folder.mkdir()
    rows = []
    for number in range(count):
        source = spoken[number % len(spoken)]
        name = f"{number:06d}.wav"
        os.link(source, folder / name)
        rows.append(f"{name},{_emotion(source)},{source.parent.name}")
    _write_manifest(folder / "many.csv", "file,emotion,speaker", rows)
    paper, variant = size.system
    arguments = ("--corpus", f"manifest:{folder / 'many.csv'}", "--protocol", "speaker_independent", "--folds", 1)
    how = ("--preset", "smoke", "--workers", size.workers, "--results", folder / "results")
    command = [*VERB, "run", paper, "--variant", variant, *arguments, *how]
    return child(command, environment={"SER_CACHE": str(folder / "cache")}).peak_mib


def _emotion(path) -> str:
    return corpora.places.CORPORA["ravdess"].EMOTIONS[path.stem.split("-")[2]]


def _seconds_to_load_and_split(spoken, count, path) -> float:
    """Seconds for a manifest whose rows are stretches of a few recordings, so that only file headers are read."""
    rows = []
    for number in range(count):
        source, start = spoken[number % len(spoken)], number // len(spoken) / 10_000  # distinct, and within the file
        rows.append(f"{source},{_emotion(source)},{source.parent.name},{start},{start + 1}")
    _write_manifest(path, "file,emotion,speaker,start,end", rows)
    begin = time.perf_counter()
    corpus = corpora.load(f"manifest:{path}")
    splits.folds(corpus.utterances, "speaker_independent", 0)
    return time.perf_counter() - begin


def _write_manifest(path, columns, rows):
    path.write_text("\n".join([columns, *rows]) + "\n", encoding="utf-8")
