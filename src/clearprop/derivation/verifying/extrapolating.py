"""A derivative by central differences at h, h/2, h/4, …, extrapolated to none.

A central difference is off by h² times the third derivative, which a tower of exponentials makes
larger than any fixed step allows, and by more where a slope bends within it. Differences at h, h/2,
h/4, … are extrapolated to none (Richardson), until rounding makes it worse (Ridders, 1982).
Proved by ``tests/test_derivation_differences.py`` and ``tests/test_derivation_kinks.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["slope"]

ROWS = 14
"""So many steps, each half the one before."""
WORSE = 2.0
"""An estimate that is so many times farther off than the best ends the table."""


def slope(f: Callable[[float], float], h: float) -> tuple[float, float]:
    """Return f′(0) and how far it may be off.

    Parameters
    ----------
    f : callable
        Of one number; what is ∞ or none ends the table.
    h : float
        The first step.

    Examples
    --------
    >>> import math
    >>> found, error = slope(lambda x: math.exp(1000 * x), 6e-6)
    >>> abs(found - 1000) < 1e-6, error < 1e-5
    (True, True)
    """
    best, least = np.nan, np.inf
    before: list[float] = []
    for row in range(ROWS):
        step = h / 2**row
        table = [(f(step) - f(-step)) / (2 * step)]
        for column, last in enumerate(before, 1):
            power = 4.0**column
            table.append((power * table[-1] - last) / (power - 1))
            error = max(abs(table[-1] - table[-2]), abs(table[-1] - last))
            if error < least:
                best, least = table[-1], error
        if before and abs(table[-1] - before[-1]) > WORSE * least:
            break
        before = table
    return float(best), float(least)
