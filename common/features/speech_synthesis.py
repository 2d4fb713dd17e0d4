"""A source-filter synthesiser: text, speaker and emotion -> speech-like waveform. NumPy only.

Glottal pulses (a polynomial open phase after Klatt & Klatt 1990, with jitter, shimmer and spectral tilt) and noise
excite a cascade of second-order formant resonators, whose frequencies move between the targets of the letters of the
text. An emotion sets twelve controls (`EXPRESSIONS`); each utterance varies randomly around these values, so that the
classes overlap. The purpose is to test the suite, not to replace a corpus: accuracies on synthetic speech are
meaningless for real speech.

Seeds are hashed with SHA-256, and samples are rounded to the 16-bit grid, which removes last-bit differences between
machines' elementary functions: the same arguments give the same bytes, for one release of NumPy.
"""

import dataclasses
import hashlib
import math
import re
from typing import NamedTuple

import numpy as np

from common.errors import InputError
from common.utterance import EMOTIONS

VERSION = "voice-1"
HOP_S = 0.010  # between two settings of the resonators, which are cross-faded
TAIL_S = 0.044  # for the resonators to ring out after each 2-hop window
CONTROL_S = 0.005  # grid of the fundamental-frequency contour


class Expression(NamedTuple):
    """Changes of neutral speech by an emotion at full strength. Neutral has factors of 1 and offsets of 0."""

    f0_st: float  # mean F0, semitones
    f0_range: float  # F0 excursions, factor
    slope_st: float  # F0 from the first syllable to the last, semitones
    final_st: float  # F0 movement in the last 0.3 s, semitones
    tempo: float  # speaking rate, factor
    loudness_db: float
    dynamics: float  # loudness difference between accented and other syllables, factor
    tilt_db: float  # attenuation at 3 kHz; negative is brighter
    jitter: float  # cycle-to-cycle irregularity, factor
    breath: float  # aspiration noise, factor
    pauses: float  # number and length of pauses, factor
    tremor: float  # depth of a 5 to 7 Hz tremble of F0, factor


# Directions from BS = Banse & Scherer 1996, JL = Juslin & Laukka 2003, MA = Murray & Arnott 1993, S = Scherer 2003.
# The sizes are our choice.
EXPRESSIONS = {
    # BS, JL, MA: F0 and its range up, fast, loud, much high-frequency energy; irregular, abrupt (JL)
    "anger": Expression(4.5, 1.6, -1.0, -2.0, 1.12, 8.0, 1.5, -6.0, 1.9, 0.8, 0.7, 1.0),
    # BS, S: low mean F0, narrow range, slow, soft
    "boredom": Expression(-2.0, 0.55, -0.5, -1.0, 0.80, -3.0, 0.7, 2.5, 1.1, 1.2, 1.4, 1.0),
    # JL's tenderness: slow, soft, little high-frequency energy, low F0, small range, regular
    "calm": Expression(-1.0, 0.75, 0.0, -0.5, 0.87, -3.5, 0.75, 3.0, 0.7, 1.6, 1.2, 0.8),
    # MA: F0 very much lower, much slower, wide terminal falls, grumbled; BS: slow
    "disgust": Expression(-1.5, 1.15, -2.0, -3.0, 0.76, 0.5, 1.2, 0.0, 2.2, 1.1, 1.5, 1.0),
    # BS's elation: F0, range, loudness and rate all well up, bright: a stronger happiness
    "excitement": Expression(5.5, 1.7, 1.0, 1.0, 1.20, 6.0, 1.3, -3.5, 1.1, 1.0, 0.7, 1.0),
    # JL, S: high F0, small range, fast, loudness varying, irregular; MA: irregular voicing
    "fear": Expression(5.0, 0.80, 1.5, 0.5, 1.18, 0.5, 1.4, 1.0, 2.3, 2.0, 1.1, 2.5),
    # BS's cold anger, irritation: F0 and loudness somewhat up, tense voice, falling
    "frustration": Expression(1.5, 1.20, -1.5, -2.0, 0.97, 3.5, 1.3, -3.0, 1.5, 1.1, 1.3, 1.0),
    # JL: fast, fairly loud, F0 up, wide range, rising, regular
    "happiness": Expression(3.5, 1.55, 1.0, 1.5, 1.08, 3.5, 1.2, -2.0, 0.8, 1.0, 0.8, 0.9),
    "neutral": Expression(0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0),
    # BS, JL, S: low F0, small range, falling, slow, soft, little high-frequency energy, pauses, irregular
    "sadness": Expression(-1.5, 0.65, -1.5, -1.0, 0.80, -5.0, 0.75, 4.5, 1.5, 2.0, 1.9, 1.6),
    # MA, S: F0 high, very wide range, final rise; breathy onset
    "surprise": Expression(4.5, 1.75, 1.5, 6.0, 1.05, 2.5, 1.3, -0.5, 1.0, 1.4, 0.9, 1.0),
}
FACTORS = np.array([not name.endswith(("_st", "_db")) for name in Expression._fields])  # the others are offsets
# Standard deviations between utterances of an emotion and between speakers: of log-factors, of offsets in their units.
UTTERANCE_SD = np.array([1.5, 0.22, 1.2, 1.4, 0.09, 2.2, 0.15, 1.8, 0.30, 0.30, 0.35, 0.3])
SPEAKER_SD = np.array([0.0, 0.18, 0.6, 0.6, 0.07, 1.0, 0.12, 1.5, 0.25, 0.30, 0.20, 0.2])
STRENGTH = {None: 0.9, "normal": 0.75, "strong": 1.15}
BLENDED = 0.15  # share of utterances that lean halfway towards another emotion


