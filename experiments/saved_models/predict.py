"""Apply a saved system to a user's own recordings."""

import dataclasses
import math

import numpy as np

from common.errors import InputError
from common.evaluation import metrics
from common.features import audio, recordings
from common.learning.batching import Subset
from common.utterance import Utterance
from experiments import catalog
from experiments.saved_models import model_card

LONGEST_S = 600.0
"""Longer recordings are processed in pieces: a network for whole sentences (Ma 2018) needs 4.7 MiB per second."""


HOP_S, WINDOW_S = 1.0, 3.0
"""Of --stream: a decision every second, each on the seconds before it; 3 s is the segment length of Satt 2017."""


@dataclasses.dataclass(frozen=True)
class Prediction:
    """A system's output for one recording, or for a piece of a long one.

    Args:
        file: as named by the user.
        start_s, end_s: of the piece, in the recording.
        piece: number and total of the recording's pieces, "1/1" for the whole.
        decision: the emotion; None for "no decision".
        scores: rule -> emotion -> score. The largest score of the first rule is the decision; all zero is "no
            decision". Empty for an unusable window.
        timeline: the emotions over time (dataclasses with `emotion`, `start_s`, `end_s`); None if the system does not
            support it.
        warnings: doubts about the recording, as phrases of common/features/recordings.
    """

    file: str
    start_s: float
    end_s: float
    piece: str
    decision: str | None
    scores: dict[str, dict[str, float]]
    timeline: list | None
    warnings: list[str]


