"""Where a function is checked: one array, arrays by name, or the arguments of a call.

The function is always given copies, and its gradient is read in the same form.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clearprop.checking.adapters import plain
from clearprop.checking.calling import call_user
from clearprop.errors import ClearPropError, DataError, ShapeError
from clearprop.words import number, shown

Arrays = dict[Hashable, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Point:
    """The arrays of ``x`` by key, as the function and its gradient are given them."""

    arrays: Arrays
    form: type
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, x: Any) -> Point:
        """Read ``x``; all its numbers must be finite and float64.

        Raises
        ------
        DataError
            If they are not, or there are none.
        """
        form: type = np.ndarray
        if isinstance(x, Mapping):
            form = dict
        elif isinstance(x, tuple) and any(np.ndim(_array(one, "x")) for one in x):
            form = tuple
        found = cls(_keyed(x, form, "x"), form)
        for key, array in found.arrays.items():
            if array.dtype.newbyteorder("=") == np.float64:  # in a file's byte order, perhaps
                found.arrays[key] = array = array.astype(np.float64)
            _check(found.label(key), array)
            bad = np.argwhere(~np.isfinite(array))
            if len(bad):
                at, value = found.entry(key, bad[0]), array[tuple(bad[0])]
                raise DataError(f"{at} is {number(value)}; give finite numbers")
        if not any(array.size for array in found.arrays.values()):
            raise DataError("x holds no numbers, so there is no gradient to check")
        return found

    def label(self, key: Hashable) -> str:
        """Return what messages call an array: ``x``, its name, or ``x[0]`` of arguments."""
        if self.form is dict:
            return str(key)
        return f"x[{key}]" if self.form is tuple else "x"

    def entry(self, key: Hashable, index: Any) -> str:
        """Return what messages call an entry: ``W[2, 0]``."""
        spot = ", ".join(str(int(i)) for i in index)
        return self.label(key) + (f"[{spot}]" if spot else "")

    def _given(self, arrays: Arrays) -> tuple[Any, ...]:
        copies = {key: array.copy() for key, array in arrays.items()}
        if self.form is dict:
            return (copies,)
        return tuple(copies.values())

    def value(self, f: Callable[..., Any], arrays: Arrays, *, watch: bool = False) -> Any:
        """Return f at other numbers than this point's, of the same shapes: one number.

        With ``watch`` it is noted if f changes what it is given.
        """
        given = self._given(arrays)
        found = call_user(f, *given, who="f")
        try:
            result = plain(found)
        except Exception:
            raise DataError(f"f returned {shown(found)}; it must return one number") from None
        if result.size != 1:
            raise ShapeError(f"f returned shape {result.shape}; it must return one number (sum it)")
        if watch:
            self._watch("f", given)
        if result.dtype.kind not in "fiubc":
            raise DataError(f"f returned {shown(result.item())}; it must return one number")
        return result.reshape(())[()]

    def _watch(self, who: str, given: tuple[Any, ...]) -> None:
        """Note if what was called at this point has changed what it was given."""
        after = given[0] if self.form is dict else dict(enumerate(given))
        note = f"{who} changes its input (an in-place operation)"
        if note not in self.notes and any(
            key not in after or not np.array_equal(plain(after[key]), array, equal_nan=True)
            for key, array in self.arrays.items()
        ):
            self.notes.append(note)

    def real(self, f: Callable[..., Any], arrays: Arrays, *, watch: bool = False) -> float:
        """Return f, which must be a real number there."""
        value = self.value(f, arrays, watch=watch)
        if np.iscomplexobj(value):
            raise DataError(f"f returned the complex number {shown(value)}; it must be real")
        return float(value)

    def gradient(self, gradient: Any) -> Arrays:
        """Return the gradient in question, given or called, in this point's shapes.

        Raises
        ------
        DataError, ShapeError
            If it is nothing of the kind.
        """
        found = gradient
        if callable(gradient):
            given = self._given(self.arrays)
            found = call_user(gradient, *given, who="the gradient")
            self._watch("the gradient", given)
        if found is None:
            raise DataError("the gradient is None (does the function end without a return?)")
        if self.form is not tuple and isinstance(found, tuple) and len(found) == 2:
            found = found[1] if np.ndim(_array(found[0], "the gradient")) == 0 else found
        arrays = _keyed(found, self.form, "the gradient")
        for key, array in arrays.items():
            if array.dtype.kind not in "biuf":
                arrays[key] = self._real(key, array)
        for key, array in self.arrays.items():
            if key not in arrays or arrays[key].shape != array.shape:
                got = f"shape {arrays[key].shape}" if key in arrays else "nothing"
                raise ShapeError(
                    f"the gradient of {self.label(key)}: expected shape {array.shape}, got {got}"
                )
        others = [str(key) for key in arrays if key not in self.arrays]
        if others:
            self.notes.append(f"the gradient has {', '.join(others)} too, which x has not")
        # copies: an accumulator that is handed out again must not change under us
        return {key: arrays[key].copy() for key in self.arrays}

    def _real(self, key: Hashable, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        try:
            if array.dtype.kind != "O":
                raise TypeError
            return array.astype(np.float64)
        except (TypeError, ValueError):
            what = array.dtype if array.shape else shown(array.item())
            raise DataError(
                f"the gradient of {self.label(key)} must be an array of real numbers, got {what}"
            ) from None


def _array(value: Any, what: str) -> np.ndarray[Any, Any]:
    try:
        return plain(value)
    except ClearPropError:
        raise
    except Exception:
        raise DataError(f"{what} is no array and no mapping of arrays: {shown(value)}") from None


def _keyed(value: Any, form: type, what: str) -> Arrays:
    if form is dict:
        if not isinstance(value, Mapping):
            raise DataError(f"{what} must be a mapping of arrays as x is, got {shown(value)}")
        return {key: _array(one, what) for key, one in value.items()}
    if form is tuple and isinstance(value, list | tuple):
        return {place: _array(one, what) for place, one in enumerate(value)}
    if isinstance(value, Mapping):
        raise DataError(f"{what} is a mapping, and x is not: give both in one form")
    return {0: _array(value, what)}


def _check(label: str, array: np.ndarray[Any, Any]) -> None:
    if array.dtype == np.float64:
        return
    if array.dtype.kind == "f":
        coarse = ": differences in it have about three digits" * (array.dtype.itemsize < 8)
        raise DataError(
            f"{label} is {array.dtype}{coarse}; give float64 (x.astype(float)) and let the "
            "function compute in float64"
        )
    if array.dtype.kind in "iub":
        raise DataError(f"{label} is of whole numbers ({array.dtype}); give float64: 3.0, not 3")
    held = shown(array.item()) if not array.shape else array.dtype
    raise DataError(f"{label} must be an array of real numbers (float64), got {held}")
