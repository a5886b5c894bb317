"""The temperature: how much a network's probabilities are sharpened or softened behind training.

Source: Guo, Pleiss, Sun & Weinberger 2017, "On calibration of modern neural networks", section 4.2.
Proved by ``tests/test_tabular_fitting.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.metrics import log_loss

__all__ = ["refinement", "temperature", "tempered"]

#: log T ~ N(0, 0.3²) before any row is seen: where all of a few rows are right, the likelihood
#: alone would make the network certain.
_DEVIATION = 0.3
_LEAST, _MOST = math.log(0.2), math.log(5.0)
_GOLDEN = (math.sqrt(5.0) - 1) / 2

Probabilities = Callable[[float], NDArray[Any]]
"""1/T -> (n, K) probabilities at this temperature."""


def temperature(
    probabilities: Probabilities, y: NDArray[Any], weights: NDArray[np.float64] | None = None
) -> float:
    """Return the temperature T that is most likely behind the rows' classes.

    The one that makes n · log-loss(T) + (log T)² / (2 · 0.3²) least, within 0.2 … 5.

    Parameters
    ----------
    probabilities : callable
    y : (n,) int
    weights : (n,) float64 or None
    """
    return math.exp(_search(probabilities, y, weights, looks=16)[0])


def refinement(
    P: NDArray[Any], y: NDArray[Any], weights: NDArray[np.float64] | None = None
) -> float:
    """Return the log-loss of probabilities at their best temperature: what T cannot mend.

    Parameters
    ----------
    P : (n, K) float
        At T = 1; at another they are as `tempered` has them.
    y : (n,) int
    weights : (n,) float64 or None
    """
    return _search(tempered(P), y, weights, looks=8)[1]


def tempered(P: NDArray[Any]) -> Probabilities:
    """Return probabilities at any temperature, from those at T = 1.

    softmax(z / T) is P^(1/T) / Σ P^(1/T): what P leaves of z is all that matters. Of members each
    one's is taken, then the mean.

    Parameters
    ----------
    P : (n, K) or (members, n, K) float
    """
    z = np.maximum(P, np.finfo(np.float32).tiny, dtype=np.float64)
    np.log(z, out=z)
    z -= z.max(axis=-1, keepdims=True)
    members = z if z.ndim == 3 else z[None]

    def softened(member: NDArray[Any], inverse: float) -> NDArray[Any]:
        e = inverse * member
        np.exp(e, out=e)
        e /= e.sum(axis=1, keepdims=True)
        return e

    def at(inverse: float) -> NDArray[Any]:
        total = softened(members[0], inverse)
        for member in members[1:]:  # one at a time, as their probabilities may fill the memory
            total += softened(member, inverse)
        total /= len(members)
        return total

    return at


def _search(
    probabilities: Probabilities,
    y: NDArray[Any],
    weights: NDArray[np.float64] | None,
    looks: int,
) -> tuple[float, float]:
    """(log T, what is least there a row), by golden sections (Kiefer 1953)."""

    n = len(y) if weights is None else np.count_nonzero(weights)

    def loss(log_t: float) -> float:
        prior = (log_t / _DEVIATION) ** 2 / (2 * n)
        return log_loss(y, probabilities(math.exp(-log_t)), weights) + prior

    low, high = _LEAST, _MOST
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(looks):  # the interval shrinks by 0.618 each time
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = loss(right)
    return (left, at_left) if at_left <= at_right else (right, at_right)
