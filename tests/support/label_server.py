"""What the tests of the label page share: a small corpus of tones and a server process on it."""

import contextlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[2]
RATE = 16_000
EMOTIONS = ("anger", "neutral", "sadness")
PROGRAM = "from experiments.cli.label import label_command; label_command()"


def make_corpus(folder, *, emotions=EMOTIONS, speakers=3, takes=2, name="calls"):
    """A manifest of tones, `speakers` x `takes` of each emotion; the first utterance is a stretch of a FLAC."""
    folder.mkdir(exist_ok=True)
    lines = ["file,emotion,speaker,start,end"]
    for s in range(speakers):
        for k, emotion in enumerate(emotions):
            for take in range(takes):
                t = np.arange(RATE) / RATE
                sound = (0.3 * np.sin(2 * np.pi * (200 + 50 * k + 10 * s + take) * t)).astype("float32")
                suffix, stretch = ("flac", "0.25,0.75") if s == k == take == 0 else ("wav", ",")
                file = f"s{s}-{emotion}-{take}.{suffix}"
                soundfile.write(folder / file, sound, RATE)
                lines.append(f"{file},{emotion},s{s},{stretch}")
    path = folder / f"{name}.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@contextlib.contextmanager
def serving(corpus, results, *more):
    """(process, address) of a server of its own; killed at the end, as hard as possible."""
    arguments = ["--corpus", f"manifest:{corpus}", "--results", results, "--port", "0", *more]
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("open http"):
                break
        else:
            raise AssertionError(f"the server did not start: {said}")
        yield process, line.split()[1]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
