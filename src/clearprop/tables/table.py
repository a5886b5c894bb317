"""What a table is to everything that reads one: named columns of cells, in row order, in chunks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError
from clearprop.words import did_you_mean

__all__ = [
    "DASHES", "HEADLESS", "MISSING", "NO_VALUE", "UNSURE", "Cells", "Chunk", "Column", "Kind",
    "MemoryTable", "Table", "note_of_missing", "recut", "unique_names",
]  # fmt: skip

#: Cells of a text file that say "no value", whatever the kind of their column (with or without
#: spaces round them).
MISSING: tuple[str, ...] = (
    "", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "NULL", "Null", "null", "#N/A", "?",
)  # fmt: skip

#: Cells that say so where all others of their column are numbers, dates or truth values; among
#: texts a dash is a text.
DASHES: tuple[str, ...] = ("-", "--", "–", "—")

#: What no number, date or truth value is.
NO_VALUE = frozenset((*MISSING, *DASHES))

#: How a note of an encoding ends that was found and not given.
UNSURE = "if names look wrong, give its encoding"

#: What a note says of a file whose first row was taken for data.
HEADLESS = "its first row is all numbers and is taken as data"

Kind = Literal["integer", "real", "boolean", "date", "text"]

#: What the values of a kind are, and what stands where a cell is missing.
DTYPES: Mapping[Kind, np.dtype[Any]] = {
    "integer": np.dtype(np.int64),
    "real": np.dtype(np.float64),
    "boolean": np.dtype(np.bool_),
    "date": np.dtype("datetime64[us]"),
    "text": np.dtype(object),
}
FILL: Mapping[Kind, object] = {
    "integer": 0,
    "real": np.nan,
    "boolean": False,
    "date": np.datetime64("NaT", "us"),
    "text": "",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it was read.

    Attributes
    ----------
    name : str
    kind : Kind
        The kind of its cells.
    form : str
        Of dates that were texts: one of `clearprop.tables.texts.FORMS`; of numbers that were, one
        of `clearprop.tables.amounts.AMOUNTS`; "" for others.
    """

    name: str
    kind: Kind
    form: str = ""


class Cells(NamedTuple):
    """A run of one column.

    Attributes
    ----------
    values : array of shape (m,)
        int64, float64, bool, datetime64[us], or Python strings, after the column's kind.
    valid : bool array of shape (m,)
        False where the cell is missing. NaN counts as missing; infinity does not.
    """

    values: NDArray[Any]
    valid: NDArray[np.bool_]

    def rows(self, rows: slice | NDArray[Any]) -> Cells:
        """The cells of some rows (a slice, a mask or indices)."""
        return Cells(self.values[rows], self.valid[rows])


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some consecutive rows of a table.

    Attributes
    ----------
    start : int
        The index, in the whole table, of the first of them (from 0).
    rows : int
        How many there are.
    cells : {column name: Cells}
    """

    start: int
    rows: int
    cells: Mapping[str, Cells]

    def __getitem__(self, name: str) -> Cells:
        return self.cells[name]


class Table(ABC):
    """Named columns of cells that can be read, in row order, as often as one likes.

    Attributes
    ----------
    name : str
        What messages call it: the file's name, or "the table".
    columns : tuple of Column
    rows : int
    notes : tuple of str
        What was decided while it was opened: an encoding, a renamed column.
    """

    name: str
    columns: tuple[Column, ...]
    rows: int
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def _named(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @property
    def doubts(self) -> tuple[str, ...]:
        """The notes that may be why a column is not there: what was found and not given."""
        return tuple(note for note in self.notes if note.endswith(UNSURE) or HEADLESS in note)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises
        ------
        DataError
            If there is none; the nearest name is suggested.
        """
        found = self._named.get(name)
        if found is not None:
            return found
        hint = "; ".join((did_you_mean(name, self.names), *self.doubts))
        raise DataError(f"{self.name} has no column {name!r}: {hint}")

    def chunks(
        self, rows_per_chunk: int = 65536, names: Sequence[str] | None = None
    ) -> Iterator[Chunk]:
        """All rows in order, `rows_per_chunk` at a time (the last chunk may be shorter).

        Parameters
        ----------
        rows_per_chunk : int, at least 1
        names : sequence of str or None
            Only these columns; None for all.
        """
        if rows_per_chunk < 1:
            raise ValueError(f"rows_per_chunk must be at least 1, got {rows_per_chunk}")
        chosen = tuple(self.columns if names is None else (self.column(name) for name in names))
        return self._chunks(rows_per_chunk, chosen)

    @abstractmethod
    def _chunks(self, rows_per_chunk: int, columns: tuple[Column, ...]) -> Iterator[Chunk]: ...

    def read(self, names: Sequence[str] | None = None) -> dict[str, Cells]:
        """Whole columns in memory, by name."""
        chosen = tuple(self.columns if names is None else (self.column(name) for name in names))
        parts: dict[str, list[Cells]] = {column.name: [] for column in chosen}
        for chunk in self._chunks(65536, chosen):
            for name, cells in chunk.cells.items():
                parts[name].append(cells)
        return {column.name: joined(parts[column.name], column.kind) for column in chosen}


