"""The encoder: a table's columns as a network's inputs, as plain data."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from clearprop.errors import DataError, SettingError
from clearprop.tables.amounts import AMOUNTS
from clearprop.tables.cells import READERS, Role, read_days, read_numbers, respelt
from clearprop.tables.fold import gather
from clearprop.tables.opening import open_table
from clearprop.tables.recipe import Recipe
from clearprop.tables.recipes import RECIPES
from clearprop.tables.table import Cells, Chunk, Kind, Table
from clearprop.tables.texts import FORMS
from clearprop.words import did_you_mean, nearest

__all__ = ["ONE_HOT_UP_TO", "Encoded", "EncodedColumn", "Encoder", "fit_encoder"]

#: A category of more levels than this becomes an index rather than one input a level.
ONE_HOT_UP_TO = 32

#: The recipe of a role, unless another is asked for.
_USUAL: Mapping[Role, str] = {
    "number": "standard",
    "category": "onehot",
    "boolean": "boolean",
    "date": "date",
}


class Encoded(NamedTuple):
    """Rows as a network reads them.

    Attributes
    ----------
    X : float array of shape (m, width)
    indices : int64 array of shape (m, number of index columns)
        One column a gather; see `Encoder.index_levels`.
    """

    X: NDArray[Any]
    indices: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EncodedColumn:
    """A column and how it is encoded.

    Parameters
    ----------
    name : str
    kind : Kind
        The kind of its cells in training.
    recipe : str
        A name in `RECIPES`.
    parameters : mapping of plain data
    form : str
        How its dates or numbers were written in training, as in `clearprop.tables.table.Column`:
        later ones are read so too, however few there are.
    """

    name: str
    kind: Kind
    recipe: str
    parameters: Mapping[str, Any]
    form: str = ""

    @property
    def row(self) -> Recipe:
        """The recipe itself."""
        return RECIPES[self.recipe]

    @property
    def labels(self) -> list[str]:
        """The names of the inputs it makes."""
        return self.row.labels(self.name, self.parameters)

    def read(self, chunk: Chunk) -> Cells:
        """The column's cells in some rows, as the recipe reads them."""
        cells, role = chunk[self.name], self.row.asked.role
        if self.form in AMOUNTS:
            return read_numbers(cells, self.name, chunk.start, self.form)
        if self.form:
            return read_days(cells, self.name, chunk.start, self.form)
        read = READERS[role](cells, self.name, chunk.start)
        # Texts are those of training or are not: "3.10" is no "3.1".
        if role == "category" and (self.kind == "text") != (cells.values.dtype.kind == "O"):
            return respelt(read, self.parameters["levels"])
        return read


