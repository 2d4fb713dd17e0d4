"""Front ends: seconds of audio a second on one core, against pyAudioAnalysis and librosa called file by file."""

import contextlib
import io
import itertools
import statistics
import tempfile
from pathlib import Path
from typing import NamedTuple

import librosa
import numpy as np
import threadpoolctl

from common import corpora
from common.corpora import synthetic
from common.errors import InputError
from common.features import audio, feature_store
from common.features.code_version import code_version
from experiments import catalog
from experiments.benchmark.timing import in_turns, speed_up
from experiments.evidence.benchmarks import figure
from papers.chernykh2018 import benchmark

UNIT = "s of audio a second"
LEAST_OVER_PYAUDIOANALYSIS, LEAST_OVER_LIBROSA = 8, 3
NOTES = {
    "emmert": "ours calls librosa too",
    "chernykh2018": "librosa has 30 of the 34 features; of one transform, file by file",
}


class Size(NamedTuple):
    """How much is measured."""

    recordings: int = 8
    rounds: int = 5
    front_ends: int | None = None  # the first ones; None is all


SMALLEST = Size(recordings=1, rounds=1, front_ends=1)


def measure(size, corpus_name=None, data=None):
    """Yield figures of every front end of the catalog, each once.

    Args:
        size: how much.
        corpus_name: whose recordings; None synthesizes some in RAVDESS's layout.
        data: folder of the corpora.
    """
    with tempfile.TemporaryDirectory() as folder, threadpoolctl.threadpool_limits(1):
        chosen, source = recordings(size.recordings, corpus_name, data, folder)
        for name, front_end in itertools.islice(front_ends().items(), size.front_ends):
            try:
                yield from _of_front_end(name, front_end, chosen, source, size.rounds, folder)
            except InputError as error:  # what it needs is not installed
                yield figure(f"{name}: front end", None, UNIT, note=str(error))


def recordings(count, corpus_name, data, folder):
    """Utterances, evenly drawn from a corpus, and words that say what they are."""
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
    """Every front end that a system of the catalog has, under the name of the first one; none that needs a download."""
    found = {}
    for paper, module in catalog.PAPERS.items():
        for variant, presets in module.RECIPES.items():
            front_end = presets["paper"].front_end
            if not getattr(front_end, "pretrained", False) and (paper, front_end) not in found:
                found[paper, front_end] = f"{paper}/{variant}"
    return {name: front_end for (_, front_end), name in found.items()}


def _of_front_end(name, front_end, chosen, source, rounds, folder) -> list[dict]:
    paper = catalog.paper(name.split("/")[0])
    read = [audio.read_utterance(u, sample_rate_hz=front_end.sample_rate_hz)[0] for u in chosen]
    duration_s = sum(map(len, read)) / front_end.sample_rate_hz
    version = code_version(f"papers.{name.split('/')[0]}.features")  # once a run, however long the corpus
    stores = (Path(folder, f"store-{name.replace('/', '-')}-{number}") for number in itertools.count())
    timed = {
        "ours": lambda: [paper.features(w, front_end.sample_rate_hz, front_end) for w in read],
        "stored": lambda: _store(paper, name, front_end, chosen, version, next(stores)),
    }
    if library := librosa_equivalent(name, front_end):
        timed["library"] = lambda: [library(w) for w in read]
    seconds = in_turns(timed, rounds)
    made = [
        figure(f"{name}: front end", duration_s / statistics.median(seconds["ours"]), UNIT, note=source),
        figure(
            f"{name}: with reading, resampling and storing",
            duration_s / statistics.median(seconds["stored"]),
            UNIT,
            note="into an empty store, one process",
        ),
    ]
    if library:
        over = speed_up(seconds["library"], seconds["ours"])
        note = NOTES.get(name.split("/")[0], "of the same values, file by file: one Fourier transform a frame each")
        made.append(figure(f"{name}: over librosa", over, "times", at_least=LEAST_OVER_LIBROSA, note=note))
    if name.startswith("chernykh2018"):
        made.append(_over_pyaudioanalysis(name, front_end, read, rounds))
    return made


def _store(paper, name, front_end, chosen, version, root):
    """The whole way from files to an empty store, in this process."""
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


