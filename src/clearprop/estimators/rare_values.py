"""Whether the rare values of a column mean something each: a test by the target.

A column of mostly one value, such as capital gains, may hold a few exact values of which each tells
what a neighbour does not. Such a column is worth an input a value; of another, so many inputs are
so many ways to learn by heart. The values beside the common one are cut into groups of neighbours
of about as many rows each, and those into four; both say something of the target:

    G = 2 (ℓ_groups − ℓ_four),  ℓ = Σ nₖ log(nₖ / n) over the classes of each group;
    G = (S_groups − S_four) / σ²,  S = Σ n ȳ² over groups, σ² within them, for numbers,

and where neighbours are alike G is distributed as χ² of ν degrees, of mean ν and variance 2 ν.

Source: the likelihood ratio of nested models (Wilks 1938), and the F test of them, ν F → χ².
Proved by ``tests/test_tabular_rare.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["mean_something"]

#: Groups at most, and the least worth a look.
_MOST, _LEAST = 64, 8
#: Rows of a group, on average at least.
_ROWS = 8
#: Groups that a smooth function tells apart without help.
_COARSE = 4
#: Deviations of G above its mean from which neighbours are not alike.
_DEVIATIONS = 5.0


def mean_something(x: NDArray[np.float64], y: NDArray[Any]) -> bool:
    """Return whether the values beside a column's common one mean something each.

    Parameters
    ----------
    x : (n,) float64
        Of the rows that have a value.
    y : (n,) int64 places of classes, or float64
        Their target.

    Examples
    --------
    >>> x = np.repeat([0.0, *range(1, 21)], [1000, *[20] * 20])
    >>> mean_something(x, (x % 2).astype(int)), mean_something(x, (x > 10).astype(int))
    (True, False)
    """
    if not len(x):
        return False
    rare = x != np.median(x)
    if rare.mean() > 0.5:  # no value is that of most rows
        return False
    x, y = x[rare], y[rare]
    groups = _groups(x)
    many = groups.max(initial=-1) + 1
    if many < _LEAST:
        return False
    coarse = groups * _COARSE // many
    if np.issubdtype(y.dtype, np.integer):
        classes = int(y.max()) + 1
        freedom = (many - _COARSE) * (len(np.unique(y)) - 1)
        G = 2 * (_likelihood(groups, y, classes) - _likelihood(coarse, y, classes))
    else:
        freedom = many - _COARSE
        within = float(np.square(y).sum()) - _explained(groups, y)
        gain = _explained(groups, y) - _explained(coarse, y)
        G = gain * (len(y) - many) / within if within > 0 else math.inf * (gain > 0)
    return bool(G - freedom > _DEVIATIONS * math.sqrt(2 * freedom))


def _groups(x: NDArray[np.float64]) -> NDArray[np.int64]:
    """The group of each value: neighbours of about as many rows; like values are of one group."""
    most = min(_MOST, len(x) // _ROWS)
    if most < _LEAST:
        return np.zeros(len(x), np.int64)
    _, place, count = np.unique(x, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - count / 2
    return np.unique((middle * most / len(x)).astype(np.int64), return_inverse=True)[1][place]


def _likelihood(groups: NDArray[np.int64], y: NDArray[Any], classes: int) -> float:
    """Σ nₖ log(nₖ / n) over classes and groups."""
    size = (int(groups.max()) + 1, classes)
    counts = np.bincount(groups * classes + y, minlength=size[0] * size[1]).reshape(size)
    shares = counts / counts.sum(axis=1, keepdims=True)
    return float((counts * np.log(np.where(counts > 0, shares, 1.0))).sum())


def _explained(groups: NDArray[np.int64], y: NDArray[Any]) -> float:
    """Σ n ȳ² over groups."""
    return float((np.square(np.bincount(groups, y)) / np.bincount(groups)).sum())
