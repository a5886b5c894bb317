"""Tables in files: CSV, TSV, JSON lines, Parquet, Arrow, gzip, globs.

DuckDB reads the files. It installs and loads no extension, looks at no Python variable, keeps the
order of rows, and hands them over batch by batch, so memory stays bounded. It adds up nothing: sums
of floats inside it are not the same on each run.
"""

from __future__ import annotations

import glob
import importlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clearprop.errors import DataError, FileError
from clearprop.tables.arrow import Stream, read_all
from clearprop.tables.charset import TextFile, prepare
from clearprop.tables.delimited import (
    AT_ONCE,
    Field,
    explain_csv,
    identifier,
    layout,
    literal,
    note_nearly_numeric,
    typed_fields,
)
from clearprop.tables.paths import first_bytes, group_of, paths_of
from clearprop.tables.records import explain_records
from clearprop.tables.table import (
    MISSING,
    UNSURE,
    Cells,
    Chunk,
    Column,
    Kind,
    MemoryTable,
    Table,
    recut,
    unique_names,
)

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "FileTable",
    "connect",
    "described",
    "finish",
    "note_encodings",
    "open_delimited",
    "open_files",
]

#: A table of at most so many cells is kept in memory once it has been read (512 MiB of numbers).
CACHED_CELLS = 1 << 26

#: A text file of fewer bytes is held while its many columns are looked at.
HELD_BYTES = 1 << 28

_TABLES = "SELECT count(*) FROM duckdb_tables()"

#: DuckDB's types and our kinds; %s is the column.
_TYPES: dict[str, tuple[Kind, str]] = {
    **dict.fromkeys(
        ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"),
        ("integer", "CAST(%s AS BIGINT)"),
    ),
    **dict.fromkeys(("FLOAT", "DOUBLE"), ("real", "CAST(%s AS DOUBLE)")),
    # By way of text, so that the nearest double is found, as Python's float does.
    **dict.fromkeys(
        ("UBIGINT", "HUGEINT", "UHUGEINT", "DECIMAL", "BIGNUM"),
        ("real", "CAST(CAST(%s AS VARCHAR) AS DOUBLE)"),
    ),
    "BOOLEAN": ("boolean", "%s"),
    **dict.fromkeys(
        ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"),
        ("date", "CAST(%s AS TIMESTAMP)"),
    ),
    "TIMESTAMP WITH TIME ZONE": ("date", "%s"),
    "TIME": ("real", "epoch(%s)"),
    "INTERVAL": ("real", "epoch(%s)"),
    "VARCHAR": ("text", "nullif(trim(%s), '')"),
    "ENUM": ("text", "CAST(%s AS VARCHAR)"),
    "UUID": ("text", "CAST(%s AS VARCHAR)"),
    "JSON": ("text", "(%s->>'$')"),
    '"NULL"': ("real", "CAST(%s AS DOUBLE)"),
}


@dataclass(frozen=True, slots=True)
class _Query:
    """What a reading asks for: a FROM clause, its columns, and how its errors are explained."""

    source: str
    fields: tuple[Field, ...]
    explain: Callable[[str], Exception]


class FileTable(Table):
    """A table that is read from its files each time, in bounded memory."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        query: _Query,
        *,
        name: str,
        rows: int,
        notes: Sequence[str],
        files: Sequence[TextFile] = (),
    ) -> None:
        self.name = name
        self.rows = rows
        self.notes = tuple(notes)
        self.columns = tuple(Column(field.name, field.kind, field.form) for field in query.fields)
        self._connection = connection
        self._query = query
        self.files = tuple(files)  # keeps the transcoded copies while the table lives

    @property
    def select(self) -> str:
        """The query whose rows are the table's, its columns called by their names."""
        made = ", ".join(f"{one.sql} AS {identifier(one.name)}" for one in self._query.fields)
        return f"SELECT {made} FROM {self._query.source}"

    def _chunks(self, rows_per_chunk: int, columns: tuple[Column, ...]) -> Iterator[Chunk]:
        import duckdb

        kinds = {column.name: column.kind for column in columns}
        order = {field.name: place for place, field in enumerate(self._query.fields)}
        select = ", ".join(
            f"{self._query.fields[order[name]].sql} AS f{order[name]}" for name in kinds
        )
        cursor = self._connection.cursor()
        try:
            relation = cursor.sql(f"SELECT {select or 'NULL AS f'} FROM {self._query.source}")
            stream = Stream(relation, self._query.explain)
            batches = (
                (count, {name: batch[f"f{order[name]}"] for name in kinds})
                for count, batch in stream
            )
            yield from recut(batches, kinds, rows_per_chunk)
        except duckdb.Error as error:
            raise self._query.explain(str(error)) from error
        finally:
            cursor.close()

    def in_memory(self) -> MemoryTable:
        """The same table, read once and kept."""
        return MemoryTable(_shared(self.read()), self.columns, name=self.name, notes=self.notes)


