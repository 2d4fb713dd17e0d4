"""One system under several protocols, side by side: how much of a number comes from knowing the test speakers."""

import itertools

import numpy as np
import pandas as pd

from common.utterance import slug
from experiments.evaluation import comparisons, results
from experiments.evaluation.system_results import ranges
from experiments.tables import formats, layout
from experiments.tables.formats import Sheet, Table

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
    measured = dict(zip(used, layout.rows(used, NUMBERS).to_dict("records"), strict=True))
    rows = pd.DataFrame([_row(other, honest, measured) for other, honest in pairs], dtype=object)[FIELDS]
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


FIELDS = [  # of the CSV
    *(*results.KEY, "command", "beside", "n", "n_beside"),
    *(
        field
        for metric in ("ua", "wa")
        for name in (metric, f"{metric}_beside", f"{metric}_difference")
        for field in formats.interval_fields(name)
    ),
    *("folds", "seeds", "train", "command_beside", "num_classes", "chance_ua", "majority_wa", "limits"),
    *(
        f"{name}_{end}_seed"
        for metric in ("ua", "wa")
        for name in (metric, f"{metric}_beside")
        for end in ("lowest", "highest")
    ),
    "notes",
]


NUMBERS = layout.UA_AND_WA | {f"{metric}_beside": number for metric, number in layout.UA_AND_WA.items()}


def _row(other, honest, measured) -> dict:
    """The row of the protocol, with the numbers of the one beside it, and their difference."""
    row, beside = measured[other], measured[honest]
    row = row | {field: value for field, value in beside.items() if "_beside" in field}
    reasons = []
    for metric in ("ua", "wa"):
        difference, why = layout.value_or_reason(comparisons.difference, other, honest, metric)
        row = row | formats.interval_fields(f"{metric}_difference", difference)
        reasons += [f"no {metric.upper()} difference: {why}"] if why else []
    both = {
        "beside": honest.protocol,
        "n_beside": honest.num_test,
        "command_beside": honest.command,
        "folds": f"{other.folds}; {honest.folds}",
        "seeds": f"{ranges(other.seeds)}; {ranges(honest.seeds)}",
        "train": f"{_trained_on(other):.0f}; {_trained_on(honest):.0f}",
        "notes": "; ".join([*other.caveats, *honest.caveats, *reasons]),
    }
    return row | layout.surroundings(honest) | both


def _trained_on(system) -> float:
    return float(np.mean([sum(record.counts["train"].values()) for record in system.records_used]))