@dataclass(frozen=True)
class Encoder:
    """Columns and their recipes, in the order of the inputs.

    Parameters
    ----------
    columns : tuple of EncodedColumn

    Examples
    --------
    >>> from clearprop.tables.opening import open_table
    >>> table = open_table({"x": [1.0, 3.0, None], "colour": ["red", "blue", "red"]})
    >>> encoder = fit_encoder(table, {"x": "number", "colour": "category"})
    >>> encoder.labels
    ('x', 'x missing', 'colour=blue', 'colour=red')
    >>> encoder.encode(table).X.tolist()
    [[-1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]
    """

    columns: tuple[EncodedColumn, ...]
    _dense: tuple[EncodedColumn, ...] = field(init=False, repr=False, compare=False)
    _indexed: tuple[EncodedColumn, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        dense = tuple(column for column in self.columns if column.row.levels is None)
        object.__setattr__(self, "_dense", dense)
        object.__setattr__(self, "_indexed", tuple(c for c in self.columns if c.row.levels))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns a table must have."""
        return tuple(column.name for column in self.columns)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the columns of X."""
        return tuple(label for column in self._dense for label in column.labels)

    @property
    def width(self) -> int:
        """The number of columns of X."""
        return len(self.labels)

    @property
    def index_levels(self) -> dict[str, int]:
        """The index columns by name, in order, and how many values each index has."""
        return {
            column.name: column.row.levels(column.parameters)
            for column in self._indexed
            if column.row.levels is not None
        }

    @property
    def text_columns(self) -> tuple[str, ...]:
        """What `open_table` leaves as text: it must not turn "007" into 7, nor 2/1 into 1/2."""
        return tuple(c.name for c in self.columns if c.kind == "text" or c.form)

    def open(
        self, data: object, *, as_text: Sequence[str] = (), encoding: str | None = None
    ) -> Table:
        """Open a table that has the encoder's columns, those that were text read as text.

        Parameters
        ----------
        data, encoding :
            As for `clearprop.tables.opening.open_table`.
        as_text : sequence of str
            Other columns that are text whatever they look like.

        Raises
        ------
        FileError, DataError
            One sentence: what is wrong, where, and the fix.
        """
        # What is in memory is read cell by cell: what a text is does not depend on other rows.
        whole = self.text_columns if isinstance(data, str | os.PathLike) else self.names
        table = open_table(data, as_text=[*whole, *as_text], asked=self.names, encoding=encoding)
        self.check(table)
        return table

    def check(self, table: Table, ignored: Sequence[str] = ()) -> list[str]:
        """See that a table has the columns; their order does not matter.

        Parameters
        ----------
        table : Table
        ignored : sequence of str
            Columns that may be there without a note: the target, what training left out.

        Returns
        -------
        list of str
            Notes, such as columns that are not used.

        Raises
        ------
        DataError
            If columns are missing; near names are suggested.
        """
        there, known = set(table.names), {*self.names, *ignored}
        gone = [name for name in self.names if name not in there]
        if gone:
            read = set(self.names)
            free = [name for name in table.names if name not in read]
            near = nearest(gone[0], free)
            # A column that training read too is no slip for another.
            meant = did_you_mean(near and gone[0], table.names if near is None else free)
            hint = "; ".join((meant, *table.doubts))
            left_out = f"column {gone[0]!r} is left out"
            told = next((note for note in table.notes if note.startswith(left_out)), None)
            if told is not None:
                raise DataError(f"{table.name}: {told}; training read it")
            if len(gone) == 1:
                raise DataError(
                    f"{table.name} has no column {gone[0]!r}, which training had: {hint}"
                )
            listed = ", ".join(repr(name) for name in gone[:8])
            more = f" and {len(gone) - 8} more" if len(gone) > 8 else ""
            raise DataError(
                f"{table.name} lacks {len(gone)} columns that training had: {listed}{more}; "
                f"{gone[0]!r}: {hint}"
            )
        extra = [name for name in table.names if name not in known]
        return [f"not used: {', '.join(extra)}"] if extra else []

    def transform(self, chunk: Chunk, dtype: DTypeLike = np.float32) -> Encoded:
        """Encode some rows.

        Parameters
        ----------
        chunk : Chunk
            With the encoder's columns, in any order, and any others.
        dtype : float32 or float64
            Of X. Encoding is in float64; the result is rounded once.

        Returns
        -------
        Encoded

        Raises
        ------
        DataError
            At the first cell that cannot be read, by column and row.
        """
        encoded = self._nothing(chunk.rows, dtype)
        self._fill(encoded, chunk)
        return encoded

    def encode(
        self, table: Table, dtype: DTypeLike = np.float32, rows_per_chunk: int = 8192
    ) -> Encoded:
        """Encode a whole table into memory."""
        self.check(table)
        encoded = self._nothing(table.rows, dtype)
        for chunk in table.chunks(rows_per_chunk, self.names):
            rows = slice(chunk.start, chunk.start + chunk.rows)
            self._fill(Encoded(encoded.X[rows], encoded.indices[rows]), chunk)
        return encoded

    def _nothing(self, rows: int, dtype: DTypeLike) -> Encoded:
        indices = np.zeros((rows, len(self._indexed)), np.int64)
        return Encoded(np.zeros((rows, self.width), dtype), indices)

    def _fill(self, out: Encoded, chunk: Chunk) -> None:
        """Write some rows where zeros stand: a table of thousands of columns is held once."""
        at = 0
        with np.errstate(over="ignore"):
            for column in self._dense:
                width = len(column.labels)
                here = out.X[:, at : at + width]
                column.row.encode(column.read(chunk), column.parameters, here)
                at += width
        for place, column in enumerate(self._indexed):
            column.row.encode(column.read(chunk), column.parameters, out.indices[:, place])
        if not np.isfinite(out.X).all():
            row, at = np.argwhere(~np.isfinite(out.X))[0].tolist()
            raise DataError(
                f"{self.labels[at]!r} in row {chunk.start + row + 1} is too far from what training "
                "had to be computed with: mend the value, or leave the cell empty"
            )

    def to_data(self) -> dict[str, Any]:
        """The encoder as plain data, which JSON keeps to the bit."""
        return {
            "columns": [
                {
                    "name": c.name,
                    "kind": c.kind,
                    "recipe": c.recipe,
                    "parameters": dict(c.parameters),
                    **({"form": c.form} if c.form else {}),
                }
                for c in self.columns
            ]
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Encoder:
        """The encoder that `to_data` described.

        Raises
        ------
        DataError
            If the data has no such form, or a recipe is not known.
        """
        try:
            columns = tuple(
                EncodedColumn(
                    str(one["name"]),
                    one["kind"],
                    str(one["recipe"]),
                    dict(one["parameters"]),
                    str(one.get("form", "")),
                )
                for one in data["columns"]
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"this describes no encoder: {error!r} is amiss") from error
        for column in columns:
            levels = column.parameters.get("levels", [])
            if not isinstance(levels, list) or not all(isinstance(one, str) for one in levels):
                raise DataError(f"the levels of column {column.name!r} are no list of texts")
            if column.form and column.form not in (*FORMS, *AMOUNTS):
                raise DataError(
                    f"column {column.name!r} has cells like {column.form!r}, which this version "
                    "does not read"
                )
            if column.recipe not in RECIPES:
                raise DataError(
                    f"column {column.name!r} has the recipe {column.recipe!r}, which this version "
                    f"does not know: {did_you_mean(column.recipe, RECIPES)}"
                )
        return cls(columns)


def fit_encoder(
    table: Table,
    roles: Mapping[str, Role],
    *,
    keep: NDArray[np.bool_] | None = None,
    recipes: Mapping[str, str] | None = None,
    one_hot_up_to: int | None = ONE_HOT_UP_TO,
    rows_per_chunk: int = 65536,
) -> Encoder:
    """Fit an encoder to the rows of a table.

    Parameters
    ----------
    table : Table
    roles : {column: role}
        The columns to encode, in the order of the inputs.
    keep : bool array of shape (table.rows,) or None
        The rows to fit to, usually those that train; None for all.
    recipes : {column: recipe's name} or None
        Other recipes than the usual one of the column's role.
    one_hot_up_to : int or None
        A category of more levels becomes an index; None for never.
    rows_per_chunk : int
        How the table is read. No bit of the encoder depends on it.

    Returns
    -------
    Encoder

    Raises
    ------
    DataError
        At an infinite cell, or for a category of more than 100,000 levels.
    SettingError
        If a recipe does not exist or is for another role.
    """
    asked_for = dict(recipes or {})
    chosen = {name: _chosen(name, role, asked_for.get(name)) for name, role in roles.items()}

    def chunks(names: Sequence[str]) -> Iterator[tuple[Chunk, NDArray[np.bool_] | None]]:
        for chunk in table.chunks(rows_per_chunk, names):
            rows = slice(chunk.start, chunk.start + chunk.rows)
            yield chunk, None if keep is None else keep[rows]

    asked = {name: recipe.asked for name, recipe in chosen.items()}
    facts = gather(asked, table.rows, chunks)
    columns = []
    for name, recipe in chosen.items():
        levels, read = facts[name].levels, table.column(name)
        if recipe.asked.levels and levels is None:
            raise DataError(
                f"column {name!r} has more than {recipe.asked.levels} levels: drop it, "
                "or join its rare levels"
            )
        wide = one_hot_up_to is not None and len(levels or ()) > one_hot_up_to
        if wide and name not in asked_for:
            recipe = RECIPES["index"]
        form = read.form if recipe.asked.role in ("date", "number") else ""
        parameters = recipe.fit(facts[name])
        columns.append(EncodedColumn(name, read.kind, recipe.name, parameters, form))
    return Encoder(tuple(columns))


def _chosen(name: str, role: Role, recipe: str | None) -> Recipe:
    if recipe is None:
        return RECIPES[_USUAL[role]]
    if recipe not in RECIPES:
        hint = did_you_mean(recipe, RECIPES)
        raise SettingError(f"there is no recipe {recipe!r} for column {name!r}: {hint}")
    row = RECIPES[recipe]
    if row.asked.role != role:
        raise SettingError(
            f"recipe {recipe!r} is for a {row.asked.role}, but column {name!r} is a {role}"
        )
    return row