def _shared(columns: dict[str, Cells]) -> dict[str, Cells]:
    """Equal texts of a column made one object: a million rows of few levels cost a pointer each."""
    for cells in columns.values():
        if cells.values.dtype == object:
            seen: dict[str, str] = {}
            cells.values[:] = [seen.setdefault(text, text) for text in cells.values.tolist()]
    return columns


def connect(threads: int | None = None) -> duckdb.DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(":memory:")
    for setting, value in (
        ("autoinstall_known_extensions", "false"),
        ("autoload_known_extensions", "false"),
        ("python_enable_replacements", "false"),
        ("preserve_insertion_order", "true"),
        ("enable_progress_bar", "false"),
        ("TimeZone", "'UTC'"),
        ("temp_directory", literal(os.path.join(tempfile.gettempdir(), "clearprop-duckdb"))),
    ):
        connection.execute(f"SET {setting} = {value}")
    if threads is not None:
        connection.execute(f"SET threads = {threads}")
    return connection


def open_files(
    source: str | os.PathLike[str],
    *,
    as_text: Sequence[str] = (),
    asked: Sequence[str] = (),
    missing: Sequence[str] = MISSING,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Table:
    """Open a file, or all files a glob matches (in the order of their names), as one table.

    Parameters
    ----------
    source : path
        ``.csv .tsv .tab .txt .data``, ``.jsonl .ndjson .json`` (each also with ``.gz``),
        ``.parquet .pq``, or ``.arrow .feather .ipc .arrows`` (needs the ``arrow`` extra).
    as_text : sequence of str
        Columns of a delimited file to be read as text whatever they look like.
    asked : sequence of str
        Other columns that are asked for by name: a first row of numbers with one is a header.
    missing : sequence of str
        Cells of a delimited file that stand for "no value".
    encoding, delimiter : str or None
        None to find out.

    Raises
    ------
    FileError
        No such file (the nearest name is suggested), empty, unreadable, or not what its name says.
    DataError
        A ragged row or another malformed place, by its line; a header and no rows.
    """
    paths = paths_of(os.fspath(source))
    name = str(source) if len(paths) > 1 else paths[0].name
    groups = {group_of(path) for path in paths}
    if len(groups) > 1:
        raise FileError(f"{source} matches files of different kinds: {', '.join(sorted(groups))}")
    group = groups.pop()
    if encoding is not None and group in ("arrow", "parquet"):
        raise FileError(
            f"{name} is no text, so it has no encoding {encoding!r}: leave the encoding out"
        )
    if group == "arrow":
        return _open_arrow(paths, name)
    notes: list[str] = []
    connection = connect()
    if group == "parquet":
        listed = ", ".join(literal(glob.escape(str(path))) for path in paths)
        source_sql = f"read_parquet([{listed}])"
        return finish(described(connection, source_sql, paths, name, notes))
    files = [prepare(path, encoding) for path in paths]
    note_encodings(files, notes, asked=encoding is not None)
    if group == "json":
        listed = ", ".join(literal(glob.escape(str(file.path))) for file in files)
        zipped = literal("gzip" if files[0].compressed else "none")
        source_sql = (
            f"read_json([{listed}], sample_size=-1, union_by_name=true, compression={zipped}, "
            "maximum_object_size=67108864)"
        )
        return finish(described(connection, source_sql, paths, name, notes, files))
    texts = frozenset(as_text)
    table = open_delimited(
        connection, files, name, notes, texts, texts.union(asked), missing, delimiter
    )
    for column in as_text:
        table.column(column)  # or it is said that there is none
    return finish(table, "a header and no rows")


def note_encodings(files: Sequence[TextFile], notes: list[str], *, asked: bool) -> None:
    """Note the files that are no UTF-8; that one was found, not asked for, may be wrong."""
    for file in files:
        if file.encoding not in ("utf-8", "utf-8-sig"):
            told = f"{file.shown.name} is read as {file.encoding}"
            sure = asked or file.encoding.startswith("utf")
            notes.append(told if sure else f"{told}; {UNSURE}")


def finish(table: FileTable, nothing: str = "no rows") -> Table:
    if not table.columns:
        raise DataError("; ".join((f"{table.name} has no column that can be read", *table.notes)))
    if table.rows == 0:
        raise DataError(f"{table.name} has {nothing}; there is nothing to read in it")
    if table.rows * len(table.columns) <= CACHED_CELLS:
        return table.in_memory()
    return table


def open_delimited(
    connection: duckdb.DuckDBPyConnection,
    files: list[TextFile],
    name: str,
    notes: list[str],
    as_text: frozenset[str],
    asked: frozenset[str],
    missing: Sequence[str],
    delimiter: str | None,
) -> FileTable:
    import duckdb

    if len({file.compressed for file in files}) > 1:
        raise FileError(f"{name} matches plain and compressed files: compress all, or none")
    found = layout(files[0], delimiter, notes, asked)
    for file in files[1:]:
        other = layout(file, found.delimiter, [], asked)
        if other.names != found.names or other.header != found.header:
            raise DataError(
                f"{file.shown} has the columns {', '.join(other.names)}, but {files[0].shown} has "
                f"{', '.join(found.names)}: give all files the same header"
            )
        if other.blank != found.blank:
            raise DataError(
                f"{file.shown} and {files[0].shown} begin with other empty lines: cut them"
            )
    source = found.read_csv(files, missing)

    def explain(text: str) -> Exception:
        return explain_csv(text, files, found)

    def ask(sql: str) -> list[tuple[Any, ...]]:
        try:
            return connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise explain(str(error)) from None

    size = sum(file.path.stat().st_size for file in files) * (8 if files[0].compressed else 1)
    if len(found.names) > AT_ONCE and size < HELD_BYTES:
        # Each question would read the whole file again, for some of its columns.
        held = identifier(f"cells of {connection.execute(_TABLES).fetchall()[0][0]}")
        ask(f"CREATE TABLE {held} AS SELECT * FROM {source}")
        source = held
    rows, fields = typed_fields(ask, source, found, as_text, notes)
    query = _Query(source, tuple(fields), explain)
    return FileTable(connection, query, name=name, rows=rows, notes=notes, files=files)


def described(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    paths: Sequence[Path],
    name: str,
    notes: list[str],
    files: Sequence[TextFile] = (),
    views: Sequence[FileTable] = (),
) -> FileTable:
    """A table whose own schema says what its columns are: Parquet, JSON, a query."""
    import duckdb

    def explain(text: str) -> Exception:
        amiss = explain_records(files)
        if amiss is not None:
            return DataError(amiss)
        for file in files:
            text = text.replace(str(file.path), str(file.shown))
        first = text.strip().split("\n", 1)[0]
        first = re.sub(r"^(Invalid Input|IO|Binder|Catalog|Parser|Conversion) Error: ", "", first)
        return DataError(f"{name} cannot be read: {first}")

    try:
        relation = connection.sql(f"SELECT * FROM {source}")
        if files and relation.columns == ["json"]:  # what DuckDB makes of values that are no rows
            amiss = explain_records(files)
            if amiss is not None:
                raise DataError(amiss)
        names = unique_names(relation.columns, notes)
        types = [str(kind) for kind in relation.types]
        inner = ", ".join(f"c{place}" for place in range(len(names)))
        from_ = f"(SELECT * FROM {source}) AS t({inner})"
        fields = []
        for place, (column, kind) in enumerate(zip(names, types, strict=True)):
            row = _TYPES.get(kind) or _TYPES.get(kind.split("(", 1)[0])
            if row is None or kind.endswith("]"):
                notes.append(
                    f"column {column!r} is left out: it holds {kind.split('(', 1)[0]} values"
                )
            else:
                fields.append(Field(column, row[0], row[1] % f"c{place}"))
        rows = connection.execute(f"SELECT count(*) FROM {from_}").fetchall()[0][0]
        advice = "" if paths else "; CAST(nullif({}, {}) AS DOUBLE) in the query reads numbers"
        note_nearly_numeric(
            lambda sql: connection.execute(sql).fetchall(), from_, fields, advice, notes
        )
    except duckdb.Error as error:
        raise explain(str(error)) from None
    query = _Query(from_, tuple(fields), explain)
    held = [*files, *(file for view in views for file in view.files)]
    return FileTable(connection, query, name=name, rows=rows, notes=notes, files=held)


def _open_arrow(paths: Sequence[Path], name: str) -> Table:
    try:
        arrow = importlib.import_module("pyarrow")
        dataset = importlib.import_module("pyarrow.dataset")
    except ImportError:
        raise FileError(
            f"{name} is an Arrow file, which needs pyarrow: pip install 'clearprop[arrow]'"
        ) from None
    try:
        table = arrow.concat_tables(
            [
                arrow.ipc.open_stream(str(path)).read_all()
                if first_bytes(path).startswith(b"\xff\xff\xff\xff")
                else dataset.dataset(str(path), format="feather").to_table()
                for path in paths
            ]
        )
    except (OSError, ValueError) as error:
        raise FileError(f"{name} cannot be read as an Arrow file: {error}") from None
    cells, kinds, unreadable = read_all(table)
    if not cells or not table.num_rows:
        raise DataError(f"{name} has no rows; there is nothing to read in it")
    notes = tuple(
        f"column {column!r} is left out: it holds {form}" for column, form in unreadable.items()
    )
    return MemoryTable(cells, map(Column, kinds, kinds.values()), name=name, notes=notes)
