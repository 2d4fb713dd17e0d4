"""Whole commands in fresh processes: the overhead of `compare`, and memory by size of the corpus."""

import dataclasses
import os
from pathlib import Path

from common import corpora, records
from common.corpora import synthetic
from common.utterance import LABEL_SETS
from experiments.benchmark.timing import SUITE, attempted, child
from experiments.evidence.benchmarks import figure

VERB = ("-m", "experiments")
RECORDS = 2_000  # that `tabulate` makes tables of
RECORDINGS = (1_440, 14_400)  # of RAVDESS's speech, and ten times as many
WORKERS = min(2, os.cpu_count() or 1)


def measure(folder, *, smallest=False):
    """Yield figures of a comparison, of the same comparison when complete, of `tabulate`, and of memory.

    Args:
        folder: an empty one.
        smallest: few files, records and recordings.
    """
    yield from overhead(folder, smallest=smallest)
    yield from memory(folder, (48, 96) if smallest else RECORDINGS)


def overhead(folder, *, smallest=False):
    """Yield figures of a comparison of two systems on one fold of synthetic speech, and of what follows."""
    data, results = folder / "ravdess", folder / "results"
    synthetic.synthesize("ravdess", data, speakers=6 if smallest else 8, files=1 if smallest else 8, progress=False)
    systems = "emmert/mfcc" if smallest else "emmert/own_cnn,chernykh2018/ctc"
    preset = "smoke" if smallest else "quick"
    command = [*VERB, "compare", "--corpus", "ravdess", "--data", data, "--systems", systems, "--preset", preset]
    command += ["--folds", 1, "--workers", 1, "--results", results]
    first, second = (child(command, environment={"SER_CACHE": str(folder)}) for _run in range(2))
    fits_s = sum(record.cost["seconds_fit"] for record in records.read_all(results))
    note = f"{systems} on synthetic speech, preset {preset}, one fold, one worker: {fits_s:.0f} s of {first.wall_s:.0f}"
    yield figure("compare: time over that of its trainings", first.wall_s / fits_s, "times", at_most=1.15, note=note)
    yield figure("compare with nothing to do: time", second.wall_s, "s", at_most=10)
    yield tables_of_many(20 if smallest else RECORDS, folder / "many")


def tables_of_many(count, results, source=SUITE / "results") -> dict:
    """The figure of `tabulate` for `count` records: copies of ours with other seeds."""
    ours = [record for record in records.read_all(source) if record.seed == 0]
    for number in range(count if ours else 0):
        seed, which = divmod(number, len(ours))
        records.write(dataclasses.replace(ours[which], seed=seed), root=results)

    def processor_time():
        taken = child([*VERB, "tabulate", "--results", results])
        return taken.cpu_s, f"{len(ours)} records, each under {-(-count // len(ours))} seeds"

    return attempted(f"tabulate of {count:,} records: processor time", "s", processor_time, at_most=3)


def memory(folder, counts):
    """Yield the peak of `run` over corpora of growing size; the largest may take a tenth more than the smallest."""
    written = sorted(
        synthetic.synthesize("ravdess", folder / "few", speakers=6, files=1, progress=False).rglob("*.wav")
    )
    spoken = [path for path in written if _emotion(path) in LABEL_SETS["4hap"]]  # what every system takes
    fewest = None
    for count in counts:
        peak = _peak_mib(spoken, count, folder / str(count))
        yield figure(
            f"run over {count:,} recordings: peak of memory of all its processes",
            peak,
            "MiB",
            at_most=fewest and 1.1 * fewest,
            note=f"chernykh2018/dummy, one fold, {WORKERS} workers; shared pages count in each",
        )
        fewest = fewest or peak


def _peak_mib(spoken, count, folder) -> float:
    """Of `run` over that many recordings, which are a few under many names: each speaker keeps their own."""
    folder.mkdir()
    rows = []
    for number in range(count):
        source = spoken[number % len(spoken)]
        name = f"{number:06d}.wav"
        os.link(source, folder / name)
        rows.append(f"{name},{_emotion(source)},{source.parent.name}")
    Path(folder, "many.csv").write_text("\n".join(["file,emotion,speaker", *rows]) + "\n", encoding="utf-8")
    arguments = ("--corpus", f"manifest:{folder / 'many.csv'}", "--protocol", "speaker_independent", "--folds", 1)
    how = ("--preset", "smoke", "--workers", WORKERS, "--results", folder / "results")
    command = [*VERB, "run", "chernykh2018", "--variant", "dummy", *arguments, *how]
    return child(command, environment={"SER_CACHE": str(folder / "cache")}).peak_mib


def _emotion(path) -> str:
    return corpora.places.CORPORA["ravdess"].EMOTIONS[path.stem.split("-")[2]]
