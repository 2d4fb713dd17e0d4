"""Did a network learn, and was its training finished: one rule, written down before the runs it judges.

A network is

* `NOT_LEARNT` where any of these holds for the weights it kept: its UA on the training part is less than ten points
  above chance; its training loss is not below 98 % of ln K, the loss of equal posteriors; more than 90 % of its
  decisions on the training part are for one class; early stopping kept the first epoch;
* `CUT_SHORT` where the largest number of epochs was reached while validation still improved: with early stopping,
  before patience ran out; with a fixed number of epochs, where the mean validation UA of the last fifth of the epochs
  is more than a point above that of the fifth before, or, without a validation part, where the training UA is below
  90 %;
* `TRAINED_OUT` otherwise.
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
    """What can be said of the training of a network."""

    TRAINED_OUT = "trained out"
    CUT_SHORT = "cut short"
    NOT_LEARNT = "not learnt"


def states(record) -> dict[str, State]:
    """State of each network of a record, by name; empty for a system without networks.

    Records made before the rule hold enough to see that a network did not learn, not that its training was finished:
    of those that learnt nothing is said.
    """
    if not record.networks and record.history:
        return {"network": State.NOT_LEARNT} if _old_not_learnt(record) else {}
    several = len(record.networks) > 1
    return {name: state(network, _validation(record, name, several)) for name, network in record.networks.items()}


def _old_not_learnt(record) -> bool:
    """The first half of the rule, from the training part's confusion matrix under the first decision rule."""
    confusion, classes = np.asarray(record.parts["train"]["confusion"]), record.classes
    if not confusion.sum(axis=1).all():
        return False
    loss = record.parts["train"]["cross_entropy"]
    return _is_not_learnt(
        num_classes=len(classes),
        ua=metrics.ua(confusion, classes),
        loss=0.0 if loss is None else loss,
        largest_share=confusion.sum(axis=0).max() / confusion.sum(),
        kept_first=record.best_epoch == 0,
    )


def _is_not_learnt(*, num_classes, ua, loss, largest_share, kept_first) -> bool:
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
    if _is_not_learnt(
        kept_first=kept_first, **{name: network[name] for name in ("num_classes", "ua", "loss", "largest_share")}
    ):
        return State.NOT_LEARNT
    if network["stopped_by"] == "patience":
        return State.TRAINED_OUT
    if network["patience"] is not None:
        return State.CUT_SHORT
    if not validation_ua:
        finished = network["ua"] >= TRAINING_UA_WITHOUT_VALIDATION
    else:
        fifth = max(1, len(validation_ua) // 5)
        last, before = np.mean(validation_ua[-fifth:]), np.mean(validation_ua[-2 * fifth : -fifth] or validation_ua)
        finished = last <= before + STILL_IMPROVING
    return State.TRAINED_OUT if finished else State.CUT_SHORT


def _validation(record, name, several):
    """A network's validation UA by epoch; the further networks of a system have theirs under `name:val_ua`."""
    own = record.history.get(f"{name}:val_ua")
    return own if several and own is not None else record.history.get("val_ua")
