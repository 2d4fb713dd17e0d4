"""What the papers' pages state about results is computed again from the records.

A finding stands as a comment behind its sentence, in one of these forms; systems without a folder are the page's own:

    <!-- finding NUMBER: VERDICT -->                                     a published number and its verdict
    <!-- finding METRIC FIRST RELATION SECOND on CORPUS, PROTOCOL, PRESET -->   two systems, or a system and a number

RELATION is > or < (significantly, at 5 %, without correction) or ~ (not significantly different; a number: within the
95 % interval). A system under another protocol, or another protocol and preset, is `cnn@random` or `cnn@random/paper`.
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
        one = _system(first, paper, place, systems)
        if re.fullmatch(r"[\d.]+", second):
            ours = scores.measure(one, metric)
            sign = relation(ours.low - float(second), ours.high - float(second))
        else:
            other = _system(second, paper, place, systems)
            gap = comparisons.difference(one, other, metric, seeds=comparisons.common_seeds(one, other) or None)
            sign = relation(gap.low, gap.high)
        return f"{metric} {first} {sign} {second} on {', '.join(place)}"
    name, _, _ = finding.partition(": ")
    (number,) = [number for number in reported_results.read(paper) if number.id == name]
    return f"{name}: {reproduction.kind(reproduction.compare(number, systems))}"


def _system(text, paper, place, systems):
    """`cnn`, `emmert/mfcc` or `cnn@random/paper`: the system at a place, or under the protocol and preset it names."""
    name, _, elsewhere = text.partition("@")
    corpus, *usual = place
    protocol, preset = [*elsewhere.split("/"), *usual[elsewhere.count("/") + 1 :]] if elsewhere else usual
    wanted = (name if "/" in name else f"{paper}/{name}", corpus, protocol, preset)
    (system,) = (s for s in systems if (s.name, s.corpus_variant, s.protocol, s.preset) == wanted)
    return system


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_what_a_page_states_is_what_the_records_say(page, systems):
    stated = findings_of(page)
    assert stated == [recomputed(finding, page.parent.name, systems) for finding in stated]


def test_a_finding_that_the_records_contradict_is_seen(systems):
    """Without scaling the network did not learn, and is far below the one that did."""
    place = "on ravdess/strong, paper, paper"
    assert recomputed(f"ua mfcc_unscaled ~ mfcc {place}", "emmert", systems) == f"ua mfcc_unscaled < mfcc {place}"
    assert recomputed("mfcc-test-wa: reproduced", "emmert", systems) == "mfcc-test-wa: ours higher"
