"""Intervals that hold a share of the rows: conformal, from rows that did not train.

What a network was off by on rows that it did not learn from is how far off a prediction for a new
row will be. Ranks of such residuals hold their share without any assumption on the noise but that
new rows come as the old ones did. Source: Vovk, Gammerman & Shafer 2005, "Algorithmic learning in a
random world", sections 2.2 and 4.6 (a taxonomy: here by the size of the prediction), with the
residuals of folds as of Barber, Candès, Ramdas & Tibshirani 2021, "Predictive inference with the
jackknife+". Proved by ``tests/test_model_interval.py`` and ``tests/test_tabular_interval.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError
from clearprop.settings import Attr
from clearprop.tables.target import Target

__all__ = ["Residuals"]

Floats = NDArray[np.float64]

_COVERAGE = Attr("coverage", float, 0.9, bounds="(0, 1)")

#: Residuals that a group of similar predictions has at least, and most groups.
_GROUP, _GROUPS = 100, 10

#: Of the residuals a tail needs to end: more, that the end is not the most extreme one alone.
_TAIL = 2

#: Residuals that are kept at most: with so many, the share itself is uncertain by 0.2 %.
_KEPT = 20_000


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

    @classmethod
    def of(
        cls,
        target: Target,
        y: NDArray[np.float64],
        outputs: NDArray[np.floating],
        weights: NDArray[np.float64] | None = None,
    ) -> Residuals | None:
        """Return what some rows were off by; None where none has a weight, or one is not finite.

        Of more than 20,000 rows as many are kept, at even steps of their predictions.

        Parameters
        ----------
        target : Target
        y : (n,) float64
            As the cost reads them: (number − mean) / std.
        outputs : (n, 1) array
            What a network that did not learn from them gives.
        weights : (n,) float64, optional
            0 or more; a row of 0 tells nothing.
        """
        if target.task != "regression":
            return None
        chosen = np.ones(len(y), np.bool_) if weights is None else weights > 0
        if not chosen.any():
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            predicted = np.asarray(target.predicted(outputs[chosen, 0]), np.float64)
            off = np.asarray(target.decode(y[chosen]) - predicted, np.float64)
        if not (np.isfinite(predicted).all() and np.isfinite(off).all()):
            return None
        own = np.ones(len(off)) if weights is None else weights[chosen].astype(np.float64)
        if len(off) > _KEPT:
            places = (np.arange(_KEPT) * len(off)) // _KEPT
            kept = np.argsort(predicted, kind="stable")[places]
            predicted, off, own = predicted[kept], off[kept], own[kept]
        return cls(predicted, off, own)

    def to_tensors(self) -> dict[str, Floats]:
        """The residuals as named arrays, for a file; weights where they differ."""
        found = {"predictions": self.predictions, "residuals": self.residuals}
        alike = bool((self.weights == self.weights[0]).all())
        return found if alike else {**found, "weights": self.weights}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[np.float64]]) -> Residuals:
        """The residuals that `to_tensors` named.

        Raises
        ------
        DataError
            If they are none.
        """
        if strange := sorted(set(tensors) - {"predictions", "residuals", "weights"}):
            raise DataError(f"what is held/{strange[0]}?")
        predictions, residuals = tensors["predictions"], tensors["residuals"]
        weights = tensors.get("weights", np.ones(len(predictions)))
        each = (predictions, residuals, weights)
        fit = all(one.dtype == np.float64 and one.shape == (len(predictions),) for one in each)
        if not fit or not predictions.size or not all(np.isfinite(one).all() for one in each):
            raise DataError("what held rows were off by is no list of finite numbers")
        if not (weights > 0).all():
            raise DataError("a row that was held back has no weight")
        return cls(predictions, residuals, weights)

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
            more = "" if n == _KEPT else ", or train on more rows"
            raise DataError(
                f"coverage={coverage} needs {least} rows that were held back from training, and "
                f"there are {n}: ask for less{more}"
            )
        groups = int(np.clip(n // max(_GROUP, _TAIL * (least + 1)), 1, _GROUPS))
        shares = np.arange(1, groups) / groups
        with np.errstate(over="ignore", invalid="ignore"):  # numbers near the end of float64
            inner = np.quantile(self.predictions, shares)  # equal counts
        own = np.searchsorted(inner, self.predictions, side="right")
        ends = np.array([self._ends(own == group, tail) for group in range(groups)])
        place = np.searchsorted(inner, predictions, side="right")
        with np.errstate(over="ignore"):
            found = predictions[:, None] + ends[place]
        greatest = np.finfo(np.float64).max
        return np.asarray(np.clip(found, -greatest, greatest))

    def _ends(self, chosen: NDArray[np.bool_], tail: float) -> Floats:
        if chosen.sum() < math.ceil(1 / tail - 1e-9) - 1:  # many predictions alike: all together
            chosen = np.ones(len(chosen), np.bool_)
        order = np.argsort(self.residuals[chosen], kind="stable")
        r, w = self.residuals[chosen][order], self.weights[chosen][order]
        w = w / w.max()  # sums of large ones are numbers too
        mass = (w.sum() + w.mean()) * tail  # of weights 1: (n + 1) α/2
        low = int(np.searchsorted(np.cumsum(w), mass * (1 + 1e-12), side="right"))
        high = int(np.searchsorted(np.cumsum(w[::-1]), mass * (1 + 1e-12), side="right"))
        ends = r[max(low - 1, 0)], r[::-1][max(high - 1, 0)]
        return np.sort(ends)  # by weights, ranks near the middle may change places
