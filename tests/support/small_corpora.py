"""A user's corpora of a few tones, written by a test."""

import numpy as np
import soundfile

EMOTIONS = ("anger", "happiness", "neutral", "sadness")


def write_corpus(folder, name, rate, speakers, loudness=1.0, emotions=EMOTIONS):
    """A table of noisy tones whose pitch tells the emotion; speakers are s0, s1 and so on."""
    (folder / name).mkdir()
    lines = ["file,emotion,speaker,gender"]
    for s in range(speakers):
        for k, emotion in enumerate(emotions):
            t = np.arange(rate) / rate
            noise = np.random.default_rng([s, k, rate]).normal(size=rate)
            sound = loudness * (0.2 * np.sin(2 * np.pi * (150 + 90 * k + 5 * s) * t) + 0.01 * noise)
            soundfile.write(folder / name / f"s{s}-{emotion}.wav", sound, rate)
            lines.append(f"s{s}-{emotion}.wav,{emotion},s{s},{'female' if s % 2 else 'male'}")
    table = folder / name / f"{name}.csv"
    table.write_text("\n".join(lines) + "\n")
    return f"manifest:{table}"