def pieces(file) -> list[tuple[float | None, float | None]]:
    """Start and end in seconds of the fewest equal pieces of at most `LONGEST_S`; (None, None) is the whole file.

    Raises:
        InputError: the file is not audio, or is damaged.
    """
    num_samples, rate = audio.duration(file)
    count = math.ceil(num_samples / rate / LONGEST_S)
    if count < 2:
        return [(None, None)]
    edges = [num_samples * i // count / rate for i in range(count + 1)]
    return list(zip(edges, edges[1:], strict=False))


class Predictor:
    """Applies a saved system to recordings.

    Recordings are processed one by one, so that memory holds a single one and padding does not depend on others.

    Args:
        saved: a models.Saved.
        channel: of multi-channel recordings, counted from 1; None is the mean.
        strict: whether doubts about a recording are errors.
        window_s: length of windows, one per second; None processes whole recordings.
    """

    def __init__(self, saved, *, channel=None, strict=False, window_s=None):
        self._saved, self._channel, self._strict, self._window_s = saved, channel, strict, window_s
        self._paper, self._classes = catalog.paper(saved.record.paper), tuple(saved.record.classes)
        self._emotions_of = self._paper.timeline(saved, saved.recipe, self._classes)

    def predict(self, file, done=()):
        """Yield (Prediction, None) or (None, error message) for each piece of a recording, except those in `done`."""
        try:
            if self._window_s:
                yield from ((prediction, None) for prediction in self._windows(file, done))
                return
            spans = pieces(file)
        except InputError as error:
            yield None, str(error)
            return
        for number, span in enumerate(spans, start=1):
            piece = f"{number}/{len(spans)}"
            if piece not in done:
                yield self._or_error(file, span, piece)

    def _or_error(self, file, span, piece):
        try:
            return self.piece(file, *span, piece=piece), None
        except InputError as error:
            return None, str(error) if span[0] is None else f"from {span[0]:.1f} to {span[1]:.1f} s: {error}"

    def piece(self, file, start_s=None, end_s=None, *, piece="1/1") -> Prediction:
        """The Prediction for a stretch, by default the whole recording.

        Raises:
            InputError: the audio is unusable, or doubtful with `strict`.
        """
        waveform, rate = audio.read(
            file,
            sample_rate_hz=self._saved.recipe.front_end.sample_rate_hz,
            start_s=start_s,
            end_s=end_s,
            channel=self._channel,
        )
        begin_s, warnings = start_s or 0.0, _doubts(waveform, rate, audio.duration(file)[1])
        if warnings and self._strict:
            raise InputError(f"{file}: {'; '.join(warnings)}; record it again, or leave --strict out")
        emotions_of = self._emotions_of
        return dataclasses.replace(
            self._decided(file, waveform, rate, begin_s),
            piece=piece,
            timeline=emotions_of and [_later(span, begin_s) for span in emotions_of(waveform, rate)],
            warnings=warnings,
        )

    def _windows(self, file, done):
        how = {"window_s": self._window_s, "hop_s": HOP_S}
        count, own_rate = audio.num_windows(file, **how), audio.duration(file)[1]
        rate = self._saved.recipe.front_end.sample_rate_hz
        windows = audio.windows(file, **how, sample_rate_hz=rate, channel=self._channel)
        for number, window in enumerate(windows, start=1):
            piece = f"{number}/{count}"
            if piece in done:
                continue
            if window.fault:
                yield Prediction(str(file), window.start_s, window.end_s, piece, None, {}, None, [window.fault])
                continue
            prediction = self._decided(file, window.waveform, window.sample_rate_hz, window.start_s)
            warnings = _doubts(window.waveform, window.sample_rate_hz, own_rate)
            yield dataclasses.replace(prediction, end_s=window.end_s, piece=piece, warnings=warnings)

    def _decided(self, file, waveform, rate, begin_s) -> Prediction:
        recipe, classes = self._saved.recipe, self._classes
        features = np.ascontiguousarray(self._paper.features(waveform, rate, recipe.front_end), dtype="float32")
        if not np.isfinite(features).all():
            raise InputError(f"{file}: the front end computed values that are not finite; check the recording")
        unlabelled = Utterance(id=str(file), path=file, emotion=classes[0], speaker="")  # the label is not used
        scores = self._paper.predict(self._saved, Subset((unlabelled,), (features,), classes), recipe)
        if any(np.shape(values) != (1, len(classes)) for values in scores.values()):
            raise InputError(
                f"{file}: the networks of the saved system do not match its {len(classes)} classes; save it again"
            )
        decided = int(metrics.decide(next(iter(scores.values())))[0])
        return Prediction(
            file=str(file),
            start_s=begin_s,
            end_s=begin_s + len(waveform) / rate,
            piece="1/1",
            decision=None if decided == metrics.NO_DECISION else classes[decided],
            scores={rule: _by_class(classes, values[0]) for rule, values in scores.items()},
            timeline=None,
            warnings=[],
        )


def _doubts(waveform, rate, own_rate) -> list[str]:
    """Doubts about a recording with its own sample rate, for a front end that uses frequencies up to `rate` / 2."""
    measures = recordings.measure(waveform, rate)
    own_band_hz = min(measures.band_hz, own_rate / 2)
    measures = dataclasses.replace(measures, band_hz=own_band_hz)
    return [recordings.DOUBTS[kind] for kind in recordings.doubts(measures, rate / 2)]


def _later(span, seconds):
    return dataclasses.replace(span, start_s=span.start_s + seconds, end_s=span.end_s + seconds) if seconds else span


def _by_class(classes, values) -> dict[str, float]:
    """Float32 values as the shortest decimals that represent them exactly, as in records."""
    return {name: float(str(value)) for name, value in zip(classes, np.asarray(values, "float32"), strict=True)}


def about(saved, window_s=None) -> dict:
    """Description of the system for users of its predictions, and of the windows, if any."""
    record, source = saved.record, model_card.source(saved.record)
    return {
        "system": f"{record.paper}/{record.variant}",
        "paper": model_card.citation(record.paper),
        "trained_on": f"{record.trained_on or record.corpus_variant}: {source.title}",
        "licence": source.licence,
        "protocol": f"{record.protocol}, {record.fold} of {record.num_folds}, seed {record.seed}",
        "preset": record.preset,
        **({"window": f"{window_s:g} s, a decision every {HOP_S:g} s"} if window_s else {}),
        "made_with": f"{model_card.library(record)} {record.environment.get(model_card.library(record))}",
        "read_first": [
            sentence for sentence in (record.limits, *record.notes, *record.warnings, *saved.differs) if sentence
        ],
    }
