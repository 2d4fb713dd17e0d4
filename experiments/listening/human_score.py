"""Results of a human study: accuracy, confusion and agreement, from the answers file.

Every scored answer is one decision: an utterance answered by three people counts three times, as in the paper's
"statistics" of answers (Chernykh 2018, section 4.6). Training answers are not scored. The answers were collected with
this suite; the human results in the paper are from another experiment.
"""

import json
from collections import Counter
from pathlib import Path

import numpy as np
from tabulate import tabulate

from common.atomic_file import write_text
from common.errors import InputError
from common.evaluation import intervals, metrics
from experiments.listening import answers_file, study_plan
from experiments.tables import formats


def fleiss_kappa(counts) -> float:
    """Fleiss' kappa, the agreement of two assessors of an utterance beyond chance.

        kappa = (P - P_e) / (1 - P_e)
        P   = mean over utterances of sum_k n_ik (n_ik - 1) / (n_i (n_i - 1)), the share of agreeing pairs
        P_e = sum_k p_k^2,   p_k = mean over utterances of n_ik / n_i

    n_ik assessors chose class k for utterance i, n_i in total. If all n_i are equal, this is the definition in Fleiss
    (1971, Psychological Bulletin 76(5)); otherwise all utterances have the same weight (Gwet 2014, Handbook of
    Inter-Rater Reliability). Utterances with fewer than two answers are left out.

    Args:
        counts: (N, K) answers per utterance and class.

    Raises:
        ValueError: no utterance has two answers, or all answers are of one class, so that P_e is 1.

    >>> round(fleiss_kappa([[2, 0], [1, 1], [0, 2]]), 3)
    0.333
    """
    counts = np.asarray(counts)
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        raise ValueError("no utterance has two answers")
    raters = counts.sum(axis=1)  # (N,)
    by_chance = np.sum(np.mean(counts / raters[:, None], axis=0) ** 2)
    if by_chance == 1:
        raise ValueError("all answers are of one class, so that agreement by chance is certain")
    return float((_agreement(counts, raters) - by_chance) / (1 - by_chance))


def _agreement(counts, raters) -> float:
    return float(np.mean(np.sum(counts * (counts - 1), axis=1) / (raters * (raters - 1))))


def score(study, rows) -> dict:
    """The human reference and its details, ready for JSON: rates are fractions, undefined values None.

    Assessors are numbered in the order in which they began; their names stay in the answers file.

    Args:
        study: a study_plan.Study.
        rows: all its answers_file.Row.

    Raises:
        InputError: there is no scored answer.
    """
    counted = [row for row in rows if row.phase == study_plan.TEST]
    if not counted:
        raise InputError(
            f"no scored answers on {study.variant}, {len(rows)} for training; answer more with `label --corpus NAME`"
        )
    names = assessors(rows)
    labels, decisions = _indices(study, counted)
    confusion = metrics.confusion_matrix(labels, decisions, num_classes=len(study.classes))
    answered = Counter(row.utterance for row in counted)
    bounds = {
        "speakers": _intervals(study, labels, decisions, [row.speaker for row in counted]),
        "assessors": _intervals(study, labels, decisions, [row.assessor for row in counted], "assessors"),
    }
    return {
        "schema": answers_file.SCHEMA,
        "source": "answers collected with this suite's label page",
        "corpus": study.corpus,
        "corpus_variant": study.variant,
        "synthetic": study.synthetic,
        "limits": study.limits,
        "classes": list(study.classes),
        "seed": study.seed,
        "wa": metrics.wa(confusion),
        "ua": _ua(confusion, study.classes),
        "n": len(counted),
        "utterances": len(answered),
        "utterances_with_two": sum(count >= study_plan.ASSESSORS_WANTED for count in answered.values()),
        "utterances_planned": len(study.items_of(study_plan.TEST)),
        "assessors": len({row.assessor for row in counted}),
        **_agreement_of(study, counted),
        "intervals": bounds,
        "confusion": confusion[:, :-1].tolist(),
        "per_assessor": [_one(study, name, number, rows) for number, name in enumerate(names, start=1)],
        "answers_then_revealed": sum(row.revealed is not None for row in counted),
        "training_answers": len(rows) - len(counted),
    }


def assessors(rows) -> list[str]:
    """Names in the order of their first answers."""
    return list(dict.fromkeys(row.assessor for row in rows))


def write(result, results) -> Path:
    """Write results/human/<corpus variant>.json, with one key per line."""
    lines = (f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in result.items())
    path = answers_file.place(results, result["corpus_variant"], "json")
    return write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")


