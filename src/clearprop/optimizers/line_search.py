"""A step's length along a direction: the strong Wolfe conditions.

φ(α) = J(w + α d):  φ(α) ≤ φ(0) + c₁ α φ′(0)  and  |φ′(α)| ≤ c₂ |φ′(0)|.
Nocedal & Wright 2006, Algorithms 3.5 and 3.6, cubics from eq. 3.59. Proved by
``tests/test_optimizers_whole.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["Probe", "search"]

Probe = Callable[[float], tuple[float, float]]
"""φ(α) and φ′(α)."""

ENOUGH, FLATTER = 1e-4, 0.9  # c₁ and c₂, Nocedal & Wright's for quasi-Newton methods
WIDER = 2.0
MOST = 30
EDGE = 0.1
"""The next trial keeps this share of the interval away from its ends: so it shrinks for sure."""

_Point = tuple[float, float, float]  # α, φ(α), φ′(α)


def search(probe: Probe, cost: float, slope: float, first: float) -> float:
    """Return a length that satisfies the strong Wolfe conditions, or the best that was found.

    Parameters
    ----------
    probe : callable
        Infinite or NaN figures count as too far.
    cost, slope : float
        φ(0) and φ′(0) < 0.
    first : float
        The first length to try.

    Returns
    -------
    float
        0 if no length lowers the cost enough.

    Examples
    --------
    >>> search(lambda a: ((a - 3) ** 2, 2 * (a - 3)), 9.0, -6.0, 1.0) == 1
    True
    """
    start = (0.0, cost, slope)
    before, at = start, first
    for tried in range(MOST):
        now = (at, *_seen(probe, at))
        if not _enough(now, start) or (tried and now[1] >= before[1]):
            return _between(probe, start, before, now, MOST - tried)
        if abs(now[2]) <= -FLATTER * slope:
            return at
        if now[2] >= 0:
            return _between(probe, start, now, before, MOST - tried)
        before, at = now, WIDER * at
    return before[0]


def _between(probe: Probe, start: _Point, low: _Point, high: _Point, left: int) -> float:
    """Narrow an interval that holds a good length; ``low`` is its end of the lower cost."""
    for _ in range(left):
        at = _trial(low, high)
        if at in (low[0], high[0]):
            break  # no number in between
        now = (at, *_seen(probe, at))
        if not _enough(now, start) or now[1] >= low[1]:
            high = now
            continue
        if abs(now[2]) <= -FLATTER * start[2]:
            return at
        if now[2] * (high[0] - low[0]) >= 0:
            high = low
        low = now
    return low[0]


def _seen(probe: Probe, at: float) -> tuple[float, float]:
    cost, slope = probe(at)
    return (cost, slope) if math.isfinite(cost) and math.isfinite(slope) else (math.inf, math.nan)


def _enough(now: _Point, start: _Point) -> bool:
    return now[1] <= start[1] + ENOUGH * now[0] * start[2]


def _trial(low: _Point, high: _Point) -> float:
    """The least of the cubic through both ends and their slopes, kept off the ends; the middle."""
    a, b = low[0], high[0]
    middle = (a + b) / 2
    if not math.isfinite(high[1]):
        return middle
    d1 = low[2] + high[2] - 3 * (low[1] - high[1]) / (a - b)
    under = d1 * d1 - low[2] * high[2]
    if not under >= 0:
        return middle
    d2 = math.copysign(math.sqrt(under), b - a)
    below = high[2] - low[2] + 2 * d2
    at = b - (b - a) * (high[2] + d2 - d1) / below if below else middle
    edge = EDGE * abs(b - a)
    return at if min(a, b) + edge <= at <= max(a, b) - edge else middle
