"""Tables that are in memory already: frames of any kind, dicts, lists of records, NumPy arrays."""

from __future__ import annotations

import datetime
import decimal
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError
from clearprop.tables.amounts import amount_of, form_of, marks_of, may_be_amount
from clearprop.tables.arrow import read_all
from clearprop.tables.nearly import note_of_texts
from clearprop.tables.places import apart, called
from clearprop.tables.table import (
    DTYPES,
    FILL,
    NO_VALUE,
    Cells,
    Column,
    Kind,
    MemoryTable,
    note_of_missing,
    unique_names,
)
from clearprop.tables.texts import forms_of, moment_of, note_of_forms, read_texts

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["open_memory"]

_READ_AS = {"date": "dates", "real": "numbers", "integer": "numbers"}


def open_memory(data: object, as_text: Sequence[str] = ()) -> MemoryTable:
    """Open what is in memory as a table.

    Texts that are all dates, or all numbers with fractions, are read as such; of an array of texts,
    whole numbers too. Dates begin with the year, or all cells agree where the day stands; numbers
    may have a currency, per cent, marks at the thousands (`clearprop.tables.amounts`). Among
    them "?", "NA", "-" and the like are missing cells, as in a file, and whole numbers are numbers.
    Where nearly all are so, the note of the column names one that is not.

    Parameters
    ----------
    data : frame, dict, list of dicts, or array of shape (m, n)
        Anything narwhals knows (pandas, Polars, PyArrow, …) or that exports an Arrow stream;
        ``{name: values}``; ``[{name: value}, …]``, where a name that is not there is missing;
        an array, whose columns are called x1 to xn.
    as_text : sequence of str
        Columns whose texts stay texts, whatever they look like.

    Raises
    ------
    DataError
        If it is none of these, is empty, or its columns have different lengths.
    """
    notes: list[str] = []
    names_alone, of_texts = set(as_text), set[str]()  # in the latter a number is a text as well
    if isinstance(data, np.ndarray):
        columns = _array_columns(data)
        of_texts |= set(columns) if data.dtype.kind in "UT" else set()
    elif isinstance(data, Mapping):
        columns = {name: _cells_of(data[key], name) for name, key in _named(data).items()}
        of_texts |= {str(key) for key, values in data.items() if _is_of_texts(values)}
    elif isinstance(data, Sequence) and data and all(isinstance(row, Mapping) for row in data):
        columns = _record_columns(data)
    else:
        try:
            columns = _frame_columns(data, notes, names_alone)
        except UnicodeEncodeError as error:
            raise DataError(
                f"the frame has {error.object!r} in it, which has half a character: read the data "
                "again in its own encoding"
            ) from None
    if not columns:
        raise DataError("; ".join(("the table has no columns", *notes)))
    lengths = {name: len(cells.values) for name, (cells, _) in columns.items()}
    if len(set(lengths.values())) > 1:
        first, *rest = lengths
        other = next(name for name in rest if lengths[name] != lengths[first])
        raise DataError(
            f"column {first!r} has {lengths[first]} rows and column {other!r} {lengths[other]}: "
            "all columns of a table need the same number"
        )
    if not next(iter(lengths.values())):
        raise DataError("the table has no rows; there is nothing to read in it")
    cells_of, made = {}, []
    for name, (cells, kind) in columns.items():
        form = ""
        if kind == "text" and name not in names_alone:
            cells, kind, form = _read(cells, name, name in of_texts, notes)
            if kind == "text" and (note := note_of_texts(name, cells, name in of_texts)):
                notes.append(note)
        cells_of[name] = cells
        made.append(Column(name, kind, form))
    return MemoryTable(cells_of, made, notes=tuple(notes))


def _is_of_texts(values: object) -> bool:
    return isinstance(values, np.ndarray) and values.dtype.kind in "UT"


