"""The rows that the caller of a tabular estimator gives, as a table.

Owns the translation of frames and arrays, `clearprop.estimators.tabular_targets` that of labels and
numbers; neither trains anything. Proved by
``tests/test_tabular_rows.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from clearprop.errors import DataError, SettingError
from clearprop.estimators.texts import array_of
from clearprop.tables import Kind, MemoryTable, Table
from clearprop.tables.cells import Role
from clearprop.tables.columns import Decisions, decide, noted
from clearprop.tables.opening import open_table
from clearprop.tables.places import names_of_places
from clearprop.tables.target import Target

__all__ = [
    "Rows",
    "are_records",
    "as_table",
    "decisions_of",
    "in_memory",
    "not_learned_from",
    "numbered",
]


@dataclass(frozen=True)
class Rows:
    """What is learned from.

    Parameters
    ----------
    table : Table
    roles : {column: role}
    y : (n,) int64 places of classes, or float64 standardised numbers
    target : Target
    weights : (n,) float64 or None
    groups : (n,) array of str or None
        Rows of one name are held back together.
    judges : Rows or None
        Rows of their own that choose the epoch of every run: then none are held back.
    """

    table: Table
    roles: Mapping[str, Role]
    y: NDArray[Any]
    target: Target
    weights: NDArray[np.float64] | None = None
    groups: NDArray[np.object_] | None = None
    judges: Rows | None = None


#: Columns that a warning lists at most.
_TOLD = 8
#: How the reason ends of a column that is kept as there is no other.
_KEPT = "; kept, as no column tells anything"
_ROLES: Mapping[Kind, Role] = {"text": "category", "boolean": "boolean", "date": "date"}
#: What a note of a table has in it that a fit warns of.
_RELAYED = (" is left out: ", " is text: ", ": it is read as ")


def as_table(X: object, names: Sequence[str] | None = None, as_text: Sequence[str] = ()) -> Table:
    """Open X, a frame, an array, a dict of columns or a list of rows.

    Parameters
    ----------
    X : frame, array (n, columns), dict of columns, list of dicts or of rows
    names : sequence of str, optional
        What an array's columns are called: x0, x1, … by default.
    as_text : sequence of str
        Columns whose texts are no dates and no numbers, whatever they look like.

    Raises
    ------
    DataError
        If it is no table, is sparse or complex, or holds no rows.
    """
    X = in_memory(X)
    if isinstance(X, Table):
        return X
    if _is_series(X):
        raise DataError(
            "X is a Series, and a table has rows and columns: one column is X.to_frame(), one row "
            "X.to_frame().T"
        )
    if sparse.issparse(X):
        raise DataError("X is a sparse matrix, and a table has dense columns: give X.toarray()")
    if isinstance(X, Sequence) and not isinstance(X, str) and not are_records(X):
        X = _array(X)
    if not hasattr(X, "columns") and hasattr(X, "__array__"):
        X = _array(X)
    if isinstance(X, np.ndarray):
        if X.dtype.kind == "c":
            raise DataError(
                "X holds complex numbers. Complex data not supported: split them in two"
            )
        if X.ndim != 2:
            raise DataError(
                f"Expected 2D array, got an array of shape {X.shape}. Reshape your data: one row "
                "is X.reshape(1, -1), one column X.reshape(-1, 1)"
            )
        if 0 in X.shape:
            what = "sample" if not X.shape[0] else "feature"
            raise DataError(
                f"Found array with 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required."
            )
        given = names_of_places(X.shape[1]) if names is None else names
        X = {name: X[:, place] for place, name in enumerate(given)}
    return open_table(X, as_text=as_text)


def numbered(table: Table) -> Table:
    """Return the table with its columns called x0, x1, … by their places."""
    names = names_of_places(len(table.names))
    columns = [replace(old, name=name) for old, name in zip(table.columns, names, strict=True)]
    cells = dict(zip(names, table.read().values(), strict=True))
    called = {
        f"column {old!r}": f"column {new!r}" for old, new in zip(table.names, names, strict=True)
    }
    notes = tuple(_renamed(note, called) for note in table.notes)
    return MemoryTable(cells, columns, notes=notes)


def _renamed(note: str, called: Mapping[str, str]) -> str:
    """A note of a column by the column's other name."""
    front = next((front for front in called if note.startswith(front)), "")
    return called[front] + note.removeprefix(front) if front else note


