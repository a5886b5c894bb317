"""Which rows a table holds, as one short text: equal for equal cells in equal order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from clearprop.tables.table import Cells, Chunk, Table

if TYPE_CHECKING:
    from clearprop.tables.encoder import Encoder
    from clearprop.tables.target import Target

__all__ = ["fingerprint", "fingerprint_as_read"]


def fingerprint(
    table: Table,
    names: Sequence[str],
    read: Callable[[Chunk, str], Cells] = Chunk.__getitem__,
) -> str:
    """SHA-256 of some columns of a table, whatever file or order of columns it came from.

    Parameters
    ----------
    table : Table
    names : sequence of str
        The columns that count; their order does not.
    read : callable
        What counts of such a column's cells; by default the cells as they are.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> from clearprop.tables.opening import open_table
    >>> one, two = open_table({"x": [1, 2], "id": [7, 8]}), open_table({"id": [0, 0], "x": [1, 2]})
    >>> fingerprint(one, ["x"]) == fingerprint(two, ["x"])
    True
    >>> fingerprint(one, ["x"]) == fingerprint(open_table({"x": [2, 1]}), ["x"])
    False
    """
    made = {name: hashlib.sha256(name.encode("utf-8", "surrogatepass")) for name in sorted(names)}
    for chunk in table.chunks(names=list(made)):
        for name in made:
            cells = read(chunk, name)
            made[name].update(cells.valid.tobytes())
            if cells.values.dtype == object:
                text = "\0".join(cells.values.tolist())
                made[name].update(text.encode("utf-8", "surrogatepass"))
            else:
                made[name].update(cells.values.tobytes())
    whole = hashlib.sha256(str(table.rows).encode())
    for one in made.values():
        whole.update(one.digest())
    return whole.hexdigest()


def fingerprint_as_read(table: Table, encoder: Encoder, target: Target) -> str:
    """Return `fingerprint` of what a model reads of a table: its inputs and its target.

    The cells themselves may be numbers or dates in training and texts later, to be read in the form
    that the model keeps.

    Raises
    ------
    DataError
        At the first cell that cannot be read, by column and row.
    """
    readers = {**{column.name: column.read for column in encoder.columns}, target.name: target.read}
    return fingerprint(table, list(readers), lambda chunk, name: readers[name](chunk))
