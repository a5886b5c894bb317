"""Weights of rows as numbers whose products and sums are numbers too.

Proved by ``tests/test_estimators_weights.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["balanced", "near_one", "product"]

#: Weights are taken as they are where their largest lies in these: float32 holds it, and its sums.
_ORDINARY = (1e-30, 1e30)


def near_one(weights: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Return weights over a power of two, exactly, and its exponent: 0 where they are ordinary."""
    most = float(weights.max())
    if most == 0 or _ORDINARY[0] <= most <= _ORDINARY[1]:
        return weights, 0
    exponent = int(np.frexp(most)[1])
    return np.ldexp(weights, -exponent), exponent


def balanced(codes: NDArray[np.int64], weights: NDArray[Any] | None) -> NDArray[np.float64]:
    """Return the factor of each class with which all classes weigh the same: W / (K Σ w).

    Parameters
    ----------
    codes : (n,) int
        The class of each row.
    weights : (n,) array or None
        Rows of weight 0 count as if they were not there: neither does their class, if it has no
        other, and its factor is 0.
    """
    own = None if weights is None else near_one(weights)[0]
    totals = np.bincount(codes, own)
    classes = np.count_nonzero(totals)
    with np.errstate(over="ignore"):
        factors = totals.sum() / (max(classes, 1) * np.where(totals > 0, totals, np.inf))
    found: NDArray[np.float64] = np.minimum(factors, np.finfo(np.float64).max)
    return found


def product(*factors: NDArray[Any] | None) -> tuple[NDArray[Any] | None, int]:
    """Return the product of some weights of each row, None for none, as `near_one` does."""
    found: NDArray[Any] | None = None
    exponent = 0
    for factor in factors:
        if factor is not None:
            ordinary, own = near_one(factor)
            found, more = near_one(ordinary if found is None else found * ordinary)
            exponent += own + more
    return found, exponent
