"""What the bar of a run shows, with a clock by hand."""

import types

import pytest
from tqdm import tqdm

from experiments.runs import schedule


def job(name, fold, epochs):
    recipe = types.SimpleNamespace(max_epochs=epochs)
    return types.SimpleNamespace(
        system=types.SimpleNamespace(name=name, recipe=recipe), fold=types.SimpleNamespace(name=fold)
    )


@pytest.fixture
def clock(monkeypatch):
    now = types.SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(schedule.time, "monotonic", lambda: now.seconds)
    return now


def test_the_time_left_is_of_each_systems_own_epochs(clock, tmp_path):
    jobs = [job("a/fast", "fold_1", 10), job("a/fast", "fold_2", 10), job("b/slow", "fold_1", 10)]
    with open(tmp_path / "bar", "w") as out, tqdm(total=30, file=out, bar_format=schedule.BAR) as bar:
        progress = schedule.Progress(bar, jobs, workers=2)
        progress.at(0, 1)
        assert bar.postfix == "left: ?"  # one message has no duration yet
        clock.seconds = 4.0
        progress.at(0, 5)  # 1 s an epoch: 5 left, 10 of the same system, 10 of one taken for as slow
        assert (bar.n, bar.desc) == (5, "a/fast fold_1 5/10") and bar.postfix == "left: 00:12"
        progress.at(2, 1)
        clock.seconds = 34.0
        progress.at(2, 4)  # 10 s an epoch: 6 left, and 15 of 1 s
        assert bar.postfix == "left: 00:38"
        progress.done(2)  # stopped early
        assert bar.n == 15 and bar.postfix == "left: 00:08"
