"""The learning rates of a run, an epoch at a time. Proved by ``tests/test_schedules.py``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from clearprop.expressions import Array
from clearprop.training.schedules import Horizon, Schedule

__all__ = ["Rates"]


class Rates:
    """The rates of windows of steps, from a schedule and what it remembers between epochs.

    ``memory`` is what the schedule remembers, which a checkpoint holds.

    Examples
    --------
    >>> from clearprop.training import Cosine
    >>> rates = Rates(Cosine(), Horizon(1.0, steps=4, epoch=2))
    >>> rates.of(1, 2).round(3), rates.of(2, 4).round(3)
    (array([0.854]), array([0.5  , 0.146]))
    """

    def __init__(self, schedule: Schedule, horizon: Horizon) -> None:
        self.schedule, self.horizon = schedule, horizon
        self.remember(schedule.start())

    def remember(self, memory: Mapping[str, float]) -> None:
        """Go on with what a schedule remembers."""
        self.memory = memory
        self._epoch, self._rates = -1, np.zeros(0)

    def observe(self, figure: float) -> None:
        """Tell the schedule what an epoch ended with."""
        self.remember(self.schedule.observe(figure, self.horizon, self.memory))

    def with_memory(self, memory: Mapping[str, float], step: int) -> float:
        """The rate that a step would have, if the schedule remembered this instead."""
        return float(self.schedule.rates(np.array([float(step)]), self.horizon, memory)[0])

    def at(self, t: Array) -> Array:
        """The rates of any steps t, by what the schedule remembers now."""
        return self.schedule.rates(t, self.horizon, self.memory)

    def of(self, start: int, stop: int) -> Array:
        """The rates of steps of one epoch: of the whole epoch's, so that no slice changes a bit."""
        steps = self.horizon.epoch
        epoch = start // steps
        first = epoch * steps
        if self._epoch != epoch:
            t = np.arange(first, min(first + steps, self.horizon.steps), dtype=np.float64)
            self._epoch = epoch
            self._rates = self.at(t)
        return self._rates[start - first : stop - first]
