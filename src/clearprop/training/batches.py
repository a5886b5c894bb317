"""Batches: which rows each step takes, in which order, as a function of (seed, step) alone.

The source of rows owns the order. In memory it is a keyed bijection of the rows for each epoch, so
any window of it is made without the others and no run of the same seed sees another order. Proved
by ``tests/test_training.py``.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clearprop import _native
from clearprop.errors import SettingError

__all__ = ["WINDOW_ROWS", "Batches", "Shuffled", "Whole", "automatic_size"]

Rows = NDArray[np.int64]

WINDOW_ROWS = 1 << 22
"""Most rows of one window: 32 MB of row numbers."""


class Batches(Protocol):
    """A source of batches: dense rows, index lists, sparse rows or chunks of a table."""

    epoch: int
    """Steps of an epoch: every row once."""
    size: int
    """Rows of a batch; the last of an epoch may have fewer."""

    def window(self, seed: int, start: int, stop: int) -> tuple[Rows, Rows]:
        """Return the rows of the steps from ``start`` up to ``stop``, within one epoch.

        Returns
        -------
        rows : (total,) int64
            Rows of the data, batch after batch.
        borders : (stop - start + 1,) int64
            Step i takes ``rows[borders[i]:borders[i + 1]]``.
        """


class Shuffled:
    """Batches of ``size`` rows, every epoch in a new order; the last one holds what is left.

    Parameters
    ----------
    rows : (n,) int64, or int
        The rows to train on, or their number n for the rows 0 … n−1.
    size : int, at least 1
        Rows of a batch.

    Examples
    --------
    >>> rows, borders = Shuffled(5, 2).window(seed=0, start=0, stop=3)
    >>> sorted(rows.tolist()), borders.tolist()
    ([0, 1, 2, 3, 4], [0, 2, 4, 5])
    """

    def __init__(self, rows: Rows | int, size: int) -> None:
        self._rows = None if isinstance(rows, int) else rows
        self._n = rows if isinstance(rows, int) else len(rows)
        self.size = min(size, self._n)
        self.epoch = -(-self._n // self.size)
        self._cut = (0, 0), np.zeros(1, dtype=np.int64)

    def window(self, seed: int, start: int, stop: int) -> tuple[Rows, Rows]:
        epoch, first = divmod(start, self.epoch)
        low, high = first * self.size, min((first + stop - start) * self.size, self._n)
        places = _native.permutation(seed, epoch, self._n, low, high - low)
        rows = places if self._rows is None else self._rows[places]
        return rows, self._borders(low, high)

    def _borders(self, low: int, high: int) -> Rows:
        """The borders of the batches of these places: kept, as every epoch has the same."""
        if self._cut[0] != (low, high):
            borders = np.append(np.arange(0, high - low, self.size, dtype=np.int64), high - low)
            borders.flags.writeable = False
            self._cut = (low, high), borders
        return self._cut[1]


class Whole:
    """One batch an epoch: all rows, in the order they are in."""

    epoch = 1

    def __init__(self, rows: Rows | int) -> None:
        self._rows = np.arange(rows, dtype=np.int64) if isinstance(rows, int) else rows
        self.size = len(self._rows)

    def window(self, seed: int, start: int, stop: int) -> tuple[Rows, Rows]:
        borders = np.arange(stop - start + 1, dtype=np.int64) * self.size
        return np.tile(self._rows, stop - start), borders


def automatic_size(n: int) -> int:
    """Return the size of a batch for n rows: about n / 32, a power of two from 32 to 256.

    So even a small table has some 30 steps an epoch, and a large one batches that fill a core's
    vectors.

    Examples
    --------
    >>> [automatic_size(n) for n in (20, 150, 2000, 100_000)]
    [20, 32, 32, 256]
    """
    if n < 1:
        raise SettingError("there are no rows to train on")
    power = 1 << max(5, min(8, (n // 32).bit_length() - 1))
    return min(power, n)