def are_records(X: Any) -> bool:
    """Whether X is rows that name their columns: a list of dicts."""
    return isinstance(X, list | tuple) and bool(X) and all(isinstance(row, Mapping) for row in X)


def _is_series(X: Any) -> bool:
    return hasattr(X, "name") and hasattr(X, "dtype")


def in_memory(X: Any) -> Any:
    """Return X; what narwhals wraps without it, what is lazy computed, a batch of Arrow as a table.

    So its names are those of its columns, whatever stands in memory.
    """
    X = nw.to_native(X, pass_through=True)
    if nw.dependencies.is_into_dataframe(X):
        return X
    frame = nw.from_native(X, pass_through=True)
    if isinstance(frame, nw.LazyFrame):  # of Polars, DuckDB, …
        return frame.collect().to_native()
    arrow = nw.dependencies.get_pyarrow()
    batch = arrow is not None and isinstance(X, arrow.RecordBatch)
    return arrow.Table.from_batches([X]) if batch else X


def _array(X: Any) -> NDArray[Any]:
    try:
        return array_of(X)
    except ValueError as error:
        raise DataError(f"X is no table: {error}") from None


def decisions_of(table: Table, columns: Mapping[str, str] | None) -> Decisions:
    """Decide what each column is; where none tells anything, the first is kept all the same.

    Parameters
    ----------
    table : Table
    columns : {name: "number", "category", "boolean" or "date"} or None
        What the caller knows better.
    """
    if columns is not None and not isinstance(columns, Mapping):
        raise SettingError(f"columns is a dict such as {{'zip': 'category'}}, got {columns!r}")
    decisions = decide(table, columns=dict(columns or {}), needed=False)
    if decisions.roles:
        return decisions
    first, *rest = decisions
    kept = replace(first, use=_ROLES.get(first.kind, "number"), why=f"{first.why}{_KEPT}")
    return replace(decisions, columns=(kept, *rest))


def not_learned_from(table: Table, decisions: Decisions) -> str:
    """Return which columns may tell something and are left out all the same, and why; or ""."""
    told = [
        f"none tells anything, and {one.name!r} alone is learned from: "
        f"{one.why.removesuffix(_KEPT)}"
        for one in decisions
        if one.why.endswith(_KEPT)
    ]
    plain = ("as asked", "all cells are the same", "no cell has a value")
    left = [c for c in decisions if c.use == "dropped" and c.why not in plain]
    # Of one that is text for a few of its cells its note says why, and how to mend those.
    why = {column.name: noted(table, column.name) for column in left}
    if left:
        more = f" and {len(left) - _TOLD} more" if len(left) > _TOLD else ""
        listed = ", ".join(f"{c.name!r} ({why[c.name] or c.why})" for c in left[:_TOLD])
        told.append(f"not learned from: {listed}{more}")
    whole = next((column for column in left if not why[column.name]), None)
    if whole is not None:
        role = "number" if whole.kind in ("integer", "real") else "category"
        told[-1] += f"; columns={{{whole.name!r}: {role!r}}} would learn from it"
    listed_notes = {f"column {c.name!r} is text: {why[c.name]}" for c in left[:_TOLD]}
    notes = [note for note in table.notes if note not in listed_notes]
    relayed = [note for note in notes if any(part in note for part in _RELAYED)]
    told += relayed[:_TOLD]
    if len(relayed) > _TOLD:
        told.append(f"and {len(relayed) - _TOLD} more such columns")
    return f"columns: {'; '.join(told)}" if told else ""
