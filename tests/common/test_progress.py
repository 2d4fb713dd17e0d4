"""Progress in a log file: whole lines, seldom."""

import pytest

from common import progress


@pytest.mark.parametrize(("seconds", "count"), [(0, 101), (30, 2)])  # the first line, one an update or the last one
def test_a_log_file_gets_whole_lines_and_few_of_them(capsys, monkeypatch, seconds, count):
    monkeypatch.setattr(progress, "SECONDS", seconds)
    with progress.bar(total=100, desc="folds", delay=0) as bar:
        for _ in range(100):
            bar.update()
    log = capsys.readouterr().err
    lines = log.splitlines()
    assert "\r" not in log and all(line.startswith("folds") for line in lines)
    assert abs(len(lines) - count) <= 1 and "100/100" in lines[-1]


def test_a_short_bar_that_does_not_stay_leaves_nothing_in_a_log_file(capsys):
    assert list(progress.bar(range(1000), desc="unpack", leave=False)) == list(range(1000))
    assert capsys.readouterr().err == ""
