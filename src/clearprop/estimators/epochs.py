"""A fit's epochs: the order of their rows, their steps, and the loss of each.

Several epochs that nothing can end or change between are one window, so that what a window costs
beside its steps is shared by them. Neither their number nor an interruption changes bits.
Proved by ``tests/test_estimators_same.py`` and ``tests/test_estimators_epochs.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.estimators.descent import Descent
from clearprop.estimators.machine import Machine
from clearprop.estimators.rows import Rows
from clearprop.expressions import Array

__all__ = ["Epochs", "Ran", "constants"]

MOST_ROWS = 1 << 16
"""Of several epochs together: where one has more, its steps are all that counts."""


@dataclass(frozen=True)
class Ran:
    """What became of some epochs.

    Attributes
    ----------
    losses : list of float
        Of each epoch that ended.
    finite : bool
        Whether all costs were.
    interrupted : bool
        Whether Ctrl-C broke off an epoch behind those.
    """

    losses: list[float]
    finite: bool
    interrupted: bool


class Epochs:
    """The epochs over some rows.

    Parameters
    ----------
    rows : Rows
    constant : (n,) array or None
        What the reported loss of each row has beside its cost.
    draws : RandomState or None
        Shuffles the rows before each epoch, as scikit-learn does; None leaves them.
    """

    def __init__(self, rows: Rows, constant: Array | None, draws: Any) -> None:
        self.rows, self._constant, self._draws = rows, constant, draws
        self._order = np.arange(len(rows))
        self._steps = rows.steps
        self._counts, self._all = rows.counts.astype(np.float64), float(len(rows))

    def most(self) -> int:
        """Return how many epochs a window holds."""
        return max(1, MOST_ROWS // len(self.rows)) if self.rows.dense else 1

    def run(self, machine: Machine, descent: Descent, count: int) -> Ran:
        """Do the steps of some epochs."""
        rows, runner = self.rows, machine.runner
        orders = self._drawn(count)
        sums = np.concatenate([self._sums(order) for order in orders])
        rates, scales = descent.rates(len(sums)), rows.penalties(sums)
        costs: list[Array] = []
        why, interrupted = "done", False
        for data, window in rows.windows(machine.network.graph, orders.ravel(), rates, scales):
            if data is not None:
                runner.use(data)
            before = descent.state.step
            try:
                report = runner.run(descent.state, window)
            except KeyboardInterrupt:
                report, interrupted = runner.broken_off(), True
                if report.done != descent.state.step - before:  # of the window before
                    break
            costs.append(report.costs)
            why = report.why
            if interrupted or why != "done":
                break
        cost = np.concatenate(costs) if costs else np.zeros(0)
        if why == "diverged":
            descent.state.parameters.fill(np.nan)
        ended = len(cost) // self._steps if interrupted else -(-len(cost) // self._steps)
        finite = why != "diverged"
        losses = [
            float(cost[-1])
            if not finite and epoch == ended - 1
            else self._loss(orders[epoch], *(part[self._own(epoch)] for part in (cost, sums)))
            for epoch in range(ended)
        ]
        return Ran(losses, finite, interrupted)

    def _sums(self, order: NDArray[np.int64]) -> Array:
        return self._counts if self.rows.weights is None else self.rows.batch_weights(order)

    def _own(self, epoch: int) -> slice:
        return slice(epoch * self._steps, (epoch + 1) * self._steps)

    def _drawn(self, count: int) -> NDArray[np.int64]:
        """The rows' orders in the next epochs, each a shuffling of the one before."""
        orders = np.empty((count, len(self.rows)), np.int64)
        for order in orders:
            order[:] = self._order
            if self._draws is not None:
                self._draws.shuffle(order)
            self._order = order
        return orders

    def _loss(self, order: NDArray[np.int64], cost: Array, sums: Array) -> float:
        """The mean over the rows of what their batches cost."""
        if self._constant is not None:
            cost = cost + constants(self._constant, self.rows, order)[: len(cost)]
        counts, total = self._counts[: len(cost)], self._all  # fewer if stopped
        if self.rows.weights is not None:  # a batch of no weight has no cost
            weighs = sums[: len(cost)] > 0
            cost, counts = np.where(weighs, cost, 0.0), np.where(weighs, counts, 0.0)
        if self.rows.weights is not None or len(cost) < self._steps:
            total = max(1.0, float(counts.sum()))
        with np.errstate(over="ignore"):  # on the way to infinity
            return float(np.dot(cost, counts)) / total


def constants(constant: Array | None, rows: Rows, order: NDArray[np.int64]) -> Array:
    """Return Σ w c / Σ w of each batch, c what the loss of each row has beside its cost."""
    if constant is None:
        return np.zeros(rows.steps)
    weights = np.ones(len(rows)) if rows.weights is None else rows.weights
    sums = np.add.reduceat((constant * weights)[order], rows.borders[:-1])
    return np.asarray(sums / rows.batch_weights(order))
