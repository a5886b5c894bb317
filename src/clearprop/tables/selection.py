"""Exact quantiles in bounded memory: rank selection by counting, in passes.

The bits of a double, its sign bit turned over (all bits, for negative numbers), are a whole number
that sorts as the double does. One pass counts the values by the leading 16 of these 64 bits; the
counts say in which of the 65,536 windows a rank lies; the next pass looks into that window only.
A window of few values is collected instead, and sorted. Counts add up in any order, so no bit of
the result depends on chunks or threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Selection", "State"]

_DIGIT = 16
_TOP = np.uint64(1 << 63)

#: What one window has counted: 65,536 counts, or the keys themselves.
State = list[NDArray[np.int64] | list[NDArray[np.uint64]]]


def _keys(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    bits = (values + 0.0).view(np.uint64)  # −0 + 0 = +0: the two zeros are one value
    return np.where(bits & _TOP, ~bits, bits | _TOP)


def _values(keys: NDArray[np.uint64]) -> NDArray[np.float64]:
    return np.where(keys & _TOP, keys ^ _TOP, ~keys).view(np.float64)


@dataclass(frozen=True, slots=True)
class _Window:
    """The values whose leading bits are `prefix`; `shift` bits are not looked at yet."""

    prefix: int
    shift: int
    collect: bool


@dataclass(frozen=True, slots=True)
class _Search:
    """The ranks below and above each quantile: which are found, and where the others lie."""

    count: int  # values in the column
    keys: NDArray[np.uint64]  # of the ranks that are found
    window: NDArray[np.int64]  # that holds a rank; -1 where it is found
    within: NDArray[np.int64]  # the rank among the values of the window


@dataclass(frozen=True, slots=True)
class Selection:
    """One pass of looking for some quantiles of a column.

    Parameters
    ----------
    quantiles : tuple of float in [0, 1]
    cap : int
        A window of at most so many values is collected.
    windows, search :
        Where the search stands; filled in by `finish`.
    """

    quantiles: tuple[float, ...]
    cap: int
    windows: tuple[_Window, ...]
    search: _Search | None = None

    @classmethod
    def begin(cls, quantiles: Sequence[float], rows: int, cap: int) -> Selection:
        """The first pass over a column of at most `rows` values."""
        return cls(tuple(quantiles), cap, (_Window(0, 64, rows <= cap),))

    def start(self) -> State:
        """Nothing counted yet."""
        return [
            [] if window.collect else np.zeros(1 << _DIGIT, np.int64) for window in self.windows
        ]

    def observe(self, state: State, values: NDArray[np.float64]) -> None:
        """Count some values (finite, none missing)."""
        keys = _keys(values)
        for place, window in enumerate(self.windows):
            inside = keys
            if window.shift < 64:
                inside = keys[keys >> np.uint64(window.shift) == np.uint64(window.prefix)]
            counted = state[place]
            if isinstance(counted, list):
                counted.append(inside)
            else:
                digit = (inside >> np.uint64(window.shift - _DIGIT)) & np.uint64((1 << _DIGIT) - 1)
                counted += np.bincount(digit.astype(np.int64), minlength=1 << _DIGIT)

    @staticmethod
    def merge(a: State, b: State) -> State:
        """What two parts have counted, together."""
        merged: State = []
        for left, right in zip(a, b, strict=True):
            # Keys are put behind one another, counts are added: + does both.
            merged.append(left + right)
        return merged

    def finish(self, state: State) -> Selection | dict[float, float]:
        """The next pass, or the quantiles, interpolated linearly between neighbouring ranks.

        With n values in order x₀ ≤ … ≤ x₍ₙ₋₁₎ and h = q (n − 1), the quantile is
        x_⌊h⌋ + (h − ⌊h⌋) (x_⌊h⌋₊₁ − x_⌊h⌋): definition 7 of Hyndman and Fan 1996, "Sample quantiles
        in statistical packages", and NumPy's default. Of no values at all, it is NaN.
        """
        search = self.search
        if search is None:
            first = state[0]
            count = sum(map(len, first)) if isinstance(first, list) else int(first.sum())
            if count == 0:
                return dict.fromkeys(self.quantiles, float("nan"))
            search = self._begun(count)
        keys, within = search.keys.copy(), search.within.copy()
        into = np.full(len(keys), -1)
        windows: list[_Window] = []
        for number, (window, counted) in enumerate(zip(self.windows, state, strict=True)):
            here = np.flatnonzero(search.window == number)
            if isinstance(counted, list):
                keys[here] = np.sort(np.concatenate(counted))[within[here]]
                continue
            ends, shift = np.cumsum(counted), window.shift - _DIGIT
            digits = np.searchsorted(ends, within[here], side="right")
            within[here] -= (ends - counted)[digits]
            if shift == 0:
                keys[here] = np.uint64(window.prefix << _DIGIT) | digits.astype(np.uint64)
                continue
            different, which = np.unique(digits, return_inverse=True)
            into[here] = len(windows) + which
            windows += [
                _Window(window.prefix << _DIGIT | digit, shift, bool(counted[digit] <= self.cap))
                for digit in different.tolist()
            ]
        if windows:
            search = _Search(search.count, keys, into, within)
            return Selection(self.quantiles, self.cap, tuple(windows), search)
        low, high = np.split(_values(keys), 2)
        found = self._between(low, high, search.count)
        return dict(zip(self.quantiles, found.tolist(), strict=True))

    def _begun(self, count: int) -> _Search:
        below = np.floor(self._places(count)).astype(np.int64)
        ranks = np.concatenate([below, np.minimum(below + 1, count - 1)])
        nothing = np.zeros(len(ranks), np.int64)
        return _Search(count, nothing.astype(np.uint64), nothing, ranks)

    def _places(self, count: int) -> NDArray[np.float64]:
        return np.array(self.quantiles) * (count - 1)

    def _between(
        self, low: NDArray[np.float64], high: NDArray[np.float64], count: int
    ) -> NDArray[np.float64]:
        places = self._places(count)
        t = places - np.floor(places)
        # From the nearer end, so that the result is monotonic in t and exact at both ends.
        with np.errstate(over="ignore", invalid="ignore"):
            step = high - low
            return np.where(t >= 0.5, high - step * (1 - t), low + step * t)
