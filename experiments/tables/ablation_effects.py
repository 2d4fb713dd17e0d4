"""Fill in the effects in a paper's ledger: the difference made by an alternative choice, on the same utterances.

A ledger row contains `<!-- effect CHANGED USUAL -->`: two variants that differ only in this choice, or two decision
rules of one variant, written `variant:rule`. The text between it and `<!-- /effect -->` is generated from the records.
"""

import re
from pathlib import Path

from common import markup
from common.folds import leakage
from experiments.evaluation import comparisons
from experiments.evaluation.system_results import seeds_in_words
from experiments.tables import formats

MARK = re.compile(  # an editor may have broken the lines of a ledger anywhere
    r"(<!--\s+effect\s+(?P<changed>[\w:]+)\s+(?P<usual>[\w:]+)\s+-->)[^<]*(<!--\s+/effect\s+-->)"
)
NOT_RUN = "not run"
PRESET = "paper"  # reduced trainings are used only if there is no full one


def fill(text, paper, systems) -> str:
    """A README with the effects in its ledger filled in.

    Args:
        text: of the README.
        paper: name of the paper.
        systems: SystemResults of all papers.
    """
    own = [s for s in systems if s.paper == paper and not leakage.is_leaky(s.protocol) and not s.trained_on]

    def effect(match):
        changed, usual = match["changed"], match["usual"]
        pairs = list(_pairs(own, changed, usual))
        full = [pair for pair in pairs if pair.first.preset == PRESET]
        effects = [shown for pair in full or pairs if (shown := _show(pair))]
        name = f"{markup.markdown_code(changed)}: " if effects else ""
        return f"{match[1]}{name}{'; '.join(effects) or NOT_RUN}{match[4]}"

    return MARK.sub(effect, text)


def ablations(papers) -> frozenset[str]:
    """Names `paper/variant` of the systems that are alternative choices in a ledger.

    They are not separate methods and are only compared in the ledger.

    Args:
        papers: the folder of the papers.
    """
    marks = ((path.parent.name, mark) for path in Path(papers).glob("*/README.md") for mark in _marks(path))
    return frozenset(f"{paper}/{mark['changed']}" for paper, mark in marks if ":" not in mark["changed"])


def _marks(path):
    return MARK.finditer(path.read_text(encoding="utf-8"))


def _pairs(systems, changed, usual):
    """Yield comparisons of the two, wherever both tested the same utterances."""
    (variant, _, rule), (other_variant, _, other_rule) = changed.partition(":"), usual.partition(":")
    for first in systems:
        for second in systems:
            if (first.variant, second.variant) == (variant, other_variant) and first.group == second.group:
                if pair := comparisons.compare(first, second, (rule or None, other_rule or None)):
                    yield pair


def _show(pair) -> str:
    """`UA −4.1 [−7.0, −1.2] on ravdess-strong, paper, preset paper, seeds 0-2`; "" if undefined."""
    difference = pair.ua or pair.wa
    if difference is None:
        return ""
    value, low, high = map(formats.signed_per_cent, (difference.value, difference.low, difference.high))
    corpus, protocol, preset = pair.first.group
    seeds = seeds_in_words(pair.seeds)
    metric = "UA" if pair.ua else "WA"
    failed = "; ".join(dict.fromkeys([*pair.first.underfitted, *pair.second.underfitted]))
    effect = f"{metric} {value} [{low}, {high}] on {corpus}, {protocol}, preset {preset}, {seeds}"
    return markup.markdown(f"{effect} ({failed})" if failed else effect)
