"""What the papers' pages state about results is computed again from the records.

A finding stands as a comment behind its sentence, in one of these forms; systems without a folder are the page's own:

    <!-- finding NUMBER: VERDICT -->                                     a published number and its verdict
    <!-- finding METRIC FIRST RELATION SECOND on CORPUS, PROTOCOL, PRESET -->   two systems, or a system and a number

RELATION is > or < (significantly, at 5 %) or ~ (not significantly different; a number: within the 95 % interval).
"""

import re
from pathlib import Path

import pytest

from common import records
from common.evaluation import reported_results
from experiments.evaluation import comparisons, reproduction, scores, system_results

ROOT = Path(__file__).parents[2]
FORM = re.compile(r"<!-- finding (.*?) -->")
COMPARED = re.compile(r"(\S+) (\S+) ([<>~]) (\S+) on (\S+), (\S+), (\S+)")


def findings_of(page):
    return FORM.findall(page.read_text(encoding="utf-8"))


PAGES = [page for page in sorted(ROOT.glob("papers/*/README.md")) if findings_of(page)]


@pytest.fixture(scope="module")
def systems():
    return system_results.group(records.read_all(ROOT / "results"))


def relation(low, high) -> str:
    return ">" if low > 0 else "<" if high < 0 else "~"


def recomputed(finding, paper, systems) -> str:
    """The finding as the records have it."""
    if compared := COMPARED.fullmatch(finding):
        metric, first, _, second, *place = compared.groups()
        there = {s.name: s for s in systems if [s.corpus_variant, s.protocol, s.preset] == place}
        named = [name if "/" in name else f"{paper}/{name}" for name in (first, second)]
        if re.fullmatch(r"[\d.]+", second):
            ours = scores.measure(there[named[0]], metric)
            sign = relation(ours.low - float(second), ours.high - float(second))
        else:
            gap = comparisons.difference(*(there[name] for name in named), metric, seeds=_common(there, named))
            sign = relation(gap.low, gap.high)
        return f"{metric} {first} {sign} {second} on {', '.join(place)}"
    name, _, _ = finding.partition(": ")
    (number,) = [number for number in reported_results.read(paper) if number.id == name]
    return f"{name}: {reproduction.kind(reproduction.compare(number, systems))}"


def _common(there, named):
    return comparisons.common_seeds(*(there[name] for name in named))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_what_a_page_states_is_what_the_records_say(page, systems):
    stated = findings_of(page)
    assert stated == [recomputed(finding, page.parent.name, systems) for finding in stated]


def test_a_finding_that_the_records_contradict_is_seen(systems):
    """Without scaling the network did not learn, and is far below the one that did."""
    place = "on ravdess/strong, paper, paper"
    assert recomputed(f"ua mfcc_unscaled ~ mfcc {place}", "emmert", systems) == f"ua mfcc_unscaled < mfcc {place}"
    assert recomputed("mfcc-test-wa: reproduced", "emmert", systems) == "mfcc-test-wa: ours higher"