def show(result, names) -> str:
    """The result as text and tables for the terminal, with the assessors' names."""
    blocks = [
        f"Human answers on {result['corpus_variant']}: {result['n']} answers of {result['assessors']} assessors to "
        f"{result['utterances']} of {result['utterances_planned']} utterances; {result['utterances_with_two']} have at "
        f"least {study_plan.ASSESSORS_WANTED} assessors; {result['training_answers']} training answers are left out",
        *([result["limits"]] if result["limits"] else []),
        _accuracy_table(result),
        _agreement_line(result),
        _assessor_table(result, names),
        "Confusion in per cent: rows are the corpus's labels, columns the answers\n" + _confusion(result),
    ]
    return "\n\n".join(blocks)


def _one(study, name, number, rows):
    """One assessor's results."""
    own = [row for row in rows if row.assessor == name and row.phase == study_plan.TEST]
    if not own:
        return {"assessor": f"assessor {number}", "n": 0, "wa": None, "ua": None}
    confusion = metrics.confusion_matrix(*_indices(study, own), num_classes=len(study.classes))
    wa, ua = metrics.wa(confusion), _ua(confusion, study.classes)
    return {"assessor": f"assessor {number}", "n": len(own), "wa": wa, "ua": ua}


def _indices(study, rows):
    index = {name: k for k, name in enumerate(study.classes)}
    return np.array([index[row.emotion] for row in rows]), np.array([index[row.answer] for row in rows])


def _ua(confusion, classes):
    """UA, None if an emotion has no answers yet."""
    try:
        return metrics.ua(confusion, classes)
    except ValueError:
        return None


def _intervals(study, labels, decisions, groups, about="speakers") -> dict:
    """95 % interval of WA and UA over `groups`, or None with the reason."""
    cells = metrics.confusion_by_group(labels, decisions, groups, num_classes=len(study.classes))
    bounds = {}
    for metric in ("wa", "ua"):
        try:
            estimate = intervals.interval_over(metrics.by_name(metric, study.classes), cells, about=about)
            bounds[metric] = [estimate.low, estimate.high]
        except ValueError as error:
            bounds[metric], bounds[f"{metric}_why_none"] = None, str(error)
    return bounds


def _agreement_of(study, counted) -> dict:
    """Fleiss' kappa and the share of agreeing pairs, over utterances with two or more answers."""
    by_utterance = {}
    for row in counted:
        by_utterance.setdefault(row.utterance, Counter())[row.answer] += 1
    counts = np.array([[answers[name] for name in study.classes] for answers in by_utterance.values()])
    counts = counts[counts.sum(axis=1) >= 2]
    agreement = {
        "kappa": None,
        "kappa_utterances": len(counts),
        "kappa_answers_per_utterance": dict(sorted(Counter(map(str, counts.sum(axis=1).tolist())).items())),
        "pairs_agreeing": _agreement(counts, counts.sum(axis=1)) if len(counts) else None,
    }
    try:
        agreement["kappa"] = fleiss_kappa(counts)
    except ValueError as error:
        agreement["kappa_why_none"] = str(error)
    return agreement


def _accuracy_table(result):
    rows = []
    for metric, name in (("wa", "WA, overall accuracy"), ("ua", "UA, mean class accuracy")):
        cells = [result["intervals"][over][metric] for over in ("speakers", "assessors")]
        shown = [f"{formats.per_cent(c[0])} to {formats.per_cent(c[1])}" if c else formats.NONE for c in cells]
        rows.append([name, formats.per_cent(result[metric]), *shown])
    return tabulate(rows, headers=["%", "ours", "95 % over speakers", "95 % over assessors"], disable_numparse=True)


def _agreement_line(result):
    if result["kappa"] is None:
        return f"Fleiss' kappa: none, {result['kappa_why_none']}"
    return (
        f"Fleiss' kappa {result['kappa']:.3f} over {result['kappa_utterances']} utterances with two or more answers; "
        f"{formats.per_cent(result['pairs_agreeing'])} % of pairs of assessors agree"
    )


def _assessor_table(result, names):
    rows = [
        [f"{one['assessor']}: {name}", str(one["n"]), formats.per_cent(one["wa"]), formats.per_cent(one["ua"])]
        for one, name in zip(result["per_assessor"], names, strict=True)
    ]
    return tabulate(
        rows, headers=["", "answers", "WA %", "UA %"], disable_numparse=True, colalign=("left", *["right"] * 3)
    )


def _confusion(result):
    rows = []
    for name, counts in zip(result["classes"], result["confusion"], strict=True):
        total = sum(counts)
        rows.append([name, *[formats.per_cent(c / total) if total else formats.NONE for c in counts], str(total)])
    columns = [*result["classes"], "answers"]
    return tabulate(rows, headers=["", *columns], disable_numparse=True, colalign=("left", *["right"] * len(columns)))
