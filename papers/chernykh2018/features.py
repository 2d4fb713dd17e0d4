"""Waveform -> sequence of 34 acoustic features, one vector for every 0.1 s (section 2.2)."""

import dataclasses

import numpy as np

from papers.chernykh2018 import short_term


@dataclasses.dataclass(frozen=True)
class FrontEnd:
    """All settings of the features."""

    sample_rate_hz: int = 16_000  # 2.2
    frame_s: float = 0.2  # 2.2
    hop_s: float = 0.1  # 2.2: "overlap by 100 milliseconds"
    quirks: tuple[str, ...] = short_term.LIBRARY  # 2.2 names the library, quirks included; D1
    without_ends: bool = True  # D2: an utterance's first and last frame are left out
    min_energy: float = 1e-4  # D2: quieter frames are left out; of a waveform whose peak is 1

    @property
    def window(self) -> int:
        """Samples in a frame."""
        return round(self.frame_s * self.sample_rate_hz)

    @property
    def step(self) -> int:
        """Samples from one frame to the next."""
        return round(self.hop_s * self.sample_rate_hz)


AUTHORS_COPY = FrontEnd(quirks=short_term.AUTHORS_COPY)  # D1


def features(waveform, sample_rate_hz, front_end):
    """Waveform `(N,)` -> `(1, T, 34)` float32, in the order of `short_term.NAMES`; T is at least 1."""
    values, _ = frames(waveform, sample_rate_hz, front_end)
    return values[None].astype("float32")


def frames(waveform, sample_rate_hz, front_end):
    """The features of the frames kept, `(T, 34)` float64, and the frames' indices, `(T,)`.

    Frame i begins at `i * hop_s` seconds.
    """
    missing = max(0, front_end.window - len(waveform))
    values = short_term.short_term(
        np.pad(waveform, (0, missing)),  # D3: what is shorter than one frame becomes one
        sample_rate_hz,
        window=front_end.window,
        step=front_end.step,
        quirks=front_end.quirks,
    )
    kept = _kept(values[:, short_term.ENERGY], front_end)
    return values[kept], kept


def _kept(energy, front_end):
    """Indices of the frames to keep: `(T,)` energies -> `(t,)`, at least one (D2, D3)."""
    candidates = np.arange(len(energy))
    if front_end.without_ends:
        candidates = candidates[1:-1] if len(energy) > 2 else candidates[:1]
    loud = candidates[energy[candidates] > front_end.min_energy]
    return loud if len(loud) else candidates[[energy[candidates].argmax()]]
