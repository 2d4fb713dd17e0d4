"""Export learning curves from records as TensorBoard event files, one run per fold."""

import itertools
from pathlib import Path

from common import records
from common.errors import InputError

EVENTS = "events.out.tfevents.*"


def export(results, into) -> int:
    """Write the history of every record that has one to `into`; the output of an earlier call is replaced.

    A run is named like its record's path below results/runs. Steps are epochs, counted from 1. The time of an event is
    the training time so far in seconds, because records have no time of day.

    Returns:
        The number of runs.

    Raises:
        InputError: no record has a history, or the folder cannot be written.
    """
    with_history = [record for record in records.read_all(results) if any(record.history.values())]
    if not with_history:
        raise InputError(f"{results} has no records with a learning curve; give a results folder with --results")
    try:
        for record in with_history:
            _write(record, Path(into, *records.record_path("", record).with_suffix("").parts[1:]))
    except OSError as error:
        raise InputError(f"{into} cannot be written ({error.strerror}); give a writable folder") from error
    return len(with_history)


def _write(record, folder):
    from tensorboardX import SummaryWriter

    for old in folder.glob(EVENTS):
        old.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    elapsed = list(itertools.accumulate(record.history.get("seconds", ())))
    with SummaryWriter(str(folder)) as writer:
        for name, values in record.history.items():
            for index, value in enumerate(values):
                seconds = elapsed[index] if index < len(elapsed) else 0.0
                writer.add_scalar(name.replace(":", "/"), value, index + 1, walltime=seconds)
