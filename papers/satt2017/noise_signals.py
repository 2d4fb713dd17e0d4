"""The built-in synthetic background signals of the noise test (section 5.3): three music-like, four crowd-like.

They replace the paper's recordings (D14): "ambient, pop and rock compositions; all excluding singing", and "crowd
speech, crowd anger sound, crowd applause and crowd laughter". Many notes or voices sound at once, because the paper's
filter assumes that the noise has no dominant fundamental (5.1). Chords nearly have one, in the paper's music too.
"""

import numpy as np
from scipy import signal

from common.features import speech_synthesis

SECONDS = 12.0  # repeated under a longer recording

CHORDS = {  # MIDI notes
    "ambient": ((45, 52, 59, 64, 71, 74), (41, 52, 57, 64, 67, 74), (43, 50, 57, 64, 69, 71), (40, 50, 55, 62, 66, 73)),
    "pop": ((48, 60, 64, 67), (43, 59, 62, 67), (45, 60, 64, 69), (41, 57, 60, 65)),  # C G Am F
    "rock": ((40, 47, 52), (43, 50, 55), (45, 52, 57), (43, 50, 55)),  # E5 G5 A5 G5
}
SENTENCES = (
    "and then we went along the river to see the old bridge",
    "you never know what they are going to say about it",
    "give me the other one over there by the window",
    "seven people have been waiting here since early morning",
)
SHOUTS = ("no no no, go away", "shame on you, shame", "liar, liar, get out", "enough, enough of this")
LAUGHS = ("hahaha haha", "hehehehe hehe ha", "hohoho ho", "ha ha hahaha")


def make(name, sample_rate_hz):
    """The signal with a name from `SIGNALS`, `(N,)` float32 with its peak below 1, the same on every machine."""
    waveform = SIGNALS[name](sample_rate_hz, speech_synthesis.generator("satt2017 noise", name))
    waveform = waveform / (1.05 * np.abs(waveform).max())
    return (np.round(waveform * 32767) / 32768).astype("float32")


# --- music ---


def ambient(rate, rng):
    """Slow crossfading chords of detuned soft tones, with low-level noise."""
    size = round(SECONDS * rate)
    t = np.arange(size) / rate
    music = 0.05 * signal.lfilter([1.0], [1.0, -0.97], rng.standard_normal(size))
    bar_s = SECONDS / len(CHORDS["ambient"])
    for bar, chord in enumerate(CHORDS["ambient"]):
        distance = np.abs(
            (t - (bar + 0.5) * bar_s + SECONDS / 2) % SECONDS - SECONDS / 2
        )  # the end meets the beginning
        swell = np.cos(np.pi / 2 * np.minimum(distance / bar_s, 1.0)) ** 2  # (N,)
        for note in chord:
            for cents in (-13, 0, 11):
                wobble = 1.0 + 0.3 * np.sin(2 * np.pi * (rng.uniform(0.1, 0.4) * t + rng.random()))
                music += swell * wobble * _tone(_hertz(note + cents / 100), t, rng, partials=6, slope=2.0)
    return _room(music, rate, rng, seconds=1.5)


