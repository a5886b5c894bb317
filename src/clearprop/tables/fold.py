"""Facts about columns, gathered as a fold: start, observe, merge, finish, in one or more passes.

Sums of rows have one shape (``moments``); everything else is counts, extremes and collected values,
which are exact in any order. So however a table is cut into chunks, in whichever order they come
and however parts are merged, the facts have the same bits.

Proved by ``tests/test_encoder_fold.py``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError
from clearprop.tables.cells import READERS
from clearprop.tables.facts import Asked, Facts
from clearprop.tables.moments import NOTHING, Blocks
from clearprop.tables.selection import Selection, State
from clearprop.tables.table import Cells, Chunk

__all__ = ["Fold", "Part", "gather"]

#: Values collected for quantiles, over all columns (256 MiB), and at least for each column.
_COLLECTED, _COLLECTED_EACH = 1 << 25, 1 << 12


@dataclass(slots=True)
class _Tally:
    """What is exact in any order, of one column."""

    count: int = 0
    missing: int = 0
    low: float = math.inf
    high: float = -math.inf
    whole: bool = True
    levels: Counter[str] | None = None
    state: State = field(default_factory=list)


@dataclass(slots=True)
class Part:
    """What has been observed of some rows; parts of other rows can be merged with it."""

    tallies: dict[str, _Tally]
    blocks: Blocks = field(default_factory=Blocks)


class Fold:
    """One pass over a table.

    Parameters
    ----------
    asked : {column: Asked}
    rows : int
        Of the whole table.
    """

    def __init__(self, asked: Mapping[str, Asked], rows: int) -> None:
        self.asked = dict(asked)
        self.rows = rows
        selecting = sum(bool(ask.quantiles) for ask in self.asked.values())
        cap = max(_COLLECTED // max(selecting, 1), _COLLECTED_EACH)
        self._first = True
        self._facts: dict[str, Facts] = {}
        self._selections = {
            name: Selection.begin(ask.quantiles, rows, cap)
            for name, ask in self.asked.items()
            if ask.quantiles
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns this pass reads."""
        return tuple(self.asked if self._first else self._selections)

    def start(self) -> Part:
        """A part of no rows."""
        tallies = {name: _Tally() for name in self.columns}
        for name, tally in tallies.items():
            if self._first and self.asked[name].levels:
                tally.levels = Counter()
            if name in self._selections:
                tally.state = self._selections[name].start()
        return Part(tallies)

    def observe(self, part: Part, chunk: Chunk, keep: NDArray[np.bool_] | None = None) -> Part:
        """Take some consecutive rows in; of them, only those that `keep` marks count.

        Parameters
        ----------
        part : Part
            Is changed and returned.
        chunk : Chunk
            Of any size, at any place of the table.
        keep : bool array of shape (chunk.rows,) or None
        """
        numbers: dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]] = {}
        for name in self.columns:
            ask, tally = self.asked[name], part.tallies[name]
            cells = chunk[name]
            valid = cells.valid if keep is None else cells.valid & keep
            if self._first:
                here = int(np.count_nonzero(valid))
                tally.count += here
                tally.missing += (chunk.rows if keep is None else int(keep.sum())) - here
                if tally.levels is not None:
                    _count_levels(tally, ask, Cells(cells.values, valid), name, chunk.start)
            if ask.role == "category":
                continue
            values = READERS[ask.role](Cells(cells.values, valid), name, chunk.start)
            x = values.values[values.valid]
            if name in self._selections:
                self._selections[name].observe(tally.state, x)
            if self._first and len(x):
                tally.low = min(tally.low, float(x.min()))
                tally.high = max(tally.high, float(x.max()))
                tally.whole = tally.whole and bool((x == np.floor(x)).all())
            if self._first and ask.moments:
                numbers[name] = values
        if self._first and chunk.rows:
            part.blocks.take(chunk.start, chunk.start + chunk.rows, numbers, self.rows)
        return part

    def merge(self, a: Part, b: Part) -> Part:
        """Two parts of different rows, as one; `a` and `b` are used up."""
        for name, tally in a.tallies.items():
            other = b.tallies[name]
            tally.count += other.count
            tally.missing += other.missing
            tally.low, tally.high = min(tally.low, other.low), max(tally.high, other.high)
            tally.whole = tally.whole and other.whole
            if tally.levels is not None and other.levels is not None:
                tally.levels.update(other.levels)
                _limit(tally, self.asked[name])
            else:
                tally.levels = None
            tally.state = Selection.merge(tally.state, other.state)
        a.blocks.merge(b.blocks, self.rows)
        return a

    def finish(self, part: Part) -> dict[str, Facts] | Fold:
        """The facts; or the next pass, where a quantile needs another look.

        Raises
        ------
        DataError
            If a column's values are so large that their squares overflow.
        """
        if self._first:
            moments = part.blocks.total()
            for name, ask in self.asked.items():
                tally = part.tallies[name]
                found = moments.get(name, NOTHING)
                std = math.sqrt(max(found.square, 0.0) / found.n) if found.n else math.nan
                if ask.moments and found.n and not math.isfinite(found.mean + std):
                    raise DataError(
                        f"column {name!r} has values up to {max(-tally.low, tally.high):.3g}, "
                        "whose squares overflow: divide the column by a constant"
                    )
                seen = tally.low <= tally.high
                mean = found.mean if found.n else math.nan
                if seen and found.n and tally.low == tally.high:
                    mean, std = tally.low, 0.0  # exactly, whatever the sums rounded to
                self._facts[name] = Facts(
                    tally.count,
                    tally.missing,
                    mean,
                    std,
                    tally.low if seen else math.nan,
                    tally.high if seen else math.nan,
                    tally.whole,
                    {},
                    None if tally.levels is None else dict(sorted(tally.levels.items())),
                )
        unfinished: dict[str, Selection] = {}
        for name, selection in self._selections.items():
            result = selection.finish(part.tallies[name].state)
            if isinstance(result, Selection):
                unfinished[name] = result
            else:
                self._facts[name] = replace(self._facts[name], quantiles=result)
        if not unfinished:
            return self._facts
        following = Fold({}, self.rows)
        following.asked = self.asked
        following._first = False
        following._facts = self._facts
        following._selections = unfinished
        return following


