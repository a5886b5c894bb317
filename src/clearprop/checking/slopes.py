"""Slopes of a function at a point, of one entry or of many moved together, beside those given."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.checking.calling import AnswerError
from clearprop.checking.differences import STEP, Slope, level, slope
from clearprop.checking.points import Arrays, Point
from clearprop.errors import ClearPropError, DataError
from clearprop.words import number

Flat = np.ndarray[Any, np.dtype[np.intp]]

#: The imaginary step: so small that its square is nothing beside any number.
IMAGINARY = 1e-30

#: Beside which values of f are compared to see their last digits, relative to x.
SPREAD = 1e-6

#: Values of f that scatter by more than this share of f are said to.
SCATTER = 1e-11


@dataclass(frozen=True)
class Row:
    """One number that was compared: an entry's slope, or that of several entries together."""

    key: Hashable
    name: str
    entries: int
    given: float
    slope: Slope
    size: float  # the largest share of an entry in what was given

    @property
    def right(self) -> float:
        """The right slope that is nearest to the given one."""
        return self.slope.nearest(self.given)

    @property
    def difference(self) -> float:
        """How far the given slope is from a right one."""
        return abs(self.given - self.right)


class Measure:
    """Measures slopes of f at a point, and judges the given ones by each array's own scale."""

    def __init__(
        self,
        f: Callable[..., Any],
        point: Point,
        given: Arrays,
        value: float,
        eps: float | None,
        atol: float,
        rtol: float,
    ) -> None:
        self.f, self.point, self.given, self.value = f, point, given, value
        self.eps, self.atol, self.rtol = eps, atol, rtol
        self.notes: list[str] = []
        self.scales = {key: _largest(array) for key, array in given.items()}
        self.complex_step = eps is None and self._takes_complex()
        self._level: float | None = None

    def entry(self, key: Hashable, place: int) -> Row:
        """Return the slope of one entry, ``place`` in the array as it lies."""
        array = self.point.arrays[key]
        name = self.point.entry(key, np.unravel_index(place, array.shape))
        return self.row(key, name, np.array([place]), np.ones(1))

    def row(self, key: Hashable, name: str, places: Flat, weights: Any) -> Row:
        """Return the slope along Σ weightᵢ eᵢ of an array's entries, measured and given."""
        shares = self.given[key].reshape(-1)[places] * weights
        mine = float(shares.sum())
        near = self.atol + self.rtol * max(self.scales[key], _largest(shares), abs(mine))
        found = self._slope(key, places, weights, mine, near)
        if found.jumps:
            raise DataError(
                f"f jumps, or is infinitely steep, at {name}: it has no slope there; check at "
                "another point"
            )
        if not np.isfinite(found.value):
            raise DataError(
                f"f is NaN or infinite beside {name}, where its slope would be measured; check at "
                "another point, or with a smaller eps"
            )
        return Row(key, name, len(places), mine, found, _largest(shares))

    def rescale(self, rows: Iterable[Row]) -> None:
        """Take into account how large the right slopes are."""
        for row in rows:
            if row.entries == 1:
                self.scales[row.key] = max(self.scales[row.key], abs(row.right))

    def scale_of(self, row: Row) -> float:
        """Return what a row's difference is relative to; 1 where all is nothing."""
        scale = max(self.scales[row.key], row.size, abs(row.right))
        return scale if scale > self.atol + row.slope.noise else 1.0

    def allowed(self, row: Row) -> float:
        """Return how far the given slope may be off, whatever rounding does."""
        return self.atol + self.rtol * max(self.scales[row.key], row.size, abs(row.right))

    def wrong(self, row: Row) -> bool:
        """Whether the given slope is off by more than tolerances and f's last digits allow."""
        return row.difference > self.allowed(row) + row.slope.noise

    def blind(self, row: Row) -> bool:
        """Whether f's last digits allow slopes as large as the right ones."""
        scale = max(self.scales[row.key], row.size, abs(row.right))
        return row.slope.noise > max(self.atol, 0.1 * scale) and not row.slope.kink

    def _slope(self, key: Hashable, places: Flat, weights: Any, mine: float, near: float) -> Slope:
        if self.complex_step:
            # a step up and a step down: at a kink np.maximum and np.where take different sides
            low, high = sorted(self._imaginary(key, places, sign * weights) * sign
                               for sign in (1.0, -1.0))  # fmt: skip
            if high - low > 1e-9 * (abs(low) + abs(high)):
                return Slope((low + high) / 2, low, high)
            # an imaginary part that f drops on its way is a slope of 0 too: differences see it
            if low and abs(low - mine) <= near:
                return Slope(low, low, low)
        x = self.point.arrays[key].reshape(-1)[places]
        # each entry in its own unit, so that one step is right for all
        unit = float(np.max(np.maximum(1.0, np.abs(x)))) if len(places) == 1 else 1.0
        found = slope(
            lambda t: self._beside(key, places, t * weights),
            self.value,
            self.level,
            step=STEP * unit if self.eps is None else self.eps,
            chosen=self.eps is None,
            mine=mine,
            near=near,
        )
        if self.complex_step and not found.kink and abs(low - found.value) <= near + found.noise:
            return Slope(low, low, low)
        return found

    def _moved(self, key: Hashable, places: Flat, by: Any, dtype: Any = np.float64) -> Arrays:
        arrays = dict(self.point.arrays)
        if dtype is complex:
            # all complex, not one alone: a buffer like another array would drop the imaginary part
            arrays = {name: array.astype(complex, order="C") for name, array in arrays.items()}
        else:
            arrays[key] = arrays[key].copy()
        arrays[key].reshape(-1)[places] += by
        return arrays

    def _beside(self, key: Hashable, places: Flat, by: Any) -> float:
        """f beside the point; NaN where its own code refuses the number."""
        return self._tried(self._moved(key, places, by))

    def _tried(self, arrays: Arrays) -> float:
        try:
            with np.errstate(all="ignore"):
                return self.point.real(self.f, arrays)
        except AnswerError as error:
            if isinstance(error.__cause__, ArithmeticError | ValueError):
                return np.nan
            raise

    def _imaginary(self, key: Hashable, places: Flat, weights: Any) -> float:
        arrays = self._moved(key, places, 1j * IMAGINARY * weights, complex)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = complex(self.point.value(self.f, arrays))
        return value.imag / IMAGINARY

    @property
    def level(self) -> float:
        """How far a value of f may be off, measured where it is asked for first."""
        if self._level is None:
            rng = np.random.default_rng(2)
            way = {}
            for key, array in self.point.arrays.items():
                usual = float(np.abs(array).mean()) if array.size else 0.0
                sizes = np.where(array == 0, usual or 1.0, np.abs(array))
                way[key] = sizes * rng.uniform(-1, 1, array.shape)
            arrays = self.point.arrays
            self._level = level(
                lambda t: self._tried({key: a + t * way[key] for key, a in arrays.items()}),
                self.value,
                SPREAD,
            )
            if self._level > SCATTER * abs(self.value) and self.value:
                self.notes.append(
                    f"f's values scatter by about {number(self._level / 10, 1)} (float32 inside?), "
                    "so slopes are known to fewer digits"
                )
        return self._level

    def _takes_complex(self) -> bool:
        """Whether f is analytic as written: the complex step must agree with a difference."""
        rng = np.random.default_rng(1)
        arrays = self.point.arrays
        way = {key: rng.standard_normal(array.shape) for key, array in arrays.items()}
        step = 1e-6
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                # what drops an imaginary part in an assignment would lose a slope
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                up = {key: a + 1j * IMAGINARY * way[key] for key, a in arrays.items()}
                result = self.point.value(self.f, up)
                if not np.iscomplexobj(result):
                    return False
                found = float(result.imag) / IMAGINARY
                ends = [
                    self.point.real(self.f, {k: a + s * step * way[k] for k, a in arrays.items()})
                    for s in (-1, 1)
                ]
        except ClearPropError:  # whatever it has against complex numbers, differences remain
            return False
        difference = (ends[1] - ends[0]) / (2 * step)
        rounding = 1e-15 * abs(self.value) / step
        return bool(abs(found - difference) <= 1e-5 * abs(difference) + 10 * rounding + 1e-8)


def _largest(array: Any) -> float:
    return float(np.abs(array).max(initial=0.0))