class Piece(NamedTuple):
    """A stretch of sound with constant targets."""

    seconds: float
    f1_hz: float
    f2_hz: float
    f3_hz: float
    voice: float = 0.0  # amplitude of the glottal pulses
    breath: float = 0.0  # noise through the resonators
    noise: float = 0.0  # noise made in the mouth, around noise_hz
    noise_hz: float = 3000.0
    vowel: bool = False


# Approximate sounds of letters (English and German). Formants of men after Peterson & Barney 1952 and Klatt 1980.
#   vowel, sonorant: F1 F2 F3 (and amplitude); voiced, unvoiced (stops): F2 and the burst's Hz;
#   fricative, buzz (voiced): the noise's Hz and amplitude; pair: two vowels
SOUND_TABLE = """
a vowel 730 1150 2450   | e vowel 530 1800 2500   | i,y,ee,ie,ea vowel 300 2250 2950 | o vowel 520 900 2400
u,oo vowel 320 900 2250 | ü vowel 280 1750 2200   | ä vowel 600 1750 2450            | ö vowel 420 1500 2250
au pair a u             | ou pair o u             | ai,ei pair a i                   | ay pair e i
p unvoiced 900 900      | t unvoiced 1750 4200    | k,ck,c unvoiced 1900 2200        | q unvoiced 1500 2000
b voiced 900 800        | d voiced 1750 3800      | g voiced 1900 2000               | h breath 550 1500 2500
f,ph fricative 3800 .06 | s,ß fricative 5800 .21  | sh,sch fricative 2900 .25        | ch fricative 3000 .18
x fricative 5000 .18    | th fricative 4500 .05   | v buzz 3500 .03                  | z buzz 5600 .1
m sonorant 260 1000 2200 .35 | n sonorant 260 1600 2550 .35 | ng sonorant 270 2000 2500 .35 | w sonorant 310 750 2200 .5
l sonorant 370 1150 2650 .55 | r sonorant 410 1250 1700 .5  | j sonorant 290 2150 2900 .6
"""


def _pieces(kind, a, b, c=0.0, amplitude=0.0) -> tuple[Piece, ...]:
    """One sound of `SOUND_TABLE`."""
    if kind in ("voiced", "unvoiced"):  # a stop: closed, burst, and the breath after an unvoiced one
        voiced = kind == "voiced"
        closed = Piece(0.048, 240, a, 2500, voice=0.12 * voiced)
        burst = Piece(0.012, 350, a, 2500, noise=0.15 if voiced else 0.25, noise_hz=b)
        return (closed, burst) if voiced else (closed, burst, Piece(0.030, 450, a, 2500, breath=0.8))
    return {
        "vowel": (Piece(0.095, a, b, c, voice=1.0, vowel=True),),
        "sonorant": (Piece(0.062, a, b, c, voice=amplitude),),
        "breath": (Piece(0.060, a, b, c, breath=0.7),),
        "fricative": (Piece(0.085, 300, 1600, 2600, noise=b, noise_hz=a),),
        "buzz": (Piece(0.065, 300, 1600, 2600, voice=0.3, noise=b, noise_hz=a),),
    }[kind]


