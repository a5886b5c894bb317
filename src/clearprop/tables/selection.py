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


def _value(key: int) -> float:
    top = 1 << 63
    bits = key ^ top if key & top else key ^ ((1 << 64) - 1)
    return float(np.uint64(bits).view(np.float64))


@dataclass(frozen=True, slots=True)
class _Window:
    """The values whose leading bits are `prefix`; `shift` bits are not looked at yet."""

    prefix: int
    shift: int
    collect: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """One pass of looking for some quantiles of a column.

    Parameters
    ----------
    quantiles : tuple of float in [0, 1]
    cap : int
        A window of at most so many values is collected.
    windows, targets, found :
        Where the search stands; filled in by `finish`.
    """

    quantiles: tuple[float, ...]
    cap: int
    windows: tuple[_Window, ...]
    targets: tuple[tuple[int, int, int], ...] = ()  # (rank, window, rank within the window)
    found: tuple[tuple[int, float], ...] = ()
    count: int = -1

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
        count, targets = self.count, self.targets
        if count < 0:
            first = state[0]
            count = sum(map(len, first)) if isinstance(first, list) else int(first.sum())
            if count == 0:
                return dict.fromkeys(self.quantiles, float("nan"))
            targets = tuple((rank, 0, rank) for rank in self._ranks(count))
        found = dict(self.found)
        windows: dict[tuple[int, int], tuple[int, _Window]] = {}
        open_targets: list[tuple[int, int, int]] = []
        ordered = [
            np.sort(np.concatenate(keys)) if isinstance(keys, list) else np.cumsum(keys)
            for keys in state
        ]
        for rank, place, within in targets:
            window, counted = self.windows[place], state[place]
            if isinstance(counted, list):
                found[rank] = _value(int(ordered[place][within]))
                continue
            digit = int(np.searchsorted(ordered[place], within, side="right"))
            inside = int(counted[digit])
            within -= int(ordered[place][digit]) - inside
            prefix, shift = window.prefix << _DIGIT | digit, window.shift - _DIGIT
            if shift == 0:
                found[rank] = _value(prefix)
                continue
            narrow = _Window(prefix, shift, inside <= self.cap)
            number, _ = windows.setdefault((prefix, shift), (len(windows), narrow))
            open_targets.append((rank, number, within))
        if open_targets:
            return Selection(
                self.quantiles,
                self.cap,
                tuple(window for _, window in windows.values()),
                tuple(open_targets),
                tuple(found.items()),
                count,
            )
        return {q: _between(found, q, count) for q in self.quantiles}

    def _ranks(self, count: int) -> list[int]:
        below = [int(q * (count - 1)) for q in self.quantiles]
        return sorted({*below, *(min(rank + 1, count - 1) for rank in below)})


def _between(found: dict[int, float], q: float, count: int) -> float:
    h = q * (count - 1)
    rank = int(h)
    low, high = found[rank], found[min(rank + 1, count - 1)]
    t = h - rank
    # From the nearer end, so that the result is monotonic in t and exact at both ends.
    return high - (high - low) * (1 - t) if t >= 0.5 else low + (high - low) * t
