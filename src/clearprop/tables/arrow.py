"""Arrow's C stream into NumPy, without an Arrow library.

Whoever speaks the Arrow PyCapsule interface (DuckDB, Polars, PyArrow) hands over a pointer to three
C structures; this reads them with ctypes and copies their buffers into plain arrays.

Source: the Arrow C data and C stream interfaces, https://arrow.apache.org/docs/format/
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError
from clearprop.tables.table import DTYPES, FILL, Cells, Kind, joined

__all__ = ["ArrowSource", "Stream", "read_all"]


class ArrowSource(Protocol):
    """Anything that exports an Arrow C stream."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A capsule named ``arrow_array_stream``."""


class _Schema(ctypes.Structure):
    pass


_Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
    ("dictionary", ctypes.POINTER(_Schema)),
    ("release", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
    ("private_data", ctypes.c_void_p),
]


class _Array(ctypes.Structure):
    pass


_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.POINTER(_Array)),
    ("release", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
    ("private_data", ctypes.c_void_p),
]


class _Stream(ctypes.Structure):
    _fields_ = (
        ("get_schema", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)),
        ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)),
        ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)),
        ("release", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
        ("private_data", ctypes.c_void_p),
    )


_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype = ctypes.c_void_p
_capsule_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]

_NUMBERS = {
    "c": np.int8, "C": np.uint8, "s": np.int16, "S": np.uint16, "i": np.int32, "I": np.uint32,
    "l": np.int64, "L": np.uint64, "e": np.float16, "f": np.float32, "g": np.float64,
}  # fmt: skip
_SECONDS = {"s": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}


class Stream:
    """One reading of an Arrow stream, batch by batch.

    Parameters
    ----------
    source : ArrowSource
    explain : callable
        Turns the producer's own message about a failure into our error.

    Attributes
    ----------
    kinds : {name: Kind}
        The columns that can be read.
    unreadable : {name: str}
        The others (lists, structures, bytes) and their Arrow format.
    """

    def __init__(
        self, source: ArrowSource, explain: Callable[[str], Exception] = DataError
    ) -> None:
        self._explain = explain
        self._capsule = source.__arrow_c_stream__()  # its destructor releases the stream
        address = _capsule_pointer(self._capsule, b"arrow_array_stream")
        self._stream = ctypes.cast(address, ctypes.POINTER(_Stream))
        schema = _Schema()
        self._must(self._stream.contents.get_schema(address, ctypes.addressof(schema)))
        try:
            self._formats: list[tuple[str, str, str | None]] = []
            self.kinds, self.unreadable = _schema_kinds(schema, self._formats)
        finally:
            schema.release(ctypes.addressof(schema))

    def _must(self, code: int) -> None:
        if code:
            stream = self._stream.contents
            text = stream.get_last_error(ctypes.addressof(stream)) or b"it could not be read"
            raise self._explain(text.decode("utf-8", "replace"))

    def __iter__(self) -> Iterator[tuple[int, dict[str, Cells]]]:
        """(rows, {name: Cells}) of each batch; nothing of it lives in Arrow's memory any more."""
        stream = self._stream.contents
        while True:
            array = _Array()
            self._must(stream.get_next(ctypes.addressof(stream), ctypes.addressof(array)))
            if not array.release:
                return
            try:
                cells = {}
                for place, (name, form, inner) in enumerate(self._formats):
                    if name in self.kinds:
                        child = array.children[place].contents
                        cells[name] = _cells(child, form, inner).rows(
                            slice(array.offset, array.offset + array.length)
                        )
                rows = array.length
            finally:
                array.release(ctypes.addressof(array))
            if rows:
                yield rows, cells


def _schema_kinds(
    schema: Any, formats: list[tuple[str, str, str | None]]
) -> tuple[dict[str, Kind], dict[str, str]]:
    """The kinds of a structure's columns; `formats` receives (name, format, dictionary's)."""
    kinds: dict[str, Kind] = {}
    unreadable: dict[str, str] = {}
    for place in range(schema.n_children):
        child = schema.children[place].contents
        name = child.name.decode("utf-8")
        form = child.format.decode("ascii")
        inner = child.dictionary.contents.format.decode("ascii") if child.dictionary else None
        formats.append((name, form, inner))
        kind = _kind(inner or form)
        if kind is None:
            unreadable[name] = inner or form
        else:
            kinds[name] = kind
    return kinds, unreadable


def _kind(form: str) -> Kind | None:
    if form in _NUMBERS:
        return "real" if form in "efg" else "integer"
    if form == "b":
        return "boolean"
    if form in ("u", "U", "vu", "n"):
        return "text"
    if form.startswith(("td", "ts")):
        return "date"
    # Times of day and durations are numbers of seconds; decimals are numbers.
    return "real" if form.startswith(("tt", "tD", "d:")) else None


def _cells(array: _Array, form: str, inner: str | None) -> Cells:
    valid = _valid(array)
    if inner is not None:
        codes = _plain(array, form).astype(np.int64)
        levels = _cells(array.dictionary.contents, inner, None)
        kind = _kind(inner)
        assert kind is not None
        if not len(levels.values):
            return Cells(np.full(len(codes), FILL[kind], DTYPES[kind]), valid & False)
        codes[~valid] = 0
        return _filled(levels.values[codes], valid & levels.valid[codes], kind)
    kind = _kind(form)
    assert kind is not None
    values = _values(array, form)
    if kind == "integer" and values.dtype == np.uint64 and (values[valid] >> np.uint64(63)).any():
        raise DataError("a column holds whole numbers of 2⁶³ or more: store them as text")
    values = values.astype(DTYPES[kind], copy=False)
    if kind == "real":
        valid = valid & ~np.isnan(values)
    elif kind == "date":
        valid = valid & ~np.isnat(values)
    return _filled(values, valid, kind)


