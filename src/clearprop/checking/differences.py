"""The slope of a function of one number: differences whose step is chosen by what they show.

Steps ten times smaller are taken, or larger ones where the function's own digits do not suffice,
until two agree. So a bend that is tighter than the step is seen, and told from a kink: the two
sides' slopes of a smooth function come together as the step shrinks, those at a kink do not.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

UNIT = float(np.finfo(np.float64).eps)

#: The step of central differences for numbers of size 1, which balances h² against ε / h.
STEP = UNIT ** (1 / 3)

#: Roundings that may add up in one value, as a multiple of what is seen.
ROUNDINGS = 10.0

#: So many times ten the step may shrink, and grow.
SHRINKS, GROWTHS = 9, 3


@dataclass(frozen=True)
class Slope:
    """A slope and how well it is known; at a kink it may be anything from low to high."""

    value: float
    low: float
    high: float
    noise: float = 0.0
    jumps: bool = False  # no slope at all: f jumps, or is infinitely steep

    @property
    def kink(self) -> bool:
        """Whether f has a kink there."""
        return self.low < self.high

    def nearest(self, given: float) -> float:
        """Return the right slope that is nearest to the one given."""
        return min(max(given, self.low), self.high) if self.kink else self.value


@dataclass(frozen=True)
class _Sides:
    """The slopes below and above, over one step."""

    h: float
    low: float  # φ(−h)
    middle: float
    high: float  # φ(h)
    level: float

    @cached_property
    def below(self) -> float:
        return (self.middle - self.low) / self.h

    @cached_property
    def above(self) -> float:
        return (self.high - self.middle) / self.h

    @property
    def central(self) -> float:
        return (self.high - self.low) / (2 * self.h)

    @property
    def noise(self) -> float:
        return self.level / self.h

    @property
    def jump(self) -> float:
        return abs(self.above - self.below)

    @property
    def finite(self) -> bool:
        return math.isfinite(self.below) and math.isfinite(self.above)

    @property
    def smooth(self) -> bool:
        """Whether the two sides agree, but for a little curvature and rounding."""
        return self.finite and self.jump <= 1e-4 * (abs(self.above) + abs(self.below)) + (
            4 * self.noise
        )


def slope(
    phi: Callable[[float], float],
    middle: float,
    level: float,
    *,
    step: float,
    chosen: bool = True,
    mine: float = math.nan,
    near: float = 0.0,
) -> Slope:
    """Return φ′(0).

    Two evaluations where they settle it: where the two sides agree, and with the slope ``mine``.

    Parameters
    ----------
    phi : callable (float) -> float
    middle : float
        φ(0).
    level : float
        How far a value of φ may be off.
    step : float
        The first step.
    chosen : bool
        Whether another step may be taken for the value; else others only tell kinks.
    mine, near : float
        The slope in question, and how near to it needs no closer look.

    Examples
    --------
    >>> round(slope(lambda t: (1 + t) ** 3, 1.0, 2e-15, step=6e-6).value, 6)
    3.0
    >>> slope(abs, 0.0, 2e-15, step=6e-6).kink
    True
    """

    def sides(h: float) -> _Sides:
        return _Sides(h, phi(-h), middle, phi(h), level)

    first = sides(step)
    settled = first.smooth and abs(first.central - mine) <= near
    if (settled and first.noise <= near) or (first.smooth and not chosen):
        return _plain(first, first.noise)
    tried = [first]
    if chosen and first.noise > near:  # the digits of φ do not suffice at this step
        tried = [*(sides(step * 10**k) for k in range(GROWTHS, 0, -1)), first]
    for k in range(1, SHRINKS + 1):
        tried.append(sides(step / 10**k))
        before, last = tried[-2:]
        if last.finite and before.finite and (_agree(before, last) or last.noise > _size(last)):
            break
    # each with the next smaller step, which says how far it is off
    pairs = [(a, b) for a, b in itertools.pairwise(tried) if a.finite and b.finite]
    if not pairs:
        return Slope(math.nan, math.nan, math.nan)
    wide, narrow = min(pairs, key=lambda pair: _error(*pair))
    error = _error(wide, narrow)
    if narrow.jump > 1e-4 * _size(narrow) + 4 * narrow.noise:
        if narrow.jump > 2.5 * wide.jump:
            return Slope(narrow.central, 0.0, 0.0, error, jumps=True)
        if narrow.jump > 0.5 * wide.jump:  # a kink's stays, a bend's falls to a tenth
            low, high = sorted((narrow.below, narrow.above))
            return Slope(narrow.central, low, high, narrow.noise)
    return _plain(wide, error) if chosen or not first.finite else _plain(first, first.noise)


def _plain(sides: _Sides, noise: float) -> Slope:
    return Slope(sides.central, sides.central, sides.central, noise)


def _size(sides: _Sides) -> float:
    return abs(sides.above) + abs(sides.below)


def _agree(wide: _Sides, narrow: _Sides) -> bool:
    return abs(wide.central - narrow.central) <= (
        wide.noise + narrow.noise + 1e-9 * abs(narrow.central)
    )


def _error(wide: _Sides, narrow: _Sides) -> float:
    """How far the wider step's slope is off: by its bend, and by rounding."""
    return max(0.0, abs(wide.central - narrow.central) - narrow.noise) + wide.noise


def level(phi: Callable[[float], float], middle: float, spread: float) -> float:
    """Return how far a value of φ may be off by rounding, as its values beside each other show.

    Fourth differences of what is smooth are far below rounding, whatever it was rounded to.

    Parameters
    ----------
    phi : callable (float) -> float
    middle : float
        φ(0).
    spread : float
        How far the values that are compared stand apart.

    Notes
    -----
    The variance of the kth difference of numbers with variance σ² is σ² (2k)! / (k!)²: a table
    of differences tells the noise of a deterministic computation (J. J. Moré, S. M. Wild,
    Estimating computational noise, SIAM J. Sci. Comput. 33, 2011).
    """
    least = UNIT * abs(middle)
    seen = math.inf
    for shift in (300.0, -700.0):  # apart from the point, where a kink may be
        values = [phi((shift + k) * spread) for k in range(7)]
        differences = np.diff(values, 4)
        deviation = float(np.abs(differences).max()) / math.sqrt(70.0)  # 8! / (4!)² = 70
        if math.isfinite(deviation):
            seen = min(seen, deviation)
        if seen <= 10 * least:
            break
    return ROUNDINGS * max(least, seen if math.isfinite(seen) else 0.0)
