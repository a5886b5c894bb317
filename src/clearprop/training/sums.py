"""The books of an epoch: what its steps cost, summed in the order of the steps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from clearprop.engine import Report, Window
from clearprop.expressions import Array

__all__ = ["Sums"]


@dataclass
class Sums:
    """Sums over the steps of the epoch under way, and what its last step was like.

    Parameters
    ----------
    totals : (4,) float64
        Σ w J, Σ w, Σ of the gradient's norms, steps that counted: w is a batch's Σ wᵢ.
    cost, rate : float
        J and learning rate of the last step; NaN before the first.
    """

    totals: Array = field(default_factory=lambda: np.zeros(4))
    cost: float = np.nan
    rate: float = np.nan

    def count(self, window: Window, report: Report, weights: Array | None) -> None:
        """Enter what became of a window."""
        if not report.done:
            return
        done = report.done - (report.why == "diverged")  # the last step's cost is not finite
        borders = window.borders[: done + 1]
        sizes, costs, norms = borders[1:] - borders[:-1], report.costs[:done], report.norms[:done]
        if weights is None:
            w = sizes.astype(np.float64)
        else:
            step = np.repeat(np.arange(done), sizes)
            w = np.bincount(step, weights[window.rows[: borders[-1]]], done).astype(np.float64)
            counted = w > 0  # the other batches were skipped
            costs, w = costs[counted], w[counted]
            norms = norms[counted] if len(norms) else norms
        if len(w):
            terms = np.zeros((4, 1 + len(w)))
            terms[:, 0] = self.totals
            terms[0, 1:], terms[1, 1:], terms[3, 1:] = w * costs, w, 1
            if len(norms):
                terms[2, 1:] = norms
            # np.add.accumulate adds from left to right, so a slice's border changes no bit.
            self.totals = np.add.accumulate(terms, axis=1)[:, -1].copy()
            self.cost = float(costs[-1])
        self.rate = float(window.rates[report.done - 1])

    def begin(self) -> None:
        """Begin another epoch."""
        self.totals = np.zeros(4)

    @property
    def mean_cost(self) -> float:
        """Σ w J / Σ w; NaN if every batch was skipped."""
        cost, weight, _, _ = self.totals.tolist()
        return cost / weight if weight > 0 else np.nan

    @property
    def mean_norm(self) -> float:
        """The mean of the gradient's norms; NaN if every batch was skipped."""
        _, _, norm, steps = self.totals.tolist()
        return norm / steps if steps > 0 else np.nan