def _read_sounds(table) -> dict[str, tuple[Piece, ...]]:
    sounds = {}
    for letters, kind, *rest in map(str.split, re.split(r"[|\n]", table.strip())):
        pieces = sounds[rest[0]] + sounds[rest[1]] if kind == "pair" else _pieces(kind, *map(float, rest))
        sounds.update(dict.fromkeys(letters.split(","), pieces))
    return sounds


SOUNDS = _read_sounds(SOUND_TABLE)
LETTERS = re.compile("|".join(sorted(map(re.escape, SOUNDS), key=len, reverse=True)))


@dataclasses.dataclass(frozen=True)
class Speaker:
    """Voice and habits of a speaker, created by `make_speaker`."""

    name: str
    gender: str  # "female" or "male"
    seed: int
    f0_hz: float  # neutral mean
    formant_scale: float  # 1 is an average man; a shorter vocal tract is above
    open_quotient: float  # open share of the glottal cycle: pressed 0.4, lax 0.7
    tilt_db: float
    jitter: float  # relative, per cycle
    rate: float  # speaking rate, 1 is average
    expressivity: float  # how much the emotions move the controls
    habits: tuple[float, ...]  # offsets of the twelve controls
    variability: float = 1.0  # share of the random differences between the controls of readings


def generator(*key) -> np.random.Generator:
    """A random generator seeded by the key's text only: the same in every process and on every machine."""
    return np.random.default_rng(list(hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()))


def in_own_way(speaker, emotion, amount) -> Speaker:
    """The speaker with random habits for this emotion only, of `amount` standard deviations of an utterance.

    At 0 all speakers express an emotion alike; at 4 a classifier can hardly generalise to unseen speakers.
    """
    own = generator("own way", speaker.seed, speaker.name, emotion).standard_normal(len(UTTERANCE_SD)).clip(-2, 2)
    habits = np.array(speaker.habits) + amount * own * UTTERANCE_SD
    return dataclasses.replace(speaker, habits=tuple(habits.tolist()))


def with_variability(speaker, variability) -> Speaker:
    """The speaker with this share, 0 to 1, of their habits and of the random differences between readings.

    At 0 all readings of a speaker have the same controls for an emotion and intensity; durations, melody and noise
    still vary. Raises InputError if the share is out of range.
    """
    if not 0 <= variability <= 1:
        raise InputError(f"variability {variability}: expected a share, 0 to 1")
    habits = tuple(variability * habit for habit in speaker.habits)
    return dataclasses.replace(speaker, habits=habits, variability=variability)


def make_speaker(name: str, gender: str, *, seed: int = 0) -> Speaker:
    """A speaker, drawn at random by name, gender and seed. Raises InputError unless gender is female or male."""
    if gender not in ("female", "male"):
        raise InputError(f"the gender {gender!r} has no voice; choose female or male")
    rng = generator("speaker", seed, name, gender)
    f0_hz, scale, open_quotient, tilt_db = (205, 1.16, 0.60, 8.0) if gender == "female" else (118, 1.0, 0.53, 6.5)
    n = rng.standard_normal(7).clip(-2.5, 2.5).tolist()
    return Speaker(
        name,
        gender,
        seed,
        f0_hz=f0_hz * 2 ** (2.0 * n[0] / 12),
        formant_scale=scale * math.exp(0.035 * n[1]),
        open_quotient=min(max(open_quotient + 0.05 * n[2], 0.4), 0.75),
        tilt_db=tilt_db + 1.5 * n[3],
        jitter=0.008 * math.exp(0.3 * n[4]),
        rate=math.exp(0.08 * n[5]),
        expressivity=math.exp(0.15 * n[6]),
        habits=tuple((rng.standard_normal(len(SPEAKER_SD)).clip(-2, 2) * SPEAKER_SD).tolist()),
    )


