"""Compare protocols for the same system: the effect of known test speakers on a result.

Also compares training on another corpus with training within the test corpus.
"""

import itertools

import numpy as np
import pandas as pd

from common.errors import listed
from common.evaluation import metrics
from common.utterance import slug
from experiments.evaluation import comparisons, results
from experiments.evaluation.system_results import ranges
from experiments.tables import formats, layout
from experiments.tables.formats import Sheet, Table

INDEPENDENT = ("speaker_independent", "leave_one_speaker_out", "leave_one_session_out", "sessions", "emobox")
METHOD_NOTES = (
    "Per cent. Difference: the protocol minus the reference, a speaker-independent one; 95 % interval over speakers.",
    "Above 0: effects of known test speakers, of leakage, and of a larger training part (CSV). text_independent: "
    "sentences are also unseen, and the training part is smaller.",
)


def protocols_sheet(corpus, systems) -> Sheet | None:
    """A row per system and protocol, compared with the speaker-independent one; None if no system has two."""
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
    caption = layout.caption("Protocols", corpus, used)
    table = Table(caption, rows, COLUMNS, layout.commands(used), METHOD_NOTES)
    return Sheet(f"protocols_{slug(corpus)}", f"Systems with several protocols on {corpus}", (table,))


def _same(system):
    return system.paper, system.variant, system.preset


COLUMNS = (
    layout.system_name(),
    layout.PLACE,
    formats.text("reference", "beside"),
    formats.estimate("UA [95 %]", "ua"),
    formats.estimate("reference UA [95 %]", "ua_beside"),
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
    """The row of a protocol, with the results of the reference protocol, and their difference."""
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


PRESETS = ("paper", "quick", "smoke")  # full trainings first
CROSS_CORPUS = "cross_corpus"
ACROSS_NOTES = (
    "Per cent. Within-corpus UA: the same system on the same test speakers, trained on other speakers of the test "
    "corpus (speaker_independent if available). 95 % intervals over the test corpus's speakers, and over trainings if "
    "there are several; with one network, for this training only. Seeds: across; within, if they differ.",
)


def cross_corpus_sheet(systems, papers=()) -> Sheet | None:
    """Systems trained on one corpus and tested on another; None if there are none.

    Different presets and label sets are in different tables.

    Args:
        systems: SystemResults of all corpora.
        papers: of common/evaluation/reported_results; those without a row are listed below the first table.
    """
    across = sorted((s for s in systems if s.trained_on), key=_table_of)
    tables = [_across(list(members), systems) for _, members in itertools.groupby(across, key=_table_of)]
    if not tables:
        return None
    if missing := sorted({paper.name for paper in papers} - {s.paper for s in across}):
        tables[0] = tables[0].changed(notes=(*tables[0].notes, f"Not run across corpora: {', '.join(missing)}."))
    return Sheet(CROSS_CORPUS, "Trained on one corpus, tested on another", tuple(tables))


def _table_of(system):
    return system.synthetic, PRESETS.index(system.preset), len(system.classes), system.classes


def _across(members, systems) -> Table:
    within = {system: _within(system, systems) for system in members}
    used = list(dict.fromkeys([*members, *filter(None, within.values())]))
    measured = dict(zip(used, layout.rows(used, NUMBERS).to_dict("records"), strict=True))
    rows = pd.DataFrame([_across_row(*pair, measured) for pair in within.items()], dtype=object)
    rows = rows.reindex(columns=ACROSS_FIELDS)
    ranked = rows.sort_values(["corpus_variant", "ua"], ascending=[True, False], kind="stable")
    notes = (*ACROSS_NOTES, *_caveats(members))
    return Table(_across_caption(members), ranked, ACROSS_COLUMNS, layout.commands(members), notes)


def _within(system, systems):
    """The same system trained within the test corpus on other speakers; None if it was not run."""
    own = {s.protocol: s for s in systems if _same(s) == _same(system) and s.corpus_variant == system.corpus_variant}
    return next((own[name] for name in INDEPENDENT if name in own), None)


def _across_row(system, within, measured) -> dict:
    if within is None:
        own = {field: value for field, value in measured[system].items() if "_beside" not in field}
        return own | {"trained_on": system.trained_on}
    row = _row(system, within, measured) | layout.surroundings(system)
    seeds = list(dict.fromkeys(map(ranges, (system.seeds, within.seeds))))
    return row | {"trained_on": system.trained_on, "seeds": "; ".join(seeds)}


def _across_caption(members) -> str:
    """A caption with preset, classes, chance, and n, majority and limits of each test corpus."""
    tested = {system.corpus_variant: system for system in members}
    sizes = [f"{name} {s.num_test}, {formats.per_cent(s.majority)} %" for name, s in sorted(tested.items())]
    classes = members[0].classes
    words = [
        f"Trained on one corpus, tested on all of another, preset {members[0].preset}",
        f"{len(classes)} classes ({', '.join(classes)}), chance UA {formats.per_cent(metrics.chance(len(classes)))} %",
        f"n and majority WA: {'; '.join(sizes)}",
        *dict.fromkeys(filter(None, (s.limits for s in tested.values()))),
    ]
    return "; ".join(words)


def _caveats(members) -> list[str]:
    """Each caveat once, with the systems that it concerns."""
    concerned = {}
    for system in members:
        for sentence in system.caveats:
            concerned.setdefault(sentence, []).append(f"{system.name} on {system.corpus_variant}")
    return [f"{sentence} ({listed(names, 3)})" for sentence, names in concerned.items()]


ACROSS_COLUMNS = (
    layout.system_name(),
    formats.text("trained on", "trained_on"),
    formats.text("tested on", "corpus_variant"),
    formats.estimate("UA [95 %]", "ua"),
    formats.rate("WA", "wa"),
    formats.estimate("within-corpus UA [95 %]", "ua_beside"),
    formats.text("seeds", "seeds"),
)
ACROSS_FIELDS = ["trained_on", *FIELDS]  # of the CSV
