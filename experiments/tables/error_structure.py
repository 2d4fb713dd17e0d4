"""Error analysis as in Chernykh 2018, section 4.5: Figures 6a and 6b and Table 2, from records and annotations."""

import numpy as np

from common.evaluation import agreement, metrics
from common.evaluation.intervals import NotComputableError
from common.folds import leakage
from common.utterance import slug
from experiments.tables import formats, layout
from experiments.tables.formats import Column, Sheet, Table
from experiments.tables.layout import caption, commands, identity, value_or_reason

RATERS = {"external": False, "external and the actors themselves": True}  # -> with_self
BY_DISSENT = "Errors by emotion and number of dissenting raters"
BY_RECOGNITION = "Errors by emotion and share of listeners who recognised it"
ERROR_NOTES = (
    "Errors in per cent (errors of decisions), over all seeds, with each system's first rule; columns from high to low "
    "human agreement. The last row of a system is its accuracy. It also depends on the distribution of emotions, which "
    "differs between columns: compare a system that guesses.",
)
DISSENT_NOTE = "A rater dissents if none of the answers is the label; the actors' ratings of themselves do not count."
RECOGNITION_NOTE = "The corpus has no raters: the share of listeners who recognised the emotion replaces agreement."
RESIDUAL_NOTES = (
    "In per cent. Considered: the share of answers other than the label that are another emotion of the label set; the "
    "same for all systems with the same test utterances.",
    "Model accuracy: of a system's errors on utterances with a considered answer, the share that matches this answer; "
    "chance: the same for random errors.",
)
CONFUSION_NOTES = ("In per cent of the true emotion's utterances, over all seeds.",)


def errors_sheet(corpus, systems, raters, decisions_of=()) -> Sheet | None:
    """Figure 6b; Table 2 if there are votes; Figure 6a for some papers. None if no system has ratings.

    Args:
        corpus: the corpus variant of all systems.
        systems: SystemResults.
        raters: annotations.Annotations.
        decisions_of: names of the papers for which Figure 6a is made.
    """
    rated, left_out = {}, []
    for system in systems:
        utterances, why = value_or_reason(_utterances, system, raters)
        if why:
            left_out.append(f"Left out: {_title(system)}: {why}.")
        else:
            rated[system] = utterances
    if not rated:
        return None
    tables = [_by_agreement(corpus, rated, raters)]
    if raters.voted:
        tables.append(_residual(corpus, rated, raters))
    if own := {system: utterances for system, utterances in rated.items() if system.paper in decisions_of}:
        tables.append(_confusion(corpus, own))
    tables[0] = tables[0].changed(commands=commands(rated), notes=(*tables[0].notes, *left_out))
    return Sheet(f"errors_{slug(corpus)}", f"Errors of systems on {corpus}", tuple(tables))


def _utterances(system, raters):
    if leakage.is_leaky(system.protocol):
        raise NotComputableError("it classifies segments, which have no ratings")
    tested = system.tested()
    return raters.annotated(tested.ids, [system.classes[k] for k in tested.labels])


def _title(system) -> str:
    return f"{system.name}, {system.protocol}, preset {system.preset}"


WHO = (layout.system_name("system, protocol, preset", place=True),)


def _table(title, corpus, rated, rows, columns, notes) -> Table:
    """A table with the caveats of the systems in `rated`."""
    caveats = [f"{_title(system)}: {'; '.join(system.caveats)}." for system in rated if system.caveats]
    return Table(caption(title, corpus, list(rated)), rows, (*WHO, *columns), notes=(*notes, *caveats))


def _counted(heading, share, count) -> Column:
    """A column of a share and its counts: `37.5 (3/8)`, "—" if the total is 0."""

    def show(row, _):
        n = row.get(count)
        return f"{formats.per_cent(row[share])} ({round(row[share] * n)}/{n})" if n else formats.NONE

    return Column(heading, share, show)


