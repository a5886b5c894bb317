"""CSV and TSV: the delimiter, the header, and the kind of each column, found from all rows."""

from __future__ import annotations

import csv
import glob
import gzip
import io
import re
import sys
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearprop.errors import DataError, FileError
from clearprop.tables.amounts import (
    COMMA,
    CURRENCIES,
    GROUPED,
    POINT,
    UNITS,
    Marks,
    form_of,
    pattern_of_amounts,
)
from clearprop.tables.charset import TextFile
from clearprop.tables.nearly import NEARLY, note_of_dates, note_of_numbers, usual_forms
from clearprop.tables.table import DASHES, HEADLESS, Kind, note_of_missing, unique_names
from clearprop.tables.texts import FORMS, forms_of, note_of_forms, pattern_of

__all__ = [
    "AT_ONCE",
    "Field",
    "Layout",
    "explain_csv",
    "identifier",
    "layout",
    "literal",
    "note_nearly_numeric",
    "typed_fields",
]

_DELIMITERS = (",", "\t", ";", "|")
#: Columns asked about in one query: the time to plan a query grows faster than its length.
AT_ONCE = 100
_DASHES = ", ".join(f"'{dash}'" for dash in DASHES)
_SQL = {"integer": "BIGINT", "real": "DOUBLE"}

#: A date, and a time of day with its offset from UTC. DuckDB reads more: 1-2-3 is a day in year 1.
_ISO = (
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2}"
    r"([ T]+\d{1,2}:\d{2}(:\d{2}([.]\d+)?)? ?(Z|z|UTC|[+-]\d{2}(:?\d{2})?)?)?"
)
_SHORT_YEAR = r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2}"
_MAYBE_DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?"

Ask = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Field:
    """A column as the query gives it: its name for people, its kind, and the SQL that makes it.

    Of dates written in one of `clearprop.tables.texts.FORMS`, that form as well; of numbers in one
    of `clearprop.tables.amounts.AMOUNTS`, that.
    """

    name: str
    kind: Kind
    sql: str
    form: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a delimited file is laid out; `blank` counts the empty lines it begins with."""

    names: tuple[str, ...]
    delimiter: str
    header: bool
    blank: int

    def read_csv(self, files: Sequence[TextFile], missing: Sequence[str]) -> str:
        """The table function that reads the files' cells as text, columns called c0, c1, …"""
        columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(self.names)))
        paths = ", ".join(literal(glob.escape(str(file.path))) for file in files)
        # In a file of one column an empty line is a missing cell; elsewhere it is no row.
        words = ", ".join(literal(space + word) for word in missing for space in ("", " "))
        return (
            f"read_csv([{paths}], auto_detect=false, columns={{{columns}}}, "
            f"header={str(self.header).lower()}, skip={self.blank}, "
            f"delim={literal(self.delimiter)}, quote='\"', escape='\"', nullstr=[{words}], "
            f"strict_mode=true, null_padding=false, ignore_errors=false, max_line_size=33554432, "
            f"compression={literal('gzip' if files[0].compressed else 'none')})"
        )


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def layout(
    file: TextFile, delimiter: str | None, notes: list[str], asked: Set[str] = frozenset()
) -> Layout:
    """Find the delimiter and the header from a file's first rows.

    The delimiter is the one under which most of the first rows have as many cells as the first,
    and more than one. A first row in which every cell is a number is no header, but where it has
    the name of a column that is asked for: years, or what a frame without names is written with.
    """
    if delimiter is None:
        suffix = Path(file.shown.name.lower().removesuffix(".gz")).suffix
        delimiter = "\t" if suffix in (".tsv", ".tab") else _likely(file.head)
    try:
        first = _rows(file.head, delimiter, 1)[0]
    except csv.Error as error:
        raise DataError(f"{file.shown}: its first line cannot be read ({error})") from error
    named = [cell.strip() for cell in first if cell.strip() in asked]
    told = all(_is_number(cell) for cell in first)
    header = bool(named) or not told
    if not header:
        notes.append(
            f"{file.shown.name} has no header: {HEADLESS}; its columns are called x1 to "
            f"x{len(first)}"
        )
    elif told:
        notes.append(
            f"{file.shown.name}: its first row is all numbers and is its header, as the column "
            f"{named[0]!r} is asked for"
        )
    names = first if header else [f"x{place}" for place in range(1, len(first) + 1)]
    if delimiter not in (",", "\t"):
        notes.append(f"{file.shown.name}: cells are divided by {delimiter!r}")
    before = file.head[: len(file.head) - len(file.head.lstrip("\r\n"))]
    blank = len(before.splitlines())
    return Layout(tuple(unique_names(names, notes)), delimiter, header, blank)


