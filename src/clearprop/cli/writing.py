"""Rows into a file: CSV, TSV, JSON, JSON lines or Parquet by its name; whole or not at all."""

from __future__ import annotations

import csv
import glob
import gzip
import io
import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from clearprop.errors import ClearPropError, FileError, UsageError
from clearprop.storage import check_writable, written_whole
from clearprop.tables import Cells, Kind
from clearprop.tables.opening import open_table

__all__ = [
    "Column",
    "check_name",
    "check_replaced",
    "files_of",
    "plain",
    "refuse_to_replace",
    "write_rows",
]

Rows = Iterator[list[Cells]]
"""Blocks of rows: the cells of each column."""


#: Bytes of a table for the screen that are kept in memory; more go to a temporary file.
_IN_MEMORY = 1 << 26


class Column(NamedTuple):
    """A column to write."""

    name: str
    kind: Kind


def check_name(path: str) -> None:
    """See, before a table is opened, that a file can be written and its name tells a format.

    Raises
    ------
    UsageError
        If the name does not tell a format.
    FileError
        If it cannot be written.
    """
    _writer(path)
    check_writable(path)


def files_of(source: object) -> list[Path]:
    """The files that a table's name means, resolved; none for a query."""
    if not isinstance(source, str) or not source:
        return []
    path = os.path.expanduser(source)
    found = [path] if os.path.exists(path) else glob.glob(path, recursive=True)
    return [Path(os.path.realpath(one)) for one in found]


def refuse_to_replace(path: str, what: str, *sources: object) -> None:
    """See that a file to be written is none of those that are read.

    Raises
    ------
    UsageError
        If it is.
    """
    target = Path(os.path.realpath(path))
    for source in sources:
        if target in files_of(source):
            raise UsageError(f"{what} would replace {path}, which is read: name another file")


def check_replaced(path: str, columns: Sequence[Column]) -> None:
    """See that a table at this path, if there is any, has the columns to be written.

    These are the predictions that the same command has written; any other may be somebody's own.

    Raises
    ------
    FileError
        If another file stands there.
    """
    if not os.path.exists(path) or not os.path.getsize(path):  # of nothing, nothing is lost
        return
    try:
        found = open_table(path).names
    except ClearPropError:
        found = ()
    if found != tuple(column.name for column in columns):
        raise FileError(
            f"{path} exists and does not hold such predictions, so it is not replaced: choose "
            "another name, or overwrite it (--overwrite)"
        )


def write_rows(path: str | None, columns: Sequence[Column], rows: Rows) -> None:
    """Write rows to a file, or as CSV to standard output.

    Raises
    ------
    UsageError
        If the name does not tell a format.
    FileError
        If the file cannot be written; what stood there still stands.
    """
    if path is None:
        # Not a line before the last row is known to be good: half a table looks like a whole one.
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as kept:
            _csv(kept, columns, rows)
            kept.seek(0)
            shutil.copyfileobj(kept, sys.stdout.buffer)
        return
    check_name(path)
    write = _writer(path)
    with written_whole(path) as stream:
        if path.lower().endswith(".gz"):
            with gzip.GzipFile(fileobj=stream, mode="wb", mtime=0) as packed:
                write(packed, columns, rows)  # type: ignore[arg-type]
        else:
            write(stream, columns, rows)


def plain(cells: Cells) -> list[Any]:
    """The cells as Python values; None where one is missing, dates as ISO 8601 texts."""
    values: list[Any]
    if cells.values.dtype.kind == "M":
        values = [_date(value) for value in cells.values]
    else:
        values = cells.values.tolist()
    return [value if ok else None for value, ok in zip(values, cells.valid.tolist(), strict=True)]


def _date(value: np.datetime64) -> str:
    day = value.astype("datetime64[D]")
    return str(day if value == day else np.datetime_as_string(value, unit="auto"))


def _writer(path: str) -> Callable[[IO[bytes], Sequence[Column], Rows], None]:
    name = path.lower().removesuffix(".gz")
    for ending, write in _FORMATS.items():
        if name.endswith(ending) and not (path.lower().endswith(".gz") and ending == ".parquet"):
            return write
    endings = ", ".join(_FORMATS)
    raise UsageError(f"cannot tell the format of {path!r}: give it a name that ends in {endings}")


def _csv(stream: IO[bytes], columns: Sequence[Column], rows: Rows) -> None:
    _text_table(stream, columns, rows, ",")


def _tsv(stream: IO[bytes], columns: Sequence[Column], rows: Rows) -> None:
    _text_table(stream, columns, rows, "\t")


def _text_table(stream: IO[bytes], columns: Sequence[Column], rows: Rows, delimiter: str) -> None:
    text = io.TextIOWrapper(stream, "utf-8", newline="")
    _write_csv(text, columns, rows, delimiter)
    text.flush()
    text.detach()


def _write_csv(text: IO[str], columns: Sequence[Column], rows: Rows, delimiter: str = ",") -> None:
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    for block in rows:
        written = [[_shown(value) for value in plain(cells)] for cells in block]
        writer.writerows(zip(*written, strict=True))


def _shown(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value


def _records(columns: Sequence[Column], rows: Rows) -> Iterator[Mapping[str, Any]]:
    names = [column.name for column in columns]
    for block in rows:
        for row in zip(*map(plain, block), strict=True):
            yield dict(zip(names, map(_finite, row), strict=True))


def _json(stream: IO[bytes], columns: Sequence[Column], rows: Rows) -> None:
    for number, record in enumerate(_records(columns, rows)):
        stream.write(b",\n " if number else b"[\n ")
        stream.write(json.dumps(record, ensure_ascii=False, allow_nan=False).encode())
    stream.write(b"\n]\n")


def _json_lines(stream: IO[bytes], columns: Sequence[Column], rows: Rows) -> None:
    for record in _records(columns, rows):
        stream.write(json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n")


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value  # as in JSON


_TYPES: Mapping[Kind, str] = {
    "integer": "BIGINT",
    "real": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "TIMESTAMP",
    "text": "VARCHAR",
}


def _parquet(stream: IO[bytes], columns: Sequence[Column], rows: Rows) -> None:
    """Parquet by way of JSON lines, so that memory does not grow with the rows."""
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        lines, made = Path(folder, "rows.jsonl"), Path(folder, "rows.parquet")
        with lines.open("wb") as text:
            _json_lines(text, columns, rows)
        fields = {column.name: _TYPES[column.kind] for column in columns}
        try:
            with duckdb.connect() as connection:
                table = connection.read_json(str(lines), columns=fields, format="newline_delimited")
                table.write_parquet(str(made))
        except duckdb.Error as error:
            raise FileError(f"cannot write Parquet: {str(error).splitlines()[0]}") from None
        with made.open("rb") as source:
            shutil.copyfileobj(source, stream)


_FORMATS: Mapping[str, Callable[[IO[bytes], Sequence[Column], Rows], None]] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".json": _json,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}