def _by_agreement(corpus, rated, raters) -> Table:
    """Figure 6b."""
    count = agreement.error_by_dissent if raters.voted else agreement.error_by_recognition
    options = {"merged": raters.merged} if raters.voted else {}
    errors = {s: count(own, s.tested().decisions, s.classes, **options) for s, own in rated.items()}
    names = max((table.columns for table in errors.values()), key=len)
    heading = "{} dissenting" if raters.voted else "recognised {}"
    places = {
        heading.format(name): c
        for c, name in enumerate(names)
        if any(table.counts[:, c : c + 1].any() for table in errors.values())  # some may have fewer columns
    }
    rows = [row for system, table in errors.items() for row in _error_rows(system, table, places)]
    columns = [Column("emotion", "emotion", _error_title)]
    columns += [_counted(name, f"share_{_field(name)}", f"n_{_field(name)}") for name in ("all", *places)]
    title = f"{BY_DISSENT if raters.voted else BY_RECOGNITION} (Chernykh 2018, Figure 6b)"
    return _table(title, corpus, rated, rows, columns, (*ERROR_NOTES, *_rater_notes(raters)))


def _error_title(row, field) -> str:
    return row[field] if row["what"] == "error" else "all emotions: accuracy"


def _field(name) -> str:
    return name.replace(" ", "_")


def _rater_notes(raters) -> list[str]:
    merged = [f"A rater's {theirs} counts as {ours}, as in the labels." for theirs, ours in raters.merged.items()]
    return [DISSENT_NOTE, *merged] if raters.voted else [RECOGNITION_NOTE]


def _error_rows(system, table, places):
    """Yield a row per emotion, and one for the accuracy over all emotions."""
    for k, name in enumerate(table.classes):
        yield _error_row(system, "error", name, table.errors[k], table.counts[k], places)
    counts = table.counts.sum(axis=0)
    yield _error_row(system, "accuracy", "all", counts - table.errors.sum(axis=0), counts, places)


def _error_row(system, kind, emotion, hits, counts, places) -> dict:
    """A row from (C,) hits and counts; a table with fewer columns has no utterances in the others."""
    cells = {"all": (int(hits.sum()), int(counts.sum()))}
    cells |= {name: (int(hits[c]), int(counts[c])) if c < len(counts) else (0, 0) for name, c in places.items()}
    row = identity(system) | {"what": kind, "emotion": emotion}
    for name, (hit, n) in cells.items():
        row |= {f"share_{_field(name)}": float(agreement.share(hit, n)), f"n_{_field(name)}": n}
    return row


RESIDUAL_COLUMNS = (
    formats.text("raters", "raters"),
    formats.text("emotion", "emotion"),
    _counted("considered", "considered", "n_dissenting"),
    _counted("model accuracy", "model_accuracy", "n_errors"),
    formats.rate("chance", "chance"),
)


def _residual(corpus, rated, raters) -> Table:
    """Table 2."""
    rows = []
    for system, utterances in rated.items():
        decisions = system.tested().decisions
        for who, with_self in RATERS.items():
            options = {"merged": raters.merged, "with_self": with_self}
            by_emotion = agreement.residual_accuracy(utterances, decisions, system.classes, **options)
            rows += [_residual_row(system, who, emotion, residual) for emotion, residual in by_emotion.items()]
    notes = (*RESIDUAL_NOTES, *_rater_notes(raters)[1:])
    return _table("Residual accuracy (Chernykh 2018, Table 2)", corpus, rated, rows, RESIDUAL_COLUMNS, notes)


def _residual_row(system, who, emotion, residual) -> dict:
    return identity(system) | {
        "what": "residual",
        "emotion": emotion,
        "raters": who,
        "considered": residual.considered_ratio,
        "n_dissenting": residual.dissenting,
        "model_accuracy": residual.model_accuracy,
        "n_errors": residual.errors,
        "chance": metrics.chance(len(system.classes) - 1),
    }


def _confusion(corpus, rated) -> Table:
    """Figure 6a."""
    rows, names = [], {}
    for system, utterances in rated.items():
        tested = system.tested()
        shares = agreement.confusion(utterances, tested.decisions, system.classes)  # (K, K+1)
        support = len(tested.decisions) * np.bincount(tested.labels, minlength=len(system.classes))
        names |= dict.fromkeys([*system.classes, "no decision"])
        for k in np.flatnonzero(support):
            cells = zip([*system.classes, "no decision"], shares[k].tolist(), strict=True)
            row = identity(system) | {"what": "confusion", "emotion": system.classes[k], "n_all": int(support[k])}
            rows.append(row | {f"decided_{_field(name)}": share for name, share in cells})
    columns = (
        formats.text("truth", "emotion"),
        *(formats.rate(name, f"decided_{_field(name)}") for name in names),
        formats.text("n", "n_all"),
    )
    return _table("Decisions (Chernykh 2018, Figure 6a)", corpus, rated, rows, columns, CONFUSION_NOTES)
