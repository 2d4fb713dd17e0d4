"""Where systems err (Chernykh 2018, section 4.5): Figures 6a and 6b and Table 2, from records and annotations."""

import dataclasses

import numpy as np

from common.evaluation import agreement
from common.evaluation.intervals import NotComputableError
from common.folds import leakage
from common.utterance import slug
from experiments.tables import formats
from experiments.tables.formats import Row, Sheet, Table
from experiments.tables.layout import attempt, caption, commands, identity

PAPER = "chernykh2018"
RATERS = {"external": False, "external and the actors themselves": True}  # -> with_self
BY_DISSENT = "Errors by emotion and number of dissenting raters"
BY_RECOGNITION = "Errors by emotion and share of listeners who recognised it"
ERROR_NOTES = (
    "Errors in per cent (errors of decisions; the decisions of all seeds are added; each system under its first rule), "
    "from the utterances that people agree on to those that they do not. The last row of a system is its accuracy. The "
    "columns hold different shares of the emotions, which alone changes that row: see a system that guesses.",
)
DISSENT_NOTE = "A rater dissents none of whose answers is the label; the actors' ratings of themselves do not count."
RECOGNITION_NOTE = "No raters: the share of the listeners who recognised the emotion plays the part of their agreement."
RESIDUAL_NOTES = (
    "In per cent. Considered: of the answers that are not the label, those that name another emotion of the label set; "
    "the same for all systems that tested the same utterances.",
    "Model accuracy: of a system's errors on utterances with a considered answer, those that are that answer, which "
    "errors at random would be as often as chance says.",
)
CONFUSION_NOTES = ("In per cent of the true emotion's utterances, the decisions of all seeds added.",)


# --- the sheet


def errors_sheet(corpus, systems, raters) -> Sheet | None:
    """Figure 6b, Table 2 where there are votes, Figure 6a of the paper's systems; None where no system can be told."""
    told, left_out = {}, []
    for system in systems:
        found, why = attempt(_utterances, system, raters)
        if why:
            left_out.append(f"Left out: {_title(system)}: {why}.")
        else:
            told[system] = found
    if not told:
        return None
    made = [_by_agreement(corpus, told, raters)]
    if raters.voted:
        made.append(_residual(corpus, told, raters))
    if own := {system: found for system, found in told.items() if system.paper == PAPER}:
        made.append(_confusion(corpus, own))
    made[0] = dataclasses.replace(made[0], commands=commands(told), notes=(*made[0].notes, *left_out))
    return Sheet(f"errors_{slug(corpus)}", f"Where systems err on {corpus}", _with_equal_fields(made))


def _utterances(system, raters):
    if leakage.is_leaky(system.protocol):
        raise NotComputableError("it scores segments, which no listener heard")
    tested = system.tested()
    return raters.of(tested.ids, [system.classes[k] for k in tested.labels])


def _title(system) -> str:
    return f"{system.name}, {system.protocol}, preset {system.preset}"


def _table(what, corpus, told, made, notes) -> Table:
    """A table of rows made of `told`, with what a reader of these systems' numbers must know."""
    caveats = [f"{_title(system)}: {'; '.join(system.caveats)}." for system in told if system.caveats]
    return Table(caption(what, corpus, list(told)), made, notes=(*notes, *caveats))


def _by_agreement(corpus, told, raters) -> Table:
    """Figure 6b."""
    count = agreement.error_by_dissent if raters.voted else agreement.error_by_recognition
    options = {"merged": raters.merged} if raters.voted else {}
    found = {s: count(rated, s.tested().decisions, s.classes, **options) for s, rated in told.items()}
    names = max((table.columns for table in found.values()), key=len)
    heading = "{} dissenting" if raters.voted else "recognised {}"
    columns = {
        heading.format(name): c
        for c, name in enumerate(names)
        if any(table.counts[:, c : c + 1].any() for table in found.values())  # some may have fewer columns
    }
    made = [row for system, table in found.items() for row in _error_rows(system, table, columns)]
    what = f"{BY_DISSENT if raters.voted else BY_RECOGNITION} (Chernykh 2018, Figure 6b)"
    return _table(what, corpus, told, made, (*ERROR_NOTES, *_rater_notes(raters)))


def _rater_notes(raters) -> list[str]:
    merged = [f"A rater's {theirs} counts as {ours}, as in the labels." for theirs, ours in raters.merged.items()]
    return [DISSENT_NOTE, *merged] if raters.voted else [RECOGNITION_NOTE]


