"""Rows that are copies of another row: one trains, the other judges, and the figure flatters.

Where rows can be the same by accident, nothing is said of them. Proved by
``tests/test_tables_cautions.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.tables.cells import Role, level_places
from clearprop.tables.table import Cells, Table

__all__ = ["copied_rows"]

Hashes = NDArray[np.uint64]

#: Copies are told from this share of the rows on, and from so many.
_SHARE, _LEAST = 0.05, 10
#: As few different rows as these, or one for as many rows, may be all there can be.
_FEWEST, _MOST_TIMES = 50, 20
#: What tells a row from others has at least this share of as many values as there are such rows,
#: and of its repeated values this share are of copies. Where a second column has two values as
#: often, rows of one value are the same by accident half of the time: by then fewer values are left
#: than the first share, or fewer copies than the second.
_DISTINCT, _WHOLE = 2 / 3, 0.9
#: A column says something of its own if two different rows agree in it no more often than this.
_AGREE = 0.5

#: Of SplitMix64 (Steele, Lea and Flood 2014): odd numbers that stir all bits.
_STEP = 0x9E3779B97F4A7C15
_STIR = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def copied_rows(
    table: Table,
    roles: Mapping[str, Role],
    y: NDArray[Any],
    known: NDArray[np.bool_],
) -> int:
    """Return how many rows are copies of a row before, if that is considerable and no accident.

    Parameters
    ----------
    table : Table
    roles : {column: role}
        The inputs: copies are the same in all of them and in the target.
    y : (table.rows,) targets
    known : (table.rows,) bool
        Which rows have a target.

    Returns
    -------
    int
        0 for less than 5 % of the rows or 10 of them, and where rows are the same by accident: in
        no number or date, nor in half of them together, are most different rows different.

    Examples
    --------
    >>> from clearprop.tables.opening import open_table
    >>> x = np.sqrt(np.arange(100))
    >>> table = open_table({"x": np.tile(x, 2), "z": np.tile(x[::-1] % 3, 2)})
    >>> numbers = {"x": "number", "z": "number"}
    >>> copied_rows(table, numbers, np.zeros(200), np.ones(200, np.bool_))
    100
    """
    rows = int(known.sum())
    enough = max(_LEAST, _SHARE * rows)
    if rows < enough:
        return 0
    kinds = {column.name: column.kind for column in table.columns}
    # Numbers with a fraction first: one of them is enough to see that rows differ.
    names = sorted(roles, key=lambda name: (kinds[name] != "real", roles[name] != "number"))
    whole, done = _stirred(_bits(y[known]), 0), 0
    while done < len(names):
        for name, cells in table.read(names[done : 2 * done + 1]).items():
            whole += _hashes(cells.rows(known), names.index(name) + 1)
        done = 2 * done + 1
        different, first = np.unique(whole, return_index=True)
        if rows - len(different) < enough:
            return 0
    found = len(first)
    if found < _FEWEST or found * _MOST_TIMES < rows:
        return 0
    return 0 if _by_accident(table, roles, known, first) else rows - found


def _by_accident(
    table: Table,
    roles: Mapping[str, Role],
    known: NDArray[np.bool_],
    first: NDArray[np.intp],
) -> bool:
    """Whether nothing tells that the same rows are one row; of each row, the first is given."""
    rows, found = int(known.sum()), len(first)

    def whole(values: int) -> bool:
        return values >= _DISTINCT * found and rows - found >= _WHOLE * (rows - values)

    ordered = [name for name, role in roles.items() if role in ("number", "date")]
    half = ordered[::2]
    together = np.zeros(rows, np.uint64)
    telling: list[set[str]] = []
    varied: set[str] = set()
    for place, name in enumerate(roles):
        own = _hashes(table.read([name])[name].rows(known), place)
        counts = np.unique(own[first], return_counts=True)[1]
        if ((counts / found) ** 2).sum() <= _AGREE:
            varied.add(name)
        if name in ordered and whole(len(counts)):
            telling.append({name})
        if name in half:
            together += own
    if half and whole(len(np.unique(together))):
        telling.append(set(half))
    return not any(varied - told for told in telling)


def _hashes(cells: Cells, place: int) -> Hashes:
    """A number for each cell of the column at a place: the same for the same cells."""
    values, valid = cells
    bits = _bits(level_places(cells) if values.dtype.kind == "O" else values)
    return np.where(valid, _stirred(bits, place), np.uint64(place))


def _bits(values: NDArray[Any]) -> Hashes:
    if values.dtype.kind == "f":
        return (values.astype(np.float64) + 0.0).view(np.uint64)  # of −0 and 0 the same
    return values.astype(np.int64).view(np.uint64)


def _stirred(bits: Hashes, place: int) -> Hashes:
    out = bits + np.uint64((place + 1) * _STEP % 2**64)
    for shift, factor in _STIR:
        out = (out ^ (out >> np.uint64(shift))) * np.uint64(factor)
    return out ^ (out >> np.uint64(31))