def _rows(head: str, delimiter: str, most: int) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter, strict=True):
            if row or rows:
                rows.append(row)
            if len(rows) == most:
                break
    except csv.Error:
        if not rows:  # else the last row is cut where the head ends
            raise
    return rows


def _likely(head: str) -> str:
    best, most = ",", (0.0, 1)
    for delimiter in _DELIMITERS:
        try:
            widths = [len(row) for row in _rows(head[:65536], delimiter, 101) if row]
        except csv.Error:
            continue
        if len(widths) > 2:
            widths = widths[:100]  # the last may be cut
        if widths[0] > 1:
            score = (widths.count(widths[0]) / len(widths), widths[0])
            if score > most:
                best, most = delimiter, score
    return best


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def typed_fields(
    ask: Ask, source: str, found: Layout, as_text: frozenset[str], notes: list[str]
) -> tuple[int, list[Field]]:
    """Count the rows and decide the kind of each column from every cell of it.

    Whole numbers with a leading zero anywhere (zip codes, phone numbers) are text, and so are whole
    numbers beyond 64 bits. Numbers are read as Python's ``float`` reads them. Where all other cells
    are of such a kind, one of `clearprop.tables.table.DASHES` is a missing cell.

    Returns
    -------
    rows : int
    fields : list of Field
    """
    places = range(len(found.names))
    rows, rest = 0, []
    for first in range(0, len(places), AT_ONCE):
        some = ", ".join(_number_counts(f"c{place}") for place in places[first : first + AT_ONCE])
        rows, *counts = ask(f"SELECT count(*), {some} FROM {source}")[0]
        rest += counts
    fields: list[Field] = []
    others: list[int] = []
    for place, name in enumerate(found.names):
        cell, counts = f"c{place}", rest[5 * place : 5 * place + 5]
        field = Field(name, "text", f"nullif(trim({cell}), '')")
        if name not in as_text and counts[0] == counts[1]:
            field = _of_numbers(ask, source, field, cell, counts, notes)
        elif name not in as_text:
            others.append(place)
        fields.append(field)
    for first in range(0, len(others), AT_ONCE):
        part = others[first : first + AT_ONCE]
        # The least cell of a column says which other kinds are worth asking for.
        asked = ", ".join(
            f"count({_undashed(p)}), min({_undashed(p)}), {_maybe_dates(f'c{p}')}" for p in part
        )
        told = ask(f"SELECT {asked} FROM {source}")[0]
        for place, filled, least, dates in zip(
            part, told[::3], told[1::3], told[2::3], strict=True
        ):
            every, *counts = rest[5 * place : 5 * place + 5]
            if not filled:  # texts that are dashes, all of them
                continue
            text, cell = fields[place], f"c{place}" if filled == every else _undashed(place)
            if counts[0] == filled:
                field = _of_numbers(ask, source, text, cell, [filled, *counts], notes)
            else:
                field = _other_kind(ask, source, text, cell, filled, least, found.delimiter, notes)
            if field is text and filled > counts[0] >= NEARLY * filled:
                odd = _odd_one(ask, source, cell)
                nearly = note_of_numbers(text.name, filled - counts[0], filled, odd)
                notes.append(f"{nearly}; leave such cells empty, and it holds numbers")
            if field is text and dates >= NEARLY * filled:
                _note_nearly_dates(ask, source, text.name, cell, filled, notes)
            if field is not text and filled < every:
                dashes = f"SELECT DISTINCT trim(c{place}) AS d FROM {source} WHERE d IN ({_DASHES})"
                notes.append(note_of_missing(text.name, sorted(d for (d,) in ask(dashes))))
            fields[place] = field
    return rows, fields


def _undashed(place: int) -> str:
    """A cell, missing where it is a dash."""
    return f"(CASE WHEN trim(c{place}) NOT IN ({_DASHES}) THEN c{place} END)"


def _of_numbers(
    ask: Ask, source: str, text: Field, cell: str, counts: Sequence[int], notes: list[str]
) -> Field:
    """A column whose cells are all numbers, unless they are rather names; see `_number_counts`."""
    filled, _, whole, fractions, zeros = counts
    if not filled or fractions:
        kind: Kind = "real"
    elif zeros:
        notes.append(f"column {text.name!r} is text: its numbers have leading zeros")
        return text
    elif whole == filled:
        kind = "integer"
    elif _infinite(ask, source, cell):
        kind = "real"
    else:
        notes.append(f"column {text.name!r} is text: its whole numbers exceed 64 bits")
        return text
    return Field(text.name, kind, f"CAST({cell} AS {_SQL[kind]})")


