"""What a table itself warns of, before anything is learned from it.

Proved by ``tests/test_tables_cautions.py``.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.tables.cells import Role
from clearprop.tables.copies import copied_rows
from clearprop.tables.leaks import alone_tell
from clearprop.tables.table import Table

__all__ = ["cautions"]

#: Columns that a caution lists at most.
_TOLD = 8


def cautions(
    table: Table,
    roles: Mapping[str, Role],
    target: str,
    y: NDArray[Any],
    known: NDArray[np.bool_],
    *,
    divided: bool,
    options: bool,
) -> list[str]:
    """Return a sentence for columns that alone tell the target, and one for copies of rows.

    Parameters
    ----------
    table : Table
    roles : {column: role}
        The inputs.
    target : str
        Its name.
    y : (table.rows,) int64 places of classes, or float64 numbers
    known : (table.rows,) bool
        Which rows have a target.
    divided : bool
        Whether some rows, drawn at random, judge what others teach.
    options : bool
        Whether the fixes are options of the command line, or arguments of a fit.
    """
    rows = int(known.sum())
    told = []
    if names := alone_tell(table, roles, y, known):
        told.append(_alone(names, target, rows, options))
    if divided and (copies := copied_rows(table, roles, y, known)):
        told.append(
            f"caution: {copies:,} of {rows:,} rows are copies of another row, in all inputs and "
            "the target: copies on both sides of a division flatter its figures; leave them out, "
            f"or keep them together with {'--split-by' if options else 'groups'}"
        )
    return told


def _alone(names: Sequence[str], target: str, rows: int, options: bool) -> str:
    listed = [*map(repr, names[:_TOLD])]
    more = len(names) - _TOLD
    last = [f"{more} more"] if more > 0 else [listed.pop()]
    drops = " ".join(f"--drop {shlex.quote(name)}" for name in names[:_TOLD])
    how = f" ({drops})" if options else ""
    if len(names) == 1:
        who, those = f"{last[0]} alone tells", f"leave it out{how} if it is"
    else:
        who = f"{', '.join(listed)} and {last[0]} each alone tell"
        those = f"leave those out{how} that are"
    return (
        f"caution: {who} {target} in all {rows:,} rows: {those} not known when a prediction is "
        "needed"
    )