def speak(
    emotion: str,
    speaker: Speaker,
    text: str,
    *,
    intensity: str | None = None,
    seed: int | str = 0,
    sample_rate_hz: int = 16_000,
) -> np.ndarray:
    """Synthesise one utterance, about 75 ms per letter, without silence around it.

    Args:
        emotion: one of `common.utterance.EMOTIONS`.
        speaker: from `make_speaker`.
        text: letters (English or German), and `,` and `.` for pauses; other characters are ignored.
        intensity: None, "normal" or "strong".
        seed: another seed gives another reading of the same text.
        sample_rate_hz: 8000 or more.

    Returns:
        float32 (N,) in [-1, 1], on the 16-bit grid.

    Raises:
        InputError: an argument is out of range, or the text has no vowel.
    """
    if emotion not in EXPRESSIONS:
        raise InputError(f"unknown emotion {emotion!r}; choose from {', '.join(EMOTIONS)}")
    if intensity not in STRENGTH or sample_rate_hz < 8000:
        raise InputError(f"{intensity!r} at {sample_rate_hz} Hz: choose normal, strong or None, at 8000 Hz or more")
    rng = generator("speak", VERSION, seed, speaker.seed, speaker.name, emotion, intensity, text)
    manner = _manner(emotion, speaker, intensity, rng)
    pieces, seconds, accent = _articulate(text, speaker, manner, rng)
    lengths = np.maximum(np.round(seconds * sample_rate_hz), 1).astype(int)  # (P,) samples
    f0_hz = _melody(lengths / sample_rate_hz, pieces, accent, speaker, manner, rng)
    pulses, noise = _excite(f0_hz, lengths, pieces, accent, speaker, manner, sample_rate_hz, rng)
    waveform = _resonate(pulses, noise, lengths, pieces, speaker, manner, sample_rate_hz)
    return _level(waveform, manner.loudness_db)


def _manner(emotion, speaker, intensity, rng) -> Expression:
    """The controls of one reading: emotion times strength, sometimes blended with another, plus habits and noise."""
    points = np.array([EXPRESSIONS[emotion], EXPRESSIONS[EMOTIONS[rng.integers(len(EMOTIONS))]]])
    target, other = np.where(FACTORS, np.log(np.where(FACTORS, points, 1.0)), points)
    target = 0.5 * (target + other) if rng.random() < speaker.variability * BLENDED else target
    strength = STRENGTH[intensity] * speaker.expressivity * np.exp(speaker.variability * rng.normal(0, 0.25))
    scatter = rng.standard_normal(len(target)).clip(-2.5, 2.5) * UTTERANCE_SD
    values = min(strength, 1.5) * target + np.array(speaker.habits) + speaker.variability * scatter
    return Expression(*np.where(FACTORS, np.exp(np.where(FACTORS, values, 0.0)), values).tolist())


def _articulate(text, speaker, manner, rng):
    """Text -> pieces, their durations in seconds (P,), and their accents (P,) in [0, 1]."""
    pieces, accent = [], []
    for word in re.findall(r"[^\W\d_]+|[,.;:!?]", text.lower()):
        sounds = [SOUNDS[m] for m in LETTERS.findall(word)]
        weight = rng.uniform(0.6, 1.0) if len(word) > 3 else rng.uniform(0.0, 0.4)
        for sound in sounds:
            pieces += sound
            accent += [weight * sound[0].vowel] * len(sound)
            weight *= 0.4 if sound[0].vowel else 1.0  # the first vowel of a word carries the stress
        if pieces and rng.random() < (0.9 if not sounds else 0.06 * manner.pauses):
            pieces.append(Piece(0.12 * min(manner.pauses, 2.5) * np.exp(rng.normal(0, 0.3)), 500, 1500, 2500))
            accent.append(0.0)
    while pieces and not (pieces[-1].voice or pieces[-1].noise):  # no pause after the last word
        pieces.pop(), accent.pop()
    if not any(p.vowel for p in pieces):
        raise InputError(f"the text {text!r} has no vowel that could be spoken")
    accent, last_vowel = np.array(accent), max(i for i, p in enumerate(pieces) if p.vowel)
    seconds = np.array([p.seconds for p in pieces]) * np.exp(rng.normal(0, 0.12, len(pieces))) * (1 + 0.35 * accent)
    seconds[last_vowel:] *= 1.4  # phrase-final lengthening
    return pieces, seconds / (speaker.rate * manner.tempo), accent