def note_nearly_numeric(
    ask: Ask, source: str, fields: Sequence[Field], advice: str, notes: list[str]
) -> None:
    """Note the columns of text in which all but a few cells are numbers.

    ``advice`` stands behind, its two ``{}`` the column and one such cell as SQL writes them.
    """
    texts = [field for field in fields if field.kind == "text"]
    for first in range(0, len(texts), AT_ONCE):
        some = texts[first : first + AT_ONCE]
        counts = ", ".join(f"count({f.sql}), count(try_cast({f.sql} AS DOUBLE))" for f in some)
        found = ask(f"SELECT {counts} FROM {source}")[0]
        for field, filled, numbers in zip(some, found[::2], found[1::2], strict=True):
            if NEARLY * filled <= numbers < filled:
                odd = _odd_one(ask, source, field.sql)
                told = note_of_numbers(field.name, filled - numbers, filled, odd)
                notes.append(told + advice.format(identifier(field.name), literal(odd)))


def _maybe_dates(cell: str) -> str:
    """How many cells look like dates: of those that begin with a digit, for the others cost."""
    written = f"regexp_full_match(trim({cell}), {literal(_MAYBE_DATE)})"
    return (
        f"count(CASE WHEN trim({cell}) >= '0' AND trim({cell}) < ':' THEN "
        f"CASE WHEN {written} THEN 1 END END)"
    )


def _note_nearly_dates(
    ask: Ask, source: str, name: str, cell: str, filled: int, notes: list[str]
) -> None:
    """Note a column of text in which all but a few cells are dates, most of one form."""
    tests = {form: _is_date(cell, form) for form in ("", *FORMS)}
    any_form = " OR ".join(tests.values())
    asked = ", ".join(f"count_if({test})" for test in (any_form, *tests.values()))
    dates, *counts = ask(f"SELECT {asked} FROM {source}")[0]
    by_form = dict(zip(tests, counts, strict=True))
    forms = usual_forms(by_form)
    odd = filled - by_form[forms[0]]
    if dates < NEARLY * filled or not odd:
        return
    row, one = ask(
        f"SELECT r, c FROM (SELECT row_number() OVER () AS r, trim({cell}) AS c, "
        f"{tests[forms[0]]} AS fits FROM {source}) "
        "WHERE c IS NOT NULL AND fits IS NOT TRUE ORDER BY r LIMIT 1"
    )[0]
    notes.append(note_of_dates(name, forms, odd, filled, one, row))


def _is_date(cell: str, form: str) -> str:
    """The test whether a cell is a date of a form, or for "" as ISO 8601 has it.

    What is written otherwise DuckDB reads too: 13/05/24 as a day of the year 24.
    """
    if not form:
        finite = f"isfinite(try_cast({cell} AS TIMESTAMPTZ))"
        return f"(regexp_full_match(trim({cell}), {literal(_ISO)}) AND {finite})"
    read = f"try_strptime(trim({cell}), {literal(form)}) IS NOT NULL"
    return f"(regexp_full_match(trim({cell}), {literal(pattern_of(form))}) AND {read})"


def _number_counts(cell: str) -> str:
    fraction = " OR ".join(f"contains({cell}, '{mark}')" for mark in ".eE")
    return (
        f"count({cell}), count(try_cast({cell} AS DOUBLE)), count(try_cast({cell} AS BIGINT)), "
        f"count_if({fraction}), count_if(starts_with({cell}, '0') AND length({cell}) > 1)"
    )


def _other_kind(
    ask: Ask,
    source: str,
    text: Field,
    cell: str,
    filled: int,
    least: str,
    delimiter: str,
    notes: list[str],
) -> Field:
    """Another kind than text, if every cell is of it."""

    def fitting(tests: Sequence[str]) -> list[bool]:
        found = ask(f"SELECT {', '.join(f'count({test})' for test in tests)} FROM {source}")[0]
        return [count == filled for count in found]

    name, trimmed = text.name, f"trim({cell})"
    least = least.strip()
    if least.lower() in ("true", "false"):
        if fitting([f"CASE WHEN lower({trimmed}) IN ('true', 'false') THEN 1 END"])[0]:
            return Field(name, "boolean", f"(lower({trimmed}) = 'true')")
    elif re.fullmatch(_ISO, least):
        # One with an offset is a moment too: in UTC, as all others are.
        if fitting([f"CASE WHEN {_is_date(cell, '')} THEN 1 END"])[0]:
            return Field(name, "date", f"make_timestamp(epoch_us(CAST({cell} AS TIMESTAMPTZ)))")
    elif any(re.fullmatch(pattern_of_amounts(marks), least) for marks in (POINT, COMMA)):
        found = _amounts(ask, source, text, trimmed, delimiter, notes)
        if found is not None:
            return found
    elif re.fullmatch(_SHORT_YEAR, least):
        written = f"regexp_full_match({trimmed}, {literal(_SHORT_YEAR)})"
        if fitting([f"CASE WHEN {written} THEN 1 END"])[0]:
            notes.append(
                f"column {name!r} is text: if it holds dates, their years have two digits; write "
                "them as in 2024-12-31"
            )
    likely = forms_of([least])
    if likely:
        fits = fitting([f"CASE WHEN {_is_date(cell, form)} THEN 1 END" for form in likely])
        forms = [form for form, fit in zip(likely, fits, strict=True) if fit]
        if forms:
            notes.append(note_of_forms(name, forms))
        if len(forms) == 1:
            sql = f"strptime({trimmed}, {literal(forms[0])})"
            return Field(name, "date", sql, forms[0])
    return text


