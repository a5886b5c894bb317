"""Dropout and weight decay that follow a schedule: what each step multiplies them by.

A schedule is read as shares: dropout's is of the network's own rates, decay's of the optimizer's
own. A constant one is none: no array is made, and no bit differs. Proved by
``tests/test_training_scales.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import ArrayLike

from clearprop.errors import SettingError
from clearprop.expressions import Array
from clearprop.graph import Graph
from clearprop.optimizers import Optimizer
from clearprop.training.rates import Rates
from clearprop.training.schedules import Horizon, Schedule, schedule
from clearprop.words import number

__all__ = ["Planned", "Scales", "check_planned", "greatest_dropout", "planned"]

Planned = str | Schedule | ArrayLike | Callable[[int], float]
"""A schedule as it is given."""


class Scales:
    """What the rates of dropout and the decay are multiplied by, step by step.

    Parameters
    ----------
    dropout, decay : Schedule or None
        None: constant.
    greatest : float
        The greatest rate of a dropout.
    steps, epoch : int
        Of the run, of an epoch.

    Examples
    --------
    >>> from clearprop.training import Cosine
    >>> Scales(Cosine(), None, 0.5, steps=4, epoch=2).of(2, 4)
    (array([0.5       , 0.14644661]), None)
    """

    def __init__(
        self,
        dropout: Schedule | None,
        decay: Schedule | None,
        greatest: float,
        *,
        steps: int,
        epoch: int,
    ) -> None:
        self.dropout, self.decay, self._greatest = dropout, decay, greatest
        horizon = Horizon(1.0, steps, epoch)
        self._dropouts = None if dropout is None else Rates(dropout, horizon)
        self._decays = None if decay is None else Rates(decay, horizon)

    def of(self, start: int, stop: int) -> tuple[Array | None, Array | None]:
        """The scales of dropout and of decay of steps of one epoch; None where they are 1."""
        return self._dropped(start, stop), self._decayed(start, stop)

    def across(self, starts: list[int], steps: int) -> tuple[Array | None, Array | None]:
        """The scales of whole epochs of so many steps, one after the other."""
        parts = [self.of(start, start + steps) for start in starts]
        dropouts, decays = (
            None if one is None else np.concatenate([part[place] for part in parts])
            for place, one in enumerate(parts[0])
        )
        return dropouts, decays

    def _dropped(self, start: int, stop: int) -> Array | None:
        if self._dropouts is None:
            return None
        with _called("dropout_schedule"):
            shares = self._dropouts.of(start, stop)
        wrong = np.flatnonzero(self._greatest * shares >= 1)
        if len(wrong):
            raise SettingError(
                f"dropout_schedule: {number(float(shares[wrong[0]]))} times the rate "
                f"{number(self._greatest)}, in step {start + int(wrong[0])}, is not below 1; "
                "the schedule gives shares of the network's own rate"
            )
        return shares

    def _decayed(self, start: int, stop: int) -> Array | None:
        if self._decays is None:
            return None
        with _called("decay_schedule"):
            return self._decays.of(start, stop)


def planned(
    graph: Graph, rule: Optimizer, dropout: Planned, decay: Planned, *, steps: int, epoch: int
) -> Scales:
    """Return the scales of a run, as its settings ask for them.

    Parameters
    ----------
    graph : Graph
    rule : Optimizer
    dropout, decay : str, Schedule, (steps,) array or callable
        ``dropout_schedule`` and ``decay_schedule`` of a `Training`.
    steps, epoch : int
        Of the run, of an epoch.

    Raises
    ------
    SettingError
        What `check_planned` does.
    """
    greatest = greatest_dropout(graph)
    dropped, decayed = check_planned(greatest, rule, dropout, decay)
    return Scales(dropped, decayed, greatest, steps=steps, epoch=epoch)


def greatest_dropout(graph: Graph) -> float:
    """Return the greatest rate of the network's dropouts; 0 for none."""
    masks = [node.row.masks(graph.input_types(node), node.attrs) for node in graph.nodes]
    return max((rate for found in masks for rate in found.values()), default=0.0)


def check_planned(
    rate: float, rule: Optimizer, dropout: Planned, decay: Planned
) -> tuple[Schedule | None, Schedule | None]:
    """Return the schedules of dropout and of decay, None for constant ones.

    Parameters
    ----------
    rate : float
        The network's greatest rate of dropout.
    rule : Optimizer
    dropout, decay : str, Schedule, array or callable

    Raises
    ------
    SettingError
        For a schedule that does not exist or remembers what epochs end with, or where there is
        nothing for it to change.
    """
    dropped, decayed = _one("dropout_schedule", dropout), _one("decay_schedule", decay)
    if dropped is not None and not rate:
        raise SettingError(
            f"dropout_schedule={dropped.name!r}, and the network has no dropout: give it some, as "
            "with dropout=0.1, or leave the schedule out"
        )
    if decayed is not None and not rule.weight_decay:
        fix = "give it one" if "weight_decay" in rule.settings else "take adamw"
        raise SettingError(
            f"decay_schedule={decayed.name!r}, and {rule.name} has no weight decay: {fix}, or "
            "leave the schedule out"
        )
    return dropped, decayed


def _one(name: str, given: Planned) -> Schedule | None:
    with _called(name):
        found = schedule(given)
    if found.start():
        raise SettingError(
            f"{name}={found.name!r} follows what epochs end with, which is for the learning rate "
            "alone: take one that follows the steps, such as 'flat_cos'"
        )
    return None if found.name == "constant" else found


@contextmanager
def _called(name: str) -> Iterator[None]:
    """Have a schedule's refusals speak of the setting that it was given as."""
    try:
        yield
    except SettingError as error:
        told = str(error)
        raise SettingError(name + told[8:] if told.startswith("schedule") else told) from None