def pop(rate, rng):
    """112 beats a minute: drums, a bass, and plucked chords in eighths, two slightly detuned instruments."""
    beat_s = 60 / 112
    music = np.zeros(round(SECONDS * rate))
    for eighth in range(int(2 * SECONDS / beat_s)):
        start_s, chord = eighth * beat_s / 2, CHORDS["pop"][eighth // 8 % 4]
        _add(music, 0.6 * _pluck(chord[0], 0.35, rate, rng), start_s, rate)
        for note in (*chord[1:], chord[1 + eighth % 3] + 12):
            for cents in (-12, 9):
                _add(music, 0.3 * _pluck(note + cents / 100, 0.6, rate, rng), start_s, rate)
    return _room(music + 2.5 * _drums(rate, rng, beat_s), rate, rng, seconds=0.3)


def rock(rate, rng):
    """140 beats a minute: distorted fifths in eighths, and louder drums."""
    beat_s = 60 / 140
    strings = np.zeros(round(SECONDS * rate))
    for eighth in range(int(2 * SECONDS / beat_s)):
        for note in CHORDS["rock"][eighth // 16 % 4]:
            for cents in (-5, 4):
                _add(strings, _pluck(note + cents / 100, 0.5, rate, rng), eighth * beat_s / 2, rate)
    guitar = signal.lfilter(*signal.butter(2, 4500, fs=rate), np.tanh(4.0 * strings))
    return _room(guitar + 1.5 * _drums(rate, rng, beat_s), rate, rng, seconds=0.2)


def _hertz(note):
    return 440.0 * 2.0 ** ((note - 69) / 12)


def _tone(f0_hz, t, rng, *, partials, slope):
    """Harmonics falling as 1 / k^slope, in random phase."""
    return sum(np.sin(2 * np.pi * (k * f0_hz * t + rng.random())) / k**slope for k in range(1, partials + 1))


def _pluck(note, seconds, rate, rng):
    """A plucked string: upper partials decay first."""
    t = np.arange(round(seconds * rate)) / rate
    f0_hz = _hertz(note)
    highest = min(20, int(0.45 * rate / f0_hz))
    tones = (
        np.exp(-(3.0 + k) * t) * np.sin(2 * np.pi * (k * f0_hz * t + rng.random())) / k for k in range(1, highest + 1)
    )
    return sum(tones) * np.minimum(t / 0.004, 1.0)


def _drums(rate, rng, beat_s):
    """Bass drum on one and three, snare on two and four, hi-hat in eighths."""
    track = np.zeros(round(SECONDS * rate))
    t = np.arange(round(0.25 * rate)) / rate
    kick = np.exp(-18 * t) * np.sin(2 * np.pi * (45 * t + 2.5 * (1 - np.exp(-30 * t))))  # glides from 120 to 45 Hz
    high_pass = signal.butter(2, 5000, "highpass", fs=rate)
    for eighth in range(int(2 * SECONDS / beat_s)):
        start_s = eighth * beat_s / 2
        hat = signal.lfilter(*high_pass, rng.standard_normal(len(t)))
        _add(track, 0.25 * hat * np.exp(-60 * t), start_s, rate)
        if eighth % 4 == 0:
            _add(track, kick, start_s, rate)
        elif eighth % 4 == 2:
            snare = 0.5 * rng.standard_normal(len(t)) + 0.5 * np.sin(2 * np.pi * 185 * t)
            _add(track, snare * np.exp(-20 * t), start_s, rate)
    return track


# --- crowds ---


def crowd_speech(rate, rng):
    """Sixteen people talking at once."""
    return _crowd(rate, rng, people=16, emotions=("neutral", "happiness", "boredom"), texts=SENTENCES, pause_s=0.3)


def crowd_anger(rate, rng):
    """Sixteen people shouting."""
    return _crowd(rate, rng, people=16, emotions=("anger",), texts=SHOUTS, pause_s=0.4)


def crowd_laughter(rate, rng):
    """Twenty people laughing, with pauses."""
    return _crowd(rate, rng, people=20, emotions=("excitement", "happiness"), texts=LAUGHS, pause_s=0.8)


def crowd_applause(rate, rng):
    """Eighty people clapping about four times a second, each pair of hands with a resonance of its own."""
    size = round(SECONDS * rate)
    track = np.zeros(size)
    t = np.arange(round(0.05 * rate)) / rate
    for _person in range(80):
        gaps_s = rng.uniform(0.2, 0.32) * np.exp(0.08 * rng.standard_normal(round(SECONDS / 0.15)))
        times = (np.cumsum(gaps_s) * rate).astype(int)
        claps = np.zeros(size)
        claps[times[times < size]] = rng.uniform(0.3, 1.0)  # how near
        hands = rng.standard_normal(len(t)) * np.exp(-t / rng.uniform(0.003, 0.009))
        resonance = signal.iirpeak(rng.uniform(700, 2600), Q=2.0, fs=rate)
        track += signal.fftconvolve(claps, signal.lfilter(*resonance, hands))[:size]
    return _room(track, rate, rng, seconds=0.8)


def _crowd(rate, rng, *, people, emotions, texts, pause_s):
    """Several voices at different distances, each speaking one text after another with pauses between."""
    track = np.zeros(round(SECONDS * rate))
    for person in range(people):
        speaker = speech_synthesis.make_speaker(
            f"crowd {person}", ("female", "male")[person % 2], seed=int(rng.integers(1 << 30))
        )
        distance = rng.uniform(0.3, 1.0)
        start_s = -rng.uniform(0.0, 3.0)  # nobody waits for the recording to begin
        turn = 0
        while start_s < SECONDS:
            emotion, text = emotions[turn % len(emotions)], texts[(person + turn) % len(texts)]
            said = speech_synthesis.speak(emotion, speaker, text, intensity="strong", seed=turn, sample_rate_hz=rate)
            _add(track, distance * said, start_s, rate)
            start_s += len(said) / rate + rng.exponential(pause_s)
            turn += 1
    return _room(track, rate, rng, seconds=0.6)


# --- both ---


def _add(track, sound, start_s, rate):
    """Add a sound to a track in place; samples outside the track are dropped."""
    start = round(start_s * rate)
    sound = sound[max(0, -start) :]
    start = max(0, start)
    stop = min(len(track), start + len(sound))
    track[start:stop] += sound[: max(0, stop - start)]


def _room(track, rate, rng, *, seconds):
    """The sound and its reverberation, which falls by 60 dB in `seconds` and wraps around to the beginning."""
    t = np.arange(round(seconds * rate)) / rate
    echo = rng.standard_normal(len(t)) * 10 ** (-3.0 * t / seconds)
    echo *= 0.5 / np.sqrt(np.sum(echo**2))
    wet = np.fft.irfft(np.fft.rfft(track) * np.fft.rfft(echo, len(track)), len(track))
    return track + wet


SIGNALS = {
    "ambient": ambient,
    "pop": pop,
    "rock": rock,
    "crowd_speech": crowd_speech,
    "crowd_anger": crowd_anger,
    "crowd_applause": crowd_applause,
    "crowd_laughter": crowd_laughter,
}