def _melody(seconds, pieces, accent, speaker, manner, rng):
    """F0 in Hz every CONTROL_S: a linear decline, a peak per vowel, a final movement, drift and tremor."""
    ends = np.cumsum(seconds)
    t = np.arange(0.0, ends[-1] + CONTROL_S, CONTROL_S)
    contour = manner.f0_st + (manner.slope_st - 2.5 * manner.f0_range) * (t / ends[-1] - 0.5)
    vowels = np.array([p.vowel for p in pieces])
    centres, heights = (ends - 0.5 * seconds)[vowels], 3.6 * manner.f0_range * accent[vowels]
    heights *= np.exp(rng.normal(0, 0.25, len(heights)))
    contour += (np.exp(-0.5 * ((t[:, None] - centres) / 0.07) ** 2) * heights).sum(axis=1)
    contour += manner.final_st * np.clip((t - ends[-1] + 0.3) / 0.3, 0, 1) ** 2
    drift = np.interp(t, t[:: round(0.15 / CONTROL_S)], rng.normal(0, 0.35, len(t[:: round(0.15 / CONTROL_S)])))
    tremor = 0.12 * manner.tremor * np.sin(2 * np.pi * (rng.uniform(5, 7) * t + rng.random()))
    return np.clip(speaker.f0_hz * np.exp2((contour + drift + tremor) / 12), 55, 650)


