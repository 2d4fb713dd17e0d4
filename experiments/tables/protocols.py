"""One system under several protocols, side by side: how much of a number comes from knowing the test speakers."""

import itertools

import numpy as np

from common.utterance import slug
from experiments.evaluation import comparisons, scores
from experiments.evaluation.system_results import ranges
from experiments.tables import formats, layout
from experiments.tables.formats import Sheet, Table
from experiments.tables.layout import attempt, identity, surroundings

INDEPENDENT = ("speaker_independent", "leave_one_speaker_out", "leave_one_session_out", "sessions", "emobox")
METHOD_NOTES = (
    "Per cent. Difference: the protocol minus the speaker-independent one beside it; 95 % interval over speakers.",
    "Above 0: the effect of known test speakers or leaks, and of a larger training part (CSV). text_independent: "
    "sentences are unseen too, and the training part is smaller.",
)


def protocols_sheet(corpus, systems) -> Sheet | None:
    """A row per system and protocol beside its speaker-independent one; None where no system has two."""
    pairs = []
    ordered = sorted(systems, key=lambda s: (_same(s), s.protocol))
    for _, members in itertools.groupby(ordered, key=_same):
        by_protocol = {system.protocol: system for system in members}
        honest = next((by_protocol[name] for name in INDEPENDENT if name in by_protocol), None)
        pairs += [(system, honest) for system in by_protocol.values() if honest and system is not honest]
    if not pairs:
        return None
    used = list(dict.fromkeys(itertools.chain.from_iterable(pairs)))
    rows = [_row(other, honest) for other, honest in pairs]
    caption = layout.caption("Protocols side by side", corpus, used)
    table = Table(caption, rows, COLUMNS, layout.commands(used), METHOD_NOTES)
    return Sheet(f"protocols_{slug(corpus)}", f"One system under several protocols on {corpus}", (table,))


def _same(system):
    return system.paper, system.variant, system.preset


COLUMNS = (
    layout.system_name(),
    layout.PLACE,
    formats.text("beside", "beside"),
    formats.estimate("UA [95 %]", "ua"),
    formats.estimate("UA beside [95 %]", "ua_beside"),
    formats.estimate("difference [95 %]", "ua_difference", difference=True),
    layout.NOTES,
)


def _row(other, honest) -> dict:
    row = identity(other) | {"beside": honest.protocol, "n": other.n, "n_beside": honest.n}
    spread = {}
    for metric in ("ua", "wa"):
        for name, system in ((metric, other), (f"{metric}_beside", honest)):
            estimate, _ = attempt(scores.measure, system, metric)
            row |= formats.interval_fields(name, estimate)
            by_seed = estimate.by_seed if estimate and len(estimate.by_seed) > 1 else ()
            spread |= {f"{name}_lowest_seed": min(by_seed, default=None)}
            spread |= {f"{name}_highest_seed": max(by_seed, default=None)}
        difference, _ = attempt(comparisons.difference, other, honest, metric)
        row |= formats.interval_fields(f"{metric}_difference", difference)
    row |= {
        "folds": f"{other.folds}; {honest.folds}",
        "seeds": f"{ranges(other.seeds)}; {ranges(honest.seeds)}",
        "train": f"{_trained_on(other):.0f}; {_trained_on(honest):.0f}",
        "command_beside": honest.command,
    }
    return row | surroundings(honest) | spread | {"notes": "; ".join([*other.caveats, *honest.caveats])}


def _trained_on(system) -> float:
    return float(np.mean([sum(record.counts["train"].values()) for record in system.used]))
