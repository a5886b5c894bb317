"""Open anything that holds a table: a file, a query, a frame, an array."""

from __future__ import annotations

import os
from collections.abc import Sequence

from clearprop.errors import SettingError
from clearprop.tables.files import open_files
from clearprop.tables.frames import open_memory
from clearprop.tables.queries import is_query, open_query
from clearprop.tables.table import MISSING, Table

__all__ = ["open_table"]


def open_table(
    data: object,
    *,
    as_text: Sequence[str] = (),
    asked: Sequence[str] = (),
    missing: Sequence[str] = MISSING,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Table:
    """Open anything that holds a table.

    Parameters
    ----------
    data : str, path, frame, dict, list of dicts, array or Table
        The name of a file or a pattern of names; a query that begins with SELECT, FROM, WITH or
        VALUES; or what `clearprop.tables.frames.open_memory` takes.
    as_text : sequence of str
        Columns of a delimited file, or of what is in memory, that are text whatever they look like.
    asked : sequence of str
        Other columns that are asked for by name: a delimited file whose first row is all numbers
        has it for a header where one of them stands in it.
    missing : sequence of str
        Cells of a delimited file that stand for "no value".
    encoding, delimiter : str or None
        Of a text file; None to find out. An encoding is the name of any of Python's codecs for
        text: ``"big5"``, ``"shift_jis"``, ``"cp1251"``, …

    Returns
    -------
    Table

    Raises
    ------
    FileError, DataError
        One sentence: what is wrong, where, and the fix.

    Examples
    --------
    >>> table = open_table({"x": [1.5, None], "colour": ["red", "blue"]})
    >>> [(column.name, column.kind) for column in table.columns], table.rows
    ([('x', 'real'), ('colour', 'text')], 2)
    """
    if isinstance(data, Table):
        return data
    if isinstance(data, str | os.PathLike):
        source = os.fspath(data)
        if is_query(source) and not os.path.exists(source):
            return open_query(
                source, as_text=as_text, asked=asked, missing=missing, encoding=encoding,
                delimiter=delimiter,
            )  # fmt: skip
        return open_files(
            source, as_text=as_text, asked=asked, missing=missing, encoding=encoding,
            delimiter=delimiter,
        )  # fmt: skip
    if encoding is not None:
        raise SettingError(
            f"encoding={encoding!r} is of a text file, and this table is in memory: leave it out"
        )
    return open_memory(data, as_text)
