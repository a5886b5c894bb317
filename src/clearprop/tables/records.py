"""Where a JSON file is malformed: looked for once a reading has failed, line by line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from clearprop.tables.charset import TextFile
from clearprop.words import shown

__all__ = ["explain_records"]

#: Characters of an array that are read to find its bad place.
_MOST = 1 << 26


def explain_records(files: Sequence[TextFile]) -> str | None:
    """Name the first place that is no record, of JSON lines or of an array; None if there is none.

    Returns
    -------
    str or None
        A sentence with the file, the line and what is there.
    """
    for file in files:
        with _opened(file) as text:
            start = text.read(4096).lstrip()[:1]
            text.seek(0)
            found = _of_array(text) if start == "[" else _of_lines(text)
        if found is not None:
            return f"{file.shown.name}, {found}"
    return None


def _opened(file: TextFile) -> IO[str]:
    if file.compressed:
        return gzip.open(file.path, "rt", encoding="utf-8-sig", errors="replace")
    return open(file.path, encoding="utf-8-sig", errors="replace")


def _of_lines(text: Iterable[str]) -> str | None:
    for number, line in enumerate(text, start=1):
        if line.strip():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                return f"line {number} is no JSON: {shown(line.strip())}; mend the line"
            if not isinstance(record, dict):
                return (
                    f"line {number} is no record but {shown(record)}: write each row as an object "
                    'such as {"x": 1}'
                )
    return None


def _of_array(text: IO[str]) -> str | None:
    whole = text.read(_MOST)
    if len(whole) == _MOST:
        return None
    try:
        rows = json.loads(whole)
    except RecursionError:
        return "is nested too deep"
    except json.JSONDecodeError as error:
        return f"line {error.lineno}, character {error.colno} is no JSON; mend it"
    for number, record in enumerate(_records(rows), start=1):
        if not isinstance(record, dict):
            return (
                f"row {number} is no record but {shown(record)}: write each row as an object "
                'such as {"x": 1}'
            )
    return None


def _records(rows: object) -> Iterator[object]:
    yield from rows if isinstance(rows, list) else [rows]
