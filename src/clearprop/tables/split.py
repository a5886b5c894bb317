"""The groups that a table is split by; `clearprop.membership` says which rows go where."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clearprop.membership import TEST, TRAIN, VALIDATION, split
from clearprop.tables.cells import READERS
from clearprop.tables.table import Table

__all__ = ["TEST", "TRAIN", "VALIDATION", "read_groups", "split"]


def read_groups(table: Table, name: str) -> NDArray[np.object_]:
    """The names of the groups of all rows; a row without one is a group of its own."""
    names, valid = READERS["category"](table.read([name])[name], name, 0)
    groups = names.copy()
    alone = np.flatnonzero(~valid)
    groups[alone] = [f"\0{row}" for row in alone.tolist()]  # no cell of a table begins so
    return groups