def _over_pyaudioanalysis(name, front_end, waveforms, rounds) -> dict:
    """The 34 features alone, without the choice of frames, as the paper's own benchmark times them."""
    long_enough = [w for w in waveforms if len(w) >= front_end.window]
    seconds = benchmark.compare(long_enough, front_end=front_end, rounds=rounds)
    over = seconds["library"] / seconds["ours"]
    return figure(f"{name}: 34 features over pyAudioAnalysis", over, "times", at_least=LEAST_OVER_PYAUDIOANALYSIS)


def librosa_equivalent(name, front_end):
    """A function of a waveform that computes what a front end does by librosa's own functions; None where it cannot."""
    paper = name.split("/")[0]
    if paper == "emmert":
        return _librosa_emmert(front_end)
    if paper == "lim2016":
        length = front_end.frame_length
        return _librosa_decibels(front_end, n_fft=length, win_length=length, hop_length=front_end.hop, window="hann")
    if paper == "chernykh2018":
        return _librosa_chernykh(front_end)
    if paper in ("satt2017", "ma2018") and getattr(front_end, "kind", "normal") == "normal":
        rate = front_end.sample_rate_hz
        hop_s = front_end.shift_s if paper == "satt2017" else front_end.hop_s
        n_fft = front_end.dft_length if paper == "satt2017" else front_end.fft_length
        width, hop = round(front_end.window_s * rate), round(hop_s * rate)
        return _librosa_decibels(front_end, n_fft=n_fft, win_length=width, hop_length=hop, window=np.hamming(width))
    return None


def _librosa_decibels(front_end, **transform):
    """Log power of the bins that the front end keeps, `(T, F)`."""

    def compute(waveform):
        padded = np.pad(waveform, (0, max(0, transform["n_fft"] - len(waveform))))
        power = np.abs(librosa.stft(padded, center=False, **transform)) ** 2
        return librosa.power_to_db(power, amin=1e-10, top_db=None)[: front_end.num_bins].T

    return compute


def _librosa_chernykh(front_end):
    """Of the 34 features the 30 that librosa has a function for: not entropies and flux; one transform for all."""
    rate, length, hop = front_end.sample_rate_hz, front_end.window, front_end.step
    feature = librosa.feature

    def compute(waveform):
        framed = {"frame_length": length, "hop_length": hop, "center": False}
        magnitude = np.abs(librosa.stft(waveform, n_fft=length, hop_length=hop, window="boxcar", center=False))
        power = magnitude**2
        return [
            feature.zero_crossing_rate(waveform, **framed),
            feature.rms(y=waveform, **framed),
            feature.spectral_centroid(S=magnitude, sr=rate),
            feature.spectral_bandwidth(S=magnitude, sr=rate),
            feature.spectral_rolloff(S=magnitude, sr=rate, roll_percent=0.9),
            feature.mfcc(S=librosa.power_to_db(feature.melspectrogram(S=power, sr=rate)), n_mfcc=13),
            feature.chroma_stft(S=power, sr=rate, tuning=0.0),
        ]

    return compute


def _librosa_emmert(front_end):
    """Trimmed, then MFCC of the file and of a copy, or the log-mel spectrogram; adds no noise, cuts no slices."""
    trimmed = (lambda w: w) if front_end.trim_db is None else _librosa_trim(front_end.trim_db)
    rate, spectrum = front_end.sample_rate_hz, {"n_fft": front_end.fft_length}
    if front_end.kind == "mfcc":
        length = round(front_end.duration_s * rate)
        settings = spectrum | {"n_mfcc": front_end.num_mfcc, "hop_length": front_end.mfcc_hop}

        def compute(waveform):
            fixed = librosa.util.fix_length(trimmed(waveform), size=length)
            return [librosa.feature.mfcc(y=fixed, sr=rate, **settings) for _copy in range(2)]

        return compute
    if front_end.kind == "slices":
        settings = spectrum | {"n_mels": front_end.num_mels, "hop_length": front_end.slice_hop}
        mel = librosa.feature.melspectrogram
        return lambda w: librosa.power_to_db(mel(y=trimmed(w), sr=rate, **settings), ref=np.max, top_db=80.0)
    return None


def _librosa_trim(top_db):
    return lambda waveform: librosa.effects.trim(waveform, top_db=top_db)[0]
