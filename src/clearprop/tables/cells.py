"""One column's cells as what a recipe reads: numbers, names of levels, truth values, days.

Whatever a column was in training, a later table may hold it in another kind: numbers as text, true
and false as 1 and 0. What can be read is read; the first cell that cannot is named. Of numbers,
truth values and dates a text such as "?" says that there is none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError
from clearprop.tables.amounts import amount_of, unit_of
from clearprop.tables.table import NO_VALUE, Cells
from clearprop.tables.texts import moment_of, read_texts

__all__ = [
    "READERS", "Role", "UnreadableError", "date_names", "level_places", "one_name", "read_days",
    "read_names", "read_numbers", "respelt",
]  # fmt: skip

#: What a column is to a network.
Role = Literal["number", "category", "boolean", "date"]

_DAY = 86_400_000_000  # microseconds
_MONTH = re.compile(r"\d{4}(-\d{2})?", re.ASCII)
_TRUTH = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "1": 1.0, "0": 0.0}


class UnreadableError(DataError):
    """A cell that is not what its column is read as.

    Attributes
    ----------
    name : str
        The column.
    row : int
        From 1.
    shown : str
        The cell, as messages show it.
    """

    def __init__(self, told: str, name: str = "", row: int = 0, shown: str = "") -> None:
        super().__init__(told)
        self.name, self.row, self.shown = name, row, shown

    def as_asked(self, what: str, asked: str) -> DataError:
        """The error, where the user said what the column is: nothing tells that it holds that.

        Parameters
        ----------
        what : str
            "column" or "target".
        asked : str
            What it was asked for as, such as "a number".
        """
        return DataError(
            f"{what} {self.name!r} is asked for as {asked}, but row {self.row} has {self.shown}: "
            "mend the value, leave the cell empty, or do not ask for that"
        )


def read_numbers(cells: Cells, name: str, start: int, form: str = "") -> Cells:
    """float64 values; text is parsed as Python's ``float`` does, truth values are 1 and 0.

    Texts are read in ``form``, too, one of `clearprop.tables.amounts.AMOUNTS`.

    Raises
    ------
    DataError
        At the first cell that is no finite number, by its row (counted from 1): `UnreadableError`
        if it is no number at all.
    """
    values, valid = cells
    if not valid.any():  # whatever it would have held
        return _nothing(cells)
    kind = values.dtype.kind
    if kind == "O":
        parse = partial(amount_of, form=form) if form else float
        wanted = f"numbers like {form}" if unit_of(form) else "numbers"
        return _parsed(cells, name, start, parse, wanted)
    if kind == "M":
        raise _wrong(cells, name, start, "numbers", "dates")
    numbers = values.astype(np.float64, copy=False)
    infinite = np.isinf(numbers) & valid
    if infinite.any():
        row = int(np.argmax(infinite))
        raise DataError(
            f"column {name!r} is infinite in row {start + row + 1}: "
            "mend the value, or leave the cell empty"
        )
    return Cells(numbers, valid)


def read_names(cells: Cells, name: str, start: int) -> Cells:
    """Names of levels, as Python strings: 3 and 3.0 are both "3", truth values "true", "false"."""
    values, valid = cells
    if values.dtype.kind == "O":
        return cells
    out = np.full(len(values), "", object)
    unique, inverse = np.unique(values[valid], return_inverse=True)
    out[valid] = np.array([_name(level) for level in unique], object)[inverse]
    return Cells(out, valid)


def respelt(names: Cells, levels: Sequence[str]) -> Cells:
    """Names of levels in the spelling of ``levels``, where they are none of them as they are.

    What kind a column's cells are depends on all of them: True beside a text is "True", among truth
    values alone "true".
    """
    there = names.valid & ~np.isin(names.values, levels)
    unknown = dict.fromkeys(names.values[there].tolist())
    if not unknown:
        return names
    other: dict[str, str] = {}
    for level in levels:
        other.setdefault(one_name(level), level)
    found = {name: other.get(one_name(name), name) for name in unknown}
    values = names.values.copy()
    values[there] = [found[name] for name in values[there].tolist()]
    return Cells(values, names.valid)


def level_places(names: Cells) -> NDArray[np.int64]:
    """Return the place of each text among those there are, from 1; 0 where a cell is missing.

    Examples
    --------
    >>> level_places(Cells(np.array(["b", "a", "", "b"], object), np.arange(4) != 2)).tolist()
    [1, 2, 0, 1]
    """
    texts = names.values[names.valid].tolist()
    place = {text: number for number, text in enumerate(dict.fromkeys(texts), start=1)}
    out = np.zeros(len(names.values), np.int64)
    out[names.valid] = np.fromiter(map(place.__getitem__, texts), np.int64, len(texts))
    return out


def one_name(text: str) -> str:
    """Return the one spelling of a level that may be written in several: "1.0", "TRUE", a date.

    Examples
    --------
    >>> [one_name(text) for text in ("True", "1.50", "007", "2024-03-01 00:00:00", "red")]
    ['true', '1.5', '007', '2024-03-01', 'red']
    """
    if text.lower() in ("true", "false"):
        return text.lower()
    found = read_texts([text, text], whole=True)
    return text if found is None else _name(np.array(found[1])[0])


def _name(level: Any) -> str:
    if isinstance(level, np.bool_):
        return "true" if level else "false"
    if isinstance(level, np.datetime64):
        return str(level).removesuffix(".000000").removesuffix("T00:00:00")
    number = level.item()
    # Beyond 2⁵³ a double is no exact count any more, and is written as a double.
    whole = isinstance(number, int) or (number.is_integer() and abs(number) < 2**53)
    return str(int(number)) if whole else repr(number)


def date_names(dates: np.ndarray[Any, Any]) -> list[str]:
    """Return the names of dates as levels, to the microsecond.

    Examples
    --------
    >>> date_names(np.array(["2024-03-01", "2024-03-01T12:30"], "datetime64[ns]"))
    ['2024-03-01', '2024-03-01T12:30:00']
    """
    return [_name(date) for date in dates.astype("datetime64[us]")]


def read_booleans(cells: Cells, name: str, start: int) -> Cells:
    """1.0 and 0.0; the numbers 1 and 0 and the words true, false, yes, no are taken too."""
    values, valid = cells
    if not valid.any():
        return _nothing(cells)
    if values.dtype.kind == "O":
        return _parsed(cells, name, start, lambda text: _TRUTH[text.lower()], "true or false")
    if values.dtype.kind == "M":
        raise _wrong(cells, name, start, "true or false", "dates")
    numbers = values.astype(np.float64)
    odd = valid & (numbers != 0) & (numbers != 1)
    if odd.any():
        row = int(np.argmax(odd))
        raise _cell(name, start + row, "true or false", values[row])
    return Cells(numbers, valid)


def read_days(cells: Cells, name: str, start: int, form: str = "") -> Cells:
    """Days since 1970-01-01 as float64, with the time of day as their fraction.

    Texts are read as ISO 8601 has them, and in ``form``, one of `clearprop.tables.texts.FORMS`.
    """
    values, valid = cells
    if not valid.any():
        return _nothing(cells)
    if values.dtype.kind == "O":
        wanted = f"dates like {form}" if form else "dates"
        return _parsed(cells, name, start, partial(_days_of_text, form=form), wanted)
    if values.dtype.kind != "M":
        raise _wrong(cells, name, start, "dates", "numbers")
    micros = values.astype("datetime64[us]").astype(np.int64)
    return Cells(np.where(valid, micros / _DAY, np.nan), valid)


def _nothing(cells: Cells) -> Cells:
    """No number in any row."""
    return Cells(np.full(len(cells.values), np.nan), cells.valid)


def _days_of_text(text: str, form: str) -> float:
    text = text.strip()
    # A month or a year is its first day, where the column is said to hold dates.
    moment = np.datetime64(text, "us") if _MONTH.fullmatch(text) else moment_of(text, form)
    return float(moment.astype(np.int64)) / _DAY


def _parsed(
    cells: Cells, name: str, start: int, parse: Callable[[str], float], wanted: str
) -> Cells:
    out = np.full(len(cells.values), np.nan)
    known = dict.fromkeys(NO_VALUE, math.nan)  # dates are few different ones, and take long to read
    for row in np.flatnonzero(cells.valid).tolist():
        text = cells.values[row]
        try:
            if text not in known:
                known[text] = parse(text)
            out[row] = known[text]
        except (ValueError, KeyError):
            raise _cell(name, start + row, wanted, cells.values[row]) from None
    finite = Cells(out, cells.valid & ~np.isnan(out))
    return read_numbers(finite, name, start)


def _cell(name: str, row: int, wanted: str, value: object) -> UnreadableError:
    shown = f"{value!r}" if isinstance(value, str) else f"{value}"
    mend = "write it as in 2024-12-31" if wanted.startswith("dates") else "mend the value"
    told = (
        f"column {name!r} holds {wanted}, but row {row + 1} has {shown}: "
        f"{mend}, or leave the cell empty"
    )
    return UnreadableError(told, name, row + 1, shown)


def _wrong(cells: Cells, name: str, start: int, wanted: str, got: str) -> UnreadableError:
    first = int(np.argmax(cells.valid))
    row, shown = start + first + 1, _name(cells.values[first])
    told = f"column {name!r} holds {wanted}, but this table has {got} in it, {shown} in row {row}"
    return UnreadableError(told, name, row, shown)


#: How the cells of a column are read, after its role.
READERS: dict[Role, Callable[[Cells, str, int], Cells]] = {
    "number": read_numbers,
    "category": read_names,
    "boolean": read_booleans,
    "date": read_days,
}