def _read(cells: Cells, name: str, whole: bool, notes: list[str]) -> tuple[Cells, Kind, str]:
    """A column of texts as what they stand for, if that is something else; and its form."""
    there = cells.values[cells.valid].tolist()
    first = [next((text for text in there if text not in NO_VALUE), "")]
    maybe_dates, maybe_amounts = bool(forms_of(first)), bool(may_be_amount(first[0]))
    if not maybe_dates and not maybe_amounts and read_texts(first * 2, whole=True) is None:
        return cells, "text", ""  # most columns of texts
    different = dict.fromkeys(there)
    none = [text for text in different if text in NO_VALUE]
    place = {text: at for at, text in enumerate(text for text in different if text not in NO_VALUE)}
    forms = forms_of(list(place)) if maybe_dates and len(place) > 1 else []
    if forms:
        notes.append(note_of_forms(name, forms))
    form = forms[0] if len(forms) == 1 else ""
    kind: Kind
    values: list[Any]
    found = None if form else read_texts(list(place), whole=whole or bool(none))
    if form:
        kind, values = "date", [moment_of(text, form) for text in place]
    elif found is not None:
        kind, values = found
        notes.append(f"column {name!r}: its texts are read as {_READ_AS[kind]}")
    else:
        read = _amounts(list(place), name, notes) if maybe_amounts and len(place) > 1 else None
        if read is None:
            return cells, "text", ""
        kind, (form, values) = "real", read
    if none:
        notes.append(note_of_missing(name, none))
        place |= dict.fromkeys(none, -1)
        values.append(FILL[kind])
    out = np.full(len(cells.valid), FILL[kind], DTYPES[kind])
    at = np.fromiter(map(place.__getitem__, there), np.intp, len(there))
    valid = cells.valid.copy()
    valid[cells.valid] = at >= 0
    out[cells.valid] = np.array(values, DTYPES[kind])[at]
    return Cells(out, valid), kind, form


def _amounts(texts: list[str], name: str, notes: list[str]) -> tuple[str, list[Any]] | None:
    """Numbers with a currency, per cent, or commas: their form, and what they are."""
    own: list[str] = []
    form = form_of(name, marks_of(texts), own)
    try:
        values = [amount_of(text, form) for text in texts] if form else []
    except ValueError:  # one that float64 does not hold
        return None
    notes += own
    return (form, values) if form else None


def _array_columns(array: NDArray[Any]) -> dict[str, tuple[Cells, Kind]]:
    if array.dtype.names:
        return {name: _cells_of(array[name], name) for name in array.dtype.names}
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise DataError(f"an array of shape {array.shape} is no table: give rows and columns")
    return {
        f"x{place + 1}": _cells_of(array[:, place], f"x{place + 1}")
        for place in range(array.shape[1])
    }


def _record_columns(rows: Sequence[Mapping[str, object]]) -> dict[str, tuple[Cells, Kind]]:
    keys = dict.fromkeys(key for row in rows for key in row)
    return {
        name: _from_objects([row.get(cast(str, key)) for row in rows], name)
        for name, key in _named(keys).items()
    }


def _named(keys: Iterable[object]) -> dict[str, object]:
    """Keys by what their columns are called.

    Raises
    ------
    DataError
        If two are called the same, as 1 and "1" are.
    """
    named: dict[str, object] = {}
    for key in keys:
        if str(key) in named:
            raise DataError(
                f"two columns are called {str(key)!r}, {named[str(key)]!r} and {key!r}: rename one"
            )
        named[str(key)] = key
    return named


def _cells_of(values: object, name: str) -> tuple[Cells, Kind]:
    """A column from anything like an array."""
    if isinstance(values, np.ma.MaskedArray):
        cells, kind = _cells_of(values.data, name)
        valid = cells.valid & ~np.ma.getmaskarray(values)
        return _filled(cells.values.copy(), valid, kind), kind
    if isinstance(values, set | frozenset):
        raise DataError(f"column {name!r} is a set, which has no order: give a list")
    if not isinstance(values, np.ndarray):
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise DataError(
                f"column {name!r} is one value, {values!r}: give one value a row, or rows as a "
                "list of dicts"
            )
        if hasattr(values, "__array__"):
            values = np.asarray(values)
        else:
            return _from_objects(list(values), name)
    if values.ndim != 1:
        raise DataError(f"column {name!r} has shape {values.shape}: give one value a row")
    dtype = values.dtype
    if dtype.kind == "b":
        return Cells(values, np.ones(len(values), np.bool_)), "boolean"
    if dtype.kind in "iu":
        return _whole(values, np.ones(len(values), np.bool_))
    if dtype.kind == "f":
        real = values.astype(np.float64)
        return Cells(real, ~np.isnan(real)), "real"
    if dtype.kind == "M":
        dates, there = values.astype("datetime64[us]"), ~np.isnat(values)
        fine = np.datetime_data(dtype)[0] in ("us", "ns", "ps", "fs", "as")
        if not fine and (dates.astype(dtype) != values)[there].any():
            raise DataError(
                f"column {name!r} has a date that 64 bits of microseconds do not hold: mend it, or "
                "leave the cell empty"
            )
        return Cells(dates, there), "date"
    if dtype.kind == "m":
        seconds = values.astype("timedelta64[us]").astype(np.int64) / 1e6
        return _filled(seconds, ~np.isnat(values), "real"), "real"
    if dtype.kind in "UTO":
        return _from_objects(values.tolist(), name)
    raise DataError(f"column {name!r} holds {dtype} values, which no network reads")


