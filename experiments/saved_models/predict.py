"""A saved system on recordings of one's own."""

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
"""What is longer is heard in pieces: a network that takes a sentence whole (Ma 2018) needs 4.7 MiB for each second."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a system says of one recording, or of a piece of a long one.

    Args:
        file: as the user named it.
        start_s, end_s: of the piece, in the recording.
        decision: the emotion; None where nothing was decided.
        scores: rule -> emotion -> score. The first rule decides, by the largest; all zero is "no decision".
        timeline: the emotions in the order of time, as the paper gives them (dataclasses with `emotion`, `start_s`,
            `end_s`); None where the system has no such output.
        warnings: what makes the recording doubtful, as phrases of common/features/recordings.
    """

    file: str
    start_s: float
    end_s: float
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


def predictor(saved, *, channel=None, strict=False):
    """A function `(file, start_s, end_s)` that gives a Prediction, and raises InputError for bad audio.

    `channel` is that of recordings of several, from 1; None is the mean. `strict` makes doubts errors.

    Recordings go through one by one, so that memory holds one of them, and no recording's batch has another's padding.
    """
    paper, recipe = catalog.paper(saved.record.paper), saved.recipe
    classes, front_end = tuple(saved.record.classes), recipe.front_end
    emotions_of = paper.timeline(saved.fitted, recipe, classes)

    def predict(file, start_s=None, end_s=None) -> Prediction:
        waveform, rate = audio.read(
            file, sample_rate_hz=front_end.sample_rate_hz, start_s=start_s, end_s=end_s, channel=channel
        )
        begin_s, warnings = start_s or 0.0, _doubts(file, waveform, rate)
        if warnings and strict:
            raise InputError(f"{file}: {'; '.join(warnings)}; record it again, or take away --strict")
        features = np.ascontiguousarray(paper.features(waveform, rate, front_end), dtype="float32")
        if not np.isfinite(features).all():
            raise InputError(f"{file}: the front end made values that are not finite; check the recording")
        unlabelled = Utterance(id=str(file), path=file, emotion=classes[0], speaker="")  # nothing reads the label
        scores = paper.predict(saved.fitted, Subset((unlabelled,), (features,), classes), recipe)
        if any(np.shape(values) != (1, len(classes)) for values in scores.values()):
            raise InputError(
                f"{file}: the networks of the saved system do not fit its {len(classes)} classes; save it anew"
            )
        decided = int(metrics.decide(next(iter(scores.values())))[0])
        return Prediction(
            file=str(file),
            start_s=begin_s,
            end_s=begin_s + len(waveform) / rate,
            decision=None if decided == metrics.NO_DECISION else classes[decided],
            scores={rule: _by_class(classes, values[0]) for rule, values in scores.items()},
            timeline=emotions_of and [_later(span, begin_s) for span in emotions_of(waveform, rate)],
            warnings=warnings,
        )

    return predict


def _doubts(file, waveform, rate) -> list[str]:
    """What makes a recording doubtful for a front end that sees `rate` / 2 Hz."""
    measures = recordings.measure(waveform, rate)
    own_band_hz = min(measures.band_hz, audio.duration(file)[1] / 2)
    measures = dataclasses.replace(measures, band_hz=own_band_hz)
    return [recordings.DOUBTS[kind] for kind in recordings.doubts(measures, rate / 2)]


def _later(span, seconds):
    return dataclasses.replace(span, start_s=span.start_s + seconds, end_s=span.end_s + seconds) if seconds else span


def _by_class(classes, values) -> dict[str, float]:
    """Float32 values as the shortest decimals that read back to the same, as in a record."""
    return {name: float(str(value)) for name, value in zip(classes, np.asarray(values, "float32"), strict=True)}


def about(saved) -> dict:
    """What a reader of a prediction must know of the system."""
    record, source = saved.record, model_card.source(saved.record)
    return {
        "system": f"{record.paper}/{record.variant}",
        "paper": model_card.citation(record.paper),
        "trained_on": f"{record.corpus_variant}: {source.title}",
        "licence": source.licence,
        "protocol": f"{record.protocol}, {record.fold} of {record.num_folds}, seed {record.seed}",
        "preset": record.preset,
        "made_with": f"{model_card.library(record)} {record.environment.get(model_card.library(record))}",
        "read_first": [
            sentence for sentence in (record.limits, *record.notes, *record.warnings, *saved.differs) if sentence
        ],
    }