def _track(values, lengths, smooth):
    """Piecewise constant (P,) -> (N,), smoothed by a moving mean of `smooth` samples."""
    steps = np.repeat(values, lengths)
    total = np.cumsum(np.pad(steps, (smooth // 2 + 1, smooth - smooth // 2)))
    return (total[smooth : smooth + len(steps)] - total[: len(steps)]) / smooth


def _excite(f0_hz, lengths, pieces, accent, speaker, manner, sample_rate_hz, rng):
    """Excitation of the resonators (N,), and noise produced in the mouth (N,)."""
    size, smooth = int(lengths.sum()), round(0.008 * sample_rate_hz)
    f0 = np.interp(np.arange(size) / sample_rate_hz, np.arange(len(f0_hz)) * CONTROL_S, f0_hz) / sample_rate_hz
    cycle = np.cumsum(f0).astype(int)  # (N,) which glottal cycle each sample belongs to
    jitter = speaker.jitter * manner.jitter
    wobble = rng.standard_normal((2, cycle[-1] + 8)).clip(-3, 3)
    phase = np.cumsum(f0 * (1 + jitter * wobble[0, cycle]))
    cycle = phase.astype(int)
    open_quotient = np.clip(speaker.open_quotient + 0.012 * manner.tilt_db, 0.35, 0.85)
    x = (phase - cycle) / open_quotient
    is_open = x < 1
    flow = np.where(is_open, 6.75 * x * x * (1 - x), 0.0)
    flow *= 1 + 4 * jitter * wobble[1, np.minimum(cycle, wobble.shape[1] - 1)]  # shimmer
    emphasis_db = 3.5 * manner.dynamics * (accent - 0.4) - 4 * np.cumsum(lengths) / size  # (P,) the breath runs out
    voice = _track(np.array([p.voice for p in pieces]) * 10 ** (emphasis_db / 20), lengths, smooth)
    hiss = rng.standard_normal((2, size))
    breath = _track(np.array([p.breath for p in pieces]) * 0.3, lengths, smooth)
    breath += 0.035 * manner.breath * voice * (0.3 + is_open)
    pulses = np.diff(flow, prepend=0.0) / f0 * voice  # the flow's derivative, free of its aliases' worst part
    mouth = _track(np.array([p.noise for p in pieces]), lengths, max(smooth // 2, 1))
    return 0.25 * pulses + breath * hiss[0], mouth * hiss[1]


def _second_order(centre_hz, bandwidth_hz, sample_rate_hz):
    """Denominators (..., 3) of resonators in z^-1."""
    radius = np.exp(-np.pi * np.asarray(bandwidth_hz) / sample_rate_hz)
    angle = 2 * np.pi * np.asarray(centre_hz) / sample_rate_hz
    return np.stack([np.ones_like(angle), -2 * radius * np.cos(angle), radius * radius * np.ones_like(angle)], axis=-1)


def _tilt(attenuation_db, sample_rate_hz):
    """Denominator (2,) of the one-pole low-pass with this attenuation at 3 kHz."""
    gain = 10 ** (max(attenuation_db, 0.5) / 10)
    b = gain - np.cos(2 * np.pi * 3000 / sample_rate_hz)
    return np.array([1.0, -(b - np.sqrt(b * b - (gain - 1) ** 2)) / (gain - 1)])


def _resonate(pulses, noise, lengths, pieces, speaker, manner, sample_rate_hz):
    """Filter both sources with time-varying resonators: overlap-add of 2-hop windows, one setting per window."""
    hop = round(HOP_S * sample_rate_hz)
    size = 1 << int(np.ceil(np.log2(2 * hop + TAIL_S * sample_rate_hz)))
    count = len(pulses) // hop + 2  # F windows
    ends = np.cumsum(lengths)
    targets = np.array([p[1:4] for p in pieces]) * speaker.formant_scale  # (P, 3) Hz
    moments = np.arange(count) * hop
    formants = np.stack([np.interp(moments, ends - 0.5 * lengths, f) for f in targets.T], axis=-1)  # (F, 3) gliding
    higher = np.arange(3500, 8000, 1000) * speaker.formant_scale  # of a tube as long as the vocal tract
    higher = np.broadcast_to(higher[higher < 0.47 * sample_rate_hz], (count, sum(higher < 0.47 * sample_rate_hz)))
    formants = np.minimum(np.concatenate([formants, higher], axis=1), 0.47 * sample_rate_hz)  # (F, K)
    bandwidths = np.array([70, 100, 150, 220, 280, 340, 400, 460])[: formants.shape[1]] * (0.8 + 0.2 * manner.breath)
    sections = _second_order(formants, bandwidths, sample_rate_hz)  # (F, K, 3)
    mouth = _tilt(speaker.tilt_db + manner.tilt_db, sample_rate_hz)[None, :]  # (1, 2)
    for section in sections.swapaxes(0, 1):  # products of polynomials
        mouth = sum(np.pad(mouth * section[:, k : k + 1], ((0, 0), (k, 2 - k))) for k in range(3))
    noise_hz = np.array([p.noise_hz for p in (*pieces, pieces[-1])])[np.searchsorted(ends, moments, side="right")]
    noise_hz = np.minimum(noise_hz, 0.45 * sample_rate_hz)
    teeth = _second_order(noise_hz, 0.4 * noise_hz, sample_rate_hz)  # (F, 3)

    def spectra(signal):  # (N,) -> (F, size // 2 + 1)
        padded = np.pad(signal, (hop, (count + 1) * hop - len(signal)))
        return np.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop][:count] * window, size)

    window = 0.5 - 0.5 * np.cos(np.pi * np.arange(2 * hop) / hop)
    spectrum = mouth.sum(axis=1, keepdims=True) * spectra(pulses) / np.fft.rfft(mouth, size)  # gain 1 at 0 Hz
    spectrum += (1 - teeth[:, 2:]) * spectra(noise) / np.fft.rfft(teeth, size)  # about 1 at the centre
    blocks = np.pad(np.fft.irfft(spectrum, size), ((0, 0), (0, -size % hop))).reshape(count, -1, hop)
    out = np.zeros((count + blocks.shape[1], hop))
    for j in range(blocks.shape[1]):
        out[j : j + count] += blocks[:, j]
    return out.reshape(-1)[hop : hop + len(pulses) + hop]


def _level(waveform, loudness_db):
    """Set the level, compress the peaks, and round the samples to the 16-bit grid."""
    loudest = np.sort(waveform * waveform)[-max(len(waveform) // 3, 1) :]  # pauses do not count
    waveform = waveform * (10 ** ((loudness_db - 24) / 20) / np.sqrt(loudest.mean()))
    waveform = waveform / np.sqrt(1 + waveform * waveform)
    return (np.round(waveform * 32767) / 32768).astype(np.float32)
