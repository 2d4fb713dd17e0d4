"""Tables of the contrasts that were registered before the runs."""

from experiments.evaluation import comparisons
from experiments.evaluation.system_results import ranges
from experiments.tables import formats
from experiments.tables.formats import Column, Table

NOTE = (
    "Contrasts from papers/*/paper.toml: each paper's claims, and its best system against the better baseline. UA in "
    "per cent, 95 % interval over speakers and trainings, p from the same interval; Holm's correction over all {} "
    "contrasts of a corpus, including those not run."
)


def table(corpus, members, papers) -> Table:
    """A row for each contrast of these papers, run or not.

    Args:
        corpus: the corpus variant.
        members: SystemResults of one group.
        papers: of common/evaluation/reported_results.
    """
    known = [contrast for paper in papers for contrast in paper.contrasts]
    rows = [_row(tested) for tested in comparisons.contrasts(known, members)]
    run = sorted(rows, key=lambda row: row["p_holm"] is None)  # those not run come last
    caption = f"Contrasts registered before the runs, on {corpus}: first minus second"
    return Table(caption, run, COLUMNS, (), (NOTE.format(len(known)),))


def in_words(corpus, members, papers) -> str:
    """The same in a few sentences: significant differences, other contrasts, and the number of those not run."""
    rows = table(corpus, members, papers).frame.to_dict("records")
    run = [row for row in rows if not formats.is_missing(row["p_holm"])]
    alike = [row for row in run if row["verdict"].startswith(comparisons.NOT_DIFFERENT)]
    significant = [
        f"{_pair(row, None)} {formats.interval_text(row, 'ua_difference', difference=True)}, {row['verdict']}"
        for row in run
        if row not in alike
    ]
    counts = f"{len(rows)} contrasts registered before the runs, on {corpus}"
    sentences = [f"{counts} (first − second, UA): significant (5 %, Holm): {'; '.join(significant) or 'none'}"]
    sentences += [f"Not significantly different: {', '.join(_pair(row, None) for row in alike)}"] if alike else []
    sentences += [f"Not run: {len(rows) - len(run)}"] if len(run) < len(rows) else []
    return f"{'. '.join(sentences)}."


def _row(tested) -> dict:
    contrast, systems = tested.contrast, [system for system in (tested.first, tested.second) if system]
    failed = [f"{system.name} {sentence}" for system in systems for sentence in system.underfitted]
    return {
        "corpus_variant": systems[0].corpus_variant if systems else None,
        "paper": contrast.paper,
        "contrast": contrast.id,
        "first": _side(contrast, contrast.first, tested.first),
        "second": _side(contrast, contrast.second, tested.second),
        "part": contrast.part,
        "where": contrast.where,
        **formats.interval_fields("ua_difference", tested.difference),
        "p": tested.difference.pvalue if tested.difference else None,
        "p_holm": tested.p_holm,
        "seeds": ranges(tested.seeds),
        "verdict": "; ".join([tested.verdict, *failed]),
    }


def _side(contrast, names, system) -> str:
    """The system's name; if not run, that of the recipe, or `best of N`."""
    own = names[0] if "/" in names[0] else f"{contrast.paper}/{names[0]}"
    if system:
        return system.name
    return own if len(names) == 1 else f"{own.partition('/')[0]}, best of {len(names)}"


def _pair(row, _) -> str:
    """`lim2016/td_cnn_fc − cnn`."""
    paper, slash, variant = row["second"].partition("/")
    second = variant if slash and paper == row["paper"] else row["second"]
    return f"{row['first']} − {second}{', in noise' if row['part'] != 'test' else ''}"


def _p_value(row, field) -> str:
    return formats.NONE if formats.is_missing(row[field]) else formats.p_value(row[field])


COLUMNS = (
    Column("first − second", "first", _pair),
    formats.text("claimed in", "where"),
    formats.estimate("UA difference", "ua_difference", difference=True),
    Column("p", "p", _p_value),
    Column("p, Holm", "p_holm", _p_value),
    formats.text("seeds", "seeds", none=formats.NONE),
    formats.text("verdict", "verdict"),
)