def _filled(values: NDArray[Any], valid: NDArray[np.bool_], kind: Kind) -> Cells:
    if not valid.all():
        if not values.flags.writeable:
            values = values.copy()
        values[~valid] = FILL[kind]
    return Cells(values, valid)


def _values(array: _Array, form: str) -> NDArray[Any]:
    if form in _NUMBERS:
        return _plain(array, form)
    if form == "b":
        return _bits(array, 1)
    if form == "n":
        return np.full(array.length, "", object)
    if form in ("u", "U"):
        return _texts(array, np.int32 if form == "u" else np.int64)
    if form == "vu":
        return _text_views(array)
    if form == "tdD":
        return _buffer(array, 1, np.int32).astype("datetime64[D]").astype("datetime64[us]")
    if form == "tdm":
        return _buffer(array, 1, np.int64).astype("datetime64[ms]").astype("datetime64[us]")
    if form.startswith("ts"):
        unit = {"s": "s", "m": "ms", "u": "us", "n": "ns"}[form[2]]
        return _buffer(array, 1, np.int64).astype(f"datetime64[{unit}]").astype("datetime64[us]")
    if form.startswith(("tt", "tD")):
        width = np.int32 if form in ("tts", "ttm") else np.int64
        return _buffer(array, 1, width) * _SECONDS[form[2]]
    return _decimals(array, form)


def _buffer(array: _Array, place: int, dtype: Any, count: int | None = None) -> NDArray[Any]:
    """A copy of a buffer's elements from the array's offset on."""
    item = np.dtype(dtype).itemsize
    count = array.length if count is None else count
    address = array.buffers[place]
    if not address or not count:
        return np.zeros(count, dtype)
    raw = (ctypes.c_char * (count * item)).from_address(address + array.offset * item)
    return np.frombuffer(raw, dtype, count).copy()


def _plain(array: _Array, form: str) -> NDArray[Any]:
    return _buffer(array, 1, _NUMBERS[form])


def _bits(array: _Array, place: int) -> NDArray[np.bool_]:
    count = (array.offset + array.length + 7) // 8
    raw = (ctypes.c_uint8 * count).from_address(array.buffers[place]) if count else b""
    bits = np.unpackbits(np.frombuffer(raw, np.uint8, count), bitorder="little")
    return bits[array.offset : array.offset + array.length].astype(np.bool_)


def _valid(array: _Array) -> NDArray[np.bool_]:
    if array.n_buffers == 0:  # the null type
        return np.zeros(array.length, np.bool_)
    if array.null_count == 0 or not array.buffers[0]:
        return np.ones(array.length, np.bool_)
    return _bits(array, 0)


def _texts(array: _Array, width: Any) -> NDArray[np.object_]:
    ends = _buffer(array, 1, width, array.length + 1).tolist()
    out = np.empty(array.length, object)
    low, high = ends[0], ends[-1]
    raw = ctypes.string_at(array.buffers[2] + low, high - low) if high > low else b""
    text = raw.decode("utf-8")
    spans = itertools.pairwise(ends)
    if len(text) == len(raw):  # one byte a character: cut the decoded text itself
        out[:] = [text[a - low : b - low] for a, b in spans]
    else:
        out[:] = [raw[a - low : b - low].decode("utf-8") for a, b in spans]
    return out


def _text_views(array: _Array) -> NDArray[np.object_]:
    """String views: 16 bytes each, the text itself if it is at most 12 bytes long."""
    views = _buffer(array, 1, np.dtype("V16")).tobytes()
    out = np.empty(array.length, object)
    for place in range(array.length):
        view = views[16 * place : 16 * place + 16]
        size = int.from_bytes(view[:4], "little", signed=True)
        if size <= 12:
            out[place] = view[4 : 4 + size].decode("utf-8")
        else:
            number = int.from_bytes(view[8:12], "little", signed=True)
            start = int.from_bytes(view[12:16], "little", signed=True)
            out[place] = ctypes.string_at(array.buffers[2 + number] + start, size).decode("utf-8")
    return out


def _decimals(array: _Array, form: str) -> NDArray[np.float64]:
    """``d:precision,scale[,bits]``: whole numbers over 10^scale, divided exactly by Python."""
    parts = [int(part) for part in form[2:].split(",")]
    size = (parts[2] if len(parts) > 2 else 128) // 8
    raw = _buffer(array, 1, np.dtype(f"V{size}")).tobytes()
    unit = 10 ** max(parts[1], 0)
    factor = 10 ** max(-parts[1], 0)
    return np.array(
        [
            int.from_bytes(raw[at : at + size], "little", signed=True) * factor / unit
            for at in range(0, len(raw), size)
        ],
        np.float64,
    )


def read_all(source: ArrowSource) -> tuple[dict[str, Cells], Mapping[str, Kind], dict[str, str]]:
    """All rows of a stream in memory: cells, kinds, and what could not be read."""
    stream = Stream(source)
    parts: dict[str, list[Cells]] = {name: [] for name in stream.kinds}
    for _, batch in stream:
        for name, run in batch.items():
            parts[name].append(run)
    cells = {name: joined(runs, stream.kinds[name]) for name, runs in parts.items()}
    return cells, stream.kinds, stream.unreadable
