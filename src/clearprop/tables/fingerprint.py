"""Which rows a table holds, as one short text: equal for equal cells in equal order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from clearprop.tables.table import Table

__all__ = ["fingerprint"]


def fingerprint(table: Table, names: Sequence[str]) -> str:
    """SHA-256 of some columns of a table, whatever file or order of columns it came from.

    Parameters
    ----------
    table : Table
    names : sequence of str
        The columns that count; their order does not.

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
        for name, cells in chunk.cells.items():
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
