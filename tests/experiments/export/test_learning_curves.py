"""Event files read back by TensorFlow hold the histories of the records."""

import pytest
from click.testing import CliRunner

from common import records
from common.errors import InputError
from experiments.__main__ import main
from experiments.export import learning_curves
from tests.support.records_by_hand import unbalanced

HISTORY = {"loss": [1.5, 0.5, 0.25], "val_ua": [0.25, 0.5, 0.75], "anger:loss": [0.125], "seconds": [2.0, 3.0, 4.0]}


def events(folder):
    """(tag, step, value, time) of every scalar, as TensorFlow reads them."""
    import tensorflow as tf

    (path,) = folder.glob(learning_curves.EVENTS)
    read = [tf.compat.v1.Event.FromString(item.numpy()) for item in tf.data.TFRecordDataset(str(path))]
    return [(v.tag, e.step, v.simple_value, e.wall_time) for e in read for v in e.summary.value]


def test_events_are_the_history_of_each_fold_and_replace_older_ones(tmp_path):
    run = unbalanced(history=HISTORY)
    place = records.write(run, root=tmp_path / "results")
    for _ in range(2):
        outcome = CliRunner().invoke(
            main, ["export", "--results", str(tmp_path / "results"), "--into", str(tmp_path / "out"), "--tensorboard"]
        )
        assert outcome.exit_code == 0, outcome.output
    assert "learning curves of 1 fold" in outcome.output
    folder = tmp_path / "out" / "tensorboard" / place.relative_to(tmp_path / "results" / "runs").with_suffix("")
    scalars = sorted(events(folder))
    assert scalars == [
        ("anger/loss", 1, 0.125, 2.0),
        *[("loss", n + 1, HISTORY["loss"][n], [2.0, 5.0, 9.0][n]) for n in range(3)],
        *[("seconds", n + 1, HISTORY["seconds"][n], [2.0, 5.0, 9.0][n]) for n in range(3)],
        *[("val_ua", n + 1, HISTORY["val_ua"][n], [2.0, 5.0, 9.0][n]) for n in range(3)],
    ]


def test_without_curves_there_is_one_sentence(tmp_path):
    records.write(unbalanced(history={}), root=tmp_path)
    with pytest.raises(InputError, match="no records with a learning curve; give a results folder with --results"):
        learning_curves.export(tmp_path, tmp_path / "out")


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    records.write(unbalanced(history=HISTORY), root=tmp_path)
    (tmp_path / "out").write_text("a file where a folder should be")
    with pytest.raises(InputError, match="out cannot be written .*give a writable folder"):
        learning_curves.export(tmp_path, tmp_path / "out")