def _whole(values: NDArray[Any], valid: NDArray[np.bool_]) -> tuple[Cells, Kind]:
    """Whole numbers; where 64 bits with a sign do not hold them, texts, as in a file."""
    if values.dtype == np.uint64 and (values[valid] >> np.uint64(63)).any():
        return _filled(values.astype(str).astype(object), valid, "text"), "text"
    return Cells(values.astype(np.int64), valid), "integer"


def _from_objects(values: list[Any], name: str) -> tuple[Cells, Kind]:
    """A column from Python values of any type; what is not all of one kind is text.

    A million texts are mostly few texts: each is looked at once.
    """
    distinct = _distinct_texts(values)
    if distinct is None:
        return _from_each(values, name)
    cells, kind = _from_each(distinct, name)
    place = {text: at for at, text in enumerate(distinct)}
    at = np.fromiter(map(place.__getitem__, values), np.intp, len(values))
    return Cells(cells.values[at], cells.valid[at]), kind


def _distinct_texts(values: list[Any]) -> list[Any] | None:
    """The different values of a column of texts, NaN and None, where they are worth knowing."""
    types = set(map(type, values))
    if str not in types or not types <= {str, float, type(None)}:
        return None
    distinct = list(dict.fromkeys(values))
    if 2 * len(distinct) > len(values):
        return None
    numbers = any(isinstance(value, float) and value == value for value in distinct)
    return None if numbers else distinct  # 0.0 equals -0.0, which reads otherwise


def _from_each(values: list[Any], name: str) -> tuple[Cells, Kind]:
    """A column from its values, each looked at."""
    valid = np.array([not _is_missing(value) for value in values], np.bool_)
    there = [value for value, ok in zip(values, valid, strict=True) if ok]
    kind, convert = _kind_of(there, name)
    out = np.full(len(values), FILL[kind], DTYPES[kind])
    if there:
        block = np.empty(len(there), DTYPES[kind])
        block[:] = [convert(value) for value in there]
        out[valid] = block
        if kind == "real":
            valid = valid & ~np.isnan(out)
    return Cells(out, valid), kind


def _is_missing(value: object) -> bool:
    if value is None or isinstance(value, str):
        return not value
    if isinstance(value, np.ndarray):
        return False
    # NaN, NaT and pandas.NA are the values that do not equal themselves.
    same: Any = value == value
    return not isinstance(same, bool | np.bool_) or not same


def _kind_of(values: list[Any], name: str) -> tuple[Kind, Any]:
    def all_are(*types: type) -> bool:
        return all(isinstance(value, types) for value in values)

    if any(isinstance(value, list | tuple | dict | set | bytes | np.ndarray) for value in values):
        raise DataError(f"column {name!r} holds a value for several cells: give one a row")
    if any(isinstance(value, complex | np.complexfloating) for value in values):
        raise DataError(f"column {name!r} holds complex numbers: split them in two columns")
    if not values:
        return "real", float
    if all_are(bool, np.bool_):
        return "boolean", bool
    if all_are(numbers.Integral) and not any(isinstance(value, bool) for value in values):
        whole = all(-(2**63) <= value < 2**63 for value in values)
        return ("integer", int) if whole else ("text", _digits)
    if all_are(numbers.Real, decimal.Decimal) and not any(isinstance(v, bool) for v in values):
        return "real", lambda value: _real(value, name)
    if all_are(datetime.date, np.datetime64):
        return "date", _moment
    if all_are(datetime.time, datetime.timedelta):
        return "real", _seconds
    return "text", lambda value: _text(value, name)


def _text(value: object, name: str) -> str:
    text = str(value).strip()
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise DataError(
                f"column {name!r} holds {text!r}, which has half a character: read the data again "
                "in its own encoding"
            ) from None
    return text


