"""Weights of rows as numbers whose products and sums are numbers too.

Proved by ``tests/test_estimators_weights.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["near_one", "product"]

#: Weights are taken as they are where their largest lies in these: float32 holds it, and its sums.
_ORDINARY = (1e-30, 1e30)


def near_one(weights: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Return weights over a power of two, exactly, and its exponent: 0 where they are ordinary."""
    most = float(weights.max())
    if most == 0 or _ORDINARY[0] <= most <= _ORDINARY[1]:
        return weights, 0
    exponent = int(np.frexp(most)[1])
    return np.ldexp(weights, -exponent), exponent


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