def _count_levels(tally: _Tally, ask: Asked, cells: Cells, name: str, start: int) -> None:
    assert tally.levels is not None
    if cells.values.dtype == object:
        tally.levels.update(cells.values[cells.valid].tolist())
    else:
        unique, counts = np.unique(cells.values[cells.valid], return_counts=True)
        if len(unique) > ask.levels:
            tally.levels = None
            return
        named = READERS["category"](Cells(unique, np.ones(len(unique), np.bool_)), name, start)
        for level, count in zip(named.values, counts.tolist(), strict=True):
            tally.levels[level] += count
    _limit(tally, ask)


def _limit(tally: _Tally, ask: Asked) -> None:
    # More levels in a part are more in the whole, so where this happens depends on nothing.
    if tally.levels is not None and len(tally.levels) > ask.levels:
        tally.levels = None


def gather(
    asked: Mapping[str, Asked],
    rows: int,
    chunks: Callable[[Sequence[str]], Iterator[tuple[Chunk, NDArray[np.bool_] | None]]],
) -> dict[str, Facts]:
    """Run the fold over as many passes as it needs.

    Parameters
    ----------
    asked : {column: Asked}
    rows : int
        Of the whole table.
    chunks : callable
        Given names of columns, the table's chunks with them, each with the rows to keep.
    """
    fold = Fold(asked, rows)
    while True:
        part = fold.start()
        for chunk, keep in chunks(fold.columns):
            fold.observe(part, chunk, keep)
        result = fold.finish(part)
        if isinstance(result, dict):
            return result
        fold = result
