"""Whether the rare values of a column mean something each: a test by the target.

A column of mostly one value, such as capital gains, may hold a few exact values of which each tells
what its neighbours do not. Such a column is worth an input a value; of another, whose other values
say little or say it smoothly, so many inputs are so many ways to learn by heart.

The values beside the common one are cut into groups of neighbours, ȳₖ is the mean of a score of the
target over the nₖ rows of one, and

    dₖ = ȳₖ − (nₖ₋₁ ȳₖ₋₁ + nₖ₊₁ ȳₖ₊₁) / (nₖ₋₁ + nₖ₊₁),  Var dₖ = σ² (1/nₖ + 1/(nₖ₋₁ + nₖ₊₁))

is about 0 wherever the target follows the value smoothly. zₖ² = dₖ² / Var dₖ has the mean 1 then;
overlapping as they are, ν of them have a sum of variance about 4 ν. None counts for more than 9: a
step is two large ones, and two steps are no reason for so many inputs. Scores are the target's
ranks, or for classes whether a row is of one of the most frequent: neither an outlier nor a rare
class decides.

Source: second differences of neighbours as roughness (von Neumann 1941, "Distribution of the ratio
of the mean square successive difference to the variance", for first differences).
Proved by ``tests/test_tabular_rare.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.tables import Table
from clearprop.tables.cells import read_numbers

__all__ = ["mean_something", "rare_columns"]

#: Groups at most, rows of one at least, and differences to be judged at least.
_MOST, _ROWS, _LEAST = 64, 8, 12
#: What a single z² counts at most.
_LARGE = 9.0
#: Deviations of the sum above its mean from which neighbours are not alike …
_DEVIATIONS = 5.0
#: … and the least mean of d² − Var d, in the target's own variance, of all but two steps' worth of
#: the largest: less is not worth the inputs.
_WORTH, _STEPS = 0.05, 4
#: Classes that are looked at, each against all others.
_CLASSES = 8
#: Rows of a larger table that are asked, about.
_TOLD_BY = 1 << 18


def rare_columns(
    table: Table, numbers: Sequence[str], y: NDArray[Any], weights: NDArray[np.float64] | None
) -> list[str]:
    """Return the columns whose rare values mean something each, by rows as far apart as can be.

    Parameters
    ----------
    table : Table
    numbers : sequence of str
        The columns that are asked about.
    y : (n,) int64 places of classes, or float64
    weights : (n,) float64 or None
        Rows of no weight tell nothing.

    Raises
    ------
    DataError
        At a cell that is no number, or an infinite one.
    """
    apart = math.ceil(table.rows / _TOLD_BY)
    shown = np.zeros(table.rows, np.bool_)
    shown[::apart] = True
    if weights is not None:
        shown &= weights > 0
    read: dict[str, list[tuple[NDArray[Any], NDArray[Any]]]] = {name: [] for name in numbers}
    for chunk in table.chunks(65536, numbers):
        here = shown[chunk.start : chunk.start + chunk.rows]
        targets = y[chunk.start : chunk.start + chunk.rows]
        for name in numbers:
            cells = read_numbers(chunk[name], name, chunk.start)
            known = cells.valid & here
            read[name].append((cells.values[known], targets[known]))
    columns = {name: map(np.concatenate, zip(*read[name], strict=True)) for name in numbers}
    return [name for name, (x, own) in columns.items() if mean_something(x, own)]


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
    >>> mean_something(x, (x % 2).astype(int)), mean_something(x, (x > 7).astype(int))
    (True, False)
    """
    if not len(x):
        return False
    rare = x != np.partition(x, len(x) // 2)[len(x) // 2]
    if rare.mean() > 0.5:  # no value is that of most rows
        return False
    groups = _groups(x[rare])
    counts = np.bincount(groups)
    if len(counts) - 2 < _LEAST:
        return False
    return any(_rough(score, groups, counts) for score in _scores(y[rare], len(counts)))


def _groups(x: NDArray[np.float64]) -> NDArray[np.int64]:
    """The group of each value: neighbours, whole values, of enough rows each."""
    _, place, count = np.unique(x, return_inverse=True, return_counts=True)
    rows, least = np.cumsum(count), max(_ROWS, len(x) // _MOST)
    last: list[int] = []  # the last value of each group
    end = int(np.searchsorted(rows, least))
    while end < len(rows):
        last.append(end)
        end = int(np.searchsorted(rows, rows[end] + least))
    # What is left behind the last group joins it.
    group = np.searchsorted(np.array(last, np.int64), np.arange(len(count)))
    return np.minimum(group, max(len(last) - 1, 0))[place]


def _scores(y: NDArray[Any], groups: int) -> list[NDArray[np.float64]]:
    """The ranks of numbers; of classes, whether a row is of each of the most frequent."""
    if not np.issubdtype(y.dtype, np.integer):
        _, place, count = np.unique(y, return_inverse=True, return_counts=True)
        return [(np.cumsum(count) - count / 2)[place]]
    count = np.bincount(y)
    frequent = np.argsort(-count, kind="stable")[:_CLASSES]
    # As often there as not there, at least, as there are groups
    return [
        (y == one).astype(np.float64) for one in frequent if groups <= count[one] <= len(y) - groups
    ]


def _rough(score: NDArray[np.float64], groups: NDArray[np.int64], n: NDArray[np.int64]) -> bool:
    """Whether the means of neighbouring groups differ more than chance and smoothness make them."""
    mean = np.bincount(groups, score) / n
    variance = float(np.square(score - mean[groups]).sum()) / max(len(score) - len(n), 1)
    whole = float(np.square(score - score.mean()).mean())
    if not whole > 0:
        return False
    variance = max(variance, 0.05 * whole)  # groups of one class each have none
    beside = n[:-2] + n[2:]
    d = mean[1:-1] - (n[:-2] * mean[:-2] + n[2:] * mean[2:]) / beside
    chance = variance * (1 / n[1:-1] + 1 / beside)
    z2 = np.minimum(np.square(d) / chance, _LARGE)
    apart = (float(z2.sum()) - len(z2)) / math.sqrt(4 * len(z2))
    worth = np.sort(np.square(d) - chance)[:-_STEPS].mean()
    return bool(apart > _DEVIATIONS and worth > _WORTH * whole)
