"""The column that says how much each row counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError
from clearprop.tables.cells import UnreadableError, read_numbers
from clearprop.tables.table import Table

__all__ = ["read_weights"]


def read_weights(table: Table, name: str) -> NDArray[np.float64]:
    """The weights of all rows.

    Raises
    ------
    DataError
        If one is missing, negative, infinite or no number, by its row, or all are zero.
    """
    try:
        cells = read_numbers(table.read([name])[name], name, 0)
    except UnreadableError as error:
        raise _no_weight(name, error.shown, error.row) from None
    bad = ~cells.valid | (cells.values < 0)
    if bad.any():
        row = int(np.argmax(bad))
        what = f"{cells.values[row]:g}" if cells.valid[row] else "missing"
        raise _no_weight(name, what, row + 1)
    if not cells.values.any():
        raise DataError(f"weight {name!r} is 0 in every row: no row counts")
    with np.errstate(over="ignore"):
        total = cells.values.sum()
    if total > 1e200:  # as for arrays' weights: Σ w J must be finite
        raise DataError(f"the sum of weight {name!r} overflows: divide the weights by a constant")
    return cells.values


def _no_weight(name: str, what: str, row: int) -> DataError:
    return DataError(
        f"weight {name!r} is {what} in row {row}: weights must be 0 or more; write a number there "
        "(0 leaves the row out), or name another column"
    )
