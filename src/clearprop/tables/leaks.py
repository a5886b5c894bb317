"""Columns that alone tell the target: such a one is often filled in when the outcome is known.

A good column errs; one that never does is a copy of the target, its consequence, or its rule. What
is asked for is so strict that no other column passes. Proved by ``tests/test_tables_cautions.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.tables.cells import READERS, Role, level_places, read_names
from clearprop.tables.table import Cells, Table

__all__ = ["alone_tell"]

#: Fewer rows than so many can be told apart by accident; by a threshold, two kinds of iris can.
_LEAST_ROWS, _LEAST_ORDERED = 100, 200
#: So many rows at least have the rarest class, or another number than the commonest.
_LEAST_OTHERS = 10
#: A category has one level for so many rows at most.
_ROWS_PER_LEVEL = 10
#: Intervals of a number that a class has at most, on average; fewer rows in one are errors.
_INTERVALS, _LEAST_IN_ONE = 3, 10
#: Different numbers that a function is seen by, and how far off it is at most, as a share.
_LEAST_NUMBERS, _ROUNDING = 20, 1e-4
#: The first rows, which refute nearly every column of a large table.
_LOOK = 20_000


def alone_tell(
    table: Table,
    roles: Mapping[str, Role],
    y: NDArray[Any],
    known: NDArray[np.bool_],
) -> tuple[str, ...]:
    """Return the inputs that tell the target of every row without an error.

    Of classes: each level, a missing cell being one, has a single class, or so has whether a cell
    is there, or few thresholds part the classes. Of numbers: each level has a single one, or they
    are a linear or a monotone function of the column's.

    Parameters
    ----------
    table : Table
    roles : {column: role}
        The inputs; of a single one nothing is said, as nothing would be left.
    y : (table.rows,) int64 places of classes, or float64 numbers
    known : (table.rows,) bool
        Which rows have a target.

    Examples
    --------
    >>> from clearprop.tables.opening import open_table
    >>> table = open_table({"x": [0.1, 0.7, 0.4, 0.9] * 30, "why": [None, "late"] * 60})
    >>> every = np.ones(120, np.bool_)
    >>> alone_tell(table, {"x": "number", "why": "category"}, np.arange(120) % 2, every)
    ('why',)
    """
    rows = y[known]
    if len(roles) < 2 or len(rows) < _LEAST_ROWS:
        return ()
    counts = np.unique(rows, return_counts=True)[1]
    others = counts.min() if y.dtype.kind == "i" else len(rows) - counts.max()
    if len(counts) < 2 or others < _LEAST_OTHERS:
        return ()
    most = _INTERVALS * len(counts) if y.dtype.kind == "i" else None
    levels = len(rows) // _ROWS_PER_LEVEL

    def left(
        columns: Mapping[str, Cells], part: slice, least: tuple[int, int] = (0, 0)
    ) -> list[str]:
        own, has = y[part], known[part]
        return [
            name
            for name, cells in columns.items()
            if _tells(cells.rows(has), roles[name], name, own[has], levels, most, least)
        ]

    first = next(table.chunks(_LOOK, list(roles)))
    names = left(first.cells, slice(0, first.rows))
    if not names:
        return ()
    least = (_LEAST_ORDERED, _LEAST_NUMBERS if most is None else _LEAST_IN_ONE)
    return tuple(left(table.read(names), slice(None), least))


def _tells(
    cells: Cells,
    role: Role,
    name: str,
    y: NDArray[Any],
    levels: int,
    most: int | None,
    least: tuple[int, int],
) -> bool:
    """Whether these rows agree that a column tells their target.

    In order, it takes so many rows at ``least``, and in each interval, or different numbers.
    """
    if _by_levels(cells.valid.astype(np.int64), y, 2):
        return True
    if role in ("category", "boolean"):
        return _by_levels(level_places(read_names(cells, name, 0)), y, levels)
    if role == "date" or len(y) < least[0]:  # dates are known beforehand
        return False
    numbers, valid = READERS["number"](cells, name, 0)
    missing = y[~valid]
    if len(missing) and (missing != missing[0]).any():
        return False
    x, own = numbers[valid], y[valid]
    if most is not None:
        return _by_thresholds(x, own, most, least[1])
    if not (_is_monotone(x, own) or _is_linear(x, own)):
        return False
    return not least[1] or min(len(np.unique(x)), len(np.unique(own))) >= least[1]


def _by_levels(places: NDArray[np.int64], y: NDArray[Any], most: int) -> bool:
    """Whether all rows of a level have one target, and there are ``most`` levels at most."""
    if not len(y) or places.max() >= most:
        return not len(y)
    told = np.empty(most, y.dtype)
    told[places] = y
    return bool((told[places] == y).all())


def _by_thresholds(x: NDArray[np.float64], y: NDArray[np.int64], most: int, least: int) -> bool:
    """Whether the numbers in order have ``most`` runs of one class at most, none too short."""
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    ends = np.flatnonzero(y[1:] != y[:-1])
    if len(ends) >= most or (x[ends + 1] == x[ends]).any():
        return False
    return bool((np.diff([-1, *ends.tolist(), len(y) - 1]) >= least).all())


def _is_monotone(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    """Whether y only rises with x, or only falls, and is one number for each x."""
    order = np.argsort(x, kind="stable")
    same, rise = np.diff(x[order]) == 0, np.diff(y[order])
    return not rise[same].any() and bool((rise >= 0).all() or (rise <= 0).all())


def _is_linear(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    """Whether y is a number times x plus another, but for what rounding leaves."""
    with np.errstate(over="ignore", invalid="ignore"):
        own, other = x - x.mean(), y - y.mean()
        squares = own @ own
        slope = own @ other / squares if squares else 0.0
        off = np.abs(other - slope * own).max()
        return bool(off <= _ROUNDING * np.ptp(y))