def _real(value: Any, name: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise DataError(f"column {name!r} holds a number beyond 1.8e308: divide it") from None


def _digits(value: Any) -> str:
    return str(int(value)) if abs(value) < 10**1000 else hex(value)  # Python writes no more digits


def _moment(value: Any) -> np.datetime64:
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        value = value.astimezone(datetime.UTC).replace(tzinfo=None)
    return np.datetime64(value, "us")


def _seconds(value: datetime.time | datetime.timedelta) -> float:
    """A duration, or a time of the day since midnight, in seconds, as SQL's are."""
    if isinstance(value, datetime.time):
        value = datetime.timedelta(
            hours=value.hour, minutes=value.minute, seconds=value.second,
            microseconds=value.microsecond,
        )  # fmt: skip
    return value.total_seconds()


def _filled(values: NDArray[Any], valid: NDArray[np.bool_], kind: Kind) -> Cells:
    values[~valid] = FILL[kind]
    return Cells(values, valid)


def _frame_columns(
    data: object, notes: list[str], names_alone: set[str]
) -> dict[str, tuple[Cells, Kind]]:
    """The columns of a frame; those it says are categories are added to ``names_alone``."""
    import narwhals as nw

    if nw.dependencies.is_pandas_like_series(data):
        name = cast(Any, data).name
        data = cast(Any, data).rename("" if name is None else called(name))
    data = apart(data, notes)
    try:
        native = cast(Any, nw.from_native(cast(Any, data), allow_series=True))
        if isinstance(native, nw.LazyFrame):
            native = native.collect()
    except TypeError:
        native = None
    except nw.exceptions.DuplicateError:
        raise DataError("two columns of the frame have the same name: rename one") from None
    if native is None:
        if hasattr(data, "__arrow_c_stream__"):
            cells, kinds, unreadable = read_all(cast(Any, data))
            for name, form in unreadable.items():
                notes.append(f"column {name!r} is left out: it holds {form} values")
            return {name: (cells[name], kinds[name]) for name in cells}
        raise DataError(
            f"a table can be a file, a query, a frame, a dict of columns, a list of dicts or an "
            f"array, got {type(data).__name__}"
        )
    if isinstance(native, nw.Series):
        native = native.to_frame()
    names = unique_names([str(name) for name in native.columns], notes, spaces_tell=True)
    columns: dict[str, tuple[Cells, Kind]] = {}
    for name, series in zip(names, native.iter_columns(), strict=True):
        dtype = series.dtype
        made = _series(series, dtype, name)
        if made is None:
            notes.append(f"column {name!r} is left out: it holds {dtype} values")
        else:
            columns[name] = made
        if dtype in (nw.Categorical, nw.Enum):
            names_alone.add(name)
    return columns


def _series(series: nw.Series[Any], dtype: Any, name: str) -> tuple[Cells, Kind] | None:
    import narwhals as nw

    if dtype == nw.Boolean:
        truths = series.fill_null(False).to_numpy().astype(np.bool_)
        return Cells(truths, _valid(series)), "boolean"
    if dtype.is_integer():
        if dtype in (nw.Int128, nw.UInt128):
            return _from_objects(series.to_list(), name)
        valid = _valid(series)
        return _whole((series if valid.all() else series.fill_null(0)).to_numpy(), valid)
    if dtype.is_numeric():
        real = series.cast(nw.Float64).to_numpy().astype(np.float64)  # what is missing is NaN
        return _filled(real, ~np.isnan(real), "real"), "real"
    if dtype in (nw.String, nw.Categorical, nw.Enum):
        texts = series.cast(nw.String).to_list()
        return _from_objects(texts, name)
    if dtype == nw.Datetime:
        if getattr(dtype, "time_zone", None):
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        dates = series.to_numpy().astype("datetime64[us]")
        return Cells(dates, ~np.isnat(dates)), "date"
    if dtype == nw.Date:
        try:
            return _from_objects(series.to_list(), name)
        except OverflowError:
            raise DataError(
                f"column {name!r} has a date outside the years 1 to 9999: mend it, or leave the "
                "cell empty"
            ) from None
    if dtype == nw.Duration:
        return _cells_of(series.to_numpy(), name)
    if dtype in (nw.Object, nw.Unknown, nw.Time):
        try:
            return _from_objects(series.to_list(), name)
        except DataError:
            return None
    return None


def _valid(series: nw.Series[Any]) -> NDArray[np.bool_]:
    return ~series.is_null().to_numpy().astype(np.bool_)
