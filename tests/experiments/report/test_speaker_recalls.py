"""The figure of speakers' recalls: what it draws, by hand."""

import numpy as np

from experiments.evaluation import system_results
from experiments.report import speaker_recalls
from tests.support.records_by_hand import part, record

SPEAKERS = ["a"] * 4 + ["b"] * 2 + ["c"] * 2
(SYSTEM,) = system_results.group([record(part([0, 0, 0, 1, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1, 1, 0], SPEAKERS))])


def test_equal_recalls_stand_above_each_other():
    np.testing.assert_allclose(
        speaker_recalls.stacked(np.array([0.5, 1, 0.5, 0.5])) / speaker_recalls.STEP, [-1, 0, 0, 1]
    )
    assert np.ptp(speaker_recalls.stacked(np.ones(100))) < 1  # a row's own height


def test_a_dot_a_speaker_who_has_the_class_and_one_for_all():
    (axes,) = speaker_recalls.recalls(SYSTEM).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["sadness", "anger (2 of 3 speakers)"]
    ticks = [sorted(line.get_xdata()) for line in axes.lines if line.get_marker() == "." and len(line.get_xdata())]
    np.testing.assert_allclose(ticks[0], [50, 100, 100])  # c, a, b: sadness
    np.testing.assert_allclose(ticks[1], [0, 200 / 3])
    dots = [
        (line.get_xdata()[0], line.get_ydata()[0])
        for line in axes.lines
        if line.get_marker() == "o" and len(line.get_xdata())
    ]
    np.testing.assert_allclose(dots, [(75, 0), (50, 1)])
