"""What a recipe is: one way of making inputs from a column, a row of one table.

The rows themselves are in `clearprop.tables.recipes` and `clearprop.tables.robust`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from clearprop.tables.facts import Asked, Facts
from clearprop.tables.table import Cells

__all__ = ["Parameters", "Recipe"]

Parameters = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way of making inputs from a column.

    Parameters
    ----------
    name : str
    asked : Asked
        What must be known about the column; its role says how cells are read.
    fit : Facts -> Parameters
    labels : (column's name, Parameters) -> names of the inputs made, in order
    encode : (Cells, Parameters, out)
        Writes into ``out`` of shape (m, number of labels), which is zero before and may be float32.
    levels : Parameters -> int, or None
        For a recipe that makes an index (one whole number a cell) instead: how many there are.
        Then ``out`` is an int64 array of shape (m,).
    help : str
        One line for people.
    """

    name: str
    asked: Asked
    fit: Callable[[Facts], Parameters]
    labels: Callable[[str, Parameters], list[str]]
    encode: Callable[[Cells, Parameters, NDArray[Any]], None]
    levels: Callable[[Parameters], int] | None = None
    help: str = ""
