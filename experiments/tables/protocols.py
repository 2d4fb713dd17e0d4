"""One system under several protocols, side by side: how much of a number comes from knowing the test speakers."""

import itertools

import numpy as np

from common.utterance import slug
from experiments.evaluation import comparisons, scores
from experiments.evaluation.system_results import ranges
from experiments.tables import formats
from experiments.tables.formats import Row, Sheet, Table
from experiments.tables.layout import attempt, caption, commands, identity, surroundings

INDEPENDENT = ("speaker_independent", "leave_one_speaker_out", "leave_one_session_out", "sessions", "emobox")
NOTES = (
    "Per cent. Difference: the protocol's number minus the speaker-independent one, 95 % interval, the same speakers "
    "resampled for both. It speaks of other speakers, not of other trainings: those scatter as the seeds do.",
    "Where a protocol trains on its test speakers, what is above 0 is inflation, and what a larger training part gives "
    "(train: utterances a fold trains on, mean). text_independent tests sentences that its training part lacks: what "
    "is below 0 is what knowing them is worth, and what a smaller training part takes.",
)


def protocols_sheet(corpus, systems) -> Sheet | None:
    """A row per system and protocol beside its speaker-independent one; None where no system has two."""
    pairs = []
    ordered = sorted(systems, key=lambda s: (_same(s), s.protocol))
    for _, members in itertools.groupby(ordered, key=_same):
        found = {system.protocol: system for system in members}
        honest = next((found[name] for name in INDEPENDENT if name in found), None)
        pairs += [(system, honest) for system in found.values() if honest and system is not honest]
    if not pairs:
        return None
    used = list(dict.fromkeys(itertools.chain.from_iterable(pairs)))
    rows = [_row(other, honest) for other, honest in pairs]
    table = Table(caption("Protocols side by side", corpus, used), rows, commands(used), NOTES)
    return Sheet(f"protocols_{slug(corpus)}", f"One system under several protocols on {corpus}", (table,))


def _same(system):
    return system.paper, system.variant, system.preset


def _row(other, honest) -> Row:
    values = {m: [attempt(scores.measure, s, m)[0] for s in (other, honest)] for m in ("ua", "wa")}
    differences = {m: attempt(comparisons.difference, other, honest, m)[0] for m in ("ua", "wa")}
    shown = {
        "system": other.name,
        "preset": other.preset,
        "protocol": other.protocol,
        "beside": honest.protocol,
        "n": f"{other.n}; {honest.n}",
        "folds": f"{other.folds}; {honest.folds}",
        "train": f"{_trained_on(other):.0f}; {_trained_on(honest):.0f}",
        "seeds": f"{ranges(other.seeds)}; {ranges(honest.seeds)}",
    }
    data = identity(other) | {"beside": honest.protocol, "n": other.n, "n_beside": honest.n}
    for m, (here, there) in values.items():
        shown |= {m.upper(): formats.with_interval(here), f"{m.upper()} beside": formats.with_interval(there)}
        shown[f"{m.upper()} difference"] = formats.with_interval(differences[m], formats.signed_per_cent)
        data |= formats.interval_fields(m, here) | formats.interval_fields(f"{m}_beside", there)
        data |= formats.interval_fields(f"{m}_difference", differences[m])
    shown["UA of single seeds"] = f"{_seeds(values['ua'][0])}; {_seeds(values['ua'][1])}"
    data |= {"folds": shown["folds"], "seeds": shown["seeds"], "train": shown["train"]}
    data |= {"command_beside": honest.command} | surroundings(honest)
    return Row(shown | {"notes": "; ".join([*other.caveats, *honest.caveats]) or formats.NONE}, data)


def _trained_on(system) -> float:
    return float(np.mean([sum(record.counts["train"].values()) for record in system.used]))


def _seeds(number) -> str:
    """Lowest to highest of the single seeds."""
    if number is None or len(number.by_seed) < 2:
        return formats.NONE
    return f"{formats.per_cent(min(number.by_seed))} – {formats.per_cent(max(number.by_seed))}"