class MemoryTable(Table):
    """A table whose columns are in memory.

    Parameters
    ----------
    cells : {name: Cells}
        All of one length.
    columns : iterable of Column
        As many, in the same order.
    """

    def __init__(
        self,
        cells: Mapping[str, Cells],
        columns: Iterable[Column],
        *,
        name: str = "the table",
        notes: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.notes = notes
        self.columns = tuple(columns)
        self.rows = len(next(iter(cells.values())).values) if cells else 0
        self._cells = dict(cells)

    def _chunks(self, rows_per_chunk: int, columns: tuple[Column, ...]) -> Iterator[Chunk]:
        for start in range(0, self.rows, rows_per_chunk):
            stop = min(start + rows_per_chunk, self.rows)
            cells = {
                column.name: self._cells[column.name].rows(slice(start, stop)) for column in columns
            }
            yield Chunk(start, stop - start, cells)

    def read(self, names: Sequence[str] | None = None) -> dict[str, Cells]:
        """Whole columns, as they are kept."""
        wanted = self.names if names is None else names
        return {name: self._cells[self.column(name).name] for name in wanted}


def recut(
    batches: Iterable[tuple[int, Mapping[str, Cells]]], kinds: Mapping[str, Kind], rows: int
) -> Iterator[Chunk]:
    """Chunks of exactly `rows` rows from batches of any size; the last one may be shorter."""
    start = held = 0
    parts: dict[str, list[Cells]] = {name: [] for name in kinds}
    for count, batch in batches:
        taken = 0
        while taken < count:
            step = min(rows - held, count - taken)
            for name in kinds:
                parts[name].append(batch[name].rows(slice(taken, taken + step)))
            held += step
            taken += step
            if held == rows:
                yield Chunk(start, rows, {name: joined(parts[name], kinds[name]) for name in kinds})
                start, held, parts = start + rows, 0, {name: [] for name in kinds}
    if held:
        yield Chunk(start, held, {name: joined(parts[name], kinds[name]) for name in kinds})


def joined(parts: Sequence[Cells], kind: Kind) -> Cells:
    """Runs of one column, put together."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Cells(np.empty(0, DTYPES[kind]), np.empty(0, np.bool_))
    return Cells(
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.valid for part in parts]),
    )


def note_of_missing(name: str, texts: Iterable[str]) -> str:
    """Return what is said of a column in which these texts say "no value"."""
    shown = [*map(repr, texts)]
    told = "is a missing cell" if len(shown) == 1 else "are missing cells"
    return f"column {name!r}: {' and '.join(shown)} {told}"


def unique_names(raw: Iterable[str], notes: list[str], *, spaces_tell: bool = False) -> list[str]:
    """Column names as they will be called: none empty, no two the same. Changes are noted.

    Spaces round them go; those that tell one column from another stay, if so asked.
    """
    names: list[str] = []
    kept = list(raw)
    bare = [name.strip() for name in kept]
    alike = Counter(name.strip() for name in set(kept))
    apart = {name for name in bare if spaces_tell and name and alike[name] > 1}
    given = [kept[k] if name in apart else name for k, name in enumerate(bare)]
    wanted = set(given)
    taken, made = set(given), set[str]()
    for place, name in enumerate(given, start=1):
        if not name:
            name, was = f"column_{place}", f"column {place} has no name"
        else:
            was = f"a second column {name!r}"
        if name in made or (name not in wanted and name in taken):
            number = 2
            while f"{name}_{number}" in taken:
                number += 1
            name = f"{name}_{number}"
        if name != given[place - 1]:
            notes.append(f"{was}: it is read as {name!r}")
        taken.add(name)
        made.add(name)
        names.append(name)
    return names