def _error_rows(system, table, columns):
    """A row per emotion, and one of the accuracy over all emotions."""
    for k, name in enumerate(table.classes):
        yield _error_row(system, "error", name, table.errors[k], table.counts[k], columns)
    counts = table.counts.sum(axis=0)
    yield _error_row(system, "accuracy", "all", counts - table.errors.sum(axis=0), counts, columns)


def _error_row(system, what, emotion, hits, counts, columns) -> Row:
    """Hits and counts are (C,); a table of fewer columns has no utterance in the others."""
    cells = {"all": (int(hits.sum()), int(counts.sum()))}
    cells |= {name: (int(hits[c]), int(counts[c])) if c < len(counts) else (0, 0) for name, c in columns.items()}
    shown = {name: _counted(*cell) for name, cell in cells.items()}
    data = {}
    for name, (hit, n) in cells.items():
        data |= {f"share {name}": _fraction(hit, n), f"n {name}": n}
    title = emotion if what == "error" else "all emotions: accuracy"
    return Row(
        _who(system) | {"emotion": title} | shown, identity(system) | {"what": what, "emotion": emotion} | _fields(data)
    )


def _residual(corpus, told, raters) -> Table:
    """Table 2."""
    made = []
    for system, rated in told.items():
        decisions = system.tested().decisions
        for who, with_self in RATERS.items():
            options = {"merged": raters.merged, "with_self": with_self}
            found = agreement.residual_accuracy(rated, decisions, system.classes, **options)
            made += [_residual_row(system, who, emotion, residual) for emotion, residual in found.items()]
    notes = (*RESIDUAL_NOTES, *_rater_notes(raters)[1:])
    return _table("Residual accuracy (Chernykh 2018, Table 2)", corpus, told, made, notes)


def _residual_row(system, who, emotion, found) -> Row:
    chance = 1 / (len(system.classes) - 1)
    shown = {
        "raters": who,
        "emotion": emotion,
        "considered": _counted(found.considered, found.dissenting),
        "model accuracy": _counted(found.matching, found.errors),
        "chance": formats.per_cent(chance),
    }
    data = {
        "what": "residual",
        "emotion": emotion,
        "raters": who,
        "considered": _fraction(found.considered, found.dissenting),
        "n_dissenting": found.dissenting,
        "model_accuracy": _fraction(found.matching, found.errors),
        "n_errors": found.errors,
        "chance": formats.fraction(chance),
    }
    return Row(_who(system) | shown, identity(system) | data)


def _confusion(corpus, told) -> Table:
    """Figure 6a."""
    made = []
    for system, rated in told.items():
        decisions = system.tested().decisions
        shares = agreement.confusion(rated, decisions, system.classes)  # (K, K+1)
        support = len(decisions) * np.bincount(system.tested().labels, minlength=len(system.classes))
        for k in np.flatnonzero(support):
            made.append(_confusion_row(system, system.classes[k], shares[k], int(support[k])))
    return _table("Decisions (Chernykh 2018, Figure 6a)", corpus, told, made, CONFUSION_NOTES)


def _confusion_row(system, truth, shares, n) -> Row:
    cells = dict(zip([*system.classes, "no decision"], shares, strict=True))
    shown = {title: formats.per_cent(cell) for title, cell in cells.items()}
    data = {f"decided {title}": formats.fraction(cell) for title, cell in cells.items()}
    return Row(
        _who(system) | {"truth": truth} | shown | {"n": str(n)},
        identity(system) | {"what": "confusion", "emotion": truth, "n_all": n} | _fields(data),
    )


def _who(system) -> dict[str, str]:
    return {
        "system": system.name,
        "protocol": system.protocol,
        "preset": system.preset,
        "rule": system.rules[0],
    }


def _counted(hits, total) -> str:
    """`37.5 (3/8)`, "—" of nothing."""
    return f"{formats.per_cent(hits / total)} ({hits}/{total})" if total else formats.NONE


def _fraction(hits, total):
    return formats.fraction(hits / total if total else None)


def _fields(data) -> dict:
    return {name.replace(" ", "_"): value for name, value in data.items()}


def _with_equal_fields(made) -> tuple[Table, ...]:
    """The tables with every field of each in all their rows: they are one CSV."""
    names = list(dict.fromkeys(name for table in made for row in table.rows for name in row.data))
    return tuple(
        dataclasses.replace(
            table, rows=[Row(row.shown, {name: row.data.get(name, "") for name in names}) for row in table.rows]
        )
        for table in made
    )
