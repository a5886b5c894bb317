"""Which files a name means, and which family of formats each of them is.

A file's name says it, its first bytes confirm it; a name that means none is answered with the
nearest there is. Proved by ``tests/test_tables_reading.py``.
"""

from __future__ import annotations

import difflib
import glob
import os
import re
import stat
from pathlib import Path

from clearprop.errors import FileError
from clearprop.storage import named
from clearprop.tables.charset import signature
from clearprop.words import nearest

__all__ = ["check_table", "first_bytes", "group_of", "is_table", "paths_of"]

_TEXT = (".csv", ".tsv", ".tab", ".txt", ".data")
_JSON = (".jsonl", ".ndjson", ".json")
_PARQUET = (".parquet", ".pq")
_ARROW = (".arrow", ".feather", ".ipc", ".arrows")


def paths_of(source: str) -> list[Path]:
    """The file of this name, or all files that a glob matches, in the order of their names."""
    path = Path(os.path.expanduser(named(source, "table")))
    if re.match(r"[a-z][a-z0-9+.-]+://", source, re.IGNORECASE):
        raise FileError(f"{source} is an address: fetch the file, and name it here")
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        pass
    except NotADirectoryError:
        raise FileError(f"there is no file {source}: a part of its path is no folder") from None
    except OSError as error:
        raise FileError(f"{source[:300]} cannot be read: {error.strerror or error}") from None
    else:
        if stat.S_ISDIR(mode):
            raise FileError(
                f"{source} is a folder: name a file in it, or a pattern such as {source}/*.csv"
            )
        if not stat.S_ISREG(mode):  # a pipe may wait for ever, a device never end
            raise FileError(f"{source} is no plain file; name a CSV, JSON lines or Parquet file")
        return [path]
    if glob.has_magic(source):
        found = sorted(Path(match) for match in glob.glob(str(path), recursive=True))
        found = [match for match in found if match.is_file()]
        if not found:
            raise FileError(f"no file matches {source}")
        return found
    if not path.parent.exists():
        raise FileError(f"there is no file {source}: there is no folder {path.parent}")
    there = sorted(item.name for item in path.parent.iterdir() if item.is_file())
    near = _nearest_file(path.name, [name for name in there if is_table(name)])
    hint = (
        f": did you mean {str(path.parent / near) if path.parent != Path('.') else near!r}?"
        if near
        else ""
    )
    raise FileError(f"there is no file {source}{hint}")


def check_table(source: str) -> None:
    """See by their names and first bytes that the files of this name are tables.

    Raises
    ------
    FileError
        If there are none, or one is none.
    """
    for path in paths_of(source):
        group_of(path)


def is_table(name: str) -> bool:
    """Whether a file of this name is a table, by its ending."""
    suffix = Path(name.lower().removesuffix(".gz")).suffix
    return suffix in (*_TEXT, *_JSON, *_PARQUET, *_ARROW)


def _nearest_file(name: str, there: list[str]) -> str | None:
    # The same stem with another suffix is what people mean most often. Otherwise stems are
    # compared: that two names end in .csv makes them no nearer.
    stem = name.split(".")[0]
    same = [other for other in there if other.split(".")[0] == stem]
    if same:
        return difflib.get_close_matches(name, same, 1, 0)[0]
    near = nearest(stem, [other.split(".")[0] for other in there])
    return next((other for other in there if other.split(".")[0] == near), None)


def first_bytes(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(64)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from error


def group_of(path: Path) -> str:
    """The family of formats a file's name says, checked against its first bytes."""
    name = path.name.lower()
    suffix = Path(name.removesuffix(".gz")).suffix
    start = first_bytes(path)
    if not start:
        raise FileError(f"{path} is empty: there is nothing to read in it")
    found = signature(start)
    for group, suffixes, expected, none in (
        ("parquet", _PARQUET, ".parquet", "no Parquet file"),
        ("arrow", _ARROW, ".arrow", "no Arrow file"),
    ):
        if suffix in suffixes:
            if found is None or found[1] not in (expected, ".feather"):
                what = found[0] if found else none
                raise FileError(f"{path} is {what}, though its name ends in {suffix}")
            return group
    if suffix in _JSON:
        return "json"
    if suffix in _TEXT or found is None:
        return "delimited"  # if its bytes say otherwise, preparing the text names it
    if found[1] == ".parquet":
        return "parquet"
    if found[1] == ".gz":
        if name.endswith(".gz"):
            return "delimited"
        raise FileError(f"{path} is gzip-compressed: rename it to end in .gz")
    raise FileError(f"{path} is {found[0]}: name a CSV, TSV, JSON lines, Parquet or Arrow file")
