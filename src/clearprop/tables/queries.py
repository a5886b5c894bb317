"""SQL over files: what a query names is read as it is read when it is named alone."""

from __future__ import annotations

import glob
import json
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clearprop.errors import DataError
from clearprop.storage import check_plain
from clearprop.tables.charset import prepare
from clearprop.tables.delimited import identifier, literal
from clearprop.tables.files import (
    FileTable,
    connect,
    described,
    finish,
    note_encodings,
    open_delimited,
)
from clearprop.tables.paths import group_of
from clearprop.tables.table import MISSING, Table

if TYPE_CHECKING:
    import duckdb

__all__ = ["is_query", "open_query"]


def is_query(source: str) -> bool:
    """Whether a source is a query and no file's name.

    Examples
    --------
    >>> is_query("SELECT * FROM 'a.csv'"), is_query("from.csv")
    (True, False)
    """
    return re.match(r"\s*(select|from|with|values)\s+\S", source, re.IGNORECASE) is not None


def open_query(
    text: str,
    *,
    as_text: Sequence[str] = (),
    asked: Sequence[str] = (),
    missing: Sequence[str] = MISSING,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Table:
    """Open the rows of an SQL query over files, such as ``SELECT * FROM 'a/*.parquet'``.

    The query runs on one thread, so its rows come in the same order each time. A delimited file
    in it has the columns, kinds and missing cells that it has when it is opened alone.

    Parameters
    ----------
    text : str
    as_text : sequence of str
        Columns of the delimited files that are text, if the query can be asked so.
    asked, missing, encoding, delimiter
        Of the delimited files, as `open_files` takes them.

    Raises
    ------
    DataError
        If it is no correct query, or names a file that is not there.
    """
    for quoted in re.findall(r"'((?:[^']|'')*)'", text):
        # Whatever is quoted and there may be read: a pipe or a device would never end.
        for path in glob.glob(quoted.replace("''", "'"), recursive=True):
            if os.path.exists(path) and not os.path.isdir(path):
                check_plain(path, "table")
    body = text.strip().rstrip(";")

    def opened(texts: frozenset[str]) -> Table:
        notes: list[str] = []
        connection = connect(threads=1)
        names = frozenset((*as_text, *asked))
        views = _views(connection, body, texts, names, missing, encoding, delimiter, notes)
        return finish(described(connection, f"({body}\n)", [], "the query", notes, views=views))

    if as_text:
        try:
            return opened(frozenset(as_text))
        except DataError:  # such as a WHERE that compares the column with a number
            pass
    return opened(frozenset())


def _views(
    connection: duckdb.DuckDBPyConnection,
    body: str,
    as_text: frozenset[str],
    asked: frozenset[str],
    missing: Sequence[str],
    encoding: str | None,
    delimiter: str | None,
    notes: list[str],
) -> list[FileTable]:
    """Views called like the delimited files of a query, which are found before the files are.

    Raises
    ------
    DataError
        If one is named without quotes: that is a table of a schema, which no view is called like.
    """
    named = _tables(connection, body)
    times = Counter(name.casefold() for name in named)  # as a database tells its tables apart
    made: list[FileTable] = []
    for name in sorted(named):
        found = sorted(glob.glob(os.path.expanduser(name), recursive=True))
        paths = [Path(path) for path in found if os.path.isfile(path)]
        if not paths or times[name.casefold()] > 1:
            continue
        if {group_of(path) for path in paths} != {"delimited"}:
            continue
        if not named[name]:
            raise DataError(
                f"the query names the file {name} without quotes: write {literal(name)}"
            )
        files = [prepare(path, encoding) for path in paths]
        note_encodings(files, notes, asked=encoding is not None)
        table = open_delimited(connection, files, name, notes, as_text, asked, missing, delimiter)
        connection.execute(f"CREATE VIEW {identifier(name)} AS {table.select}")
        made.append(table)
    return made


def _tables(connection: duckdb.DuckDBPyConnection, body: str) -> dict[str, bool]:
    """The names of tables in a query, and whether each is one word or in quotes; s.csv is neither.

    They are found from its syntax alone: no file is opened.
    """
    import duckdb

    try:
        parsed = connection.execute("SELECT json_serialize_sql(CAST(? AS VARCHAR))", [body])
        row = parsed.fetchone()
    except duckdb.Error:  # what is wrong with the query is said when it is asked
        return {}
    found: dict[str, bool] = {}
    front: list[Any] = [json.loads(row[0])] if row else []
    while front:
        node = front.pop()
        if isinstance(node, dict):
            if node.get("type") == "BASE_TABLE":
                parts = [node.get("catalog_name"), node.get("schema_name"), node["table_name"]]
                name = ".".join(filter(None, parts))
                found[name] = found.get(name, True) and name == node["table_name"]
            front += node.values()
        elif isinstance(node, list):
            front += node
    return found