def _amounts(
    ask: Ask, source: str, text: Field, cell: str, delimiter: str, notes: list[str]
) -> Field | None:
    """A column of numbers with a currency, per cent, or commas; the sums are `marks_of`'s."""

    def count(test: str) -> str:
        return f"count_if({test})"

    def like(pattern: str) -> str:
        return f"regexp_full_match({cell}, {literal(pattern)})"

    signs = f"regexp_extract({cell}, '[{CURRENCIES}]')"
    counts = [
        f"count({cell})",
        *(count(like(pattern_of_amounts(marks))) for marks in (POINT, COMMA)),
        count(f"ends_with({cell}, '%')"),
        count(f"{signs} <> ''"),
        f"count(DISTINCT nullif({signs}, ''))",
        *(count(f"contains({cell}, '{mark}')") for mark in ".,"),
        count(f"regexp_matches({cell}, {literal(GROUPED)})"),
        f"coalesce(min(nullif({signs}, '')), '')",
    ]
    marks = Marks(*ask(f"SELECT {', '.join(counts)} FROM {source}")[0])
    own: list[str] = []
    form = form_of(text.name, marks, own, decimal_commas=delimiter != ",")
    number = f"regexp_replace({cell}, {literal(UNITS)}, '', 'g')"
    if POINT in form:
        number = f"replace({number}, ',', '')"
    else:
        number = f"replace(replace({number}, '.', ''), ',', '.')"
    finite = count(f"isfinite(try_cast({number} AS DOUBLE))")
    if form and ask(f"SELECT {finite} FROM {source}")[0][0] != marks.cells:
        return None
    notes += own
    return Field(text.name, "real", f"CAST({number} AS DOUBLE)", form) if form else None


def _infinite(ask: Ask, source: str, cell: str) -> bool:
    test = f"isinf(try_cast({cell} AS DOUBLE)) AND contains(lower({cell}), 'n')"
    return bool(ask(f"SELECT count_if({test}) FROM {source}")[0][0])


def _odd_one(ask: Ask, source: str, cell: str) -> str:
    test = f"{cell} IS NOT NULL AND try_cast({cell} AS DOUBLE) IS NULL"
    return str(ask(f"SELECT min({cell}) FROM {source} WHERE {test}")[0][0])


def explain_csv(text: str, files: Sequence[TextFile], found: Layout) -> Exception:
    """The reader's message about a malformed file, as one sentence with the line and the fix."""
    where = re.search(r"^\s*file = (.*)$", text, re.MULTILINE)
    named = where[1].strip() if where else ""
    file = next((file for file in files if str(file.path) == named), files[0])
    line, cells = _bad_line(file, found)
    at = f"{file.shown}, line {line}" if line else str(file.shown)
    if cells:
        return DataError(
            f"{at} has {cells} cell{'s' if cells > 1 else ''} where the header has "
            f"{len(found.names)}: add or remove a {found.delimiter!r} there, or quote the cell "
            "that has one"
        )
    if "unterminated quote" in text:
        return DataError(f'{at}: a quoted cell does not end: close it with " or remove the "')
    if "quote" in text.split("Possible", 1)[0].lower():
        return DataError(f'{at}: a " stands inside a cell: write it twice and quote the cell')
    if "invalid state" in text:
        hint = 'look for a stray ", or for line ends of several kinds'
        return DataError(f"{at}: this is no well-formed CSV: {hint}")
    first = text.strip().split("\n", 1)[0]
    return FileError(f"{at} cannot be read: {first}")


def _bad_line(file: TextFile, found: Layout) -> tuple[int, int]:
    """The line where the first bad row begins, and its number of cells; 0 for not known.

    The fast reader counts rows, of which one may span many lines; people's editors count lines.
    """
    width, line = len(found.names), 0
    opened = gzip.open if file.compressed else open
    limit = csv.field_size_limit(sys.maxsize)  # an open quote swallows the rest of the file
    with opened(file.path, "rt", encoding="utf-8-sig", newline="") as text:
        rows = csv.reader(text, delimiter=found.delimiter, strict=True)
        try:
            for row in rows:
                if len(row) != width and (row or width == 1 < len(row)):
                    return line + 1, len(row)
                line = rows.line_num
        except csv.Error:
            return line + 1, 0
        finally:
            csv.field_size_limit(limit)
    return 0, 0
