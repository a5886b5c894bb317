"""Intervals that hold a share of the rows: conformal, from rows that did not train.

Every bag judges the rows it held back; what it was off by on them is how far off a prediction for a
new row will be. Ranks of such residuals hold their share without any assumption on the noise but
that new rows come as the old ones did. Source: Vovk, Gammerman & Shafer 2005, "Algorithmic learning
in a random world", sections 2.2 and 4.6 (a taxonomy: here by the size of the prediction), with the
residuals of folds as of Barber, Candès, Ramdas & Tibshirani 2021, "Predictive inference with the
jackknife+". Proved by ``tests/test_tabular_interval.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError
from clearprop.settings import Attr

__all__ = ["Residuals"]

Floats = NDArray[np.float64]

_COVERAGE = Attr("coverage", float, 0.9, bounds="(0, 1)")

#: Residuals that a group of similar predictions has at least, and most groups.
_GROUP, _GROUPS = 100, 10

#: Of the residuals a tail needs to end: more, that the end is not the most extreme one alone.
_TAIL = 2


@dataclass(frozen=True)
class Residuals:
    """What rows that did not train were off by.

    Parameters
    ----------
    predictions : (n,) float64
        In the target's own units.
    residuals : (n,) float64
        y − prediction.
    weights : (n,) float64
        Above 0.
    """

    predictions: Floats
    residuals: Floats
    weights: Floats

    def interval(self, predictions: Floats, coverage: float) -> Floats:
        """Return the ends of the interval around each prediction, (m, 2).

        Rows of similar predictions are judged by residuals of their own: the noise of large
        numbers is often larger. In each group the ends are the residuals of rank (n + 1) α/2 and
        (n + 1) (1 − α/2), α = 1 − coverage, so that each tail holds α/2 of new rows at most.

        Raises
        ------
        SettingError
            If the coverage is no share in (0, 1).
        DataError
            If there are too few residuals for so large a coverage.
        """
        _COVERAGE.check(coverage)
        tail = (1 - float(coverage)) / 2  # α/2
        n = len(self.residuals)
        least = math.ceil(1 / tail - 1e-9) - 1  # rank (n + 1) α/2 is 1 at least
        if n < least:
            raise DataError(
                f"coverage={coverage} needs {least} rows that did not train, and this fit held "
                f"back {n}: ask for less, or fit to more rows"
            )
        groups = int(np.clip(n // max(_GROUP, _TAIL * (least + 1)), 1, _GROUPS))
        inner = np.quantile(self.predictions, np.arange(1, groups) / groups)  # equal counts
        own = np.searchsorted(inner, self.predictions, side="right")
        ends = np.array([self._ends(own == group, tail) for group in range(groups)])
        place = np.searchsorted(inner, predictions, side="right")
        return np.asarray(predictions[:, None] + ends[place])

    def _ends(self, chosen: NDArray[np.bool_], tail: float) -> Floats:
        if chosen.sum() < math.ceil(1 / tail - 1e-9) - 1:  # many predictions alike: all together
            chosen = np.ones(len(chosen), np.bool_)
        order = np.argsort(self.residuals[chosen], kind="stable")
        r, w = self.residuals[chosen][order], self.weights[chosen][order]
        mass = (w.sum() + w.mean()) * tail  # of weights 1: (n + 1) α/2
        low = int(np.searchsorted(np.cumsum(w), mass * (1 + 1e-12), side="right"))
        high = int(np.searchsorted(np.cumsum(w[::-1]), mass * (1 + 1e-12), side="right"))
        return np.array([r[max(low - 1, 0)], r[::-1][max(high - 1, 0)]])
