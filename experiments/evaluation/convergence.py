"""Classify the training of each network by a rule that was fixed before the runs.

A network is

* `UNDERFITTED` if, for the weights kept, its UA on the training part is less than ten points above chance; or its
  training loss is not below 98 % of ln K, the loss of equal posteriors; or more than 90 % of its decisions on the
  training part are for one class; or early stopping kept the first epoch;
* `NOT_CONVERGED` if the largest number of epochs was reached while validation still improved: with early stopping,
  before patience ran out; with a fixed number of epochs, if the mean validation UA of the last fifth of the epochs is
  more than a point above that of the fifth before, or, without a validation part, if the training UA is below 90 %;
* `CONVERGED` otherwise.
"""

import enum

import numpy as np

from common.evaluation import metrics

MARGIN_OVER_CHANCE = 0.10
SHARE_OF_CHANCE_LOSS = 0.98
LARGEST_SHARE = 0.90
STILL_IMPROVING = 0.01
TRAINING_UA_WITHOUT_VALIDATION = 0.90


class State(enum.StrEnum):
    """The state of a network's training."""

    CONVERGED = "converged"
    NOT_CONVERGED = "not converged"
    UNDERFITTED = "underfitted"


def states(record) -> dict[str, State]:
    """State of each network of a record, by name; empty for a system without networks.

    Older records, which lack `networks`, allow only the test for underfitting; their other networks have no state.
    """
    if not record.networks and record.history:
        return {"network": State.UNDERFITTED} if _old_underfitted(record) else {}
    several = len(record.networks) > 1
    return {name: state(network, _validation(record, name, several)) for name, network in record.networks.items()}


def _old_underfitted(record) -> bool:
    """The test for underfitting, from the training part's confusion matrix with the first decision rule."""
    confusion, classes = np.asarray(record.parts["train"]["confusion"]), record.classes
    if not confusion.sum(axis=1).all():
        return False
    loss = record.parts["train"]["cross_entropy"]
    return _is_underfitted(
        num_classes=len(classes),
        ua=metrics.ua(confusion, classes),
        loss=0.0 if loss is None else loss,
        largest_share=confusion.sum(axis=0).max() / confusion.sum(),
        kept_first=record.best_epoch == 0,
    )


def _is_underfitted(*, num_classes, ua, loss, largest_share, kept_first) -> bool:
    return (
        ua < 1 / num_classes + MARGIN_OVER_CHANCE
        or loss >= SHARE_OF_CHANCE_LOSS * float(np.log(num_classes))
        or largest_share > LARGEST_SHARE
        or kept_first
    )


def state(network, validation_ua=None) -> State:
    """State of one network.

    Args:
        network: the fields of `training.NetworkTraining` as a dict.
        validation_ua: by epoch; None without a validation part.
    """
    kept_first = network["patience"] is not None and network["kept"] == 0
    if _is_underfitted(
        kept_first=kept_first, **{name: network[name] for name in ("num_classes", "ua", "loss", "largest_share")}
    ):
        return State.UNDERFITTED
    if network["stopped_by"] == "patience":
        return State.CONVERGED
    if network["patience"] is not None:
        return State.NOT_CONVERGED
    if not validation_ua:
        finished = network["ua"] >= TRAINING_UA_WITHOUT_VALIDATION
    else:
        fifth = max(1, len(validation_ua) // 5)
        last, before = np.mean(validation_ua[-fifth:]), np.mean(validation_ua[-2 * fifth : -fifth] or validation_ua)
        finished = last <= before + STILL_IMPROVING
    return State.CONVERGED if finished else State.NOT_CONVERGED


def _validation(record, name, several):
    """A network's validation UA by epoch; further networks of a system have theirs under `name:val_ua`."""
    own = record.history.get(f"{name}:val_ua")
    return own if several and own is not None else record.history.get("val_ua")
