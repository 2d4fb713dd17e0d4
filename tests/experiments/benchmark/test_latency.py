"""Latency: what is timed, what is kept, and how it stands in the tables."""

import json
import types

import numpy as np
import pytest
from click.testing import CliRunner

from common.errors import InputError
from experiments import catalog
from experiments.__main__ import main
from experiments.benchmark import latency as benchmark_latency
from experiments.evaluation import system_results
from experiments.evidence import latencies
from experiments.tables import all_tables, evidence, formats, systems
from tests.support.records_by_hand import many
from tests.support.table_rows import rows

ENTRY = {
    "features_ms": 12.34,
    "network_ms": 47.66,
    "real_time_factor": 0.02,
    "multiply_accumulates": 2_481_408,
    "front_end": {"kind": "mfcc", "num_mfcc": 20},
    "machine": {"processor": "a processor", "threads": 1},
}


def system(**changes):
    (only,) = system_results.group([many(2, **changes)])
    return only


# measuring


def test_the_speech_is_three_seconds_of_a_voice():
    for rate in (16_000, 22_050):
        waveform = benchmark_latency.speech("neutral", rate)
        assert len(waveform) == 3 * rate
        assert np.square(waveform).reshape(6, -1).mean(axis=1).min() > 1e-7  # no half second is empty


def test_the_median_is_of_the_calls_after_the_first_two(monkeypatch):
    ticks = iter([0.0, 9.0, 10.0, 18.0, 20.0, 21.0, 30.0, 34.0, 40.0, 42.0])  # calls of 9, 8, 1, 4 and 2 seconds
    monkeypatch.setattr(benchmark_latency, "time", types.SimpleNamespace(perf_counter=lambda: next(ticks)))
    assert benchmark_latency._milliseconds(lambda: None, 3) == 2000.0


def test_a_network_is_timed_with_its_one_tested_example():
    measured = benchmark_latency.measure("emmert", "mfcc", repeat=2)
    by_hand = 87 * 64 * 5 * 20 + 43 * 128 * 5 * 64 + 2688 * 60 + 60 * 32 + 32 * 4  # the noisy copy is not tested
    assert measured["multiply_accumulates"] == by_hand
    assert measured["features_ms"] > 0 and measured["network_ms"] > 0
    spent_s = (measured["features_ms"] + measured["network_ms"]) / 1000
    assert measured["real_time_factor"] == pytest.approx(spent_s / 3, abs=1e-5)
    assert measured["machine"]["threads"] == 1
    assert set(latencies.NUMBERS) <= measured.keys() and json.loads(json.dumps(measured)) == measured


def test_what_is_timed_decides_as_keras_does():
    import keras

    paper, recipe = catalog.paper("chernykh2018"), catalog.recipe("chernykh2018", "one_label", "paper")
    waveform = benchmark_latency.speech("anger", 16_000)
    part = benchmark_latency._part([paper.features(waveform, 16_000, recipe.front_end)], ["anger"])
    keras.utils.set_random_seed(0)
    timed = benchmark_latency._system(paper, recipe, recipe.front_end)
    from common.learning.training import Fitted

    keras.utils.set_random_seed(0)
    expected = paper.predict(Fitted(paper.head(recipe, 4), {}), part, recipe)
    for rule, scores in paper.predict(timed, part, recipe).items():
        np.testing.assert_allclose(scores, expected[rule], atol=1e-5)
    assert timed.model.shape == (1, recipe.max_steps, 34)


def test_a_system_without_a_network_is_timed_and_has_no_operations():
    measured = benchmark_latency.measure("chernykh2018", "dummy", repeat=1)
    assert measured["multiply_accumulates"] is None and measured["parameters"] == 0


def test_a_system_that_cannot_run_is_named_and_stops_no_other(tmp_path, monkeypatch):
    def measure(paper, variant, *, repeat):
        if variant == "mfcc":
            raise InputError("something is not installed")
        return ENTRY

    monkeypatch.setattr(benchmark_latency, "measure", measure)
    arguments = ["latency", "--results", str(tmp_path), "--systems"]
    result = CliRunner().invoke(main, [*arguments, "emmert/mfcc,emmert/own_cnn"])
    assert result.exit_code == 0 and "emmert/mfcc: not measured: something is not installed" in result.output
    assert list(latencies.read(tmp_path)) == ["emmert/own_cnn"] and "1 of 2 systems measured" in result.output
    assert CliRunner().invoke(main, [*arguments, "emmert/mfcc"]).exit_code == 2


# keeping


def test_a_second_measurement_keeps_the_others_and_replaces_its_own(tmp_path):
    assert latencies.read(tmp_path) == {}
    latencies.keep(tmp_path, {"b/one": ENTRY, "a/two": ENTRY})
    path = latencies.keep(tmp_path, {"b/one": ENTRY | {"network_ms": 1.0}})
    kept = latencies.read(tmp_path)
    assert list(kept) == ["a/two", "b/one"]
    assert (kept["a/two"]["network_ms"], kept["b/one"]["network_ms"]) == (47.66, 1.0)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"schema": 1, "systems": {"a/b": {"features_ms": 1}}}', "missing required field `network_ms`"),
        ('{"schema": 2, "systems": {}}', "has schema 2"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path, text, expected):
    (tmp_path / "latency.json").write_text(text)
    with pytest.raises(InputError, match=expected):
        latencies.read(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--systems", "mfcc"], "'mfcc' is not a system"),
        (["--systems", ""], "an empty value"),
        (["--systems", "emmert/huge"], "no variant 'huge'"),
        (["--papers", "nobody2019"], "unknown paper"),
        (["--repeat", "0"], "--repeat"),
    ],
)
def test_what_cannot_be_measured_is_named(arguments, expected):
    result = CliRunner().invoke(main, ["latency", *arguments])
    assert result.exit_code == 2 and expected in result.output


# tables


def test_only_what_was_measured_with_the_same_front_end_is_shown():
    measured = {"emmert/mfcc": ENTRY}
    same = system(recipe={"corpus": "ravdess", "front_end": {"kind": "mfcc", "num_mfcc": 20, "later_field": 1}})
    other = system(recipe={"corpus": "ravdess", "front_end": {"kind": "mfcc", "num_mfcc": 13}})
    assert evidence.latency_of(same, measured) == ENTRY
    assert evidence.latency_of(other, measured) is None
    assert evidence.latency_of(system(preset="quick"), measured) == ENTRY
    assert evidence.latency_of(system(preset="smoke"), measured) is None
    assert evidence.latency_of(system(variant="own_cnn"), measured) is None


def test_costs_have_the_milliseconds_beside_them():
    systems = [system(), system(variant="own_cnn")]
    sheets = {sheet.name: sheet for sheet in all_tables.all_sheets(systems, [], measured={"emmert/mfcc": ENTRY})}
    (cost,) = sheets["cost"].tables
    timed, untimed = rows(cost)
    assert timed.shown["ms per 3-s recording"] == "60.0 (12.3 + 47.7)"
    assert timed.data["real_time_factor"] == ENTRY["real_time_factor"]
    assert timed.data["network_ms"] == 47.66 and timed.data["latency_machine"] == "processor a processor, threads 1"
    assert untimed.shown["ms per 3-s recording"] == formats.NONE and untimed.data["network_ms"] is None
    assert any("not measured (python -m experiments latency)" in note for note in cost.notes)


def test_without_a_measurement_every_cell_says_so(tmp_path):
    (cost,) = evidence.beside_cost(systems.cost_sheet([system()]), [system()], latencies.read(tmp_path)).tables
    assert rows(cost)[0].shown["ms per 3-s recording"] == formats.NONE
